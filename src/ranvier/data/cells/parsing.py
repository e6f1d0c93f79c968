"""Parsing cells: strings, numbers, booleans, dates; and which cells are missing.

Each has a parser of columns and a parser of one cell, which give the same value. A parser of columns returns the values
and the index of the first cell that it could not parse (or None), so that the caller can name the row. A parser of one
cell makes no column; it raises `NeedsColumnParser` for a cell that it does not know.

A cell is missing when it is null, NaN, or after stripping one of `MISSING`; a number or a date also when it is one of
`MARKS`.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells.date_parts import ISO, date_parts
from ranvier.data.cells.missing_marks import MISSING, are_marks, is_mark
from ranvier.errors import DataError
from ranvier.rows.row_names import at_row

WORDS_FOR_TRUTHS = (
    *(("true", "false"), ("t", "f"), ("yes", "no"), ("y", "n"), ("on", "off"), ("wahr", "falsch"), ("ja", "nein")),
    *(("ja", "nee"), ("ja", "nej"), ("ja", "nei"), ("vrai", "faux"), ("oui", "non"), ("verdadero", "falso")),
    *(("verdadeiro", "falso"), ("vero", "falso"), ("sí", "no"), ("si", "no"), ("sì", "no"), ("sim", "não")),
    *(("sim", "nao"), ("tak", "nie"), ("ano", "ne"), ("igen", "nem"), ("evet", "hayır"), ("kyllä", "ei")),
    *(("да", "нет"), ("так", "ні"), ("истина", "ложь"), ("是", "否"), ("はい", "いいえ"), ("예", "아니오")),
    *(("da", "ne"), ("da", "nu"), ("áno", "nie"), ("jah", "ei"), ("taip", "ne"), ("jā", "nē"), ("ναι", "όχι")),
    *(("có", "không"), ("ya", "tidak"), ("bəli", "xeyr"), ("כן", "לא"), ("हाँ", "नहीं"), ("ใช่", "ไม่ใช่"), ("有", "无")),
    *(("igaz", "hamis"), ("prawda", "fałsz"), ("pravda", "nepravda"), ("doğru", "yanlış"), ("sant", "falskt")),
    *((".t.", ".f."), ("نعم", "لا"), ("✓", "✗"), ("✔", "✘"), ("☑", "☐")),
)
"""Two words for true and false, in lower case."""
TRUE_STRINGS = (*dict.fromkeys(true for true, _ in WORDS_FOR_TRUTHS), "1")
FALSE_STRINGS = (*dict.fromkeys(false for _, false in WORDS_FOR_TRUTHS), "0")
BOOLEANS = {**dict.fromkeys(TRUE_STRINGS, 1.0), **dict.fromkeys(FALSE_STRINGS, 0.0)}
ENGLISH = {"true", "t", "yes", "y"}, {"false", "f", "no", "n"}
BOOLEAN_PAIRS = tuple(set(pair) for pair in WORDS_FOR_TRUTHS)
WHITE_SPACE = "".join(map(chr, (*range(9, 14), 32, 133, 160, 5760, *range(8192, 8203), 8232, 8233, 8239, 8287, 12288)))
AROUND = r"^\s|\s$"
"""White space at an end of a string, which is found in less time than it is stripped."""
SMALL_ROWS = 32
SMALL_VALUES, LARGE_ROWS = 1024, 8192
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
MAX_EXACT = 2**53
MINUS = "\u2212"
NAN = float("nan")


def are_truths(strings: Collection[str]) -> bool:
    """Whether strings are two for true and false, or more of them: yes, Yes, y, no; Oui, NON; True, False, 1, 0.

    >>> are_truths(["Yes", "no"]), are_truths(["yes", "Yes", "n"]), are_truths(["t", "no"])
    (True, True, False)
    """
    words = {string.lower() for string in strings}
    if words in BOOLEAN_PAIRS:
        return True
    true, false = words & ENGLISH[0], words & ENGLISH[1]  # ja, no and si may be languages
    return len(strings) > 2 and words <= true | false | {"0", "1"} and bool(true and false)


class NeedsColumnParser(Exception):  # noqa: N818 - a message between two functions, which no user sees
    """A single cell that only the parser of whole columns can read, or refuse."""


def check_dtype(cells: pl.Series) -> None:
    """Refuse columns whose cells are not single values.

    Raises:
        DataError: the cells are lists, records or bytes.

    >>> check_dtype(pl.Series("a", [1, 2]))
    """
    if cells.dtype.is_nested() or cells.dtype in (pl.Object, pl.Binary):
        kinds = {pl.Struct: "dict", pl.Binary: "bytes", pl.Object: "object"}
        raise no_single_value(cells.name, kinds.get(cells.dtype.base_type(), "list"))


def no_single_value(column: str, cell_type: str) -> DataError:
    """The error for a column with a cell of a type of Python that is no single value.

    >>> print(no_single_value("tags", "list"))  # doctest: +ELLIPSIS
    Column "tags" has a cell of type list; one value for each cell was expected: a number, ...
    """
    return DataError(
        f'Column "{column}" has a cell of type {cell_type}; one value for each cell was expected: a number, a string, '
        "a date, true or false, or None. Make such cells one of these, or ignore it."
    )


def is_string(cells: pl.Series) -> bool:
    """Whether the cells are stored as strings.

    >>> is_string(pl.Series(["1", "2"]))
    True
    """
    return cells.dtype == pl.String or cells.dtype in (pl.Categorical, pl.Enum)


def is_number(string: str) -> bool:
    """Whether a string can be parsed as a number.

    >>> is_number("1e3"), is_number("one")
    (True, False)
    """
    try:
        float(string)
    except ValueError:
        return False
    return True


def clean_strings(cells: pl.Series, marks: Collection[str] = MISSING) -> pl.Series:
    """The cells as stripped strings, null where missing; integers stored as floating point lose their ".0".

    Parameters:
        cells: the column.
        marks: what stands for a missing cell.

    >>> clean_strings(pl.Series([" Private", "?", "NA", None])).to_list()
    ['Private', None, None, None]
    >>> clean_strings(pl.Series([1.0, 2.5])).to_list()
    ['1', '2.5']
    """
    check_dtype(cells)
    if cells.dtype.is_float():
        is_integer = cells.is_finite() & (cells == cells.round()) & (cells.abs() < 2.0**53)
        numbers = cells.cast(pl.String)
        cells = cells.cast(pl.Int64, strict=False).cast(pl.String).zip_with(is_integer.fill_null(False), numbers)
    elif cells.dtype.is_temporal():
        cells = cells.dt.to_string("iso")
    strings = cells.cast(pl.String)
    if len(strings) <= SMALL_ROWS:
        # Starting a polars expression takes longer than a few rows.
        few = [None if string is None else clean_string(string, marks) for string in strings.to_list()]
        return pl.Series(strings.name, few, pl.String)
    if len(strings) < LARGE_ROWS or strings.head(SMALL_VALUES).n_unique() < SMALL_VALUES // 2:
        # Mostly a few strings that repeat and are clean.
        cleaned = {string: clean_string(string, marks) for string in strings.unique().drop_nulls().to_list()}
        marked = [string for string, clean in cleaned.items() if clean is None]
        if all(clean in (string, None) for string, clean in cleaned.items()):
            return strings.set(strings.is_in(marked), None) if marked else strings
    if strings.str.contains(AROUND).any():
        strings = strings.str.strip_chars(WHITE_SPACE)
    missing = strings.is_in(list(marks))
    return strings.set(missing, None) if missing.any() else strings


def clean_string(string: str, marks: Collection[str] = MISSING) -> str | None:
    """One string without white space around it, None where missing, as `clean_strings` gives it.

    >>> clean_string(" Private"), clean_string("?")
    ('Private', None)
    """
    string = string.strip(WHITE_SPACE)
    return None if string in marks else string


def parse_string(cell: Any) -> str | None:
    """One cell as `clean_strings` gives it.

    Raises:
        NeedsColumnParser: only `clean_strings` can read it.

    >>> parse_string(" Private "), parse_string(2.0), parse_string("?")
    ('Private', '2', None)
    """
    kind = type(cell)
    if kind is str:
        return clean_string(cell)
    if cell is None:
        return None
    if kind is bool:
        return "true" if cell else "false"
    if kind is int and -MAX_EXACT < cell < MAX_EXACT:
        return str(cell)
    if kind is float:
        if cell != cell:
            return None
        if abs(cell) < MAX_EXACT and cell == int(cell):
            return str(int(cell))
    raise NeedsColumnParser


def parse_numbers(cells: pl.Series, marks: bool = True) -> tuple[NDArray[np.float64], int | None]:
    """The cells as numbers, NaN where missing, and the index of the first one that is no number.

    Durations are given in seconds, times of day in seconds since midnight, true as 1 and false as 0.

    Parameters:
        cells: the column.
        marks: whether `MARKS` of missing numbers, such as NULL, are missing.

    >>> values, wrong = parse_numbers(pl.Series(["1", " 2.5", "?", "x"]))
    >>> values.tolist(), wrong
    ([1.0, 2.5, nan, nan], 3)
    """
    check_dtype(cells)
    dtype = cells.dtype
    if dtype in (pl.Date, pl.Datetime):
        first = cells.is_not_null().arg_max()
        return np.full(len(cells), np.nan), first if cells.null_count() < len(cells) else None
    if is_string(cells):
        return parse_strings(cells.cast(pl.String), marks)[:2]
    if dtype == pl.Duration:
        cells = cells.dt.total_microseconds().cast(pl.Float64) / 1e6
    elif dtype == pl.Time:
        cells = cells.cast(pl.Int64).cast(pl.Float64) / 1e9
    return cells.cast(pl.Float64).to_numpy(writable=True), None


def parse_strings(cells: pl.Series, marks: bool) -> tuple[NDArray[np.float64], int | None, pl.Series]:
    """The same for strings, and those that had to be cleaned: all others are written in ASCII, without white space.

    >>> parse_strings(pl.Series(["1", " 2.5"]), True)[2].to_list()
    [' 2.5']
    """
    parsed = cells.cast(pl.Float64, strict=False)
    values = parsed.to_numpy(writable=True)
    if not parsed.null_count():
        return values, None, cells.clear()
    rows = parsed.is_null().arg_true()
    odd_cells = cells.gather(rows)
    strings = clean_strings(odd_cells)
    read = cast_numbers(strings)
    values[rows.to_numpy()] = read.to_numpy()
    odd = read.is_null() & strings.is_not_null()
    if marks:
        odd &= ~are_marks(strings).fill_null(False)
    wrong = int(rows[first]) if odd.any() and (first := odd.arg_max()) is not None else None
    return values, wrong, odd_cells


def cast_numbers(strings: pl.Series) -> pl.Series:
    """Strings as floating-point numbers, null where they are none; the minus may be typographic.

    >>> cast_numbers(pl.Series(["1e3", "−5", "x"])).to_list()
    [1000.0, -5.0, None]
    """
    values = strings.cast(pl.Float64, strict=False)
    if values.null_count() > strings.null_count() and strings.str.starts_with(MINUS).any():
        return strings.str.replace(f"^{MINUS}", "-").cast(pl.Float64, strict=False)
    return values


def parse_number(cell: Any) -> float:
    """One cell as `parse_numbers` gives it, NaN where missing.

    Raises:
        NeedsColumnParser: only `parse_numbers` can read it, or refuse it.

    >>> parse_number(" 2.5"), parse_number(True)
    (2.5, 1.0)
    """
    kind = type(cell)
    if kind is int and -MAX_EXACT < cell < MAX_EXACT:
        return float(cell)
    if cell is None:
        return NAN
    if kind is bool or kind is float:
        return float(cell)
    if kind is str:
        string = clean_string(cell)
        if string is None:
            return NAN
        if NUMBER.fullmatch(string):
            return float(string)
        if is_mark(string):
            return NAN
    raise NeedsColumnParser


def parse_booleans(cells: pl.Series) -> tuple[NDArray[np.float64], int | None]:
    """The cells as 1 for true and 0 for false, NaN where missing, and the index of the first that is neither.

    True is true, t, yes, y, 1 or one of `WORDS_FOR_TRUTHS` in upper or lower case; false is false, f, no, n or 0.

    >>> values, wrong = parse_booleans(pl.Series(["yes", "No", ""]))
    >>> values.tolist(), wrong
    ([1.0, 0.0, nan], None)
    """
    if cells.dtype == pl.Boolean:
        return cells.cast(pl.Float64).to_numpy(writable=True), None
    if cells.dtype == pl.String:
        values = _few_booleans(cells)
        if values is not None:
            return values, None
    strings = clean_strings(cells).str.to_lowercase()
    true, false = strings.is_in(list(TRUE_STRINGS)), strings.is_in(list(FALSE_STRINGS))
    wrong = ~(true | false) & strings.is_not_null()
    values = true.cast(pl.Float64).to_numpy(writable=True)
    values[wrong.fill_null(False).to_numpy()] = np.nan
    return values, wrong.arg_max() if wrong.any() else None


def _few_booleans(cells: pl.Series) -> NDArray[np.float64] | None:
    """The same for few different strings, each of which is true, false or missing; None for other strings."""
    different = cells.unique().drop_nulls()
    if len(different) > SMALL_ROWS:
        return None
    strings = [clean_string(string) for string in different.to_list()]
    values = [np.nan if string is None else BOOLEANS.get(string.lower()) for string in strings]
    if None in values:
        return None
    codes = cells.cast(pl.Enum(different)).to_physical().to_numpy()
    index = np.where(np.isnan(codes), len(different), codes).astype(np.intp)
    return np.array([*values, np.nan], np.float64).take(index)


def parse_boolean(cell: Any) -> float:
    """One cell as `parse_booleans` gives it, NaN where missing.

    Raises:
        NeedsColumnParser: only `parse_booleans` can read it, or refuse it.

    >>> parse_boolean("Yes"), parse_boolean(False)
    (1.0, 0.0)
    """
    string = parse_string(cell)
    if string is None:
        return NAN
    value = BOOLEANS.get(string.lower())
    if value is None:
        raise NeedsColumnParser
    return value


def parse_datetimes(cells: pl.Series) -> tuple[pl.Series, int | None]:
    """The cells as date and time without a time zone, null where missing, and the index of the first that is neither.

    Strings must be ISO 8601, from "2024-02-29" to "2024-02-29T13:45:10.5+02:00". An offset is dropped, so that the hour
    stays the local one. All are null where the first cell that is not missing is no date.

    >>> values, wrong = parse_datetimes(pl.Series(["2024-02-29", "2024-02-30"]))
    >>> str(values[0]), wrong
    ('2024-02-29 00:00:00', 1)
    """
    check_dtype(cells)
    if cells.dtype == pl.Date:
        return cells.cast(pl.Datetime("us")), None
    if cells.dtype == pl.Datetime:
        return cells.dt.replace_time_zone(None).cast(pl.Datetime("us")), None
    strings = clean_strings(cells)
    first = strings.is_not_null().arg_max() if strings.null_count() else 0
    if first is not None and len(strings) and not ISO.fullmatch(strings[first] or ""):
        nulls = pl.Series(strings.name, [None], pl.Datetime("us")).new_from_index(0, len(strings))
        return nulls, first if strings[first] is not None else None
    parts = date_parts(strings)
    values = parts.times(None).set(pl.Series(~parts.iso), None).rename(strings.name)
    wrong = values.is_null() & strings.is_not_null()
    return values, wrong.arg_max() if wrong.any() else None


def parse_datetime(cell: Any) -> datetime | None:
    """One cell as `parse_datetimes` gives it, None where missing.

    Raises:
        NeedsColumnParser: only `parse_datetimes` can read it, or refuse it.

    >>> parse_datetime(date(2024, 2, 29))
    datetime.datetime(2024, 2, 29, 0, 0)
    """
    kind = type(cell)
    if cell is None or (kind is float and cell != cell):
        return None
    if kind is date:
        return datetime(cell.year, cell.month, cell.day)
    if kind is datetime and cell.tzinfo is None:
        return cell  # type: ignore[no-any-return]
    raise NeedsColumnParser


def first_inf(values: NDArray[np.float64]) -> int | None:
    """The index of the first infinite value, or None.

    >>> first_inf(np.array([1.0, np.inf]))
    1
    """
    infinite = np.isinf(values)
    return int(infinite.argmax()) if infinite.any() else None


def cell_error(cells: pl.Series, row: int, expected: str) -> DataError:
    """The error for a cell that cannot be used.

    >>> print(cell_error(pl.Series("age", ["39", "old"]), 1, "a number"))
    Column "age" has "old" in row 2, where a number was expected. Correct that cell or leave it empty if it is unknown.
    """
    value = cells[row]
    shown = f'"{value[:60]}"' if isinstance(value, str) else str(value)
    return DataError(
        f'Column "{cells.name}" has {shown} {at_row(row)}, where {expected} was expected. '
        "Correct that cell or leave it empty if it is unknown."
    )
