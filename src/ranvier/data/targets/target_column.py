"""The target columns of a source: their values, and whether they can be learned.

B is the number of rows, N the number of target columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.cells.different_strings import different_strings
from ranvier.data.cells.number_format import PLAIN, NumberFormat
from ranvier.data.cells.number_inference import infer_number_format
from ranvier.data.columns.column_notes import rare_parts_note
from ranvier.data.columns.decimal_signs import DECIMALS, signs_of_table
from ranvier.data.encoders.dates_as_labels import ADVICE
from ranvier.data.encoders.target_values import Values, exact_integers, plain_values
from ranvier.data.encoders.task_inference import MAX_CLASSES, not_a_number
from ranvier.data.sources.origin import sentence_start
from ranvier.data.sources.source import Source
from ranvier.data.targets.target_marks import TargetMarks, read_labels
from ranvier.errors import OR_SKIP, DataError, InputError, nearest
from ranvier.network.task import Task
from ranvier.records import record
from ranvier.rows.row_names import at_row

EXACT_DIGITS = 15
"""Integers of so many digits are numbers of float64."""
MAX_TARGET = 1e140
"""Squares of such numbers, and sums of a great many of them, are finite in float64."""


def check_column(source: Source, name: str) -> None:
    """Raise an error unless the source has a column of this name.

    >>> from ranvier.data.sources import open_source
    >>> check_column(open_source("iris"), "species")
    """
    if name not in source.column_names:
        hint = nearest(name, source.column_names, "Its columns are")
        raise DataError(f'{sentence_start(source.origin)} has no column "{name}". {hint}')


def target_values(
    source: Source,
    names: Sequence[str] = (),
    classes: Sequence[Any] | None = None,
    formats: Sequence[NumberFormat] | None = None,
) -> Values:
    """The target values of a source: booleans, integers, numbers or strings.

    Strings that are all numbers become numbers, unless they have leading zeros or are an enumeration, such as the names
    of class folders. What becomes of marks of missing cells, such as NA, says `target_marks.read_labels`.

    Parameters:
        source: a Table, or Arrays with targets.
        names: the target columns of a table.
        classes: the classes of a finished model, empty where it has none; None before training.
        formats: how the numbers of each column were written in training; None or empty to infer it.

    Returns shape (B,), or (B, N) for several columns; NaN or None where a value is missing.

    Raises:
        DataError: a column does not exist, holds dates, or holds text beside other target columns.

    >>> from ranvier.data.sources import open_source
    >>> target_values(open_source({"age": [39, 50], "income": ["0", "1"]}), ["income"]).tolist()
    [0, 1]
    """
    if not source.column_names:
        if source.targets is None:
            raise InputError(
                f"{sentence_start(source.origin)} holds inputs and no targets. Give the target values as an array."
            )
        return plain_values(source.targets)
    columns = target_columns(source, names, classes, formats)
    if len(columns) == 1:
        return columns[0]
    for name, column in zip(names, columns, strict=True):
        if column.dtype.kind == "O":
            raise not_a_number(
                column, name, np.arange(len(column)), "a number was expected, as in every one of several target columns"
            )
    return np.stack(columns, axis=1)


def target_columns(
    source: Source,
    names: Sequence[str],
    classes: Sequence[Any] | None = None,
    formats: Sequence[NumberFormat] | None = None,
) -> list[Values]:
    """The values of each target column of a table, (B,) each; parameters and errors as for `target_values`.

    >>> from ranvier.data.sources import open_source
    >>> [values.tolist() for values in target_columns(open_source({"a": ["1", "2"], "b": ["x", None]}), ["a", "b"])]
    [[1, 2], ['x', None]]
    """
    for name in names:
        check_column(source, name)
    forms = formats or target_formats(source, names) or (PLAIN,) * len(names)
    return [_column_values(source, name, classes, form) for name, form in zip(names, forms, strict=True)]


def _column_values(source: Source, name: str, classes: Sequence[Any] | None, form: NumberFormat) -> Values:
    cells = source.frame[name]
    parsing.check_dtype(cells)
    if cells.dtype in (pl.Duration, pl.Time):
        cells = cells.cast(pl.Duration).dt.total_microseconds() / 1e6  # seconds, as of strings
    if cells.dtype.is_temporal():
        raise DataError(f'The target column "{name}" holds dates or times; labels or numbers were expected. {ADVICE}.')
    if cells.dtype == pl.Enum:
        return plain_values(cells.cast(pl.String).to_list(), (name,))
    if not parsing.is_string(cells):
        gaps = cells.dtype.is_integer() and cells.null_count() and (cells.abs() > parsing.MAX_EXACT).any()
        as_list = cells.dtype.is_decimal() or cells.dtype == pl.Int128 or gaps  # which NumPy has not, or rounds
        return plain_values(cells.to_list() if as_list else cells, (name,))
    strings, marks = read_labels(source.frame[name], source.in_memory, classes)
    if not marks.labels and form != PLAIN:
        strings = _as_written_plainly(strings, form)
    numbers, wrong = (np.zeros(0), 0) if marks.labels else parsing.parse_numbers(strings, marks=False)
    if wrong is None and not strings.str.contains(r"^[+-]?0\d").any():
        if (strings.str.len_bytes().max() or 0) > EXACT_DIGITS and strings.str.contains(r"^[+-]?\d+$").all():  # type: ignore[operator]
            return exact_integers([None if string is None else int(string) for string in strings.to_list()])
        all_integer = strings.str.contains(r"^[+-]?\d{1,15}$").all() and strings.null_count() < len(strings)
        exact = all_integer and strings.null_count() == 0
        return numbers.astype(np.int64) if exact else numbers
    return plain_values(strings.to_list(), (name,))


def with_column_order(task: Task, source: Source) -> Task:
    """The task with its classes in the order of an enumeration that is the target column; else unchanged.

    >>> from ranvier.data.sources import open_source
    >>> labels = pl.Series("y", ["2", "10"], dtype=pl.Enum(["2", "10"]))
    >>> with_column_order(Task("binary", 1, ("10", "2"), ("y",)), open_source(labels.to_frame())).classes
    ('2', '10')
    """
    name = task.target_names[0] if len(task.target_names) == 1 else ""
    kind = source.frame.schema[name] if name in source.column_names else None
    if not isinstance(kind, pl.Enum) or not task.classes:
        return task
    rank = {label: index for index, label in enumerate(kind.categories.to_list())}
    return replace(task, classes=tuple(sorted(task.classes, key=lambda label: rank[str(label)])))


def target_marks(source: Source, names: Sequence[str], classes: Sequence[Any] | None = None) -> TargetMarks:
    """What became of marks of missing cells in a single target column; nothing for several and for arrays.

    >>> from ranvier.data.sources import open_source
    >>> target_marks(open_source({"y": ["NA", "ZA"] * 2}), ("y",)).labels[0].rows
    2
    """
    if len(names) != 1 or not source.column_names or not parsing.is_string(source.frame[names[0]]):
        return TargetMarks()
    if source.frame.schema[names[0]] == pl.Enum:
        return TargetMarks()
    return read_labels(source.frame[names[0]], source.in_memory, classes)[1]


def target_formats(source: Source, names: Sequence[str]) -> tuple[NumberFormat, ...]:
    """How the numbers of each target column are written; empty where no column needs a format.

    >>> from ranvier.data.sources import open_source
    >>> target_formats(open_source({"price": ["1,234", "1,234,567"]}), ["price"])[0].thousands
    ','
    """
    written = _written(source, names)
    return (
        tuple(entry.form for entry in written) if any(entry.decided or entry.form != PLAIN for entry in written) else ()
    )


def target_format_notes(source: Source, names: Sequence[str]) -> list[str]:
    """What to say of the other way in which the numbers of target columns could have been read, and of rare units.

    >>> from ranvier.data.sources import open_source
    >>> target_format_notes(open_source({"price": ["1,234", "9,567"]}), ["price"])
    ['Column "price": 1,234 was read as 1234; if it means 1.234: --kind price=number:decimal-comma.']
    """
    return [note for entry in _written(source, names) for note in entry.notes]


@record
class _Written:
    """How the numbers of a target are written, what to say of it, and whether there was another way to read them."""

    form: NumberFormat = PLAIN
    notes: tuple[str, ...] = ()
    decided: bool = False


_inferred: WeakKeyDictionary[Source, dict[str, _Written]] = WeakKeyDictionary()
"""Source -> what `_written` inferred of its columns, since a preparation asks for it several times."""


def _written(source: Source, names: Sequence[str]) -> list[_Written]:
    """How the numbers of each target column are written."""
    if not source.column_names:
        return []
    inferred = _inferred.setdefault(source, {})
    for name in names:
        if name not in inferred:
            inferred[name] = _written_in(source.frame[name], source)
    return [inferred[name] for name in names]


def _written_in(cells: pl.Series, source: Source) -> _Written:
    """How the numbers of a column of a source are written."""
    if not parsing.is_string(cells) or cells.dtype == pl.Enum:
        return _Written()
    strings, marks = read_labels(cells, source.in_memory)
    return _Written() if marks.labels else _format_of(strings, source)


def _format_of(strings: pl.Series, source: Source) -> _Written:
    """How the numbers of a target are written, a few odd cells aside; plain where they may be classes.

    Where a sign can mean two things, the user or the other columns decide, as they do for inputs.
    """
    different = different_strings(strings)
    how = DECIMALS.get(source.kinds.get(strings.name, "").partition(":")[2])
    read = infer_number_format(different, how)
    if read is None:
        return _Written()
    note, last = None, read
    undecided = read.ambiguous or read.points
    if how is None and (undecided or read.format.thousands == ","):
        signs = signs_of_table(source.frame.iter_columns(), source.kinds, source.decimal_commas, {})
        if signs.have_decimal_commas(read.format, read.ambiguous, read.points, different.values):
            last = infer_number_format(different, decimal_commas=True) or read
        note = signs.note(strings.name, last.format, last.ambiguous, read.points)
    form = replace(last.format, odd=False)
    names = form.units or form.bounds or form.clock
    if form.several_units or (names and len(different) <= MAX_CLASSES):
        return _Written()
    rare = None if form == PLAIN else rare_parts_note(strings, form, form.read_strings(strings))
    return _Written(form, tuple(text for text in (note, rare) if text), undecided)


def _as_written_plainly(strings: pl.Series, form: NumberFormat) -> pl.Series:
    """Strings that are numbers in a format as plain numbers; the others unchanged."""
    numbers = parsing.clean_strings(pl.Series(strings.name, form.read_strings(strings), nan_to_null=True))
    return numbers.zip_with(numbers.is_not_null(), strings)


def check_target_range(values: Values, names: tuple[str, ...], row_numbers: NDArray[np.int64]) -> None:
    """Raise a `DataError` where squared errors of a target would overflow; row and column are named.

    >>> check_target_range(np.array([1.0, np.nan]), ("price",), np.arange(2))
    """
    table = values.reshape(len(values), -1)
    if values.dtype.kind != "f" or not (np.abs(table) > MAX_TARGET).any():
        return
    row, column = (int(index) for index in np.argwhere(np.abs(table) > MAX_TARGET)[0])
    value = table[row, column]
    message = f'The target column "{names[column]}" has {value:g} {at_row(row_numbers[row])}'
    if np.isinf(value):
        message += ", where a finite number was expected"
    else:
        message += f"; squares of errors can be measured up to {MAX_TARGET:g} (give the target in larger units)"
    raise DataError(f"{message}. Correct that cell, leave it empty, {OR_SKIP}.")


def restore_integers(
    source: Source, name: str, values: Values, formats: Sequence[NumberFormat] | None = None
) -> Values:
    """Integers and truth values that became floating point only because some cells of their column were missing.

    >>> from ranvier.data.sources import open_source
    >>> restore_integers(open_source({"y": ["1", ""]}), "y", np.array([1.0])).dtype.kind
    'i'
    """
    cells = source.frame[name]
    if not parsing.is_string(cells):
        if cells.dtype == pl.Boolean:
            return values.astype(np.bool_)
        return values.astype(np.int64) if cells.dtype.is_integer() else values
    strings = read_labels(cells, source.in_memory)[0].drop_nulls()
    forms = formats or target_formats(source, [name])
    strings = _as_written_plainly(strings, forms[0]) if forms else strings
    return values.astype(np.int64) if strings.str.contains(r"^[+-]?\d{1,15}$").all() else values
