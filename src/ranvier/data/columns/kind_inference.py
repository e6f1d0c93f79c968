"""The kind of one column: what its cells suggest, or what the user requested, and how the cells are written."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.cells.alike import alike_note, written_alike
from ranvier.data.cells.date_format import DateFormat
from ranvier.data.cells.date_inference import WrittenDates, infer_date_format
from ranvier.data.cells.different_strings import (
    MAX_ODD_OTHERWISE_LEFT_OUT,
    DifferentStrings,
    different_strings,
)
from ranvier.data.cells.missing_marks import NAMED, USUAL, are_marks
from ranvier.data.cells.number_format import PLAIN, NumberFormat
from ranvier.data.cells.number_inference import (
    LEADING_ZERO,
    WrittenNumbers,
    are_codes,
    are_telephones,
    have_exponents_of_codes,
    infer_number_format,
    points_may_group,
)
from ranvier.data.cells.text_shape import n_options, text_shape
from ranvier.data.cells.vectors import are_several_numbers, distinct_vectors, holds_vectors, vectors
from ranvier.data.columns.codes import LONG_INTEGER, MIN_LONG, identifier, long_integers
from ranvier.data.columns.column_notes import (
    counting_note,
    far_date_note,
    html_note,
    long_text_note,
    missing_note,
    named_note,
    number_format_phrase,
    number_notes,
)
from ranvier.data.columns.column_schema import DROP, ColumnSchema
from ranvier.data.columns.dates_of_digits import dates_of_digits
from ranvier.data.columns.different_numbers import n_different
from ranvier.data.encoders.column import ColumnEncoder
from ranvier.data.encoders.date import datetimes
from ranvier.data.encoders.kinds import COLUMN_KINDS
from ranvier.data.encoders.number import finite
from ranvier.data.encoders.text import texts_of
from ranvier.data.text.html import is_html
from ranvier.records import record

MAX_FEW_VALUES, SAMPLE = 10, 1000
MAX_TRUTHS = 8
MIN_ROWS = 10
"""Fewer rows say nothing about whether a column's values repeat."""
MAX_ENUMERATED = 10_000
"""Columns of so many different strings are kept as an enumeration of these once they are read."""
MIN_DIFFERENT = 0.95
"""The fraction of different strings, such as addresses, from which they say nothing about a new row."""


@record
class Guess:
    """A column, and whether its cells could have been read in another way.

    Fields:
        column: the schema.
        ambiguous: whether commas could stand before decimals as well as between thousands, or days could be months.
        points: whether points could stand between thousands as well as before decimals.
        read: strings as what they were read as: numbers, truth values, times, an enumeration of categories; None where
            the encoder of the column is to read them.
    """

    column: ColumnSchema
    ambiguous: bool = False
    points: bool = False
    read: pl.Series | None = None


