"""Sentences on what was odd about the cells of a column, for the report."""

from __future__ import annotations

import re
from collections.abc import Callable
from shlex import quote

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.cells.cell_lists import listed_cells
from ranvier.data.cells.date_format import DAY_FIRST
from ranvier.data.cells.number_format import NumberFormat
from ranvier.data.cells.number_parts import split
from ranvier.data.cells.unit_factors import can_convert
from ranvier.data.encoders.usual_range import usual_range
from ranvier.data.text.html import n_with_tags
from ranvier.plural import plural
from ranvier.rows.row_names import at_row

MAX_TEXT_BYTES = 1_000_000


def missing_note(strings: pl.Series, unread: NDArray[np.bool_]) -> str | None:
    """Which cells count as missing because they are no number or no date; None where there are none.

    Parameters:
        strings: the clean cells.
        unread: which of them are not null and could not be read, shape (B,).

    >>> missing_note(pl.Series("x", ["1", "n/a", "12..5", "n/a"]), np.array([False, True, True, True]))
    'Column "x": 3 cells count as missing: "n/a" in 2 rows, first in row 2; "12..5" in row 3.'
    """
    rows = np.flatnonzero(unread)
    if not len(rows):
        return None
    counted = plural(len(rows), "cell counts", "cells count")
    return f'Column "{strings.name}": {counted} as missing: {listed_cells(strings.gather(rows), rows)}.'


def named_note(strings: pl.Series, marks: NDArray[np.bool_], kind: str) -> str:
    """Which words in a column of words, such as NULL and None, count as missing, and how they become categories.

    Parameters:
        strings: the clean cells.
        marks: which of them are such words, shape (B,).
        kind: of the column.

    >>> named_note(pl.Series("roof", ["flat", "None"]), np.array([False, True]), "category")
    'Column "roof": 1 cell counts as missing: "None" in row 2; if it is a category: --kind roof=category.'
    """
    note, name = missing_note(strings, marks), quote(f"{strings.name}=category")
    return f"{note}" if kind == "text" else f"{str(note)[:-1]}; if it is a category: --kind {name}."


def number_notes(
    name: str, strings: pl.Series | None, values: NDArray[np.float64], form: NumberFormat
) -> tuple[str, ...]:
    """What was odd about the cells of a column of numbers.

    Parameters:
        strings: the clean cells where they are strings, else None.
        values: the numbers that `form` reads in them, shape (B,).

    >>> number_notes("x", pl.Series("x", ["1", "n/a"]), np.array([1.0, np.nan]), NumberFormat())
    ('Column "x": 1 cell counts as missing: "n/a" in row 2.',)
    """
    filler = filler_note(name, values)
    notes = [filler or far_note(name, values)]
    if strings is not None:
        absent = np.isnan(values)
        unread = missing_note(strings, strings.is_not_null().to_numpy() & absent) if absent.any() else None
        notes = [unread, units_note(name, form), rare_parts_note(strings, form, values), *notes]
    return tuple(note for note in notes if note)


def rare_parts_note(strings: pl.Series, form: NumberFormat, values: NDArray[np.float64]) -> str | None:
    """Which cells have a unit, a bound or a sign of accounts that most numbers of their column lack; None for none.

    Parameters:
        strings: the clean cells.
        values: the numbers that `form` reads in them, shape (B,).

    >>> cells = pl.Series("x", ["1", "12 kg", "3"])
    >>> form = NumberFormat(units=("kg",))
    >>> rare_parts_note(cells, form, form.read(cells)[0])
    'Column "x": 1 cell has a unit or a bound that most lack, and is read without it: "12 kg" in row 2.'
    """
    if form.magnitudes or not (form.units or form.bounds or form.signs):
        return None
    read = strings.is_not_null().to_numpy() & ~np.isnan(values)
    rows = np.flatnonzero(read & parsing.cast_numbers(strings).is_null().to_numpy())
    if 2 * len(rows) > np.count_nonzero(read):
        return None  # of a column that is written so, its reason speaks
    parts = split(strings.gather(rows))
    lacked = ((parts["unit"] != "") | parts["bound"].is_not_null() | parts["plus"].is_not_null()).to_numpy()
    accounts = (parts["opening"].is_not_null() | parts["last_sign"].is_not_null()).to_numpy() & ~lacked
    if np.count_nonzero(accounts) == 1 and np.count_nonzero(values < 0.0) == 1:
        return (
            f'Column "{strings.name}": 1 cell is read as a negative number, as in accounts, and no other is negative: '
            f"{listed_cells(strings.gather(rows[accounts]), rows[accounts])}."
        )
    rows = rows[lacked]
    if not len(rows):
        return None
    counted = plural(len(rows), "cell has", "cells have")
    without = "is read without it" if len(rows) == 1 else "are read without it"
    return (
        f'Column "{strings.name}": {counted} a unit or a bound that most lack, and {without}: '
        f"{listed_cells(strings.gather(rows), rows)}."
    )


