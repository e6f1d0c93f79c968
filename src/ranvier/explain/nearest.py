"""The rows that are most like a row, by columns or by what the last hidden layer outputs. n rows, K inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.explain.blocks import NOTHING, InputBlock
from ranvier.records import record
from ranvier.rows import CSR, Inputs
from ranvier.rows.csr import rows_of_entries

Array = NDArray[Any]


@record
class NearestRow:
    """A row that is like another one.

    Fields:
        row: its index among the rows that were searched.
        distance: from the row that was given; 0 for the same.
        answer: what the model predicts for it.

    >>> import ranvier as rv
    >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
    >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
    >>> model.nearest([0.0, 0.0], [[2.0, 1.0], [0.0, 0.0]], count=1)
    (NearestRow(row=1, distance=0.0, answer=1.0),)
    """

    row: int
    distance: float
    answer: Any


def column_distances(row: Inputs, rows: Inputs, blocks: Sequence[InputBlock]) -> NDArray[np.float64]:
    """How far rows are from a row, each column counting as much as the others, (n,).

    Formula: d_i^2 = 1/C sum_c |x_c - x_ic|^2 / s_c, with x_c the inputs of column c and s_c the mean of |x_ic - m_c|^2
    over the rows, m_c their mean. Columns that are the same in all rows do not count, unless the row differs there.

    Parameters:
        row: (1, K).
        rows: (n, K).
        blocks: of the C columns.

    Source: the idea of equal columns is that of Gower, "A general coefficient of similarity and some of its
    properties", Biometrics 1971.

    >>> row, rows = Inputs(np.array([[0.0, 0.0]])), Inputs(np.array([[1.0, 10.0], [-1.0, -10.0]]))
    >>> column_distances(row, rows, [InputBlock("a", slice(0, 1)), InputBlock("b", slice(1, 2))]).tolist()
    [1.0, 1.0]
    """
    squares = np.zeros(len(rows))
    row_entries, entries = row.entries, rows.entries
    for block in blocks:
        distance, spread = np.zeros(len(rows)), 0.0
        if block.dense != NOTHING:
            cells = rows.dense[:, block.dense].astype(np.float64)
            distance += ((cells - row.dense[:, block.dense]) ** 2).sum(axis=1)
            spread += float(cells.var(axis=0).sum())
        if block.csr != NOTHING and row_entries is not None and entries is not None:
            part = entries.columns(block.csr.start, block.csr.stop)
            distance += _csr_squares(row_entries.columns(block.csr.start, block.csr.stop), part)
            spread += _csr_variance(part)
        squares += distance / (spread if spread > 0 else 1.0)
    return np.sqrt(squares / max(1, len(blocks)))


def _csr_squares(row: CSR, rows: CSR) -> NDArray[np.float64]:
    """The squared distances of CSR rows from one, (n,)."""
    vector = row.toarray()[0].astype(np.float64)
    data, numbers = rows.data.astype(np.float64), rows_of_entries(rows.indptr)
    terms = data * (data - 2.0 * vector[rows.indices])
    squares = np.bincount(numbers, terms, minlength=len(rows)) + float(vector @ vector)
    return np.asarray(np.maximum(squares, 0.0), np.float64)


def _csr_variance(rows: CSR) -> float:
    """The sum of the variances of all columns."""
    data, n_rows = rows.data.astype(np.float64), max(1, len(rows))
    means = np.bincount(rows.indices, data, minlength=rows.n_columns) / n_rows
    return float(data @ data / n_rows - means @ means)


def nearest_rows(
    distances: NDArray[np.float64], answers: Array, allowed: NDArray[np.bool_], count: int
) -> tuple[NearestRow, ...]:
    """The nearest of the allowed rows; of equally near ones the first.

    >>> nearest_rows(np.array([2.0, 1.0]), np.array(["a", "b"]), np.array([True, True]), 1)
    (NearestRow(row=1, distance=1.0, answer='b'),)
    """
    index = np.flatnonzero(allowed)
    order = index[np.argsort(distances[index], kind="stable")[:count]]
    values = answers[order].tolist()
    return tuple(NearestRow(int(at), float(distances[at]), answer) for at, answer in zip(order, values, strict=True))
