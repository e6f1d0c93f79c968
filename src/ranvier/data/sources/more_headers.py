"""Rows of a table that are no rows: its header again, where files were joined, and units under the header."""

from __future__ import annotations

import re

import polars as pl

from ranvier.data.cells.missing_marks import MISSING, is_mark
from ranvier.data.sources.first_line import is_number
from ranvier.plural import plural

SAMPLE, MOSTLY = 200, 0.9
"""A column is one of numbers where this fraction of its first cells are."""
MIN_COLUMNS, MAX_UNIT_ROWS = 2, 3
"""A word above a single column of numbers may be one odd cell; no table has more rows of units."""
ORANGE_TYPES = frozenset(
    ("continuous", "discrete", "string", "time", "numeric", "categorical", "text", *"cdstnCDSTN", "basket")
)
ORANGE_FLAGS = frozenset(("class", "meta", "ignore", "weight", *"cmiw", ""))
"""What stands in the second and in the third line of a table of Orange."""
IMPORT_ID = re.compile(r"\s*\{['\"]+ImportId['\"]")
"""What Qualtrics writes under the header and the questions."""
NO_UNIT = frozenset(("", "-", "\u2013", "\u2014", "[-]", "(-)"))
"""What stands for no unit."""


def without_headers(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The rows without those that repeat the header, and without units in the first rows; and notes on these.

    Units stand where the first cell of each column of numbers, of which there are two or more, is a word.

    Parameters:
        frame: columns of strings.

    >>> rows = {"size": ["[m]", *"123456789"], "price": ["[$]", *"987654321"]}
    >>> without_headers(pl.DataFrame(rows))[1]
    ['The first row was left out, since it seems to hold units and no data: "[m]" in column "size".']
    """
    notes: list[str] = []
    for without in (_without_repeats, _without_ids, _without_units):
        frame, more = without(frame)
        notes += more
    return frame, notes


def _without_repeats(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The rows but for those that repeat the header; in one column they may be cells."""
    if frame.width < 2:
        return frame, []
    again = pl.repeat(True, frame.height, eager=True)
    for cells in frame.iter_columns():
        again &= cells.str.strip_chars() == cells.name
        if not again.any():
            return frame, []
    what = plural(int(again.sum()), "row that repeats the header was", "rows that repeat the header were")
    return frame.filter(~again), [f"{what} left out."]


def _without_ids(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The rows but for those of questions and ids that Qualtrics writes under the header."""
    for row in range(min(2, frame.height)):
        if all(map(IMPORT_ID.match, frame.row(row))):
            what = "The row of ids" if row == 0 else "The rows of questions and ids"
            were = "was" if row == 0 else "were"
            return frame[row + 1 :], [f"{what} under the header, which Qualtrics writes, {were} left out."]
    return frame, []


def _without_units(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The rows but for the first ones that hold units, or Orange's types and flags."""
    notes = []
    for row in range(MAX_UNIT_ROWS):
        column = _column_of_units(frame)
        if column is None:
            break
        unit = frame[column][0].strip()
        which = "The first row" if row == 0 else "A further row"
        notes.append(
            f'{which} was left out, since it seems to hold units and no data: "{unit[:40]}" in column "{column}".'
        )
        types, frame = {cell.strip() for cell in frame.row(0)}, frame[1:]
        flags = {cell.strip() for cell in frame.row(0)} if frame.height else {""}
        if types & ORANGE_TYPES and flags <= ORANGE_FLAGS and flags != {""}:
            notes.append("A further row was left out, since it holds Orange's flags and no data.")
            frame = frame[1:]
    return frame, notes


def _column_of_units(frame: pl.DataFrame) -> str | None:
    """A column of numbers with a word in the first row, as all columns of numbers have one; None for none.

    Where words stand beside signs for no unit alone, one of them is enough.
    """
    if frame.height == 0:
        return None
    numbers, units = [], []
    alone = {cell.strip() for cell in frame.row(0)} & NO_UNIT
    for cells in frame.iter_columns():
        present = [cell for cell in map(str.strip, cells[1 : SAMPLE + 1].to_list()) if cell not in MISSING]
        if present and sum(map(is_number, present)) >= MOSTLY * len(present):
            first = cells[0].strip()
            if is_number(first) or (is_mark(first) and first not in NO_UNIT):
                return None
            numbers.append(cells.name)
            units += [] if first in NO_UNIT else [cells.name]
        elif cells[0].strip() not in NO_UNIT:
            alone = set()
    return units[0] if units and len(numbers) >= MIN_COLUMNS and (alone or len(units) == len(numbers)) else None