def units_note(name: str, form: NumberFormat) -> str | None:
    """That numbers are in several units, which nobody has converted; None for one unit.

    >>> units_note("duration", NumberFormat(units=("min", "season")))
    'Column "duration": the numbers are in 2 units, min and season, which are not converted.'
    """
    if not form.several_units:
        return None
    units = f"{', '.join(form.units[:-1])} and {form.units[-1]}"
    return f'Column "{name}": the numbers are in {len(form.units)} units, {units}, which are not converted.'


def html_note(texts: pl.Series) -> str:
    """That texts are read without their tags.

    >>> html_note(pl.Series("review", ["<p>good</p>", "bad"]))
    'Column "review": 1 of 2 texts holds tags of HTML; tags are left out, and entities such as &amp; are read.'
    """
    tagged, present = n_with_tags(texts), len(texts) - texts.null_count()
    verb = "holds" if tagged == 1 else "hold"
    return (
        f'Column "{texts.name}": {tagged:,} of {present:,} texts {verb} tags of HTML; tags are left out, and entities '
        "such as &amp; are read."
    )


def long_text_note(texts: pl.Series) -> str | None:
    """Which text is longer than a million bytes, which is rarely meant; None where none is.

    >>> long_text_note(pl.Series("review", ["good"])) is None
    True
    """
    lengths = texts.str.len_bytes().fill_null(0)
    long = int((lengths > MAX_TEXT_BYTES).sum())
    if not long:
        return None
    row = int(lengths.arg_max() or 0)
    others = f", and {plural(long - 1, 'more text')} of over a million" if long > 1 else ""
    return (
        f'Column "{texts.name}": the text {at_row(row)} has {int(lengths[row]):,} bytes{others}. Is it one text, or a '
        "file of many?"
    )


def far_note(name: str, values: NDArray[np.float64]) -> str | None:
    """Which numbers lie far from all others, so that no scale is made of them; None where there are none.

    Parameters:
        values: shape (B,), NaN where missing.

    >>> far_note("x", np.array([1.0, 2.0, 3.0, 4.0, 1e9] + [2.5] * 20))
    'Column "x": 1e+09 in row 5 lies far from all other values; the scale is that of the others. Is it a mistake?'
    """
    low, high = usual_range(values)
    far = np.flatnonzero((values < low) | (values > high))
    if not len(far):
        return None
    return _far(name, "values", f"{values[far[0]]:.6g}", far)


def far_date_note(name: str, different: pl.Series, times: Callable[[], pl.Series]) -> str | None:
    """Which dates lie far from all others, such as 9999-12-31; None where there are none.

    Parameters:
        different: the different dates.
        times: gives those of all rows, shape (B,), null where missing.

    >>> cells = pl.Series(["2021-03-0" + day for day in "123456789"] + ["9999-12-31"]).str.to_datetime("%Y-%m-%d")
    >>> far_date_note("sold", cells, lambda: cells)[:66]
    'Column "sold": 9999-12-31 in row 10 lies far from all other dates;'
    """
    days = _days(different.drop_nulls())
    low, high = usual_range(days)
    if not ((days < low) | (days > high)).any():
        return None
    cells = times()
    days = _days(cells)
    rows = np.flatnonzero((days < low) | (days > high))
    return _far(name, "dates", f"{cells[int(rows[0])].date()}", rows)


def _far(name: str, noun: str, first: str, rows: NDArray[np.intp]) -> str:
    """A sentence on cells that lie far from all others: what they are called, the first one, and their rows."""
    shown = f"{first} {at_row(int(rows[0]))}"
    if len(rows) > 1:
        what, ask = f"{len(rows):,} {noun}, such as {shown}, lie far from all others", "Are they mistakes?"
    else:
        what, ask = f"{shown} lies far from all other {noun}", "Is it a mistake?"
    return f'Column "{name}": {what}; the scale is that of the others. {ask}'


def _days(times: pl.Series) -> NDArray[np.float64]:
    """Times as days since 1970, NaN where missing, shape (B,)."""
    micros = times.cast(pl.Datetime("us")).cast(pl.Int64).cast(pl.Float64)
    return micros.to_numpy() / 86_400e6


