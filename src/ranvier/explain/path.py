"""The straight path from baseline rows to rows: x(t) = x' + t (x - x'), in a dense and a CSR block. n rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.rows import CSR, Inputs
from ranvier.rows.csr import rows_of_entries

Array = NDArray[Any]
Integers = NDArray[np.int64]


class StraightPath:
    """Rows between baseline rows and rows, each by itself.

    Parameters:
        inputs: x, where the paths end, (n, K).
        baseline: x', where they begin, (n, K).
        dtype: of the numbers on the path, float32 or float64.

    Attributes:
        difference: x - x' of the dense inputs, (n, D).
        entries: the CSR columns that are not zero at either end, with x - x'; None without a CSR block.

    >>> path = StraightPath(Inputs(np.array([[2.0, 4.0]])), Inputs(np.array([[0.0, 2.0]])), np.float64)
    >>> path.at(np.array([0, 0]), np.array([0.0, 0.5])).dense.tolist()
    [[0.0, 2.0], [1.0, 3.0]]
    """

    def __init__(self, inputs: Inputs, baseline: Inputs, dtype: Any) -> None:
        self._dtype = dtype
        self._start = baseline.dense.astype(dtype)
        self.difference: Array = inputs.dense.astype(dtype) - self._start
        self.entries: CSR | None = None
        ends, starts = inputs.entries, baseline.entries
        if ends is not None and starts is not None:
            self.entries, self._csr_start = _difference(ends, starts)

    def at(self, rows: Integers, t: NDArray[np.float64]) -> Inputs:
        """x(t) of some rows, (m, K).

        Parameters:
            rows: which, (m,); a row may stand there several times.
            t: how far each is, 0 to 1, (m,).
        """
        dense = self.difference[rows] * t[:, None].astype(self._dtype)
        dense += self._start[rows]
        if self.entries is None:
            return Inputs(dense)
        index, indptr = row_entries(self.entries.indptr, rows)
        factor = np.repeat(t, np.diff(indptr))
        data = self._csr_start[index] + factor * self.entries.data[index]
        csr = CSR(data.astype(self._dtype), self.entries.indices[index], indptr, self.entries.n_columns)
        return Inputs(dense, csr)


def row_entries(indptr: Integers, rows: Integers) -> tuple[Integers, Integers]:
    """The indices of the entries of some CSR rows, one row after the other, and where each row of these begins.

    >>> row_entries(np.array([0, 2, 3]), np.array([1, 0]))
    (array([2, 0, 1]), array([0, 1, 3]))
    """
    lengths = np.diff(indptr)[rows]
    starts = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(lengths, out=starts[1:])
    return np.repeat(indptr[rows] - starts[:-1], lengths) + np.arange(starts[-1]), starts


def entry_keys(rows: CSR) -> Integers:
    """The place of each entry in the table, counted row by row, (nnz,)."""
    return rows_of_entries(rows.indptr) * np.int64(rows.n_columns) + rows.indices


def _difference(ends: CSR, starts: CSR) -> tuple[CSR, NDArray[np.float64]]:
    """Ends less starts where either has an entry, and what the starts have there."""
    every, index = np.unique(np.concatenate([entry_keys(ends), entry_keys(starts)]), return_inverse=True)
    n_ends = len(ends.data)
    change, start = np.zeros(len(every)), np.zeros(len(every))
    change[index[:n_ends]] = ends.data
    start[index[n_ends:]] = starts.data
    change -= start
    width = np.int64(ends.n_columns)
    indptr = np.searchsorted(every // width, np.arange(len(ends) + 1)).astype(np.int64)
    return CSR(change, (every % width).astype(np.int32), indptr, ends.n_columns), start
