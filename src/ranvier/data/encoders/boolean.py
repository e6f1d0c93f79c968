"""Booleans: 1 for true, 0 for false, the mean for missing cells, and an indicator of missing cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.encoders import json_fields
from ranvier.data.encoders.column import CellEncoder
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.data.columns.column_schema import ColumnSchema
    from ranvier.data.encoders.feature_options import FeatureOptions


@record
class BooleanEncoder(CellEncoder):
    """Encodes true as 1, false as 0 and a missing cell as the mean.

    Fields:
        column: the column's name.
        mean: the fraction of true among the training rows that have a value.
        missing_indicator: whether a second feature is 1 for a missing cell; so where training rows had missing cells.
    """

    kind: ClassVar[str] = "boolean"
    column: str
    mean: float
    missing_indicator: bool

    @classmethod
    def fit(
        cls, cells: pl.Series, schema: ColumnSchema | None = None, options: FeatureOptions | None = None
    ) -> BooleanEncoder:
        """Learn the fraction of true.

        Raises:
            DataError: a cell is neither true nor false.

        >>> BooleanEncoder.fit(pl.Series("smokes", ["yes", "no", "no", "no"]))
        BooleanEncoder(column='smokes', mean=0.25, missing_indicator=False)
        """
        values = _booleans(cells)
        present = values[~np.isnan(values)]
        mean = float(present.mean()) if present.size else 0.0
        return cls(cells.name, mean, present.size < values.size)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The column's name, and that of the indicator."""
        return (self.column, f"{self.column}: missing") if self.missing_indicator else (self.column,)

    @property
    def width(self) -> int:
        """The number of features."""
        return 2 if self.missing_indicator else 1

    def describe(self) -> str:
        """What a cell is encoded as, in words."""
        return "1 for true, 0 for false" + (", missing indicator" if self.missing_indicator else "")

    def read(self, cells: pl.Series) -> NDArray[np.float64]:
        """1 for true, 0 for false, NaN where missing, shape (B,).

        Raises:
            DataError: a cell is neither true nor false.
        """
        return _booleans(cells)

    def write(self, values: NDArray[np.float64], out: NDArray[Any]) -> None:
        """Write the features of what `read` gave, shape (B,), into the zeros of `out`, shape (B, width)."""
        missing = np.isnan(values)
        out[:, 0] = np.where(missing, self.mean, values)
        if self.missing_indicator:
            out[:, 1] = missing

    def encode_cell(self, cell: Any, out: NDArray[np.float32]) -> None:
        """Write the features of one cell into the zeros of `out`, shape (width,).

        Raises:
            NeedsColumnParser: only `encode` can read the cell, or refuse it.
        """
        value = parsing.parse_boolean(cell)
        missing = value != value
        out[0] = self.mean if missing else value
        if missing and self.missing_indicator:
            out[1] = 1.0

    @classmethod
    def count_values(cls, cells: pl.Series) -> tuple[int, int]:
        """The number of missing cells and of different values.

        Raises:
            DataError: a cell is neither true nor false.
        """
        values = _booleans(cells)
        present = values[~np.isnan(values)]
        return len(values) - present.size, int(np.unique(present).size)

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        return {
            "kind": "boolean",
            "column": self.column,
            "mean": self.mean,
            "missing_indicator": self.missing_indicator,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BooleanEncoder:
        """The encoder that `to_dict` wrote; earlier versions called the indicator "flag".

        Raises:
            ModelFileError: a field is absent or of another type.
        """
        data = json_fields.renamed(data, {"flag": "missing_indicator"})
        mean = json_fields.field(data, "mean", float)
        if not 0.0 <= mean <= 1.0:
            raise json_fields.damaged(f'"mean" of a boolean column is {mean}')
        return cls(json_fields.field(data, "column", str), mean, json_fields.field(data, "missing_indicator", bool))


def _booleans(cells: pl.Series) -> NDArray[np.float64]:
    """1 for true, 0 for false, NaN where missing."""
    values, wrong = parsing.parse_booleans(cells)
    if wrong is not None:
        raise parsing.cell_error(cells, wrong, "true or false")
    return values
