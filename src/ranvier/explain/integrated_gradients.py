"""Integrated gradients: what each input adds to an output on the way from a baseline. n rows, K = D + S inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.explain.path import StraightPath, row_entries
from ranvier.records import record
from ranvier.rows import Inputs
from ranvier.rows.csr import rows_of_entries

Array = NDArray[Any]
Integers = NDArray[np.int64]
STEPS = 8
"""Into how many parts of equal length a path is divided at first."""
GAUSS = 0.5 / math.sqrt(3.0)
"""How far the two points of the Gauss-Legendre rule lie from the middle, in lengths of the part."""
MAX_HALVINGS = 14
NUMBERS_AT_ONCE = 2**22
"""Of how many inputs gradients are held at once."""


@record(eq=False)
class Function:
    """One output of a network for each row, and its gradient.

    Fields:
        values: (rows (m, K), which of the explained rows each is (m,)) -> (m,).
        gradients: the same -> (m, K).
        dtype: of the numbers that the network computes with.
    """

    values: Callable[[Inputs, Integers], Array]
    gradients: Callable[[Inputs, Integers], Array]
    dtype: Any


@record(eq=False)
class Contributions:
    """What each input adds to the output of each row.

    Fields:
        dense: of the dense inputs, (n, D).
        csr: of the entries of `path.entries`, (nnz,); None without a CSR block.
        start, end: the output at the baseline and at the row, (n,).
        error: how far the contributions are from adding up to end - start, (n,).
        path: from the baseline to the rows.
    """

    dense: NDArray[np.float64]
    csr: NDArray[np.float64] | None
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    error: NDArray[np.float64]
    path: StraightPath


def integrated_gradients(
    function: Function, inputs: Inputs, baseline: Inputs, tolerance: NDArray[np.float64]
) -> Contributions:
    """What each input adds to the output on the straight path from the baseline to the row.

    Formula: a_k = (x_k - x'_k) integral_0^1 dF(x' + t (x - x')) / dx_k dt, by the Gauss-Legendre rule of two points.
    The sum of the a_k is F(x) - F(x'). A path is divided into 8 parts; since F is known at both ends of a part, so is
    the error of its sum, and parts are halved where it is largest, until the errors of a row, each taken positive, add
    up to the tolerance.

    Parameters:
        function: F and its gradient.
        inputs, baseline: x and x', (n, K).
        tolerance: for each row, (n,).

    Source: Sundararajan, Taly, Yan, "Axiomatic attribution for deep networks", ICML 2017.
    """
    path = StraightPath(inputs, baseline, function.dtype)
    n_rows, sums = len(inputs), _Sums(path)
    ends = np.linspace(0.0, 1.0, STEPS + 1)
    rows = np.repeat(np.arange(n_rows), STEPS)
    low, high = np.tile(ends[:-1], n_rows), np.tile(ends[1:], n_rows)
    nodes = _values(function, path, np.repeat(np.arange(n_rows), STEPS + 1), np.tile(ends, n_rows))
    at_nodes = nodes.reshape(n_rows, STEPS + 1)
    at_low, at_high = at_nodes[:, :-1].reshape(-1), at_nodes[:, 1:].reshape(-1)
    accepted = np.zeros(n_rows)
    rounding = 4 * np.finfo(function.dtype).eps * np.abs(at_nodes).max(axis=1, initial=0.0)
    for halving in range(MAX_HALVINGS + 1):
        middle = (low + high) / 2
        points = np.concatenate([middle - GAUSS * (high - low), middle + GAUSS * (high - low)])
        measured = sums.measure(function, np.tile(rows, 2), points, np.tile(high - low, 2) / 2)
        error = np.abs(at_high - at_low - measured.reshape(2, -1).sum(axis=0))
        row_error = accepted + np.bincount(rows, error, minlength=n_rows)
        enough = (
            (row_error <= tolerance)[rows] | (error <= 0.5 * tolerance[rows] * (high - low)) | (error <= rounding[rows])
        )
        if halving == MAX_HALVINGS:
            enough[:] = True
        sums.add(np.tile(enough, 2))
        accepted += np.bincount(rows[enough], error[enough], minlength=n_rows)
        some = np.flatnonzero(~enough)
        if not len(some):
            break
        rows, low, high, middle = rows[some], low[some], high[some], middle[some]
        at_middle = _values(function, path, rows, middle)
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
        at_low, at_high = np.concatenate([at_low[some], at_middle]), np.concatenate([at_middle, at_high[some]])
        rows = np.tile(rows, 2)
    dense, csr = sums.dense, sums.csr
    start, end = at_nodes[:, 0], at_nodes[:, -1]
    total = dense.sum(axis=1)
    if csr is not None and path.entries is not None:
        total += np.bincount(rows_of_entries(path.entries.indptr), csr, minlength=n_rows)
    return Contributions(dense, csr, start, end, np.abs(total - (end - start)), path)


def _values(function: Function, path: StraightPath, rows: Integers, t: NDArray[np.float64]) -> NDArray[np.float64]:
    """F at some points of paths, (m,)."""
    values = np.empty(len(rows))
    at_once = max(1, NUMBERS_AT_ONCE // max(path.difference.shape[1], 64))
    for first in range(0, len(rows), at_once):
        part = slice(first, first + at_once)
        values[part] = function.values(path.at(rows[part], t[part]), rows[part])
    return values


class _Sums:
    """Adds up the contributions of parts of paths, once it is known which parts are short enough."""

    def __init__(self, path: StraightPath) -> None:
        self._path = path
        self.dense = np.zeros(path.difference.shape)
        self.csr = None if path.entries is None else np.zeros(len(path.entries.data))
        self._parts: list[tuple[Integers, Array, Integers | None, Array | None]] = []

    def measure(
        self, function: Function, rows: Integers, t: NDArray[np.float64], length: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Compute the contributions of parts, which `add` then adds or drops, and give their sums, (m,)."""
        path, entries = self._path, self._path.entries
        sums, self._parts = np.zeros(len(rows)), []
        at_once = max(1, NUMBERS_AT_ONCE // (path.difference.shape[1] + (0 if entries is None else entries.n_columns)))
        n_dense = path.difference.shape[1]
        for first in range(0, len(rows), at_once):
            part = slice(first, first + at_once)
            some, step = rows[part], length[part]
            gradients = function.gradients(path.at(some, t[part]), some)
            dense = gradients[:, :n_dense] * path.difference[some]
            dense *= step[:, None].astype(dense.dtype)
            sums[part] = dense.sum(axis=1, dtype=np.float64)
            index, values = None, None
            if entries is not None:
                index, indptr = row_entries(entries.indptr, some)
                at = rows_of_entries(indptr)
                values = entries.data[index] * gradients[at, n_dense + entries.indices[index]] * step[at]
                sums[part] += np.bincount(at, values, minlength=len(some))
            self._parts.append((some, dense, index, values))
        return sums

    def add(self, accepted: NDArray[np.bool_]) -> None:
        """Add the contributions of some of the parts that were measured last."""
        first = 0
        for rows, dense, index, values in self._parts:
            is_accepted = accepted[first : first + len(rows)]
            first += len(rows)
            if self._path.difference.shape[1]:
                _add_rows(self.dense, rows[is_accepted], dense[is_accepted])
            if index is not None and values is not None and self.csr is not None:
                assert self._path.entries is not None
                lengths = np.diff(self._path.entries.indptr)[rows]
                inside = np.repeat(is_accepted, lengths)
                self.csr += np.bincount(index[inside], values[inside], minlength=len(self.csr))
        self._parts = []


def _add_rows(sums: NDArray[np.float64], rows: Integers, values: Array) -> None:
    """Add values (m, D) to the rows that they belong to, always in the same order."""
    if not len(rows):
        return
    order = np.argsort(rows, kind="stable")
    ordered = rows[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    counts = np.diff(np.append(starts, len(ordered)))
    added = np.zeros((len(starts), values.shape[1]))
    # The first values of all rows, then the second ones, and so on: several times faster than row by row.
    for at in range(counts.max()):
        some = np.flatnonzero(counts > at)
        if len(some) == len(starts):
            added += values[order[starts + at]]
        else:
            added[some] += values[order[starts[some] + at]]
    sums[ordered[starts]] += added