def infer_column(cells: pl.Series, decimal_commas: bool | None = None) -> Guess:
    """The schema that the cells suggest.

    Parameters:
        cells: the column.
        decimal_commas: whether numbers of the table have decimal commas; None where nothing is known.

    Raises:
        DataError: an infinite number, or cells that are not single values.

    >>> infer_column(pl.Series("spent", ["12,5", "7,25", "n/a"])).column.number_format.decimal
    ','
    """
    if is_picture_dtype(cells.dtype):
        return requested_column(cells, "image")
    if holds_vectors(cells):
        return Guess(_vector(cells))
    parsing.check_dtype(cells)
    name, dtype = cells.name, cells.dtype
    if dtype == pl.Boolean:
        return Guess(_from_values(cells, "boolean", "true and false"))
    if dtype in (pl.Date, pl.Datetime):
        column = _from_values(cells, "date", "dates")
        times = parsing.parse_datetimes(cells)[0]
        note = far_date_note(name, times.unique(), lambda: times) if column.used else None
        return Guess(replace(column, notes=_notes(note)))
    if dtype in (pl.Categorical, pl.Enum):
        strings = parsing.clean_strings(cells, USUAL)
        missing, distinct = strings.null_count(), strings.drop_nulls().n_unique()
        return Guess(_unless_constant(name, "category", "declared as categories", len(cells), missing, distinct))
    if not parsing.is_string(cells):
        wide = cells.dtype in (pl.Int64, pl.UInt64, pl.Int128) and bool((cells >= parsing.MAX_EXACT).any())
        if wide and (long := long_integers(name, cells.cast(pl.String))) is not None:
            return Guess(long)
        values = finite(cells, *parsing.parse_numbers(cells))
        return _of_digits(cells, values) or Guess(_number(cells, values, PLAIN))
    numbers = _plain_numbers(cells)
    if numbers is not None:
        may_be_long = (cells.str.len_bytes().max() or 0) >= LONG_INTEGER  # type: ignore[operator]
        if may_be_long and (long := long_integers(name, parsing.clean_strings(cells))) is not None:
            return Guess(long)
        return _of_digits(cells, numbers) or _plain(cells, finite(cells, numbers, None), decimal_commas)
    strings = parsing.clean_strings(cells, USUAL)
    if strings.null_count() == len(strings):
        return Guess(ColumnSchema(name, DROP, "every cell is missing", len(strings), 0))
    return _strings(cells, strings, decimal_commas)


def _plain(cells: pl.Series, values: NDArray[np.float64], decimal_commas: bool | None) -> Guess:
    """The schema of strings that are plain numbers; beside decimal commas, points may stand between thousands."""
    points = points_may_group(parsing.clean_strings(cells.head(SAMPLE)).drop_nulls())
    strings = parsing.clean_strings(cells).drop_nulls() if points else cells
    if not points or not points_may_group(strings):
        return Guess(_number(cells, values, PLAIN), read=pl.Series(cells.name, values))
    form = NumberFormat(",", ".") if decimal_commas else PLAIN
    values = finite(cells, *form.read(cells))
    return Guess(_number(cells, values, form), points=True, read=pl.Series(cells.name, values))


def _vector(cells: pl.Series) -> ColumnSchema:
    """The schema of a column of vectors."""
    array = vectors(cells)
    missing, distinct = distinct_vectors(array)
    return _unless_constant(
        cells.name, "vector", f"vectors of {array.shape[1]:,} numbers", len(array), missing, distinct
    )


def _of_digits(cells: pl.Series, values: NDArray[np.float64]) -> Guess | None:
    """The schema of integers all of which are days or months such as 20240229; None for others."""
    dates = dates_of_digits(cells, values)
    return None if dates is None else Guess(_date(*dates))


def _plain_numbers(cells: pl.Series) -> NDArray[np.float64] | None:
    """Strings as numbers, where all that are not missing are plain ones, and no codes; else None."""
    if parsing.parse_numbers(cells.head(SAMPLE), marks=False)[1] is not None:
        return None
    numbers, wrong, cleaned = parsing.parse_strings(cells, marks=False)
    if wrong is not None or np.isnan(numbers).all():
        return None
    zeros = cells.filter((cells >= "0") & (cells < "1"))
    spaces = cleaned.filter((cleaned < "!") | (cleaned > "~"))
    if have_exponents_of_codes(cells.head(SAMPLE)) and have_exponents_of_codes(cells):
        return None
    leading = any(first.str.contains(rf"^\s*{LEADING_ZERO[1:]}").any() for first in (zeros, spaces))
    leading |= are_telephones(cells.head(SAMPLE).drop_nulls())
    return None if leading and are_codes(parsing.clean_strings(cells).unique().drop_nulls()) else numbers


def is_picture_dtype(dtype: pl.DataType) -> bool:
    """Whether cells are arrays of one shape that can be pictures: bytes, with a height and a width.

    >>> is_picture_dtype(pl.Array(pl.UInt8, (8, 8))), is_picture_dtype(pl.Array(pl.UInt8, 8))
    (True, False)
    """
    return isinstance(dtype, pl.Array) and dtype.shape[1:] != () and pl.Series([], dtype=dtype).to_numpy().dtype == "u1"


