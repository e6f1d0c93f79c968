"""Rows that are mostly zeros, kept as what is not zero (compressed sparse rows, CSR). n rows, K inputs.

Source: Tinney, Walker, "Direct solutions of sparse network equations by optimally ordered triangular factorization",
Proceedings of the IEEE 1967.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import ShapeError

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Sparse:
    """Row b holds values[starts[b] : starts[b + 1]] in the columns of the same places; everything else is 0.

    Fields:
        values: (entries,), float32 or float64.
        columns: (entries,), int32, ascending within a row.
        starts: (n + 1,), int64: where each row begins, then where the last one ends.
        width: K, how many columns there are.

    Raises:
        ShapeError: the arrays do not describe rows; engines read memory where they say.

    >>> rows = Sparse.from_dense(np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 3.0]]))
    >>> rows.columns.tolist(), rows.starts.tolist(), rows.shape
    ([1, 0, 2], [0, 1, 1, 3], (3, 3))
    >>> rows[np.array([2, 0])].dense().tolist()
    [[1.0, 0.0, 3.0], [0.0, 2.0, 0.0]]
    """

    values: Array
    columns: NDArray[np.int32]
    starts: NDArray[np.int64]
    width: int

    def __post_init__(self) -> None:
        values, columns, starts = self.values, self.columns, self.starts
        kinds = (values.dtype in (np.float32, np.float64), columns.dtype == np.int32, starts.dtype == np.int64)
        if not all(kinds) or (values.ndim, columns.ndim, starts.ndim) != (1, 1, 1) or len(starts) == 0:
            raise ShapeError(
                f"Sparse rows have values {values.dtype} {values.shape}, columns {columns.dtype} {columns.shape} and "
                f"starts {starts.dtype} {starts.shape}; they must be float (entries,), int32 (entries,) and "
                "int64 (rows + 1,)."
            )
        ends = starts[0] == 0 and starts[-1] == len(values) == len(columns)
        if not ends or (np.diff(starts) < 0).any():
            raise ShapeError(
                f"The starts of sparse rows must rise from 0 to the number of entries, {len(values)} values in "
                f"{len(columns)} columns."
            )
        if len(columns) and (columns.min() < 0 or columns.max() >= self.width):
            raise ShapeError(
                f"The columns of sparse rows go from {columns.min()} to {columns.max()}; they must be in 0 to "
                f"{self.width - 1}."
            )
        follows = np.diff(columns) > 0
        inner = starts[1:-1]
        follows[inner[(inner > 0) & (inner < len(columns))] - 1] = True
        if not follows.all():
            raise ShapeError("The columns of each sparse row must rise, without a column twice.")

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> Sparse:
        """Some of the rows, in the given order."""
        numbers = np.arange(len(self))[rows]
        lengths = np.diff(self.starts)[numbers]
        starts = np.zeros(len(numbers) + 1, np.int64)
        np.cumsum(lengths, out=starts[1:])
        places = np.repeat(self.starts[numbers] - starts[:-1], lengths) + np.arange(starts[-1])
        return Sparse(self.values[places], self.columns[places], starts, self.width)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, K)."""
        return len(self), self.width

    @property
    def dtype(self) -> np.dtype[Any]:
        """The format of the values."""
        return self.values.dtype

    @property
    def entries(self) -> int:
        """How many entries a row has on average, rounded up, at least 1."""
        return max(1, -(-len(self.values) // max(1, len(self))))

    def row(self, number: int) -> tuple[NDArray[np.int32], Array]:
        """Columns and values of one row."""
        place = slice(self.starts[number], self.starts[number + 1])
        return self.columns[place], self.values[place]

    def astype(self, dtype: Any) -> Sparse:
        """The same rows in another format; these very rows where it is theirs."""
        if self.values.dtype == dtype:
            return self
        return Sparse(self.values.astype(dtype), self.columns, self.starts, self.width)

    def filled(self, rows: int) -> Sparse:
        """These rows and empty ones after them, `rows` altogether."""
        starts = np.append(self.starts, np.full(rows - len(self), self.starts[-1]))
        return Sparse(self.values, self.columns, starts, self.width)

    def dense(self) -> Array:
        """All numbers, the zeros too, shape (n, K)."""
        found = np.zeros(self.shape, self.values.dtype)
        found[np.repeat(np.arange(len(self)), np.diff(self.starts)), self.columns] = self.values
        return found

    @classmethod
    def from_dense(cls, rows: Array) -> Sparse:
        """What is not zero in rows (n, K) of float32, float64 or uint8; bytes count as 0 to 1."""
        numbers, columns = np.nonzero(rows)
        starts = np.searchsorted(numbers, np.arange(len(rows) + 1)).astype(np.int64)
        values = rows[numbers, columns]
        return cls(as_floats(values), columns.astype(np.int32), starts, rows.shape[1])


def as_floats(values: Array) -> Array:
    """Values as float32 or float64: bytes, such as the pixels of an image, are scaled from 0...255 to 0...1.

    >>> as_floats(np.array([0, 51, 255], np.uint8)).tolist()
    [0.0, 0.2, 1.0]
    """
    if values.dtype == np.uint8:
        return values / 255.0
    return np.ascontiguousarray(values) if values.dtype == np.float32 else np.ascontiguousarray(values, np.float64)


def in_kind(inputs: Array | Sparse, sparse: bool) -> Array | Sparse:
    """Inputs as sparse rows, or as an array, whichever they are.

    >>> in_kind(np.array([[0.0, 2.0]]), sparse=True).columns.tolist()
    [1]
    """
    if sparse:
        return inputs if isinstance(inputs, Sparse) else Sparse.from_dense(inputs)
    return inputs.dense() if isinstance(inputs, Sparse) else inputs
