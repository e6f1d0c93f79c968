"""Rows that are mostly zeros, kept as what is not zero: compressed sparse rows (CSR). n rows, K columns.

Source: Tinney, Walker, "Direct solutions of sparse network equations by optimally ordered triangular factorization",
Proceedings of the IEEE 1967.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import DataError, InputError, ShapeError
from ranvier.records import record
from ranvier.rows.finite import not_finite

Array = NDArray[Any]
MAX_COLUMNS = 2**31 - 1
ENTRIES_AT_ONCE = 1 << 20
"""Entries whose numbers, of 8 bytes each, are in memory together where rows are put together."""


@record(eq=False)
class CSR:
    """Row b holds data[indptr[b] : indptr[b + 1]] in the columns that `indices` has there; everything else is 0.

    Fields:
        data: (nnz,), the numbers that are not zero, float32 or float64.
        indices: (nnz,), int32: the column of each, ascending within a row.
        indptr: (n + 1,), int64: where each row begins, then where the last one ends.
        n_columns: K, how many columns there are.

    Raises:
        ShapeError: the arrays do not describe rows; engines read memory where they say.

    >>> rows = CSR.from_dense(np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [1.0, 0.0, 3.0]]))
    >>> rows.indices.tolist(), rows.indptr.tolist(), rows.shape
    ([1, 0, 2], [0, 1, 1, 3], (3, 3))
    >>> rows[np.array([2, 0])].toarray().tolist()
    [[1.0, 0.0, 3.0], [0.0, 2.0, 0.0]]
    """

    data: Array
    indices: NDArray[np.int32]
    indptr: NDArray[np.int64]
    n_columns: int

    def __post_init__(self) -> None:
        data, indices, indptr = self.data, self.indices, self.indptr
        right = (data.dtype in (np.float32, np.float64), indices.dtype == np.int32, indptr.dtype == np.int64)
        if not all(right) or (data.ndim, indices.ndim, indptr.ndim) != (1, 1, 1) or len(indptr) == 0:
            raise ShapeError(
                f"CSR rows have data {data.dtype} {data.shape}, indices {indices.dtype} {indices.shape} and "
                f"indptr {indptr.dtype} {indptr.shape}; they must be float (nnz,), int32 (nnz,) and int64 (rows + 1,)."
            )
        ends = indptr[0] == 0 and indptr[-1] == len(data) == len(indices)
        if not ends or (np.diff(indptr) < 0).any():
            raise ShapeError(
                f"indptr of CSR rows must rise from 0 to the number of entries; there are {len(data)} data and "
                f"{len(indices)} indices."
            )
        if len(indices) and (indices.min() < 0 or indices.max() >= self.n_columns):
            raise ShapeError(
                f"The indices of CSR rows go from {indices.min()} to {indices.max()}; they must be in 0 to "
                f"{self.n_columns - 1}."
            )
        follows = indices[1:] > indices[:-1]
        inner = indptr[1:-1]
        follows[inner[(inner > 0) & (inner < len(indices))] - 1] = True
        if not follows.all():
            raise ShapeError("The indices of each CSR row must rise, without a column twice.")

    def __len__(self) -> int:
        return len(self.indptr) - 1

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> CSR:
        """Some of the rows, in the order that `rows` says."""
        numbers = np.arange(len(self))[rows]
        starts = self.indptr[numbers]
        indptr = np.zeros(len(numbers) + 1, np.int64)
        np.cumsum(self.indptr[numbers + 1] - starts, out=indptr[1:])
        data, indices = np.empty(indptr[-1], self.data.dtype), np.empty(indptr[-1], np.int32)
        for part in parts_of_rows(indptr):
            here, entries = slice(indptr[part.start], indptr[part.stop]), _entries(starts, indptr, part)
            data[here], indices[here] = self.data[entries], self.indices[entries]
        return CSR(data, indices, indptr, self.n_columns)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, K)."""
        return len(self), self.n_columns

    @property
    def dtype(self) -> np.dtype[Any]:
        """The format of the data."""
        return self.data.dtype

    @property
    def mean_nnz(self) -> int:
        """How many entries a row has on average, rounded up, at least 1."""
        return max(1, -(-len(self.data) // max(1, len(self))))

    def row(self, number: int) -> tuple[NDArray[np.int32], Array]:
        """Columns and numbers of one row."""
        entries = slice(self.indptr[number], self.indptr[number + 1])
        return self.indices[entries], self.data[entries]

    @property
    def nbytes(self) -> int:
        """How many bytes the rows take in memory."""
        return self.data.nbytes + self.indices.nbytes + self.indptr.nbytes

    def astype(self, dtype: Any) -> CSR:
        """The same rows in another format; these very rows where it is theirs."""
        if self.data.dtype == dtype:
            return self
        return CSR(self.data.astype(dtype), self.indices, self.indptr, self.n_columns)

    def row_parts(self) -> Iterator[slice]:
        """Parts of the rows with about `ENTRIES_AT_ONCE` entries each."""
        return parts_of_rows(self.indptr)

    def pad_rows(self, rows: int) -> CSR:
        """These rows and empty ones after them, `rows` altogether."""
        indptr = np.append(self.indptr, np.full(rows - len(self), self.indptr[-1]))
        return CSR(self.data, self.indices, indptr, self.n_columns)

    def columns(self, start: int, stop: int) -> CSR:
        """The columns from `start` to before `stop`, (n, stop - start).

        >>> CSR.from_dense(np.array([[1.0, 2.0, 3.0]])).columns(1, 3).toarray().tolist()
        [[2.0, 3.0]]
        """
        inside = (self.indices >= start) & (self.indices < stop)
        before = np.zeros(len(inside) + 1, np.int64)
        np.cumsum(inside, out=before[1:])
        indices = (self.indices[inside] - start).astype(np.int32)
        return CSR(self.data[inside], indices, before[self.indptr], stop - start)

    def with_columns(self, columns: slice, cells: CSR) -> CSR:
        """These rows with other cells in some columns, (n, K).

        Parameters:
            columns: which, from start to before stop.
            cells: (n, stop - start).

        >>> rows = CSR.from_dense(np.array([[1.0, 2.0, 3.0]]))
        >>> rows.with_columns(slice(1, 2), CSR.from_dense(np.array([[9.0]]))).toarray().tolist()
        [[1.0, 9.0, 3.0]]
        """
        return CSR.hstack([self.columns(0, columns.start), cells, self.columns(columns.stop, self.n_columns)])

    def toarray(self) -> Array:
        """All numbers, the zeros too, shape (n, K)."""
        dense = np.zeros(self.shape, self.data.dtype)
        dense[rows_of_entries(self.indptr), self.indices] = self.data
        return dense

    def arrays(self) -> list[Array]:
        """What says which rows these are."""
        return [self.data, self.indices, self.indptr]

    @classmethod
    def hstack(cls, blocks: Sequence[CSR]) -> CSR:
        """Blocks of columns of the same rows, (n, K1), (n, K2) and so on, side by side: (n, K1 + K2 + ...).

        Raises:
            ShapeError: the blocks have different numbers of rows.

        >>> CSR.hstack([CSR.from_dense(np.eye(2)), CSR.from_dense(np.array([[0.0], [5.0]]))]).toarray().tolist()
        [[1.0, 0.0, 0.0], [0.0, 1.0, 5.0]]
        """
        if len(blocks) == 1:
            return blocks[0]
        rows = len(blocks[0])
        if any(len(block) != rows for block in blocks):
            raise ShapeError(f"CSR blocks have {[len(block) for block in blocks]} rows; they must have as many.")
        if not any(len(block.data) for block in blocks[1:]):  # as is usual of a column for missing texts
            data = blocks[0].data.astype(np.result_type(*(block.data for block in blocks)), copy=False)
            return cls(data, blocks[0].indices, blocks[0].indptr, sum(block.n_columns for block in blocks))
        indptr = np.vstack([block.indptr for block in blocks]).sum(axis=0)
        data = np.empty(indptr[-1], np.result_type(*(block.data for block in blocks)))
        indices = np.empty(indptr[-1], np.int32)
        first_column, begins = 0, indptr[:-1].copy()
        for block in blocks:
            for part in parts_of_rows(block.indptr):
                here = slice(block.indptr[part.start], block.indptr[part.stop])
                positions = _entries(begins, block.indptr, part)
                data[positions] = block.data[here]
                indices[positions] = block.indices[here] + np.int32(first_column)
            begins += np.diff(block.indptr)
            first_column += block.n_columns
        return cls(data, indices, indptr, first_column)

    @classmethod
    def from_dense(cls, rows: Array) -> CSR:
        """What is not zero in rows (n, K) of float32, float64 or uint8."""
        numbers, columns = np.nonzero(rows)
        indptr = np.searchsorted(numbers, np.arange(len(rows) + 1)).astype(np.int64)
        return cls(as_floats(rows[numbers, columns]), columns.astype(np.int32), indptr, rows.shape[1])


def rows_of_entries(indptr: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row that each entry of CSR rows is in, (nnz,).

    >>> rows_of_entries(np.array([0, 2, 2, 3])).tolist()
    [0, 0, 2]
    """
    return np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))


def parts_of_rows(indptr: NDArray[np.int64]) -> Iterator[slice]:
    """Parts of the rows with about `ENTRIES_AT_ONCE` entries each, so that their numbers take little memory."""
    start, count = 0, len(indptr) - 1
    while start < count:
        stop = int(np.searchsorted(indptr, indptr[start] + ENTRIES_AT_ONCE, side="right")) - 1
        stop = min(max(stop, start + 1), count)
        yield slice(start, stop)
        start = stop


def _entries(begins: NDArray[np.int64], indptr: NDArray[np.int64], part: slice) -> NDArray[np.int64]:
    """The numbers of as many entries as `indptr` says, of which those of row b begin at begins[b]."""
    lengths = np.diff(indptr[part.start : part.stop + 1])
    shifts = np.repeat(begins[part] - indptr[part], lengths)
    shifts += np.arange(indptr[part.start], indptr[part.stop])
    return shifts


def as_floats(values: Array) -> Array:
    """Values as float32 or float64.

    >>> as_floats(np.array([0, 51, 255], np.uint8)).tolist()
    [0.0, 51.0, 255.0]
    """
    return np.ascontiguousarray(values) if values.dtype == np.float32 else np.ascontiguousarray(values, np.float64)


def is_sparse(X: Any) -> bool:
    """Whether X is a matrix or array of scipy.sparse, or CSR rows already."""
    return isinstance(X, CSR) or hasattr(X, "tocsr")


def as_csr(X: Any, n_columns: int | None = None) -> CSR:
    """X as CSR rows: columns in order, numbers given twice for one cell added up, zeros left out.

    Parameters:
        n_columns: K, where a network says so.

    Raises:
        ShapeError: the rows have another width.
        DataError: X holds something other than finite numbers.
    """
    if len(X.shape) != 2 or n_columns not in (None, X.shape[1]):
        raise ShapeError(
            f"X has shape {X.shape}; this network takes {n_columns} numbers a row, shape (rows, {n_columns})."
        )
    if isinstance(X, CSR):
        return X
    if X.shape[1] > MAX_COLUMNS:
        raise InputError(f"X has {X.shape[1]:,} columns; sparse rows have at most {MAX_COLUMNS:,}.")
    matrix = X.tocsr()
    if matrix.dtype.kind not in "biuf":
        raise DataError(f"X holds values of type {matrix.dtype}; a network takes numbers.")
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    indptr = matrix.indptr.astype(np.int64)
    data, indices = matrix.data[: indptr[-1]], matrix.indices[: indptr[-1]]
    wrong = ~np.isfinite(data)
    if wrong.any():
        entry = int(wrong.argmax())
        row = int(np.searchsorted(indptr, entry, side="right")) - 1
        raise not_finite(data[entry], row, int(indices[entry]))
    there = data != 0
    if not there.all():
        before = np.zeros(len(there) + 1, np.int64)
        np.cumsum(there, out=before[1:])
        data, indices, indptr = data[there], indices[there], before[indptr]
    return CSR(as_floats(data), np.ascontiguousarray(indices, np.int32), indptr, int(X.shape[1]))
