"""What the cells of one column say: text, numbers, true or false, points in time; and which of them are missing.

Every reader of cells gives the values and the place of the first cell that it could not read (or None), so that the
caller can name the row. A cell is missing when it is null, NaN, or after stripping one of `MISSING`.
"""

from __future__ import annotations

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.errors import DataError

MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "?")
TRUE_WORDS = ("true", "t", "yes", "y", "1")
FALSE_WORDS = ("false", "f", "no", "n", "0")
TRUTH = {**dict.fromkeys(TRUE_WORDS, 1.0), **dict.fromkeys(FALSE_WORDS, 0.0)}
WORD_PAIRS = ({"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"})
DATE_PATTERN = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?)?\s?(Z|[+-]\d{2}:?\d{2})?$"
# A number whose thousands may be parted by commas; then one whose comma cannot stand before decimals.
THOUSANDS = r"^[+-]?(0|[1-9][0-9]{0,2}(,[0-9]{3})*)(\.[0-9]+)?$"
SURELY_THOUSANDS = r",[0-9]{3}[,.]"
SECONDS_PER_DAY = 86400.0
WHITE_SPACE = "".join(map(chr, (*range(9, 14), 32, 133, 160, 5760, *range(8192, 8203), 8232, 8233, 8239, 8287, 12288)))
FEW_ROWS = 32
FEW_VALUES, MANY_ROWS = 1024, 8192


def check_dtype(cells: pl.Series) -> None:
    """Refuse columns whose cells are not single values.

    Raises:
        DataError: the cells are lists, records or bytes.

    >>> check_dtype(pl.Series("a", [1, 2]))
    """
    if cells.dtype.is_nested() or cells.dtype in (pl.Object, pl.Binary):
        raise DataError(
            f'Column "{cells.name}" holds cells of type {cells.dtype}; one value for each cell was expected.'
        )


def is_text(cells: pl.Series) -> bool:
    """Whether the cells are stored as text.

    >>> is_text(pl.Series(["1", "2"]))
    True
    """
    return cells.dtype == pl.String or cells.dtype in (pl.Categorical, pl.Enum)


def is_number(word: str) -> bool:
    """Whether a word can be read as a number.

    >>> is_number("1e3"), is_number("one")
    (True, False)
    """
    try:
        float(word)
    except ValueError:
        return False
    return True


def text(cells: pl.Series) -> pl.Series:
    """The cells as stripped text, null where missing; whole floating-point numbers lose their ".0".

    >>> text(pl.Series([" Private", "?", "NA", None])).to_list()
    ['Private', None, None, None]
    >>> text(pl.Series([1.0, 2.5])).to_list()
    ['1', '2.5']
    """
    check_dtype(cells)
    if cells.dtype.is_float():
        whole = cells.is_finite() & (cells == cells.round()) & (cells.abs() < 2.0**53)
        numbers = cells.cast(pl.String)
        cells = cells.cast(pl.Int64, strict=False).cast(pl.String).zip_with(whole.fill_null(False), numbers)
    elif cells.dtype.is_temporal():
        cells = cells.dt.to_string("iso")
    words = cells.cast(pl.String)
    if len(words) <= FEW_ROWS:
        return _few_words(words)
    if len(words) < MANY_ROWS or words.head(FEW_VALUES).n_unique() < FEW_VALUES // 2:
        # Mostly a few words, over and over, and all of them written as they should be.
        different = words.unique().drop_nulls().to_list()
        if all(stripped(word) == word for word in different):
            return words
    words = words.str.strip_chars(WHITE_SPACE)
    marks = words.is_in(list(MISSING))
    return words.set(marks, None) if marks.any() else words


def _few_words(words: pl.Series) -> pl.Series:
    """The same for a few rows, where starting a polars expression takes longer than all the work."""
    return pl.Series(words.name, [None if word is None else stripped(word) for word in words.to_list()], pl.String)


def stripped(word: str) -> str | None:
    """One cell of text without white space around it, None where missing: what `text` makes of it.

    >>> stripped(" Private"), stripped("?")
    ('Private', None)
    """
    word = word.strip(WHITE_SPACE)
    return None if word in MISSING else word


def numbers(cells: pl.Series) -> tuple[NDArray[np.float64], int | None]:
    """The cells as numbers, NaN where missing, and the place of the first one that is no number.

    Durations are given in seconds, times of day in seconds since midnight, true as 1 and false as 0.

    >>> values, wrong = numbers(pl.Series(["1", " 2.5", "?", "x"]))
    >>> values.tolist(), wrong
    ([1.0, 2.5, nan, nan], 3)
    """
    check_dtype(cells)
    dtype = cells.dtype
    if dtype in (pl.Date, pl.Datetime):
        first = cells.is_not_null().arg_max()
        return np.full(len(cells), np.nan), first if cells.null_count() < len(cells) else None
    if is_text(cells):
        words = text(cells)
        parsed = words.cast(pl.Float64, strict=False)
        place = None
        if parsed.null_count() > words.null_count():
            place = (parsed.is_null() & words.is_not_null()).arg_max()
        return parsed.to_numpy(writable=True), place
    if dtype == pl.Duration:
        cells = cells.dt.total_microseconds().cast(pl.Float64) / 1e6
    elif dtype == pl.Time:
        cells = cells.cast(pl.Int64).cast(pl.Float64) / 1e9
    return cells.cast(pl.Float64).to_numpy(writable=True), None


def parts_thousands(words: pl.Series, surely: bool = False) -> bool:
    """Whether words are numbers with commas between thousands: all that are not missing may be, and one has a comma.

    Parameters:
        words: what `text` gave.
        surely: whether a comma must stand where it cannot be before decimals, as in 1,234,567 and in 1,234.5.

    >>> parts_thousands(pl.Series(["1,234", "12,500.75", "-7", None])), parts_thousands(pl.Series(["1,234", "1,5"]))
    (True, False)
    """
    comma = words.str.contains(SURELY_THOUSANDS if surely else ",").any()
    return bool(comma and words.str.contains(THOUSANDS).all())


