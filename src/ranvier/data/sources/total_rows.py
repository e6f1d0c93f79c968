"""Rows at the end of a table that sum up the others, or are notes, as spreadsheets have them."""

from __future__ import annotations

import re

import polars as pl

from ranvier.plural import plural

MIN_ROWS, MIN_WIDTH = 10, 3
"""All rows of a table of fewer are rows; the empty cells beside a note say that it is one."""
MAX_TOTALS, MAX_NOTES = 6, 30
"""Where more such rows stand at the end, they are rows."""
MAX_ROWS = 200_000
"""Up to so many rows subtotals are looked for: those who write them keep smaller tables."""
NOTE = re.compile(r"[*†‡#(\[]|.*\S\s+\S", re.DOTALL)
"""What a note begins with, or has: two words."""
TOTAL = re.compile(
    r"(?:grand |sub)?totals?|sums?|averages?|means?|medians?|std(?:\.? ?dev\.?)?|standard deviation"
    r"|summe|gesamt(?:summe)?|insgesamt|durchschnitt|mittelwert|totale?|totaux|moyenne|somme|suma|media|mediana"
    r"|promedio|totaal|średnia|итого|всего|среднее|合計|合计|总计|平均",
    re.IGNORECASE,
)

SUMS = (
    r"totals?|sub-?totals?|sums?|averages?|means?|summe|gesamt(?:summe)?|zwischensumme|durchschnitt|mittelwert|sous-total"
    r"|totaux|moyenne|somme|suma|media|promedio|totaal|итого|подытог|всего|среднее|合計|小計|合计|小计|平均"
)
MEAN = r"(?i)averages?|means?|durchschnitt|moyenne|media|promedio|среднее|平均"
SUBTOTAL = rf"(?i)^(?:(?:{SUMS})(?:\s.*)?|.*\s(?:{SUMS}))$"
"""A word for a total, alone or beside the name of what is summed up."""


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
    above = 0
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
    rows = frame
    for _ in range(MAX_TOTALS):
        column = _column_of_total(rows) if rows.height > MIN_ROWS else None
        if column is None:
            break
        word = rows[column][-1].strip()
        notes.append(f'The last row was left out, since it seems to sum up the others: "{word}" in column "{column}".')
        rows = rows[:-1]
    return rows, notes


def without_subtotals(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The rows without those between them that sum up the ones above, as spreadsheets have them; and a note.

    Such a row has a word for it in a cell, "Subtotal" or "North Total", a number that is the sum or the mean of the
    numbers above it, up to the last such row, and it is one of at least two.

    Parameters:
        frame: columns of strings.

    >>> rows = {"shop": ["a", "b", "Total", "a", "c", "Total"] * 2, "sold": ["1", "2", "3", "4", "5", "9"] * 2}
    >>> without_subtotals(pl.DataFrame(rows))[1]
    ['4 rows between the others were left out, since they seem to sum up those above them: "Total" in column "shop".']
    """
    if not MIN_ROWS < frame.height <= MAX_ROWS:
        return frame, []
    for cells in frame.iter_columns():
        marked = cells.str.strip_chars(" :*-").str.contains(SUBTOTAL)
        rows = marked.arg_true().to_list()
        if 1 < len(rows) <= frame.height // 2 and _sum_up(frame, rows, cells.str.contains(MEAN)):
            what = (
                f"{len(rows):,} rows between the others were left out, since they seem to sum up those above them: "
                f'"{cells[rows[0]].strip()}" in column "{cells.name}".'
            )
            return frame.filter(~marked), [what]
    return frame, []


def _sum_up(frame: pl.DataFrame, totals: list[int], means: pl.Series) -> bool:
    """Whether most of some rows have the sum, or the mean, of the numbers between them, in most columns of numbers.

    Groups of a single row and of equal numbers say nothing; two others are needed.

    Parameters:
        totals: the rows.
        means: for each row of the frame, whether it has a word for a mean.
    """
    starts = [0, *(row + 1 for row in totals[:-1])]
    columns = fitting = 0
    for cells in frame.iter_columns():
        plain = cells.str.replace_all(r"[$€£,\s]", "")
        numbers = plain.cast(pl.Float64, strict=False)
        if 2 * numbers.null_count() > len(numbers):
            continue
        groups = [numbers[start:row].drop_nulls() for start, row in zip(starts, totals, strict=True)]
        pairs = [(row, group) for row, group in zip(totals, groups, strict=True) if group.n_unique() > 1]
        fits = sum(_fits(numbers[row], plain[row], group, means[row]) for row, group in pairs)
        columns += len(pairs) > 1 and numbers.gather([row for row, _ in pairs]).null_count() < len(pairs)
        fitting += len(pairs) > 1 and 4 * fits >= 3 * len(pairs)
    return 2 * fitting > columns


def _fits(total: float | None, written: str, group: pl.Series, mean: bool) -> bool:
    """Whether a number is the sum, or the mean, of others, to as many digits as it is written with."""
    if not total:
        return False
    half = 0.5000001 * 10.0 ** -len(written.partition(".")[2])
    expected = float(group.mean() if mean else group.sum())  # type: ignore[arg-type]
    return abs(total - expected) <= half + 1e-9 * abs(expected)


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
