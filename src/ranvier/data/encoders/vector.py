"""Columns of vectors, all of one length, such as embeddings: each number standardized.

B is the number of rows, D the length of the vectors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells.parsing import NeedsColumnParser
from ranvier.data.encoders import json_fields
from ranvier.data.encoders.column import ColumnEncoder
from ranvier.data.encoders.scaling import column_mean_std, smooth_clip, standardize
from ranvier.errors import DataError
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.data.columns.schema import ColumnSchema
    from ranvier.data.encoders.feature_options import FeatureOptions

Array = NDArray[Any]
BLOCK = 8192


@record(eq=False)
class VectorEncoder(ColumnEncoder):
    """Encodes each number x of a vector as z / sqrt(1 + (z / 4)**2), z = (x - mean) / scale.

    A missing number counts as the mean, and a missing vector as one of missing numbers.

    Fields:
        column: the column's name.
        mean, scale: of each number over the training rows, shape (D,); scale 0 where it is always the same.
        missing_indicator: whether the last feature is 1 for a missing vector; so where training rows had such.
    """

    kind: ClassVar[str] = "vector"
    column: str
    mean: Array
    scale: Array
    missing_indicator: bool = False

    @classmethod
    def fit(
        cls, cells: pl.Series, schema: ColumnSchema | None = None, options: FeatureOptions | None = None
    ) -> VectorEncoder:
        """Learn mean and scale.

        Raises:
            DataError: cells are no vectors of one length.

        >>> VectorEncoder.fit(pl.Series("v", np.array([[1.0, 5.0], [3.0, 5.0]]))).mean.tolist()
        [2.0, 5.0]
        """
        values, missing = _vectors(cells)
        mean, scale = column_mean_std(values)
        return cls(cells.name, mean, scale, bool(missing.any()))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The column's name with the index of each number, and the indicator."""
        names = tuple(f"{self.column}[{index}]" for index in range(len(self.mean)))
        return (*names, f"{self.column}: missing") if self.missing_indicator else names

    @property
    def width(self) -> int:
        """The number of features."""
        return len(self.mean) + self.missing_indicator

    def describe(self) -> str:
        """What a cell is encoded as, in words."""
        indicator = ", missing indicator" if self.missing_indicator else ""
        return f"{len(self.mean):,} numbers, each (x - mean) / deviation, within ±4{indicator}"

    def encode(self, cells: pl.Series, out: Array) -> None:
        """Write the features of many cells into `out`, shape (B, width).

        Raises:
            DataError: cells are no vectors of this length.
        """
        values, missing = _vectors(cells, len(self.mean))
        for start in range(0, len(values), BLOCK):
            block = np.empty((len(values[start : start + BLOCK]), len(self.mean)))
            standardize(values[start : start + BLOCK], self.mean, self.scale, block)
            smooth_clip(block)
            out[start : start + len(block), : len(self.mean)] = block
        if self.missing_indicator:
            out[:, -1] = missing

    def encode_cell(self, cell: Any, out: Array) -> None:
        """Leave it to `encode`, which gives the same bits for one cell as for many."""
        raise NeedsColumnParser

    @classmethod
    def count_values(cls, cells: pl.Series) -> tuple[int, int]:
        """The number of missing cells, and of others.

        Raises:
            DataError: cells are no vectors of one length.
        """
        missing = int(_vectors(cells)[1].sum())
        return missing, len(cells) - missing

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


def is_vector_dtype(dtype: pl.DataType) -> bool:
    """Whether cells are arrays of one shape and of numbers, which are no pictures.

    >>> is_vector_dtype(pl.Array(pl.Float32, 8)), is_vector_dtype(pl.List(pl.Float32))
    (True, False)
    """
    if not isinstance(dtype, pl.Array):
        return False
    inner: Any = dtype.inner
    while isinstance(inner, pl.Array):
        inner = inner.inner
    return bool(inner.is_numeric() or inner == pl.Boolean)


def _vectors(cells: pl.Series, length: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The numbers of the cells, (B, D), NaN where missing, and which cells are missing, (B,).

    Parameters:
        length: D; None for that of the cells.
    """
    missing = cells.is_null().to_numpy()
    if missing.all() and length is not None:
        return np.full((len(cells), length), np.nan), missing
    if not is_vector_dtype(cells.dtype):
        raise DataError(
            f'Column "{cells.name}" is no column of vectors: its cells are not all lists of numbers of one length.'
        )
    flat = cells.drop_nulls().to_numpy()
    flat = flat.reshape(len(flat), -1)
    if length is not None and flat.shape[1] != length:
        raise DataError(
            f'Column "{cells.name}" has vectors of {flat.shape[1]:,} numbers; {length:,} were expected, as in training.'
        )
    values = np.full((len(cells), flat.shape[1]), np.nan)
    values[~missing] = flat
    if np.isinf(values).any():
        raise DataError(f'Column "{cells.name}" has a vector with an infinite number; finite ones were expected.')
    return values, missing