def without_commas(cells: pl.Series) -> pl.Series:
    """The cells without the commas between thousands; a cell that is no such number stays as it is.

    >>> without_commas(pl.Series(["1,234", " -12,500.75 ", "1,5"])).to_list()
    ['1234', '-12500.75', '1,5']
    """
    if not is_text(cells):
        return cells
    words = text(cells)
    return words.str.replace_all(",", "", literal=True).zip_with(words.str.contains(THOUSANDS), words)


def without_comma(cell: str) -> str:
    """One cell of text as `without_commas` makes it.

    >>> without_comma("1,234"), without_comma("1,5")
    ('1234', '1,5')
    """
    word = cell.strip(WHITE_SPACE)
    return word.replace(",", "") if re.match(THOUSANDS, word) else cell


def booleans(cells: pl.Series) -> tuple[NDArray[np.float64], int | None]:
    """The cells as 1 for true and 0 for false, NaN where missing, and the place of the first that is neither.

    True is true, t, yes, y or 1 in capital or small letters; false is false, f, no, n or 0.

    >>> values, wrong = booleans(pl.Series(["yes", "No", ""]))
    >>> values.tolist(), wrong
    ([1.0, 0.0, nan], None)
    """
    if cells.dtype == pl.Boolean:
        return cells.cast(pl.Float64).to_numpy(writable=True), None
    if cells.dtype == pl.String:
        values = _few_truths(cells)
        if values is not None:
            return values, None
    words = text(cells).str.to_lowercase()
    true, false = words.is_in(list(TRUE_WORDS)), words.is_in(list(FALSE_WORDS))
    wrong = ~(true | false) & words.is_not_null()
    values = true.cast(pl.Float64).to_numpy(writable=True)
    values[wrong.fill_null(False).to_numpy()] = np.nan
    return values, wrong.arg_max() if wrong.any() else None


def _few_truths(cells: pl.Series) -> NDArray[np.float64] | None:
    """The same for text of few different words, each of which says true, false or missing; None for other text."""
    different = cells.unique().drop_nulls()
    if len(different) > FEW_ROWS:
        return None
    words = [stripped(word) for word in different.to_list()]
    truths = [np.nan if word is None else TRUTH.get(word.lower()) for word in words]
    if None in truths:
        return None
    codes = cells.cast(pl.Enum(different)).to_physical().to_numpy()
    places = np.where(np.isnan(codes), len(different), codes).astype(np.intp)
    return np.array([*truths, np.nan], np.float64).take(places)


def moments_in_time(cells: pl.Series) -> tuple[pl.Series, int | None]:
    """The cells as date and time of day without a zone, null where missing, and the place of the first that is neither.

    Text must be ISO 8601, from "2024-02-29" to "2024-02-29T13:45:10.5+02:00"; an offset is dropped, so that the hour
    stays the one on the clock where the row was written. All are null where the first cell that is not missing is no
    date.

    >>> values, wrong = moments_in_time(pl.Series(["2024-02-29", "2024-02-30"]))
    >>> str(values[0]), wrong
    ('2024-02-29 00:00:00', 1)
    """
    check_dtype(cells)
    if cells.dtype == pl.Date:
        return cells.cast(pl.Datetime("us")), None
    if cells.dtype == pl.Datetime:
        return cells.dt.replace_time_zone(None).cast(pl.Datetime("us")), None
    words = text(cells)
    first = words.is_not_null().arg_max() if words.null_count() else 0
    if first is not None and len(words) and not re.match(DATE_PATTERN, words[first] or ""):
        never = pl.Series(words.name, [None], pl.Datetime("us")).new_from_index(0, len(words))
        return never, first if words[first] is not None else None
    shaped = words.set(~words.str.contains(DATE_PATTERN), None)
    day = shaped.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    has_time = shaped.str.contains(r"^.{10}[T ]")
    clock = shaped.str.slice(11, 8).str.replace(r"[^0-9:].*$", "")
    hour, minute, second = (
        clock.str.slice(start, 2).cast(pl.Int64, strict=False).fill_null(0).set(~has_time.fill_null(False), 0)
        for start in (0, 3, 6)
    )
    on_the_clock = (hour < 24) & (minute < 60) & (second < 61)
    values = day.cast(pl.Datetime("us")).cast(pl.Int64) + (hour * 3600 + minute * 60 + second) * 1_000_000
    values = values.set(~on_the_clock, None).cast(pl.Datetime("us"))
    wrong = values.is_null() & words.is_not_null()
    return values, wrong.arg_max() if wrong.any() else None


def first_infinite(values: NDArray[np.float64]) -> int | None:
    """The place of the first infinite value, or None.

    >>> first_infinite(np.array([1.0, np.inf]))
    1
    """
    infinite = np.isinf(values)
    return int(infinite.argmax()) if infinite.any() else None


def refuse(cells: pl.Series, place: int, expected: str) -> DataError:
    """The error for a cell that cannot be used; rows are counted from 1, the header left out.

    >>> print(refuse(pl.Series("age", ["39", "old"]), 1, "a number"))
    Column "age" has "old" in row 2, where a number was expected. Correct that cell or leave it empty if it is unknown.
    """
    value = cells[place]
    shown = f'"{value[:60]}"' if isinstance(value, str) else str(value)
    return DataError(
        f'Column "{cells.name}" has {shown} in row {place + 1}, where {expected} was expected. '
        "Correct that cell or leave it empty if it is unknown."
    )
