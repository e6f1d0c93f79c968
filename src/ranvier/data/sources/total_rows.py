"""Rows at the end of a table that sum up the others, as spreadsheets have them."""

from __future__ import annotations

import re

import polars as pl

MIN_ROWS, MAX_TOTALS = 10, 3
TOTAL = re.compile(
    r"(?:grand |sub)?totals?|sums?|average|mean|summe|gesamt(?:summe)?|insgesamt|durchschnitt|mittelwert"
    r"|totale?|totaux|moyenne|somme|suma|media|totaal|итого|всего|合計|合计|总计",
    re.IGNORECASE,
)


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
    rows = frame
    for _ in range(MAX_TOTALS):
        column = _column_of_total(rows) if rows.height > MIN_ROWS else None
        if column is None:
            break
        word = rows[column][-1].strip()
        notes.append(f'The last row was left out, since it seems to sum up the others: "{word}" in column "{column}".')
        rows = rows[:-1]
    return rows, notes


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
