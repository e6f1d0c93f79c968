"""A dense block whose columns are computed from stored cells, for the rows that are read next.

A table of 30 numbers may become 800 inputs, 3200 bytes a row as float32. For very many rows the cells alone are kept,
one number each, and the inputs are made from them again and again. n rows, C cells a row, D columns.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import ShapeError
from ranvier.records import record

Array = NDArray[Any]


class Expansion(Protocol):
    """Computes the columns of a dense block from cells, each row by itself."""

    @property
    def width(self) -> int:
        """D, how many columns there are."""
        ...

    def expand(self, cells: Array, index: NDArray[np.int64], dtype: np.dtype[Any]) -> Array:
        """The columns of the rows `index` of `cells` (m, C), shape (len(index), D)."""
        ...

    def arrays(self) -> list[Array]:
        """What says which columns are computed."""
        ...


@record(eq=False)
class Deferred:
    """Row b has the columns that the expansion computes from row index[b] of the cells.

    Fields:
        cells: (m, C), what is stored.
        index: (n,), int64: the row of the cells that each row is made of; some of the rows share the cells of all.
        expansion: what computes the columns.
        dtype: of the columns: float32 or float64.

    Raises:
        ShapeError: the cells are no table, or the index does not fit them.

    >>> class Squares:
    ...     width = 1
    ...     def expand(self, cells, index, dtype):
    ...         return np.square(cells[index]).astype(dtype)
    >>> rows = Deferred(np.array([[1.0], [2.0], [3.0]]), np.array([2, 0]), Squares(), np.dtype(np.float32))
    >>> rows.shape, rows[:1].in_memory().tolist()
    ((2, 1), [[9.0]])
    """

    cells: Array
    index: NDArray[np.int64]
    expansion: Expansion
    dtype: np.dtype[Any]

    def __post_init__(self) -> None:
        cells, index = self.cells, self.index
        if cells.ndim != 2 or index.ndim != 1 or index.dtype != np.int64:
            raise ShapeError(
                f"Deferred rows have cells {cells.shape} and an index {index.dtype} {index.shape}; (rows, cells) and "
                "int64 (rows,) were expected."
            )
        if len(index) and not 0 <= int(index.min()) <= int(index.max()) < len(cells):
            raise ShapeError(
                f"The index goes from {index.min()} to {index.max()}; there are {len(cells)} rows of cells."
            )

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> Deferred:
        """Some of the rows, in the order that `rows` says; the cells are not copied."""
        return Deferred(self.cells, self.index[rows], self.expansion, self.dtype)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, D)."""
        return len(self.index), self.expansion.width

    def in_memory(self) -> Array:
        """All columns of all rows, contiguous, shape (n, D)."""
        return self.expansion.expand(self.cells, self.index, self.dtype)

    def arrays(self) -> list[Array]:
        """What says which rows these are."""
        return [self.cells, self.index, *self.expansion.arrays()]
