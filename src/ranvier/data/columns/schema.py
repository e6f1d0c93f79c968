"""The schema of a table: the kind of each column, and why.

The kind is a property of the whole table (an integer is an integer in every row), so it is inferred from all rows; what
is learned from values (means, scales, lists of categories) is learned from training rows only, by the encoders.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from ranvier.data.cells import parsing
from ranvier.data.cells.date_format import ORDERS
from ranvier.data.cells.number_inference import some_without_points
from ranvier.data.column_threads import map_columns
from ranvier.data.columns.column_notes import comma_note, order_note, points_note
from ranvier.data.columns.column_schema import DROP, ColumnSchema
from ranvier.data.columns.kind_inference import Guess, infer_column, requested_column
from ranvier.data.encoders.kinds import COLUMN_KINDS
from ranvier.errors import DataError, InputError, nearest

__all__ = ["DROP", "ColumnSchema", "infer_schema"]

SAMPLE = 10_000
POINT_BEFORE_DECIMALS = r"^\s*[+-]?(?:[0-9]+\.(?:[0-9]{1,2}|[0-9]{4,})|0\.[0-9]+)\s*$"
HOW = {"number": ("decimal-comma", "decimal-point"), "date": ORDERS}
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
    schema, read = _columns(columns, kinds, decimal_commas)
    if not schema:
        raise InputError("No input column is left: each is the target or ignored. Give more columns, or ignore fewer.")
    if not any(column.used for column in schema):
        schema = [_number_if_nothing_else(c, frame[c.name]) if c.name not in kinds else c for c in schema]
    if not any(column.used for column in schema):
        reasons = "; ".join(f"{column.name}: {column.reason}" for column in schema[:5])
        raise InputError(f"No column is left to learn from besides the target ({reasons}).")
    return tuple(schema), read


def _columns(
    columns: list[pl.Series], kinds: Mapping[str, str], decimal_commas: bool
) -> tuple[list[ColumnSchema], dict[str, pl.Series]]:
    """The schema of each column, and what strings were read as.

    Where commas can mean two things, the other columns and the file decide.
    """

    def guess(cells: pl.Series, commas: bool | None = None) -> Guess:
        kind, _, how = kinds.get(cells.name, "").partition(":")
        return requested_column(cells, kind, how, commas) if kind else infer_column(cells, commas)

    guesses = map_columns(guess, columns, len(columns[0]) if columns else 0)
    sure = [g.column.number_format for g in guesses if not g.ambiguous]
    commas = any(form.decimal == "," for form in sure)
    evidence = commas and not any(form.thousands == "," for form in sure)
    maybe = (evidence or decimal_commas) and any(g.points for g in guesses) and not _have_decimal_points(columns)
    schema, read = [], {}
    for cells, first in zip(columns, guesses, strict=True):
        groups = maybe and first.points and (evidence or some_without_points(cells))
        if groups or (first.points and first.column.number_format.units):
            last = guess(cells, True) if groups else first
            schema.append(replace(last.column, notes=(*last.column.notes, points_note(cells.name, groups))))
            read[cells.name] = last.read
            continue
        again = (commas and first.column.thousands_separator and not first.ambiguous) or (
            first.ambiguous and (evidence or decimal_commas)
        )
        last = guess(cells, True) if again else first
        schema.append(with_order_notes(last.column) if last.ambiguous and not evidence else last.column)
        read[cells.name] = last.read
    return schema, {name: cells for name, cells in read.items() if cells is not None}


def _have_decimal_points(columns: Sequence[pl.Series]) -> bool:
    """Whether numbers of a column have points that stand before decimals for sure."""
    strings = (cells for cells in columns if cells.dtype == pl.String)
    return any(cells.head(SAMPLE).str.contains(POINT_BEFORE_DECIMALS).any() for cells in strings)


def with_order_notes(column: ColumnSchema) -> ColumnSchema:
    """A column with a note on the other way in which its cells could have been read."""
    if column.kind == "date":
        return replace(column, notes=(*column.notes, order_note(column.name, column.date_format.order)))
    return replace(column, notes=(*column.notes, comma_note(column.name, column.number_format)))


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
