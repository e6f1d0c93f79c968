"""Rows of a CSR block that others have in memory: some of them, in any order, each column times a factor.

Networks that learn from most of the rows, or from the same rows with other weights of the columns, would each need a
copy of all entries. A view makes those of the rows that are read next. n rows, S columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.records import record
from ranvier.rows.csr import CSR, parts_of_rows

Array = NDArray[Any]


@record(eq=False)
class CSRView:
    """Row b is row index[b] of a CSR block, its columns times the factors.

    Fields:
        csr: the block, which is not copied.
        index: (n,), int64: which of its rows these are.
        factors: of the columns, (S,) float32; None for 1.

    >>> view = CSRView(CSR.from_dense(np.array([[0.0, 2.0], [1.0, 3.0]])), np.array([1]), np.array([4, 5], np.float32))
    >>> view.in_memory().toarray().tolist()
    [[4.0, 15.0]]
    """

    csr: CSR
    index: NDArray[np.int64]
    factors: NDArray[np.float32] | None = None

    @classmethod
    def of(cls, csr: CSR | CSRView) -> CSRView:
        """All rows of a block as they are."""
        return csr if isinstance(csr, CSRView) else cls(csr, np.arange(len(csr), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> CSRView:
        """Some of the rows, in the order that `rows` says."""
        return CSRView(self.csr, self.index[rows], self.factors)

    def times(self, factors: NDArray[np.float32]) -> CSRView:
        """The rows with each column of the block times a factor, (S,), in place of those that it was multiplied by."""
        return CSRView(self.csr, self.index, factors)

    @property
    def n_columns(self) -> int:
        """S, how many columns there are."""
        return self.csr.n_columns

    @property
    def shape(self) -> tuple[int, int]:
        """(n, S)."""
        return len(self), self.n_columns

    @property
    def n_entries(self) -> int:
        """How many entries all rows have."""
        return int(self._lengths.sum())

    @property
    def mean_nnz(self) -> int:
        """How many entries a row has on average, rounded up, at least 1."""
        return max(1, -(-self.n_entries // max(1, len(self))))

    @property
    def nbytes(self) -> int:
        """How many bytes these rows would take in memory."""
        return self.n_entries * (self.csr.data.itemsize + 4) + 8 * (len(self) + 1)

    def row_parts(self) -> Iterator[slice]:
        """Parts of the rows with so many entries each as are best in memory at once."""
        return parts_of_rows(np.concatenate([[0], np.cumsum(self._lengths)]))

    def in_memory(self) -> CSR:
        """The same rows as a block; with the entries of the other block where they follow each other in it."""
        rows = self._following() if (np.diff(self.index) == 1).all() else self.csr[self.index]
        if self.factors is None:
            return rows
        data = self.factors.astype(rows.data.dtype, copy=False)[rows.indices]
        data *= rows.data
        return CSR(data, rows.indices, rows.indptr, rows.n_columns)

    def toarray(self) -> Array:
        """All numbers, the zeros too, shape (n, S)."""
        return self.in_memory().toarray()

    def arrays(self) -> list[Array]:
        """What says which rows these are: the same as of rows with entries of their own."""
        return self.in_memory().arrays()

    def array_parts(self) -> Iterator[tuple[str, Iterator[Array]]]:
        """What `arrays` gives, each array as its type and shape in words, and in parts that are made one by one."""
        count, indptr = self.n_entries, np.concatenate([[0], np.cumsum(self._lengths)])
        yield f"{self.csr.data.dtype} {(count,)}", (self[part].in_memory().data for part in self.row_parts())
        yield f"{self.csr.indices.dtype} {(count,)}", (self[part].in_memory().indices for part in self.row_parts())
        yield f"{indptr.dtype} {indptr.shape}", iter((indptr,))

    def _following(self) -> CSR:
        """The rows where each follows the one before in the block: the memory of the block."""
        indptr = self.csr.indptr[self.index[0] : self.index[-1] + 2] if len(self) else np.zeros(1, np.int64)
        entries = slice(indptr[0], indptr[-1])
        return CSR(self.csr.data[entries], self.csr.indices[entries], indptr - indptr[0], self.n_columns)

    @property
    def _lengths(self) -> NDArray[np.int64]:
        """How many entries each row has, (n,)."""
        return self.csr.indptr[self.index + 1] - self.csr.indptr[self.index]
