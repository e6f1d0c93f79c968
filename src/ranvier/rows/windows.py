"""Rows that are windows of one sequence of symbols: the one-hot codes of the C symbols before each place.

A text of N characters has N windows, whose entries overlap. As CSR rows they would take 8 C bytes a row; here the text
is stored once, and entries are made for the rows that are read next. n rows, V symbols, K = C V columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import ShapeError
from ranvier.records import record
from ranvier.rows.csr import CSR

Array = NDArray[Any]


@record(eq=False)
class Windows:
    """Row b has a 1 in column j V + codes[ends[b] - C + j] for j = 0 to C - 1; everything else is 0.

    Fields:
        codes: (m,), the symbols as integers from 0 to V - 1.
        ends: (n,), int64: the place behind the last symbol of each window, C to m.
        width: C, how many symbols a window has.
        symbols: V, how many different ones there are.

    Raises:
        ShapeError: a window begins before the first symbol or ends behind the last one, or a code is too large.

    >>> rows = Windows(np.array([0, 1, 1], np.uint8), np.array([2, 3]), 2, 2)
    >>> rows.toarray().tolist()
    [[1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0]]
    """

    codes: Array
    ends: NDArray[np.int64]
    width: int
    symbols: int

    def __post_init__(self) -> None:
        codes, ends = self.codes, self.ends
        if codes.ndim != 1 or codes.dtype.kind not in "ui" or ends.ndim != 1 or ends.dtype != np.int64:
            raise ShapeError(
                f"Windows have codes {codes.dtype} {codes.shape} and ends {ends.dtype} {ends.shape}; they must be "
                "integers (symbols,) and int64 (rows,)."
            )
        if len(ends) and (ends.min() < self.width or ends.max() > len(codes)):
            raise ShapeError(
                f"Windows of {self.width} end at {ends.min()} to {ends.max()}; with {len(codes)} symbols they must end "
                f"at {self.width} to {len(codes)}."
            )
        if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < self.symbols:
            raise ShapeError(
                f"The codes go from {codes.min()} to {codes.max()}; they must be in 0 to {self.symbols - 1}."
            )

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> Windows:
        """Some of the rows, in the order that `rows` says."""
        return Windows(self.codes, self.ends[rows], self.width, self.symbols)

    @property
    def n_columns(self) -> int:
        """K, how many columns there are."""
        return self.width * self.symbols

    @property
    def shape(self) -> tuple[int, int]:
        """(n, K)."""
        return len(self), self.n_columns

    @property
    def mean_nnz(self) -> int:
        """How many entries a row has: C, at least 1."""
        return max(1, self.width)

    def in_memory(self) -> CSR:
        """The same rows with their entries, float32.

        >>> Windows(np.array([2, 0], np.uint8), np.array([2]), 2, 3).in_memory().indices.tolist()
        [2, 3]
        """
        offsets = np.arange(self.width, dtype=np.int64)
        columns = self.codes[(self.ends - self.width)[:, None] + offsets].astype(np.int32)
        columns += (offsets * self.symbols).astype(np.int32)
        indptr = np.arange(len(self) + 1, dtype=np.int64) * self.width
        return CSR(np.ones(columns.size, np.float32), columns.ravel(), indptr, self.n_columns)

    def toarray(self) -> Array:
        """All numbers, the zeros too, shape (n, K)."""
        return self.in_memory().toarray()

    def arrays(self) -> list[Array]:
        """What says which rows these are."""
        return [self.codes, self.ends, np.array([self.width, self.symbols])]
