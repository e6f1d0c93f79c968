"""Whether the first line of delimited text holds names or data, inferred from the lines under it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from itertools import pairwise

from ranvier.data.cells.missing_marks import MISSING

NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)*|[.,]\d+)([eE][+-]?\d+)?")
DATE, DIGIT, MIN_DATES = re.compile(r"[0-9]{1,4}(?:[-/.: T][0-9]{1,4})+"), re.compile("[0-9]"), 3
MOSTLY = 0.9
"""The fraction of numbers among the cells of a column of numbers; some cells may be odd."""
YEARS = (1900.0, 2100.0)
SURE, NAMES, UNCLEAR, DATA = "sure", "names", "unclear", "data"


def first_line(first: Sequence[str], rows: Sequence[Sequence[str]], expected: Collection[str] = ()) -> str:
    """What the first line holds: surely names ("sure"), probably ("names", "unclear"), or "data".

    A line with a word above a column of numbers surely holds names. One with numbers above all columns of numbers
    holds data, unless its numbers are such as name columns: years, or evenly spaced. Without columns of numbers, a line
    of which every cell stands again in its column holds data.

    Parameters:
        first: the cells of the first line.
        rows: those of lines under it.
        expected: names of which one in the line makes it a header.

    >>> first_line(["age", "sex"], [["39", "Male"], ["50", "Female"]])
    'sure'
    >>> first_line(["39", "Male"], [["50", "Female"], ["28", "Male"]])
    'data'
    >>> first_line(["name", "2019", "2020"], [["a", "1.5", "2.5"], ["b", "0.5", "1.5"]])
    'names'
    """
    cells = [cell.strip() for cell in first]
    if not rows:
        return NAMES
    if any(cell in expected for cell in cells):
        return SURE
    if expected and all(re.fullmatch(r"column_\d+", name) for name in expected):
        return DATA
    columns = [[row[index].strip() for row in rows] for index in range(len(cells))]
    above = [cell for cell, column in zip(cells, columns, strict=True) if _is_numbers(column)]
    if any(cell not in MISSING and not is_number(cell) for cell in above):
        return SURE
    if any(_is_date_above_dates(cell, column) for cell, column in zip(cells, columns, strict=True)):
        return DATA
    numbers = [_value(cell) for cell in above if is_number(cell)]
    present = [cell for cell in cells if cell not in MISSING]
    repeated = len(set(present)) < len(present)
    if numbers:
        names = not repeated and _are_names([number for number in numbers if number is not None])
        return NAMES if names and None not in numbers else DATA
    others = [index for index, row in enumerate(zip(*columns, strict=True)) if list(row) != cells]
    again = [
        cell in [column[index] for index in others]
        for cell, column in zip(cells, columns, strict=True)
        if cell not in MISSING
    ]
    if len(cells) > 1 and any(again) and (all(again) or repeated):
        return DATA
    return UNCLEAR if any(again) else NAMES


def _is_date_above_dates(cell: str, column: Sequence[str]) -> bool:
    """Whether a cell is digits with signs between them, as dates are, and all cells of its column are written so."""
    if len(column) < MIN_DATES or not DATE.fullmatch(cell) or is_number(cell):
        return False
    template = DIGIT.sub("0", cell)
    return all(DIGIT.sub("0", other) == template for other in column)


def is_number(cell: str) -> bool:
    """Whether a cell is a number, with a point or a comma before decimals.

    >>> is_number("1,5"), is_number("1.5e3"), is_number("12 kg")
    (True, True, False)
    """
    return NUMBER.fullmatch(cell) is not None


def _is_numbers(column: Sequence[str]) -> bool:
    present = [cell for cell in column if cell not in MISSING]
    return bool(present) and sum(map(is_number, present)) >= MOSTLY * len(present)


def _value(cell: str) -> float | None:
    """A number, to compare it with others: commas are taken for points where there is one; None for 1.02.2021."""
    plain = cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell.replace(",", "")
    return float(plain) if plain.count(".") < 2 else None


def _are_names(numbers: Sequence[float]) -> bool:
    """Whether numbers are such as name columns: years, evenly spaced ones, or the single 0 that pandas gives."""
    if all(number == round(number) and YEARS[0] <= number <= YEARS[1] for number in numbers):
        return True
    if len(numbers) < 2:
        return numbers == [0.0]
    steps = [after - before for before, after in pairwise(numbers)]
    even = max(steps) - min(steps) <= 1e-6 * max(abs(steps[0]), abs(numbers[0]))
    return even and steps[0] != 0.0 and (len(numbers) > 2 or steps[0] == 1.0)
