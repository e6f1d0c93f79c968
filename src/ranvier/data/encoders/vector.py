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
from ranvier.data.encoders.scaling import column_mean_std, smooth_clip, standardize
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.data.columns.column_schema import ColumnSchema
    from ranvier.data.encoders.feature_options import FeatureOptions

Array = NDArray[Any]
BLOCK = 8192


@record(eq=False)
class VectorEncoder(ColumnEncoder):
    """Encodes a vector as K features.

    Formula: z / sqrt(1 + (z / 4)**2), z = (x - mean) / scale, for each number; 0 where it is missing, and for one that
    never changes.

    Fields:
        column: the column's name.
        mean, scale: of each number among the training rows, (K,).
        missing_indicator: whether one more feature is 1 for a missing cell; so where training rows had missing cells.

    >>> VectorEncoder.fit(pl.Series("x", [[1.0, 5.0], [3.0, 5.0]])).mean.tolist()
    [2.0, 5.0]
    """

    kind: ClassVar[str] = "vector"
    column: str
    mean: Array
    scale: Array
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
        return cls(cells.name, mean, scale, missing)

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
        return f"{self.length:,} numbers, each (x - mean) / deviation, within ±4{indicator}"

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

    def encode_typical(self, out: NDArray[Any]) -> None:
        """Leave the zeros, which stand for the mean vector."""

    def _write(self, values: NDArray[Any], out: NDArray[np.float32]) -> None:
        for start in range(0, len(values), BLOCK):
            part = values[start : start + BLOCK]
            block: Array = np.empty(part.shape)
            standardize(part, self.mean, self.scale, block)
            smooth_clip(block)
            out[start : start + len(part), : self.length] = block
        if self.missing_indicator:
            out[:, self.length] = np.isnan(values).all(axis=1)

    @classmethod
    def count_values(cls, cells: pl.Series) -> tuple[int, int]:
        """The number of missing cells and of different vectors.

        Raises:
            DataError: a cell is no vector, or they differ in length.
        """
        return distinct_vectors(vectors(cells))

    def arrays(self) -> dict[str, Array]:
        """Mean and scale."""
        return {"mean": self.mean, "scale": self.scale}

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values, without its arrays."""
        return {"kind": self.kind, "column": self.column, "missing_indicator": self.missing_indicator}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> VectorEncoder:
        """The encoder that `to_dict` wrote, its arrays under "arrays".

        Raises:
            ModelFileError: a field or an array is absent, or does not fit the others.
        """
        arrays = data.get("arrays", {})
        mean, scale = (arrays.get(name, np.zeros(0)) for name in ("mean", "scale"))
        if mean.ndim != 1 or mean.shape != scale.shape or not mean.size or not (scale >= 0).all():
            raise json_fields.damaged(
                f"the mean and scale of a column of vectors have shapes {mean.shape}, {scale.shape}"
            )
        column = json_fields.field(data, "column", str)
        return cls(column, mean, scale, json_fields.field(data, "missing_indicator", bool))