def requested_column(cells: pl.Series, kind: str, how: str = "", decimal_commas: bool | None = None) -> Guess:
    """The schema of a column whose kind the user gave, if the cells allow it.

    Parameters:
        cells: the column.
        kind: the kind.
        how: how the cells are written: "decimal-comma" or "decimal-point", "day-first" or "month-first"; "" to infer
            it.
        decimal_commas: as for `infer_column`.

    Raises:
        DataError: a cell is not of this kind.

    >>> requested_column(pl.Series("day", ["3/4/2021"]), "date", "day-first").column.date_format.order
    'day-first'
    """
    name = cells.name
    if kind == "number":
        decimal_comma = how == "decimal-comma" if how else decimal_commas
        strings = parsing.clean_strings(cells, USUAL) if parsing.is_string(cells) else None
        inferred = None if strings is None else infer_number_format(different_strings(strings), decimal_comma)
        numbers = WrittenNumbers(PLAIN) if inferred is None else inferred
        form = numbers.format
        values = finite(cells, *numbers.read(cells))
        notes = number_notes(cells.name, strings, values, form)
        missing, distinct = int(np.isnan(values).sum()), int(np.unique(values[~np.isnan(values)]).size)
        column = ColumnSchema(
            name, kind, f"as requested{number_format_phrase(form)}", missing, distinct, form, notes=notes
        )
        return Guess(column) if how else Guess(column, numbers.ambiguous, numbers.points)
    if kind == "date":
        return _requested_date(cells, how, decimal_commas)
    if kind == "category" and parsing.is_string(cells):
        words = parsing.clean_strings(cells, USUAL)
        different = words.drop_nulls().unique(maintain_order=True)
        column = ColumnSchema(name, kind, "as requested", words.null_count(), len(different))
        return Guess(column, read=_enumerated(words, different))
    count_values = ColumnEncoder.count_values if kind == DROP else COLUMN_KINDS[kind].count_values
    missing, distinct = count_values(cells)
    if kind == "text" and not (texts_of(cells).str.strip_chars() != "").any():
        return Guess(ColumnSchema(name, DROP, "every text is empty", missing, distinct))
    column = ColumnSchema(name, kind, "as requested", missing, distinct)
    return Guess(_text(texts_of(cells), column) if kind == "text" else column)


def _text(texts: pl.Series, column: ColumnSchema) -> ColumnSchema:
    """The schema of a column of texts, with whether they are HTML, and what is odd about them."""
    html = is_html(texts)
    return replace(column, html=html, notes=_notes(html_note(texts) if html else None, long_text_note(texts)))


def _requested_date(cells: pl.Series, how: str, decimal_commas: bool | None) -> Guess:
    """The schema of a column that the user called a date."""
    parsing.check_dtype(cells)
    if cells.dtype.is_temporal():
        return Guess(
            ColumnSchema(cells.name, "date", "as requested", cells.null_count(), cells.drop_nulls().n_unique())
        )
    strings = parsing.clean_strings(cells, USUAL)
    read = infer_date_format(different_strings(strings), how or None, decimal_commas)
    form = DateFormat(how) if read is None else read.format
    times = datetimes(cells, form)
    notes = _notes(missing_note(strings, (times.is_null() & strings.is_not_null()).to_numpy()))
    missing, distinct = times.null_count(), times.drop_nulls().n_unique()
    column = ColumnSchema(cells.name, "date", "as requested", missing, distinct, date_format=form, notes=notes)
    return Guess(column, read is not None and read.ambiguous)


def _notes(*notes: str | None) -> tuple[str, ...]:
    return tuple(note for note in notes if note)


def _from_values(cells: pl.Series, kind: str, reason: str) -> ColumnSchema:
    """The schema of a column whose type says its kind."""
    missing, distinct = cells.null_count(), cells.drop_nulls().n_unique()
    return _unless_constant(cells.name, kind, reason, len(cells), missing, distinct)


