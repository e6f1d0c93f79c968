"""An order of rows that follows from what they hold, and rows of whole-number weight as so many equal rows.

With both, a training set is what it holds: neither the order in which its rows happen to stand nor the choice between
a weight of 2 and the same row twice changes a single bit of what is learned from it.

B is the number of rows, K the number of columns.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.sources.source import Source
from ranvier.random import SAMPLE, wide_bits
from ranvier.rows import CSR

MOST_REPEATS = 8
BLOCK = 4096


def arranged(
    source: Source, values: NDArray[Any], weight: NDArray[np.float64] | None = None
) -> tuple[Source, NDArray[Any], NDArray[np.float64] | None]:
    """The same rows in an order that depends on nothing but the rows.

    Rows of weight 0 are left out. Weights that are all whole numbers, and together at most 8 a row, become repeated
    rows: a row of weight 3 stands there three times. Other weights stay.

    Parameters:
        source: the inputs.
        values: the targets, shape (B,) or (B, N), without missing ones.
        weight: how much each row counts, at least 0, shape (B,); None where all count the same.

    Returns the inputs, the targets, and the weights, or None where all count the same.

    >>> from ranvier.data import Arrays
    >>> rows = Arrays(np.array([[1.0], [2.0], [3.0]]), None, "an array", (1,))
    >>> source, values, weight = arranged(rows, np.array([0, 1, 1]), np.array([2.0, 0.0, 1.0]))
    >>> sorted(source.inputs[:, 0].tolist()), weight is None
    ([1.0, 1.0, 3.0], True)
    """
    index = np.arange(source.rows)
    if weight is not None:
        counted = np.flatnonzero(weight)
        source, values, weight = source.take(counted), values[counted], weight[counted]
        whole = bool((weight == np.floor(weight)).all()) and weight.sum() <= MOST_REPEATS * len(weight)
        index = np.repeat(np.arange(len(counted)), weight.astype(np.int64) if whole else 1)
        weight = None if whole else weight
    keys = _keys(source) + _array_keys(_codes(values).reshape(len(values), -1), 1)
    if weight is not None:
        keys += _array_keys(weight[:, None], 2)
    index = index[np.argsort(keys[index], kind="stable")]
    return source.take(index), values[index], None if weight is None else weight[index]


def _keys(source: Source) -> NDArray[np.uint64]:
    """A number for each row that follows from its cells."""
    if not source.column_names:
        inputs = source.inputs
        return _sparse_keys(inputs, 0) if isinstance(inputs, CSR) else _array_keys(inputs, 0)
    columns = [_column_codes(series) for series in source.frame.iter_columns()]
    return _array_keys(np.stack(columns, axis=1), 0)


def _column_codes(series: Any) -> NDArray[np.float64]:
    """A number for each cell, the same for equal cells: its value, or its rank among the words that are there."""
    if not series.dtype.is_numeric():
        series = series.rank("dense")
    codes: NDArray[np.float64] = series.cast(float).to_numpy()  # NaN where null
    return codes


def _codes(values: NDArray[Any]) -> NDArray[np.float64]:
    """A number for each target value, the same for equal ones."""
    if values.dtype.kind in "biuf":
        return values.astype(np.float64)
    words = values.tolist()
    places = {word: float(place) for place, word in enumerate(sorted(set(words)))}
    return np.array([places[word] for word in words])


def _array_keys(values: NDArray[Any], purpose: int) -> NDArray[np.uint64]:
    """The sum over the columns of an odd random number times the bits of the cell, modulo 2**64, shape (B,)."""
    factors = _factors(values.shape[1], purpose)
    keys = np.empty(len(values), np.uint64)
    for start in range(0, len(values), BLOCK):
        keys[start : start + BLOCK] = (_mixed(values[start : start + BLOCK]) * factors).sum(axis=1, dtype=np.uint64)
    return keys


def _sparse_keys(rows: CSR, purpose: int) -> NDArray[np.uint64]:
    """What `_array_keys` gives of the same rows with their zeros, which add nothing."""
    sums = np.zeros(len(rows.data) + 1, np.uint64)
    np.cumsum(_mixed(rows.data) * _factors(rows.n_columns, purpose)[rows.indices], out=sums[1:])
    keys: NDArray[np.uint64] = sums[rows.indptr[1:]] - sums[rows.indptr[:-1]]
    return keys


def _factors(columns: int, purpose: int) -> NDArray[np.uint64]:
    """An odd random number for each column."""
    factors: NDArray[np.uint64] = wide_bits(0, SAMPLE, 0, purpose, columns) | np.uint64(1)
    return factors


def _mixed(values: NDArray[Any]) -> NDArray[np.uint64]:
    """The bits of each cell, their upper half in the lower one too; 0 for zeros of either sign."""
    cells = (values.astype(np.float64) + 0.0).view(np.uint64)
    mixed: NDArray[np.uint64] = cells ^ (cells >> np.uint64(32))
    return mixed
