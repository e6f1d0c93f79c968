"""The schema of a table: the kind of each column, and why.

The kind is a property of the whole table (an integer is an integer in every row), so it is inferred from all rows; what
is learned from values (means, scales, lists of categories) is learned from training rows only, by the encoders.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl

from ranvier.data.cells import parsing
from ranvier.data.cells.date_format import ORDERS
from ranvier.data.column_threads import map_columns
from ranvier.data.columns.column_notes import order_note
from ranvier.data.columns.column_schema import DROP, ColumnSchema
from ranvier.data.columns.decimal_signs import (
    DECIMALS,
    DecimalSigns,
    are_undecided,
    guess_column,
    signs_of_table,
)
from ranvier.data.columns.kind_inference import Guess
from ranvier.data.encoders.kinds import COLUMN_KINDS
from ranvier.errors import DataError, InputError, nearest

__all__ = ["DROP", "ColumnSchema", "infer_schema"]

HOW = {"number": tuple(DECIMALS), "date": ORDERS}
"""Kind -> what may stand behind it after a colon: how its cells are written."""


def infer_schema(
    frame: pl.DataFrame,
    ignore: Iterable[str] = (),
    overrides: Mapping[str, str] | None = None,
    decimal_commas: bool = False,
) -> tuple[ColumnSchema, ...]:
    """Infer the kind of each column.

    Parameters:
        frame: the table.
        ignore: columns to leave out, for example the target.
        overrides: column name -> kind, where the user knows better; how the cells are written may stand behind it, as
            in "date:day-first", "date:month-first", "number:decimal-comma" and "number:decimal-point".
        decimal_commas: whether a comma that may stand before decimals or between thousands stands before decimals.

    Raises:
        DataError: an infinite value; a cell that an override does not allow; cells that are not single values.
        InputError: an unknown column or kind, or no column that can be used.

    >>> frame = pl.DataFrame({"age": ["39", "?", "50"], "sex": ["Male", "Female", "Male"]})
    >>> [(column.name, column.kind, column.missing) for column in infer_schema(frame)]
    [('age', 'number', 1), ('sex', 'category', 0)]
    """
    return read_schema(frame, ignore, overrides, decimal_commas)[0]


def read_schema(
    frame: pl.DataFrame,
    ignore: Iterable[str] = (),
    overrides: Mapping[str, str] | None = None,
    decimal_commas: bool = False,
) -> tuple[tuple[ColumnSchema, ...], dict[str, pl.Series]]:
    """What `infer_schema` gives, and columns of strings as what they were read as on the way, by name.

    >>> read_schema(pl.DataFrame({"age": ["39", "?", "50"]}))[1]["age"].to_list()
    [39.0, nan, 50.0]
    """
    kinds = dict(overrides or {})
    ignored = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    for name in ignored:
        _check_name(name, frame.columns)
    check_kinds(frame.columns, kinds)
    columns = [cells for cells in frame.iter_columns() if cells.name not in ignored]
    others = [cells for cells in frame.iter_columns() if cells.name in ignored]
    schema, read = _columns(columns, others, kinds, decimal_commas)
    if not schema:
        raise InputError("No input column is left: each is the target or ignored. Give more columns, or ignore fewer.")
    if not any(column.used for column in schema):
        schema = [_number_if_nothing_else(c, frame[c.name]) if c.name not in kinds else c for c in schema]
    if not any(column.used for column in schema):
        reasons = "; ".join(f"{column.name}: {column.reason}" for column in schema[:5])
        raise InputError(f"No column is left to learn from besides the target ({reasons}).")
    return tuple(schema), read


def _columns(
    columns: list[pl.Series], others: list[pl.Series], kinds: Mapping[str, str], semicolons: bool
) -> tuple[list[ColumnSchema], dict[str, pl.Series]]:
    """The schema of each column, and what strings were read as.

    Where commas can mean two things, all columns and the file decide.
    """
    guesses = map_columns(partial(guess_column, kinds=kinds), columns, len(columns[0]) if columns else 0)
    signs = DecimalSigns()
    if any(map(are_undecided, guesses)):
        by_name = {cells.name: first for cells, first in zip(columns, guesses, strict=True)}
        signs = signs_of_table([*columns, *others], kinds, semicolons, by_name)
    schema, read = [], {}
    for cells, first in zip(columns, guesses, strict=True):
        again = signs.have_decimal_commas(first.column.number_format, first.ambiguous, first.points, cells)
        last = guess_column(cells, kinds, True) if again else first
        schema.append(_with_sign_note(last, first, signs))
        read[cells.name] = last.read
    return schema, {name: cells for name, cells in read.items() if cells is not None}


def _with_sign_note(last: Guess, first: Guess, signs: DecimalSigns) -> ColumnSchema:
    """The schema of a column with a note on the other way in which its cells could have been read."""
    column = last.column
    if column.kind == "date":
        unclear = last.ambiguous and not signs.decimal_commas
        note = order_note(column.name, column.date_format.order) if unclear else None
    else:
        note = signs.note(column.name, column.number_format, last.ambiguous, first.points) if column.used else None
    return column if note is None else replace(column, notes=(*column.notes, note))


def check_kinds(columns: Collection[str], kinds: Mapping[str, str]) -> None:
    """Raise an `InputError` unless the kinds are known ones of columns that there are.

    >>> check_kinds(["shop"], {"shop": "category"})
    """
    for name, kind in kinds.items():
        _check_name(name, columns)
        _check_kind(name, kind)


def _check_name(name: str, columns: Collection[str]) -> None:
    """Raise a `DataError` unless there is a column of this name."""
    if name not in columns:
        raise DataError(f'There is no column "{name}". {nearest(name, columns)}')


def _check_kind(name: str, kind: Any) -> None:
    """Raise an `InputError` unless a column can be of this kind."""
    if isinstance(kind, str):
        bare, colon, how = kind.partition(":")
        if (bare == DROP or bare in COLUMN_KINDS) and (not colon or how in HOW.get(bare, ())):
            return
        if colon and bare in HOW:
            raise InputError(
                f'Column "{name}" cannot be of kind {kind!r}. {nearest(how, HOW[bare], f"After {bare}: stands one of")}'
            )
    raise InputError(f'Column "{name}" cannot be of kind {kind!r}. {nearest(str(kind), (*COLUMN_KINDS, DROP))}')


def _number_if_nothing_else(column: ColumnSchema, cells: pl.Series) -> ColumnSchema:
    """An identifier of integers is used as a number where there is nothing else to learn from."""
    if column.used or column.distinct < 2 or parsing.parse_numbers(cells)[1] is not None:
        return column
    reason = "integers that are all different, used because no other column can be"
    return ColumnSchema(column.name, "number", reason, column.missing, column.distinct)
