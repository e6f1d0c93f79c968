"""Plain arrays: pictures and sparse rows stay as they are, other numbers are standardized column by column.

B is the number of rows, K the number of inputs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders import json_fields
from ranvier.data.encoders.row_encoder import RowEncoder
from ranvier.data.encoders.scaling import MAX_Z, column_mean_std, standardize
from ranvier.data.encoders.usual_range import without_far
from ranvier.data.sources import open_source
from ranvier.data.sources.row_lists import is_row
from ranvier.data.sources.source import Source
from ranvier.errors import DataError, ShapeError
from ranvier.records import record
from ranvier.rows import CSR
from ranvier.rows.finite import not_finite
from ranvier.rows.row_names import row_index

ENCODED = {
    "none": ("sparse rows", "x"),
    "pixels": ("pixels", "x / 255, by the network"),
    "bytes": ("bytes", "x / 255"),
    "standard": ("numbers", "(x - mean) / scale"),
}
LARGEST_PIXEL = 255.0
MIN_LIMIT = 10.0
"""Standardized numbers up to this one are never clipped."""


@record
class ArrayEncoder(RowEncoder):
    """Encodes rows of numbers.

    Fields:
        scaling: "pixels" (x, for pictures of bytes, which the network divides by 255 while it reads them), "standard"
            ((x - mean) / scale; missing values become the mean), "none" (x, for sparse rows, whose zeros would not stay
            zeros), or "bytes" (x / 255, for pictures, in models of versions before 0.2).
        width: K, the number of inputs.
        shape: the shape of one row before it was flattened.
        mean, scale: one number for each input, of the values that are not far from all others; empty unless
            standardized.
        limit: where a standardized number is clipped; closer where training rows had values far from all others.
    """

    scaling: str
    width: int
    shape: tuple[int, ...]
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    limit: float = MAX_Z

    @classmethod
    def fit(cls, source: Any) -> ArrayEncoder:
        """Learn means and scales.

        Raises:
            DataError: the array holds infinite values or no numbers.

        >>> ArrayEncoder.fit(np.array([[1.0, 5.0], [3.0, 5.0]])).scale
        (1.0, 0.0)
        """
        opened = open_source(source)
        inputs = opened.inputs
        if isinstance(inputs, CSR) or opened.pictures:
            return cls("none" if opened.is_sparse else "pixels", inputs.shape[1], opened.shape)
        _refuse_infinite(inputs, opened.origin)
        if np.isnan(inputs).all():
            raise DataError(
                f"The inputs of {opened.origin} hold no number, only NaN, so there is nothing to learn from."
            )
        usual = without_far(inputs)
        mean, scale = column_mean_std(usual)
        limit = MAX_Z if usual is inputs else _largest(usual, mean, scale)
        return cls("standard", inputs.shape[1], opened.shape, tuple(mean.tolist()), tuple(scale.tolist()), limit)

    @property
    def factor(self) -> float | None:
        """What the network multiplies its inputs with, as its first layer; None where it takes them as they are."""
        return 1 / LARGEST_PIXEL if self.scaling == "pixels" else None

    @property
    def feature_names(self) -> tuple[str, ...]:
        """x0, x1 ... or x0_0, x0_1 ... by the place in the row's own shape."""
        return tuple("x" + "_".join(map(str, np.unravel_index(k, self.shape))) for k in range(self.width))

    def unscaled(self, values: NDArray[Any], feature: int) -> NDArray[Any]:
        """Numbers of an input, (B,), in the units of the rows: values * scale + mean.

        >>> ArrayEncoder("standard", 2, (2,), (5.0, 0.0), (2.0, 1.0)).unscaled(np.array([1.0]), 0).tolist()
        [7.0]
        """
        return values * self.scale[feature] + self.mean[feature] if self.mean else values

    def transform(self, X: Any, dtype: Any = np.float32) -> NDArray[Any] | CSR:
        """Encode rows.

        Parameters:
            X: an array (B, K) or (B, *shape), one row as a list or tuple, a matrix of scipy.sparse, a table of K
                columns that hold numbers, or whatever else `open_source` reads.
            dtype: float32 or float64.

        Returns a contiguous array (B, K) of that type, the bytes of pictures, or sparse rows where `scaling` is "none".

        Raises:
            ShapeError: the rows have another width.
            DataError: the array holds infinite values or no numbers; or, for sparse rows, missing values.
            InputError: the rows are sparse, the model was not trained on such, and they are too many to fill in.

        >>> ArrayEncoder("standard", 2, (2,), (5.0, 0.0), (2.0, 1.0)).transform(np.array([[9, 3]])).tolist()
        [[2.0, 3.0]]
        """
        return self.encode(open_source([X] if is_row(X) else X), dtype)

    def encode(self, source: Source, dtype: Any = np.float32) -> NDArray[Any] | CSR:
        """Encode the rows of an opened source, whose columns are taken in their order.

        Returns and raises what `transform` does.
        """
        rows = source.inputs
        if rows.shape[1] != self.width:
            raise ShapeError(f"The rows have {rows.shape[1]} numbers; this model takes {self.width} a row.")
        if self.scaling == "none":
            return _as_sparse(rows, source.origin, dtype)
        inputs = source.dense() if isinstance(rows, CSR) else rows
        if self.scaling == "pixels" and inputs.dtype == np.uint8:
            return np.ascontiguousarray(inputs)
        _refuse_infinite(inputs, source.origin)
        out = np.empty(inputs.shape, dtype)
        if self.scaling == "bytes" and inputs.dtype == np.uint8:
            np.divide(inputs, out.dtype.type(255), out=out, dtype=out.dtype)
        elif self.scaling in ("bytes", "pixels"):
            divisor = LARGEST_PIXEL if self.scaling == "bytes" else 1.0
            standardize(inputs, np.zeros(self.width), np.full(self.width, divisor), out)
        else:
            standardize(inputs, np.array(self.mean), np.array(self.scale), out, self.limit)
        return out

    def describe(self) -> list[tuple[str, str, str, str]]:
        """One line (what, kind, encoded as, note).

        >>> ArrayEncoder("pixels", 784, (28, 28)).describe()
        [('784 inputs', 'pixels', 'x / 255, by the network', 'each row has shape 28 x 28')]
        """
        note = f"each row has shape {' x '.join(map(str, self.shape))}" if len(self.shape) > 1 else ""
        constant = sum(value == 0 for value in self.scale)
        if constant:
            note += f"{'; ' if note else ''}{constant} of them the same in every training row, encoded as 0"
        kind, encoded = ENCODED[self.scaling]
        return [(f"{self.width:,} inputs", kind, encoded, note)]

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        return {
            "kind": "array",
            "scaling": self.scaling,
            "width": self.width,
            "shape": list(self.shape),
            "mean": list(self.mean),
            "scale": list(self.scale),
            "limit": self.limit,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ArrayEncoder:
        """The encoder that `to_dict` wrote.

        Raises:
            ModelFileError: a field is absent, of another type or length.
        """
        scaling, width = json_fields.field(data, "scaling", str), json_fields.field(data, "width", int)
        shape, mean = json_fields.items(data, "shape", int), json_fields.items(data, "mean", float)
        scale = json_fields.scales(data, "scale")
        expected = {"none": 0, "pixels": 0, "bytes": 0, "standard": width}.get(scaling)
        if expected is None or not len(mean) == len(scale) == expected or math.prod(shape) != width or width == 0:
            raise json_fields.damaged(
                f"scaling {scaling!r} of {width} inputs with {len(mean)} means and shape {list(shape)}"
            )
        limit = json_fields.field(data, "limit", float) if "limit" in data else MAX_Z
        return cls(scaling, width, shape, mean, scale, limit)


def _largest(values: NDArray[Any], mean: NDArray[np.float64], scale: NDArray[np.float64]) -> float:
    """The largest standardized number, at least `MIN_LIMIT` and at most where all are clipped."""
    with np.errstate(over="ignore"):
        largest = float(np.nanmax(np.abs(values - mean) / np.where(scale > 0, scale, 1.0)))
    return min(max(MIN_LIMIT, largest), MAX_Z)


def _as_sparse(inputs: NDArray[Any] | CSR, origin: str, dtype: Any) -> CSR:
    """The rows as CSR rows of one type, neither shifted nor scaled."""
    if not isinstance(inputs, CSR):
        if inputs.dtype.kind == "f" and np.isnan(inputs).any():
            raise DataError(
                f"The inputs of {origin} have missing values, and the model was trained on sparse rows, which "
                "have none; give every number, 0 where there is nothing."
            )
        _refuse_infinite(inputs, origin)
        inputs = CSR.from_dense(inputs.astype(np.float64))
    with np.errstate(over="ignore"):
        small = inputs.astype(dtype)
    wrong = np.isinf(small.data)
    if wrong.any():
        entry = int(wrong.argmax())
        raise DataError(
            f"The inputs of {origin} hold {inputs.data[entry]} at column index "
            f"{inputs.indices[entry]}; numbers may reach {np.finfo(dtype).max:.2g}: divide that column."
        )
    return small


def _refuse_infinite(inputs: NDArray[Any], origin: str) -> None:
    if inputs.dtype.kind != "f":
        return
    wrong = np.isinf(inputs)
    if wrong.any():
        row, column = (int(number) for number in np.argwhere(wrong)[0])
        raise not_finite(inputs[row, column], row_index(row), column, f"The inputs of {origin} hold")
