"""The encoder of tables: one encoder for each column that is used, side by side.

B is the number of rows, K the number of inputs that the columns become.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.encoders import json_fields
from ranvier.data.encoders.basis import BasisEncoder
from ranvier.data.encoders.column import ColumnEncoder
from ranvier.data.encoders.concat import SideBySide
from ranvier.data.encoders.features import COLUMN_ENCODERS, Encoders, Features
from ranvier.data.parsing import without_comma
from ranvier.data.schema import KINDS, ColumnPlan, infer_columns
from ranvier.data.sources import open_source
from ranvier.data.sources.frames import frame_from, row_of
from ranvier.data.sources.source import Arrays, Table, is_row
from ranvier.errors import DataError, ShapeError, nearest, opening
from ranvier.records import record

READERS: dict[str, Encoders | type[BasisEncoder]] = {**COLUMN_ENCODERS, "basis": BasisEncoder}


class _Working:
    """What encoding needs beside the columns: their encoders together, and the names and places of those used."""

    def __init__(self, encoder: Encoder) -> None:
        self.together = SideBySide(encoder.encoders)
        self.names = [one.column for one in encoder.encoders]
        order = {plan.name: place for place, plan in enumerate(encoder.columns)}
        self.places = [order[name] for name in self.names]
        self.plans = [encoder.columns[place] for place in self.places]
        self.commas = [place for place, plan in enumerate(self.plans) if plan.commas]

    def plain(self, cells: list[Any]) -> list[Any]:
        """The cells of one row, one for each encoder, as `ColumnPlan.plain` makes those of a column."""
        for place in self.commas:
            if type(cells[place]) is str:
                cells[place] = without_comma(cells[place])
        return cells


@record
class Encoder:
    """Encodes the rows of a table.

    Fields:
        columns: what each column holds, those set aside included.
        encoders: one for each column that is used, in the same order.
    """

    columns: tuple[ColumnPlan, ...]
    encoders: tuple[ColumnEncoder, ...]
    _kept: list[_Working] = field(default_factory=list, init=False, repr=False, compare=False)

    @classmethod
    def fit(
        cls,
        source: Any,
        columns: Iterable[ColumnPlan] | None = None,
        target: str | Iterable[str] | None = None,
        features: Features | None = None,
    ) -> Encoder:
        """Learn from the training rows.

        Parameters:
            source: a Table or whatever `frame_from` reads.
            columns: what each column holds; None to infer it from the rows.
            target: the columns to predict, which are no inputs.
            features: how far numbers and categories are spelled out; None for one number a number.

        Raises:
            DataError: a cell is not what its column's kind asks for.
            InputError: no column can be used.

        >>> rows = {"age": [30.0, 40.0, 50.0], "sex": ["Male", "Female", "Male"], "income": ["low", "low", "high"]}
        >>> Encoder.fit(rows, target="income").feature_names
        ('age', 'sex=Male', 'sex=Female', 'sex is another value', 'sex is missing')
        """
        frame = _frame(source)
        targets = (target,) if isinstance(target, str) else tuple(target or ())
        plans = infer_columns(frame, targets) if columns is None else tuple(columns)
        used = [plan for plan in plans if plan.used and plan.name not in targets]
        if features is None:
            encoders: tuple[ColumnEncoder, ...] = tuple(
                COLUMN_ENCODERS[p.kind].fit(p.plain(frame[p.name])) for p in used
            )
        else:
            share = features.shared(sum(features.spells(plan) for plan in used), frame.height)
            encoders = tuple(share.encoder(plan, plan.plain(frame[plan.name])) for plan in used)
        return cls(tuple(plan for plan in plans if plan.name not in targets), encoders)

    @property
    def width(self) -> int:
        """K, the number of inputs of the network."""
        return sum(encoder.width for encoder in self.encoders)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """One name for each input."""
        return tuple(name for encoder in self.encoders for name in encoder.feature_names)

    @property
    def ramps(self) -> tuple[slice, ...]:
        """Which inputs are the ramps of a column, for each column that has some."""
        places, start = [], 0
        for one in self.encoders:
            if isinstance(one, BasisEncoder) and one.ramps.stop > one.ramps.start:
                places.append(slice(start + one.ramps.start, start + one.ramps.stop))
            start += one.width
        return tuple(places)

    def with_hats(self) -> Encoder:
        """The encoder with hats in place of ramps."""
        spelled = (replace(one, hats=True) if isinstance(one, BasisEncoder) else one for one in self.encoders)
        return Encoder(self.columns, tuple(spelled))

    def transform(self, source: Any) -> NDArray[np.float32]:
        """Encode rows; columns that were not there in training are ignored.

        Parameters:
            source: what `open_source` reads as a table: a data frame, a dict of columns or of single values, a list of
                dicts, a file; or cells in the order of the training table (the target left out): an array, a list of
                rows, or one row as a list or tuple.

        Returns a contiguous float32 array (B, K) without NaN or infinite values.

        Raises:
            DataError: a column is missing, or a cell is not what its column's kind asks for.
            ShapeError: an array or a row has another number of columns.

        >>> encoder = Encoder.fit({"sex": ["Male", "Female", "Male"]})
        >>> encoder.transform({"sex": ["Female", "Unknown", None]}).tolist()
        [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
        """
        working = self._working()
        if isinstance(source, Arrays):
            source = source.dense()
        cells = self._cells(source)
        inputs = None if cells is None else working.together.row(working.plain(cells))
        if inputs is not None:
            return inputs
        table = self._table(source)
        absent = [name for name in working.names if name not in table.frame.columns]
        if absent:
            others = (
                f" and {len(absent) - 1} more that the model needs" if len(absent) > 1 else ", which the model needs"
            )
            hint = nearest(absent[0], table.frame.columns, "Its columns are")
            raise DataError(f'{opening(table.origin)} has no column "{absent[0]}"{others}. {hint}')
        return working.together.columns([plan.plain(table.frame[plan.name]) for plan in working.plans])

    def _working(self) -> _Working:
        if not self._kept:
            self._kept.append(_Working(self))
        return self._kept[0]

    def _cells(self, source: Any) -> list[Any] | None:
        """The cells of a source that is a single row, one for each encoder; None for other sources."""
        working = self._working()
        if isinstance(source, Table):
            source = source.frame
        if isinstance(source, (list, tuple)) and len(source) == 1 and isinstance(source[0], (dict, list, tuple)):
            source = source[0]
        if isinstance(source, np.ndarray) and source.ndim == 2 and len(source) == 1 and source.dtype.kind not in "mM":
            source = source[0].tolist()
        if isinstance(source, (list, tuple)) and len(source) == len(self.columns):
            return [source[place] for place in working.places]
        named = source if isinstance(source, dict) else row_of(source)
        try:
            return None if named is None else [named[name] for name in working.names]
        except KeyError:
            return None

    def _table(self, source: Any) -> Table:
        """Any source as a table; rows without names stand in the order of the training table."""
        if isinstance(source, Table):
            return source
        if is_row(source):
            source = [source]
        if isinstance(source, (list, tuple)) and source and all(is_row(row) for row in source):
            for row in source:
                self._check_length(row)
            source = {plan.name: [row[place] for row in source] for place, plan in enumerate(self.columns)}
        opened = source if isinstance(source, np.ndarray) else open_source(source)
        if isinstance(opened, Arrays):
            opened = opened.dense()
        if isinstance(opened, np.ndarray):
            return Table(self._frame_from_array(opened), "the array")
        return opened

    def _check_length(self, row: Sequence[Any]) -> None:
        if len(row) != len(self.columns):
            raise ShapeError(
                f"The row has {len(row)} cells; this model takes {len(self.columns)}, one for each column."
            )

    def _frame_from_array(self, values: NDArray[Any]) -> pl.DataFrame:
        """A frame from an array whose columns stand in the order of the training table."""
        if values.ndim != 2 or values.shape[1] != len(self.columns):
            raise ShapeError(
                f"The array has shape {values.shape}; this model takes {len(self.columns)} columns a row "
                f"({', '.join(plan.name for plan in self.columns[:5])}{' ...' if len(self.columns) > 5 else ''})."
            )
        return frame_from({plan.name: values[:, place] for place, plan in enumerate(self.columns)}, "the array")

    def describe(self) -> list[tuple[str, str, str, str]]:
        """One line for each column: (column, kind, encoded as, note).

        >>> rows = {"id": [f"p{row}" for row in range(20)], "age": [20.5 + row for row in range(20)]}
        >>> [line[:3] for line in Encoder.fit(rows).describe()]
        [('id', 'identifier', 'set aside'), ('age', 'number', '(x - 30) / 5.76628, within ±4')]
        """
        encoded = {encoder.column: encoder.encoded_as for encoder in self.encoders}
        lines = []
        for plan in self.columns:
            note = plan.reason + (f"; {plan.missing:,} missing" if plan.used and plan.missing else "")
            lines.append((plan.name, plan.kind, encoded.get(plan.name, "set aside"), note))
        return lines

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        return {
            "kind": "table",
            "columns": [plan.to_dict() for plan in self.columns],
            "encoders": [encoder.to_dict() for encoder in self.encoders],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Encoder:
        """The encoder that `to_dict` wrote; the same bits come out of it.

        Raises:
            ModelFileError: a field is absent, of another type, or contradicts another.
        """
        plans = tuple(_plan(json_fields.mapping(plan)) for plan in json_fields.field(data, "columns", list))
        encoders = []
        for description in json_fields.field(data, "encoders", list):
            kind = json_fields.field(json_fields.mapping(description), "kind", str)
            if kind not in READERS:
                raise json_fields.damaged(f"an encoder is of kind {kind[:40]!r}")
            encoders.append(READERS[kind].from_dict(description))
        names = [encoder.column for encoder in encoders]
        if names != [plan.name for plan in plans if plan.used] or len({plan.name for plan in plans}) != len(plans):
            raise json_fields.damaged("its columns and its encoders do not match")
        return cls(plans, tuple(encoders))


def _plan(data: Mapping[str, Any]) -> ColumnPlan:
    kind = json_fields.field(data, "kind", str)
    if kind not in KINDS:
        raise json_fields.damaged(f"a column is of kind {kind[:40]!r}")
    name, reason = json_fields.field(data, "name", str), json_fields.field(data, "reason", str)
    missing, distinct = json_fields.field(data, "missing", int), json_fields.field(data, "distinct", int)
    return ColumnPlan(name, kind, reason, missing, distinct, json_fields.field(data, "commas", bool))


def _frame(source: Any) -> pl.DataFrame:
    return source.frame if isinstance(source, Table) else frame_from(source)
