"""Vectors: each number standardized, the mean for missing cells, and an indicator of missing cells. K numbers each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells.parsing import NeedsColumnParser
from ranvier.data.cells.vectors import distinct_vectors, vector_of, vectors
from ranvier.data.encoders import json_fields
from ranvier.data.encoders.column import ColumnEncoder
from ranvier.data.encoders.scaling import column_mean_std, standardize
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.data.columns.schema import ColumnSchema
    from ranvier.data.encoders.feature_options import FeatureOptions

LIMIT = 8.0


@record
class VectorEncoder(ColumnEncoder):
    """Encodes a vector as K features.

    Formula: (x - mean) / scale for each number, within ±8; 0 where it is missing, and for a number that never changes.

    Fields:
        column: the column's name.
        mean, scale: of each number among the training rows, (K,).
        missing_indicator: whether one more feature is 1 for a missing cell; so where training rows had missing cells.

    >>> VectorEncoder.fit(pl.Series("x", [[1.0, 5.0], [3.0, 5.0]]))
    VectorEncoder(column='x', mean=(2.0, 5.0), scale=(1.0, 0.0), missing_indicator=False)
    """

    kind: ClassVar[str] = "vector"
    column: str
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    missing_indicator: bool

    @classmethod
    def fit(
        cls, cells: pl.Series, schema: ColumnSchema | None = None, options: FeatureOptions | None = None
    ) -> VectorEncoder:
        """Learn the mean and the scale of each number.

        Raises:
            DataError: a cell is no vector, or they differ in length.
        """
        values = vectors(cells)
        mean, scale = column_mean_std(values)
        missing = bool(np.isnan(values).all(axis=1).any())
        return cls(cells.name, tuple(mean.tolist()), tuple(scale.tolist()), missing)

    @property
    def length(self) -> int:
        """K."""
        return len(self.mean)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The column's name with each index, and that of the indicator."""
        names = tuple(f"{self.column}[{at}]" for at in range(self.length))
        return (*names, f"{self.column}: missing") if self.missing_indicator else names

    @property
    def width(self) -> int:
        """The number of features."""
        return self.length + self.missing_indicator

    def describe(self) -> str:
        """What a cell is encoded as, in words."""
        indicator = ", missing indicator" if self.missing_indicator else ""
        return f"{self.length:,} numbers, each standardized, within ±{LIMIT:g}{indicator}"

    def encode(self, cells: pl.Series, out: NDArray[np.float32]) -> None:
        """Write the features of many cells into the zeros of `out`, shape (B, width).

        Raises:
            DataError: a cell is no vector, or has another length.
        """
        self._write(vectors(cells, self.length), out)

    def encode_cell(self, cell: Any, out: NDArray[np.float32]) -> None:
        """Write the features of one cell into the zeros of `out`, shape (width,).

        Raises:
            NeedsColumnParser: only `encode` can read the cell, or refuse it.
            DataError: it is a vector of another length.
        """
        vector = vector_of(self.column, cell, self.length)
        if vector is None or np.isinf(vector).any():
            raise NeedsColumnParser
        self._write(vector[None], out[None])

    def _write(self, values: NDArray[Any], out: NDArray[np.float32]) -> None:
        standardize(values, np.array(self.mean), np.array(self.scale), out[:, : self.length], LIMIT)
        if self.missing_indicator:
            out[:, self.length] = np.isnan(values).all(axis=1)

    @classmethod
    def count_values(cls, cells: pl.Series) -> tuple[int, int]:
        """The number of missing cells and of different vectors.

        Raises:
            DataError: a cell is no vector, or they differ in length.
        """
        return distinct_vectors(vectors(cells))

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        numbers = {"mean": list(self.mean), "scale": list(self.scale)}
        return {"kind": "vector", "column": self.column, **numbers, "missing_indicator": self.missing_indicator}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> VectorEncoder:
        """The encoder that `to_dict` wrote.

        Raises:
            ModelFileError: a field is absent or of another type.
        """
        column, mean = json_fields.field(data, "column", str), json_fields.items(data, "mean", float)
        scale = json_fields.scales(data, "scale")
        if not mean or len(mean) != len(scale):
            raise json_fields.damaged(f'the vectors of "{column[:40]}" have {len(mean)} means and {len(scale)} scales')
        return cls(column, mean, scale, json_fields.field(data, "missing_indicator", bool))