def filler_note(name: str, values: NDArray[np.float64]) -> str | None:
    """Which number seems to stand for missing cells, such as -999; None where there is none.

    It is the lowest or the highest, of nines alone, repeats, and lies further from the others than they lie apart.

    Parameters:
        values: shape (B,), NaN where missing.

    >>> filler_note("wind", np.array([3.0, -999.0, 5.0, 7.5, -999.0]))[:64]
    'Column "wind": -999 in 2 rows, first in row 2, lies far from all'
    """
    if not len(values):
        return None
    low, high = float(np.fmin.reduce(values)), float(np.fmax.reduce(values))
    for filler in (low, high):
        if not re.fullmatch(r"-9{2,}|9{3,}", f"{filler:.0f}" if abs(filler) < 1e15 and filler == round(filler) else ""):
            continue
        rows = np.flatnonzero(values == filler)
        others = values[values != filler]
        inner_low, inner_high = (limit.reduce(others, initial=np.nan) for limit in (np.fmin, np.fmax))
        gap = max(inner_low - filler, filler - inner_high)
        if len(rows) > 1 and 0 < inner_high - inner_low < gap:
            where = f"in {len(rows):,} rows, first {at_row(int(rows[0]))}"
            return (
                f'Column "{name}": {filler:.0f} {where}, lies far from all other values; if it means missing, empty '
                "these cells."
            )
    return None


def order_note(name: str, order: str) -> str:
    """That dates could have been read with the day and the month in the other order.

    >>> order_note("sold", "day-first")
    'Column "sold": the day was taken to be first, as in 31/12/2024; if the month is: --kind sold=date:month-first.'
    """
    first, other, example = ("day", "month", "31/12/2024") if order == DAY_FIRST else ("month", "day", "12/31/2024")
    return (
        f'Column "{name}": the {first} was taken to be first, as in {example}; if the {other} is: '
        f"--kind {quote(f'{name}=date:{other}-first')}."
    )


def points_note(name: str, grouped: bool) -> str:
    """That points could have been read in another way.

    >>> points_note("kg", True)
    'Column "kg": 1.234 was read as 1234; if it means 1.234: --kind kg=number:decimal-point.'
    """
    read, other, how = ("1234", "1.234", "point") if grouped else ("1.234", "1234", "comma")
    kind = quote(f"{name}=number:decimal-{how}")
    return f'Column "{name}": 1.234 was read as {read}; if it means {other}: --kind {kind}.'


def comma_note(name: str, form: NumberFormat) -> str:
    """That commas could have been read in another way.

    >>> comma_note("kg", NumberFormat(decimal=","))
    'Column "kg": 1,234 was read as 1.234; if it means 1234: --kind kg=number:decimal-point.'
    """
    read, other, how = ("1.234", "1234", "point") if form.decimal == "," else ("1234", "1.234", "comma")
    kind = quote(f"{name}=number:decimal-{how}")
    return f'Column "{name}": 1,234 was read as {read}; if it means {other}: --kind {kind}.'


def counting_note(name: str, first: int) -> str:
    """That integers which count are used as a number.

    >>> counting_note("month", 1)
    'Column "month" counts from 1 and is used as a number, such as a time; if it numbers the rows: --ignore month.'
    """
    return (
        f'Column "{name}" counts from {first} and is used as a number, such as a time; if it numbers the rows: '
        f"--ignore {quote(name)}."
    )


def number_format_phrase(form: NumberFormat) -> str:
    """How numbers are written, as the end of a phrase; empty for plain ones.

    >>> number_format_phrase(NumberFormat(thousands=",", units=("$",)))
    ', with commas between thousands, with $'
    """
    phrases = []
    if form.decimal == ",":
        phrases.append("with decimal commas")
    signs = {",": "commas", ".": "points", " ": "blanks", "'": "apostrophes"}
    if form.thousands:
        phrases.append(f"with {signs[form.thousands]} between thousands")
    if form.several_units:
        phrases.append(f"in {len(form.units)} units, which are not converted: {' and '.join(form.units)}")
    elif can_convert(form.units) and form.magnitudes:
        phrases.append(f"in {form.units[0]}, to which {' and '.join(form.units[1:])} are converted")
    elif form.magnitudes and form.units == ("%",):
        phrases.append("with % as fractions, 5% read as 0.05")
    elif form.units:
        phrases.append(f"with {', '.join(form.units)}")
    if form.bounds:
        phrases.append("bounds such as <30 or 30+ read as 30")
    if form.free:
        phrases.append("words such as Free read as 0")
    if form.ranges:
        phrases.append("ranges such as 10-20 read as their middle")
    if form.signs:
        phrases.append("(7) read as -7, and ~7, 7 ± 1 and 7* as 7")
    return "".join(f", {phrase}" for phrase in phrases)