def _unless_constant(name: str, kind: str, reason: str, rows: int, missing: int, distinct: int) -> ColumnSchema:
    """The schema, unless the column is empty or has the same value in every row."""
    if missing == rows:
        return ColumnSchema(name, DROP, "every cell is missing", missing, 0)
    if distinct == 1 and missing == 0 and rows > 1:
        return ColumnSchema(name, DROP, "the same value in every row", missing, distinct)
    return ColumnSchema(name, kind, reason, missing, distinct)


def _number(
    cells: pl.Series, values: NDArray[np.float64], form: NumberFormat, strings: pl.Series | None = None
) -> ColumnSchema:
    """The schema of a column of numbers: a number, or dropped as an identifier; `strings` are the clean cells."""
    absent = np.isnan(values)
    present = values[~absent] if absent.any() else values
    missing = len(values) - present.size
    distinct = n_different(present)
    integers = all(bool((part == np.round(part)).all()) for part in (present[:SAMPLE], present))
    seconds = "times of day, in seconds" if form.clock else "durations, in seconds" if form.duration else ""
    seconds = "feet and inches, in inches" if form.feet else "degrees" if form.degrees else seconds
    seconds = "numbers with fractions, such as 3 1/2" if form.fractions else seconds
    seconds = f"numbers in several units, in {form.compound}" if form.compound else seconds
    reason = seconds or ("integers" if integers else "numbers") + number_format_phrase(form)
    if integers and distinct == 2 and form == PLAIN and present.min() == 0.0 and present.max() == 1.0:
        reason = "0 and 1"
    elif integers and distinct <= MAX_FEW_VALUES and not seconds:
        ones = "one" if distinct == 1 else "ones"
        reason += f"; only {distinct} different {ones}, still a number because their order may matter"
    notes: tuple[str, ...] = ()
    if integers and (form == PLAIN or form.units == ("#",)) and distinct > 1 and present.size >= MIN_ROWS:
        first = float(present.min())
        counts = distinct == present.size and first in (0.0, 1.0) and float(present.max()) - first == distinct - 1
        code = identifier(cells.name, present.size, distinct, counts, first >= MIN_LONG)
        if code is not None:
            return ColumnSchema(cells.name, *code, missing, distinct)
        notes = (counting_note(cells.name, int(first)),) if counts else ()
    column = _unless_constant(cells.name, "number", reason, len(values), missing, distinct)
    if strings is None and parsing.is_string(cells) and missing:
        written_so = parsing.clean_strings(cells.filter(pl.Series(absent)), USUAL).null_count() < missing
        strings = parsing.clean_strings(cells, USUAL) if written_so else None
    notes += number_notes(cells.name, strings, values, form)
    return replace(column, number_format=form if column.used else PLAIN, notes=notes)


def _strings(cells: pl.Series, strings: pl.Series, decimal_commas: bool | None) -> Guess:
    """The schema of a column of strings that are not all plain numbers."""
    different = different_strings(strings)
    read = _read_strings(cells, strings, different, decimal_commas)
    if read is not None:
        return read
    marked = different.values.is_in(list(NAMED))
    if marked.any():
        marks = strings.is_in(different.values.filter(marked).to_list()).fill_null(False)
        words = _words(cells, strings.set(marks, None), different_strings(strings.set(marks, None)), decimal_commas)
        note = named_note(strings, marks.to_numpy(), words.column.kind)
        return replace(words, column=replace(words.column, notes=(note, *words.column.notes)))
    return _words(cells, strings, different, decimal_commas)


