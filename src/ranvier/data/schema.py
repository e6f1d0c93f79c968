"""The schema of a table: the kind of each column, and why.

The kind is a property of the whole table (an integer is an integer in every row), so it is inferred from all rows; what
is learned from values (means, scales, lists of categories) is learned from training rows only, by the encoders.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import polars as pl

from ranvier.data import parsing
from ranvier.data.encoders import json_fields
from ranvier.data.encoders.column import ColumnEncoder
from ranvier.data.encoders.kinds import COLUMN_KINDS, STORED_DROP_KINDS
from ranvier.data.encoders.number import finite_numbers
from ranvier.data.locale_numbers import has_thousands_separators, strip_thousands
from ranvier.errors import DataError, InputError, nearest
from ranvier.records import record

DROP = "drop"
MAX_FEW_VALUES = 10
MIN_ROWS = 10
"""Fewer rows say nothing about whether a column's values repeat."""
KINDS_TO_COME = ("text", "image", "sound", "vector")
"""Kinds that have a name and in this version no encoder."""
ID_NAMES = {"id", "ids", "uuid", "guid", "pid", "identifier", "rownames", "index"}


@record
class ColumnSchema:
    """What a column holds.

    Fields:
        name: the column's name.
        kind: one of `COLUMN_KINDS`, or "drop" for a column that is no input.
        reason: why, in words.
        missing: the number of missing cells.
        distinct: the number of different values, missing ones left out.
        thousands_separator: whether the cells of a number have commas between thousands.

    >>> ColumnSchema("age", "number", "numbers", 0, 73).used
    True
    """

    name: str
    kind: str
    reason: str
    missing: int
    distinct: int
    thousands_separator: bool = False

    @property
    def used(self) -> bool:
        """Whether the column is an input."""
        return self.kind != DROP

    def to_dict(self) -> dict[str, Any]:
        """The schema as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Any) -> ColumnSchema:
        """The schema that `to_dict` wrote; earlier versions stored the reason of a dropped column as its kind.

        Raises:
            ModelFileError: a field is absent or of another type, or the kind is unknown.
        """
        data = json_fields.renamed(json_fields.mapping(data), {"commas": "thousands_separator"})
        kind = json_fields.field(data, "kind", str)
        kind = DROP if kind in STORED_DROP_KINDS else kind
        if kind != DROP and kind not in COLUMN_KINDS:
            raise json_fields.damaged(f"a column is of kind {kind[:40]!r}")
        name, reason = json_fields.field(data, "name", str), json_fields.field(data, "reason", str)
        missing, distinct = json_fields.field(data, "missing", int), json_fields.field(data, "distinct", int)
        return cls(name, kind, reason, missing, distinct, json_fields.field(data, "thousands_separator", bool))


def infer_schema(
    frame: pl.DataFrame, ignore: Iterable[str] = (), overrides: Mapping[str, str] | None = None
) -> tuple[ColumnSchema, ...]:
    """Infer the kind of each column.

    Parameters:
        frame: the table.
        ignore: columns to leave out, for example the target.
        overrides: column name -> kind, where the user knows better.

    Raises:
        DataError: an infinite value; a cell that an override does not allow; cells that are not single values.
        InputError: an unknown column or kind, or no column that can be used.

    >>> frame = pl.DataFrame({"age": ["39", "?", "50"], "sex": ["Male", "Female", "Male"]})
    >>> [(column.name, column.kind, column.missing) for column in infer_schema(frame)]
    [('age', 'number', 1), ('sex', 'category', 0)]
    """
    kinds = dict(overrides or {})
    ignored = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    for name in (*ignored, *kinds):
        if name not in frame.columns:
            raise DataError(f'There is no column "{name}". {nearest(name, frame.columns)}')
    for name, kind in kinds.items():
        _check_kind(name, kind)
    schema = []
    for cells in frame.iter_columns():
        if cells.name not in ignored:
            schema.append(_override(cells, kinds[cells.name]) if cells.name in kinds else _inferred(cells))
    if not schema:
        raise InputError("No input column is left: each is the target or ignored. Give more columns, or ignore fewer.")
    if not any(column.used for column in schema):
        schema = [_number_if_nothing_else(c, frame[c.name]) if c.name not in kinds else c for c in schema]
    if not any(column.used for column in schema):
        listed = "; ".join(f"{column.name}: {column.reason}" for column in schema[:5])
        raise InputError(f"No column is left to learn from besides the target ({listed}).")
    return tuple(schema)


def _check_kind(name: str, kind: Any) -> None:
    """Raise an `InputError` unless a column can be of this kind."""
    if isinstance(kind, str) and (kind == DROP or kind in COLUMN_KINDS):
        return
    if kind in KINDS_TO_COME:
        raise InputError(
            f'Column "{name}" cannot be of kind {kind!r} in this version, which reads columns of the kinds '
            f"{', '.join(COLUMN_KINDS)}; leave the column out with the kind 'drop'."
        )
    raise InputError(f'Column "{name}" cannot be of kind {kind!r}. {nearest(str(kind), (*COLUMN_KINDS, DROP))}')


def _number_if_nothing_else(column: ColumnSchema, cells: pl.Series) -> ColumnSchema:
    """An identifier of integers is used as a number where there is nothing else to learn from."""
    if column.used or column.distinct < 2 or parsing.parse_numbers(cells)[1] is not None:
        return column
    reason = "integers that are all different, used because no other column can be"
    return ColumnSchema(column.name, "number", reason, column.missing, column.distinct)


def _override(cells: pl.Series, kind: str) -> ColumnSchema:
    """The schema of a column whose kind the user gave, if the cells allow it."""
    count_values = ColumnEncoder.count_values if kind == DROP else COLUMN_KINDS[kind].count_values
    missing, distinct = count_values(cells)
    return ColumnSchema(cells.name, kind, "as requested", missing, distinct)


def _inferred(cells: pl.Series) -> ColumnSchema:
    """The schema that the cells suggest."""
    parsing.check_dtype(cells)
    name, dtype = cells.name, cells.dtype
    if dtype == pl.Boolean:
        missing, distinct = cells.null_count(), cells.drop_nulls().n_unique()
        return _unless_constant(name, "boolean", "true and false", len(cells), missing, distinct)
    if dtype in (pl.Date, pl.Datetime):
        missing, distinct = cells.null_count(), cells.drop_nulls().n_unique()
        return _unless_constant(name, "date", "dates", len(cells), missing, distinct)
    if not parsing.is_string(cells):
        return _number(cells, finite_numbers(cells))
    strings = parsing.clean_strings(cells)
    if strings.null_count() == len(strings):
        return ColumnSchema(name, DROP, "every cell is missing", len(strings), 0)
    distinct_strings = strings.unique(maintain_order=True)
    if parsing.parse_numbers(distinct_strings)[1] is None and not distinct_strings.str.contains(r"^[+-]?0\d").any():
        return _number(cells, finite_numbers(strings))
    if has_thousands_separators(distinct_strings):
        column = _number(cells, finite_numbers(strip_thousands(strings)))
        reason = f"{column.reason}, with commas between thousands"
        return replace(column, reason=reason, thousands_separator=column.used)
    return _strings(name, strings, distinct_strings.drop_nulls())


def _unless_constant(name: str, kind: str, reason: str, rows: int, missing: int, distinct: int) -> ColumnSchema:
    """The schema, unless the column is empty or has the same value in every row."""
    if missing == rows:
        return ColumnSchema(name, DROP, "every cell is missing", missing, 0)
    if distinct == 1 and missing == 0 and rows > 1:
        return ColumnSchema(name, DROP, "the same value in every row", missing, distinct)
    return ColumnSchema(name, kind, reason, missing, distinct)


def _number(cells: pl.Series, values: np.ndarray) -> ColumnSchema:
    """The schema of a column of numbers: a number, or dropped as an identifier."""
    present = values[~np.isnan(values)]
    missing = len(values) - present.size
    distinct_values = np.unique(present)
    distinct = int(distinct_values.size)
    whole = bool((present == np.round(present)).all())
    reason = "integers" if whole else "numbers"
    if whole and distinct <= MAX_FEW_VALUES:
        reason = f"integers; only {distinct} different ones, still a number because their order may matter"
    if whole and distinct == present.size and present.size >= MIN_ROWS:
        counts = distinct_values[0] in (0.0, 1.0) and distinct_values[-1] - distinct_values[0] == distinct - 1
        called = bool(ID_NAMES & set(_name_words(cells.name)))
        if counts or called:
            reason = "integers that count the rows" if counts else "integers, all different, named like an id"
            return ColumnSchema(cells.name, DROP, reason, missing, distinct)
    return _unless_constant(cells.name, "number", reason, len(values), missing, distinct)


def _name_words(name: str) -> list[str]:
    """The words in a name like "PassengerId" or "customer_id", in lower case."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def _strings(name: str, strings: pl.Series, distinct_strings: pl.Series) -> ColumnSchema:
    """The schema of a column of strings that are not all numbers, from all of them and from the different ones."""
    rows, missing, distinct = len(strings), strings.null_count(), len(distinct_strings)
    if parsing.parse_datetimes(distinct_strings)[1] is None:
        return _unless_constant(name, "date", "dates written as in ISO 8601", rows, missing, distinct)
    if distinct == 2 and {word.lower() for word in distinct_strings.to_list()} in parsing.BOOLEAN_PAIRS:
        return _unless_constant(name, "boolean", "two strings for true and false", rows, missing, distinct)
    present = strings.drop_nulls() if missing else strings
    if len(present) >= MIN_ROWS and 2 * distinct > len(present):
        length = float(present.str.len_chars().mean())  # type: ignore[arg-type]
        spaces = float(present.str.count_matches(" ").mean())  # type: ignore[arg-type]
        if length >= 20 and spaces >= 2:
            reason = f"free text, which is not read yet; {distinct:,} different texts"
            return ColumnSchema(name, DROP, reason, missing, distinct)
        if distinct == len(present):
            return ColumnSchema(name, DROP, "every value is different", missing, distinct)
    return _unless_constant(name, "category", f"{distinct:,} different strings", rows, missing, distinct)
