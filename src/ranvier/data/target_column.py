"""The target columns of a table: their values, checked.

B is the number of rows, N the number of target columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ranvier.data import parsing
from ranvier.data.encoders.target_values import Values, plain_values
from ranvier.data.locale_numbers import has_thousands_separators, strip_thousands
from ranvier.data.sources.origin import sentence_start
from ranvier.data.sources.source import Arrays, Source, Table
from ranvier.errors import DataError, InputError, nearest

# The squares of such numbers, and sums of a great many of them, are finite in float64.
LARGEST_TARGET = 1e140


def check_column(table: Table, name: str) -> None:
    """Raise a `DataError` unless the table has the column."""
    if name not in table.frame.columns:
        hint = nearest(name, table.frame.columns, "Its columns are")
        raise DataError(f'{sentence_start(table.origin)} has no column "{name}". {hint}')


def target_values(source: Source, names: Sequence[str] = ()) -> Values:
    """The target values of a source as they were found: booleans, whole numbers, numbers or text.

    Text that is all numbers becomes numbers, unless it is written with leading zeros.

    Parameters:
        source: a Table, or Arrays with targets.
        names: the target columns of a table.

    Returns shape (B,), or (B, N) for several columns; NaN or None where a value is missing.

    Raises:
        DataError: a column does not exist, holds dates, or holds text beside other target columns.

    >>> from ranvier.data.sources import open_source
    >>> target_values(open_source({"age": [39, 50], "income": ["0", "1"]}), ["income"]).tolist()
    [0, 1]
    """
    if isinstance(source, Arrays):
        if source.targets is None:
            raise InputError(f"{source.origin} holds inputs and no targets. Give the target values as an array.")
        return plain_values(source.targets)
    columns = []
    for name in names:
        check_column(source, name)
        columns.append(_column_values(source, name))
    if len(columns) == 1:
        return columns[0]
    wrong = next((name for name, column in zip(names, columns, strict=True) if column.dtype.kind == "O"), None)
    if wrong is not None:
        raise DataError(f'The target column "{wrong}" holds text; with several target columns each must hold numbers.')
    return np.stack(columns, axis=1)


def _column_values(table: Table, name: str) -> Values:
    series = table.frame[name]
    parsing.check_dtype(series)
    if series.dtype.is_temporal():
        raise DataError(f'The target column "{name}" holds dates or times; labels or numbers were expected.')
    if not parsing.is_string(series):
        return plain_values(series.to_list() if series.dtype.is_decimal() else series, (name,))
    words = _target_words(table, name)
    numbers, wrong = parsing.parse_numbers(words)
    if wrong is None and not words.str.contains(r"^[+-]?0\d").any():
        whole = words.str.contains(r"^[+-]?\d{1,15}$").all() and words.null_count() < len(words)
        exact = whole and words.null_count() == 0
        return numbers.astype(np.int64) if exact else numbers
    return plain_values(words.to_list(), (name,))


def _target_words(table: Table, name: str) -> pl.Series:
    """The words of a target column of text, without commas between thousands where they can be nothing else."""
    words = parsing.clean_strings(table.frame[name])
    return strip_thousands(words) if has_thousands_separators(words, unambiguous=table.decimal_commas) else words


def has_thousands(table: Table, name: str) -> bool:
    """Whether a target column has commas between thousands."""
    series = table.frame[name]
    return parsing.is_string(series) and has_thousands_separators(
        parsing.clean_strings(series), unambiguous=table.decimal_commas
    )


def check_range(values: Values, names: tuple[str, ...]) -> None:
    """Raise a `DataError` for a target that is infinite, or too large to be squared."""
    table = values.reshape(len(values), -1)
    if values.dtype.kind != "f" or not (np.abs(table) > LARGEST_TARGET).any():
        return
    row, column = (int(place) for place in np.argwhere(np.abs(table) > LARGEST_TARGET)[0])
    value = table[row, column]
    said = f'The target column "{names[column]}" has {value:g} in row {row + 1}'
    if np.isinf(value):
        said += ", where a finite number was expected"
    else:
        said += f"; squares of errors can be measured up to {LARGEST_TARGET:g} (give the target in larger units)"
    raise DataError(f"{said}. Correct that cell, or leave it empty to leave the row out.")


def restore_integers(table: Table, name: str, values: Values) -> Values:
    """Whole numbers that became floating point only because some cells of their column were missing."""
    series = table.frame[name]
    words = _target_words(table, name).drop_nulls()
    written_whole = series.dtype.is_integer() or (
        parsing.is_string(series) and words.str.contains(r"^[+-]?\d{1,15}$").all()
    )
    return values.astype(np.int64) if written_whole else values