def _words(cells: pl.Series, strings: pl.Series, different: DifferentStrings, decimal_commas: bool | None) -> Guess:
    """The schema of a column of strings that are neither numbers nor dates."""
    name, rows, missing, distinct = cells.name, len(strings), strings.null_count(), len(different)
    if 2 <= distinct <= MAX_TRUTHS and parsing.are_truths(different.values.to_list()):
        what = "two" if distinct == 2 else f"{distinct}"
        column = _unless_constant(name, "boolean", f"{what} strings for true and false", rows, missing, distinct)
        truths = pl.Series(name, parsing.parse_booleans(strings)[0], nan_to_null=True).cast(pl.Boolean)
        return Guess(column, read=truths)
    if are_several_numbers(different.without(are_marks(different.values)).values):
        return Guess(_vector(strings))
    options = n_options(different.values)
    if options:
        reason = f"{distinct:,} different lists of {options:,} options"
        return Guess(_text(strings, ColumnSchema(name, "text", reason, missing, distinct)))
    present = strings.drop_nulls() if missing else strings
    if len(present) >= MIN_ROWS and 2 * distinct > len(present):
        shape = text_shape(present)
        if shape.is_text:
            return Guess(_text(strings, ColumnSchema(name, "text", f"{distinct:,} different texts", missing, distinct)))
        if shape.is_long or distinct >= MIN_DIFFERENT * len(present):
            read = _read_strings(cells, strings, replace(different, max_odd=MAX_ODD_OTHERWISE_LEFT_OUT), decimal_commas)
            if read is not None:
                return read
        if shape.is_long:
            reason = f"{distinct:,} different names or codes; give it the kind 'text' if its words matter"
            return Guess(ColumnSchema(name, DROP, reason, missing, distinct))
        if distinct >= MIN_DIFFERENT * len(present):
            how = "" if distinct == len(present) else "nearly "
            return Guess(ColumnSchema(name, DROP, f"{how}every value is different", missing, distinct))
    what = "codes, with leading zeros" if are_codes(different.values) else "string" if distinct == 1 else "strings"
    what = "codes, such as 47e78, which is no number" if have_exponents_of_codes(different.values) else what
    column = _unless_constant(name, "category", f"{distinct:,} different {what}", rows, missing, distinct)
    alike = written_alike(different.values) if column.used else []
    column = replace(column, notes=_notes(alike_note(f'Categories of "{name}"', alike)))
    return Guess(column, read=_enumerated(strings, different.values) if column.used else None)


def _enumerated(strings: pl.Series, values: pl.Series) -> pl.Series | None:
    """Strings as an enumeration of their different values; None where these are many."""
    return strings.cast(pl.Enum(values)) if len(values) <= MAX_ENUMERATED else None


def _read_strings(
    cells: pl.Series, strings: pl.Series, different: DifferentStrings, decimal_commas: bool | None
) -> Guess | None:
    """A column of dates or of numbers, whose clean cells are `strings`; None for others."""
    dates = infer_date_format(different, None, decimal_commas)
    if dates is not None:
        return Guess(_date(strings, different, dates), dates.ambiguous, read=dates.format.read_strings(strings))
    numbers = infer_number_format(different, decimal_commas)
    if numbers is None:
        return None
    values = finite(cells, *numbers.read(cells))
    column = _number(cells, values, numbers.format, strings)
    return Guess(column, numbers.ambiguous, numbers.points, pl.Series(cells.name, values))


def _date(strings: pl.Series, different: DifferentStrings, dates: WrittenDates) -> ColumnSchema:
    """The schema of a column of dates."""
    form, missing = dates.format, strings.null_count()
    notes: tuple[str, ...] = ()
    if len(dates.times) < len(different) or dates.times.null_count():
        unread = form.read_strings(strings).is_null() & strings.is_not_null()
        missing += int(unread.sum())
        notes = _notes(missing_note(strings, unread.to_numpy()))
    far = far_date_note(strings.name, dates.times, lambda: form.read_strings(strings))
    notes += _notes(far)
    iso = not form.order and parsing.parse_datetimes(different.values)[1] is None
    how = {"": "dates", "day-first": "dates with the day first", "month-first": "dates with the month first"}
    reason = "dates written as in ISO 8601" if iso else how[form.order]
    distinct = dates.times.drop_nulls().n_unique()
    column = _unless_constant(strings.name, "date", reason, len(strings), missing, distinct)
    return replace(column, date_format=form, notes=notes)
