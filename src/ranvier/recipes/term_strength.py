"""How much each term says about the classes: log ratios of naive Bayes. B rows, K inputs, N outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices
from ranvier.network.task import Task
from ranvier.rows import CSR, Inputs, Rows
from ranvier.rows.csr_view import CSRView
from ranvier.rows.inputs import view_of

Array = NDArray[Any]


def term_strengths(task: Task, rows: Rows) -> NDArray[np.float32]:
    """The strength of each column of the CSR block, and 1 for those of the dense block, (K,).

    Formula: r = log((p + 1) / (|p| + S)) - log((q + 1) / (|q| + S)), where p counts the rows of a class with a term and
    q the other rows with it, |.| is the sum over the S terms; of two classes and of labels the largest |r|, of several
    classes the largest r. Numbers count as above or below their median.

    Parameters:
        task: what the targets mean.
        rows: the training rows.

    Source: Wang, Manning, "Baselines and bigrams: simple, good sentiment and topic classification", ACL 2012.

    >>> csr = CSR.from_dense(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    >>> rows = Rows(Inputs(None, csr), np.array([[1.0], [1.0], [0.0], [0.0]]))
    >>> term_strengths(Task("binary", 1, ("no", "yes")), rows).tolist()[0] > 0.62
    True
    """
    csr = view_of(rows.inputs)
    ones = np.ones(rows.inputs.n_dense, np.float32)
    if csr is None:
        return ones
    weights = np.ones(len(rows)) if rows.weights is None else np.asarray(rows.weights, np.float64)
    total = _sums(csr, weights)
    strengths = np.zeros(csr.n_columns)
    for present in _memberships(task, rows.targets, weights):
        there = np.flatnonzero(present)
        ratios = _log_ratios(_sums(csr[there], present[there]), total)
        strengths = np.maximum(strengths, ratios if task.kind == "multiclass" else np.abs(ratios))
    return np.concatenate([ones, strengths.astype(np.float32)])


def unit_strengths(task: Task, rows: Rows) -> NDArray[np.float32]:
    """The strengths of `term_strengths`, divided so that rows times these have the length 1 on average, (K,)."""
    strengths = term_strengths(task, rows)
    csr = view_of(rows.inputs)
    if csr is not None:
        terms = strengths[rows.inputs.n_dense :]
        terms /= mean_norm(Inputs(rows.inputs.block, csr.times(terms)))
    return strengths


def scaled(inputs: Inputs, strengths: NDArray[np.float32]) -> Inputs:
    """The inputs with each column of the CSR block times its strength; a view of rows stays one."""
    if isinstance(inputs.csr, CSRView):
        return Inputs(inputs.block, inputs.csr.times(strengths[inputs.n_dense :]))
    csr = inputs.entries
    if csr is None:
        return inputs
    data = strengths[inputs.n_dense :].astype(csr.data.dtype, copy=False)[csr.indices]
    data *= csr.data
    return Inputs(inputs.block, CSR(data, csr.indices, csr.indptr, csr.n_columns))


def mean_norm(inputs: Inputs) -> float:
    """The root of the mean squared length of the rows of the CSR block; 1 where all are empty."""
    csr = view_of(inputs)
    if csr is None or not len(inputs):
        return 1.0
    squares, start = np.empty(csr.n_entries), 0
    for part in csr.row_parts():
        data = csr[part].in_memory().data
        np.square(data, out=squares[start : start + len(data)], dtype=np.float64)
        start += len(data)
    mean = float(np.sum(squares)) / len(inputs)
    return float(np.sqrt(mean)) if mean > 0.0 else 1.0


def _memberships(task: Task, targets: Array, weights: Array) -> Iterator[Array]:
    """For each class or label how much each row belongs to it, times its weight, (B,)."""
    if task.kind == "multiclass":
        index = class_indices(task, targets)
        for number in range(len(task.classes)):
            yield np.where(index == number, weights, 0.0)
        return
    for output in range(targets.shape[1]):
        column = np.nan_to_num(targets[:, output].astype(np.float64))
        yield weights * ((column > np.median(column)) if task.kind == "regression" else column)


def _sums(csr: CSRView, weights: Array) -> NDArray[np.float64]:
    """The sum of the weights (n,) of the rows that have an entry in each column, (S,)."""
    sums: NDArray[Any] = np.zeros(csr.n_columns)
    columns = np.arange(csr.n_columns, dtype=np.int32)
    for part in csr.row_parts():
        some = csr[part].in_memory()
        of_entries = np.repeat(weights[part], np.diff(some.indptr))
        # The sums so far go first, so that the numbers are added in the order of the rows.
        indices = np.concatenate([columns, some.indices])
        sums = np.bincount(indices, np.concatenate([sums, of_entries]), csr.n_columns)
    return sums


def _log_ratios(inside: Array, total: Array) -> Array:
    """r of each column for one class, from the counts p and p + q."""
    outside = np.maximum(total - inside, 0.0)
    smoothed = [(counts + 1.0) / (counts.sum() + len(counts)) for counts in (inside, outside)]
    ratios: Array = np.log(smoothed[0]) - np.log(smoothed[1])
    return ratios
