"""Rows at the end of a table that sum up the others, or are notes, as spreadsheets have them."""

from __future__ import annotations

import re

import polars as pl

from ranvier.plural import plural

MIN_ROWS, MAX_TOTALS, MAX_NOTES = 10, 6, 30
MIN_WIDTH = 3
NOTE = re.compile(r"[*†‡#(\[]|.*\S\s+\S", re.DOTALL)
"""What a note begins with, or has: two words."""
TOTAL = re.compile(
    r"(?:grand |sub)?totals?|sums?|averages?|means?|medians?|std(?:\.? ?dev\.?)?|standard deviation"
    r"|summe|gesamt(?:summe)?|insgesamt|durchschnitt|mittelwert|totale?|totaux|moyenne|somme|suma|media|mediana"
    r"|promedio|totaal|średnia|итого|всего|среднее|合計|合计|总计|平均",
    re.IGNORECASE,
)


def without_notes(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The rows without the last ones that are notes, and a sentence on these.

    A note stands in the first column, and nothing beside it; the rows above have more cells that are not empty.

    Parameters:
        frame: columns of strings.

    >>> rows = {"shop": [*"abcdefghij", "* closed"], "sold": [*"1234567890", ""], "kept": [*"1234567890", ""]}
    >>> without_notes(pl.DataFrame(rows))[1]
    ['1 row of notes under the table was left out: "* closed".']
    """
    if frame.width < MIN_WIDTH or frame.height <= MIN_ROWS:
        return frame, []
    notes: list[str] = []
    for row in reversed(frame.tail(MAX_NOTES + 1).rows()):
        first, *others = (cell.strip() for cell in row)
        if any(others) or not NOTE.match(first):
            above = sum(map(bool, (first, *others)))
            break
        notes.insert(0, first)
    if not notes or len(notes) > MAX_NOTES or above < 2:
        return frame, []
    what = plural(len(notes), "row of notes under the table was", "rows of notes under the table were")
    more = " and more" if len(notes) > 1 else ""
    return frame[: -len(notes)], [f'{what} left out: "{notes[0][:60]}"{more}.']


def without_totals(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The rows without the last ones that sum up the others, and a note on these.

    Such a row has a word for it alone in a cell, which stands in no other row of its column.

    Parameters:
        frame: columns of strings.

    >>> rows = {"shop": [*"abcdefghij", "Total"], "sold": [*"1234567890", "45"]}
    >>> without_totals(pl.DataFrame(rows))[1]
    ['The last row was left out, since it seems to sum up the others: "Total" in column "shop".']
    """
    notes: list[str] = []
    kept = frame
    for _ in range(MAX_TOTALS):
        column = _column_of_total(kept) if kept.height > MIN_ROWS else None
        if column is None:
            break
        word = kept[column][-1].strip()
        notes.append(f'The last row was left out, since it seems to sum up the others: "{word}" in column "{column}".')
        kept = kept[:-1]
    return kept, notes


def _column_of_total(frame: pl.DataFrame) -> str | None:
    """The column in which the last row has a word for a total that no other row has there; None for none."""
    last = frame.row(-1)
    for name, cell in zip(frame.columns, last, strict=True):
        if isinstance(cell, str) and TOTAL.fullmatch(cell.strip().rstrip(":")):
            alike = frame[name].str.strip_chars().str.to_lowercase() == cell.strip().lower()
            return name if alike.sum() == 1 else None
        if cell and cell.strip():
            return None
    return None
