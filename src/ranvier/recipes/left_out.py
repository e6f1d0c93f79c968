"""What the mean of an ensemble would predict for the rows that its networks left out.

A row was left out by K of the M networks. The mean of K networks errs more than that of all M: to first order in their
variance, a smooth measure of the mean, such as its loss, moves from that of one network in proportion to 1 - 1 / K. The
rows that several networks left out tell how far it moves for K, and so how far for M. The logarithms of two measures
are taken to do so: of the factor that calibrates the logits, and of the absolute error of a regression.

n rows, N outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.network.task import Task
from ranvier.recipes.out_of_fold import Member
from ranvier.records import record
from ranvier.training.held_out import HeldOut
from ranvier.training.logits import logits_of, probabilities_of
from ranvier.training.temperature import MIN_ROWS, inverse_temperature

Array = NDArray[Any]
Floats = NDArray[np.float64]


@record(eq=False)
class LeftOut:
    """The rows that networks left out, each once.

    Fields:
        index: which rows they are, ascending, (n,).
        targets, weights: of these rows; the latter None for equal weights.
        counts: K, how many networks left each row out, (n,).
        logits: the mean of those of these networks, (n, N).
        single_rows, single_logits: those of each, and for which of the n rows, (sum of K,) and (sum of K, N).
        n_networks: M.
    """

    index: NDArray[np.int64]
    targets: Array
    weights: Array | None
    counts: NDArray[np.int64]
    logits: Floats
    single_rows: NDArray[np.int64]
    single_logits: Floats
    n_networks: int


def left_out_by(task: Task, members: Sequence[Member], n_networks: int | None = None) -> LeftOut:
    """The outputs of networks, one at least, for the rows that they left out; M is their number, or `n_networks`."""
    numbers = [np.arange(len(m.validation)) if m.index is None else m.index for m in members]
    index, first, single_rows = np.unique(np.concatenate(numbers), return_index=True, return_inverse=True)
    single_logits = logits_of(task, np.concatenate([member.outputs for member in members]))
    counts = np.bincount(single_rows)
    sums = np.stack([np.bincount(single_rows, column) for column in single_logits.T], axis=1)
    weights = [member.validation.weights for member in members if member.validation.weights is not None]
    return LeftOut(
        index,
        np.concatenate([member.validation.targets for member in members])[first],
        np.concatenate(weights)[first] if weights else None,
        counts,
        sums / counts[:, None],
        single_rows,
        single_logits,
        n_networks or len(members),
    )


def merged_inverse_temperature(task: Task, members: Sequence[Member], n_networks: int | None = None) -> float:
    """The factor that calibrates the mean of the logits of all networks.

    Formula: log s(M) = log s(1) + (log s'(K) - log s'(1)) (1 - 1 / M) / (1 - 1 / K), with s(1) fitted on the logits of
    single networks, and s'(1) and s'(K) on rows that several of them left out: on those of each, and on their mean.
    Fewer than 100 of these rows tell nothing; then it is s(1).

    Parameters:
        task: what the outputs mean.
        members: the networks; none give a factor of 1.
        n_networks: M, where more are merged than those that left rows out; None for the number of these.
    """
    if not members or task.kind == "regression":
        return 1.0
    left_out = left_out_by(task, members, n_networks)
    if len(left_out.targets) < MIN_ROWS:
        return 1.0
    single = _single_factor(task, left_out, np.ones(len(left_out.counts), np.bool_))
    repeated = left_out.counts > 1
    if repeated.sum() < MIN_ROWS:
        return single
    targets, weights = left_out.targets[repeated], None if left_out.weights is None else left_out.weights[repeated]
    of_mean = inverse_temperature(task, probabilities_of(task, left_out.logits[repeated]), targets, weights)
    step = np.log(of_mean / _single_factor(task, left_out, repeated))
    return float(single * np.exp(step * (1.0 - 1.0 / left_out.n_networks) / _mean_move(left_out.counts)))


def held_out_rows(
    task: Task, members: Sequence[Member], inverse_temperature: float, n_networks: int | None = None
) -> HeldOut | None:
    """Outputs for the rows that stood outside training, in the calibration of the merged network.

    Where all networks have the same validation rows, the outputs are those of the merged network. Else a row has the
    mean of the networks that left it out; of numbers it is known, too, what the absolute errors of such means are
    multiplied by, to be like those of the merged network.

    Parameters:
        task: what the outputs mean.
        members: the networks.
        inverse_temperature: the factor of the merged network's logits.
        n_networks: as for `merged_inverse_temperature`.

    >>> from ranvier.rows import Rows
    >>> numbers = Task("regression", 1)
    >>> parts = [Rows(np.zeros((1, 1)), np.array([[target]])) for target in (1.0, 2.0)]
    >>> members = [Member(part, part.targets + 0.5, np.array([at])) for at, part in enumerate(parts)]
    >>> held_out = held_out_rows(numbers, members, 1.0)
    >>> held_out.outputs.tolist(), held_out.targets.tolist(), held_out.folds
    ([[1.5], [2.5]], [[1.0], [2.0]], True)
    """
    if not members:
        return None
    left_out = left_out_by(task, members, n_networks)
    outputs, folds = probabilities_of(task, left_out.logits), members[0].index is not None
    factors = _error_factors(left_out) if folds and task.kind == "regression" else None
    return HeldOut(outputs, left_out.targets, left_out.weights, folds, factors).calibrated(task, inverse_temperature)


def _single_factor(task: Task, left_out: LeftOut, counted: NDArray[np.bool_]) -> float:
    """The factor for the logits of single networks on the counted rows, each of which counts once."""
    rows = left_out.single_rows[counted[left_out.single_rows]]
    outputs = probabilities_of(task, left_out.single_logits[counted[left_out.single_rows]])
    weights = 1.0 / left_out.counts[rows]
    if left_out.weights is not None:
        weights = weights * left_out.weights[rows]
    return inverse_temperature(task, outputs, left_out.targets[rows], weights, n_rows=int(counted.sum()))


def _error_factors(left_out: LeftOut) -> Floats | None:
    """What the errors of the mean of K networks are multiplied by, (n, N); None where too few rows tell.

    They are not made smaller than errors of independent networks would be, by sqrt(M / K).
    """
    repeated = left_out.counts > 1
    if repeated.sum() < MIN_ROWS:
        return None
    rows = left_out.single_rows
    weights = np.ones(len(left_out.counts)) if left_out.weights is None else left_out.weights.astype(np.float64)
    errors = np.abs(left_out.single_logits - left_out.targets[rows])
    row_weights = np.where(repeated, weights, 0.0) / left_out.counts
    of_single = np.nansum(row_weights[rows][:, None] * errors, axis=0)
    of_mean = np.nansum((row_weights * left_out.counts)[:, None] * np.abs(left_out.logits - left_out.targets), axis=0)
    tiny = np.finfo(np.float64).tiny
    step = np.log(np.maximum(of_mean, tiny) / np.maximum(of_single, tiny)) / _mean_move(left_out.counts)
    missing = (1.0 / left_out.counts - 1.0 / left_out.n_networks)[:, None]
    least = np.sqrt(left_out.counts / left_out.n_networks)[:, None]
    return np.asarray(np.clip(np.exp(step * missing), least, 1.0))


def _mean_move(counts: NDArray[np.int64]) -> float:
    """The mean of 1 - 1 / K over the rows that several networks left out."""
    return float((1.0 - 1.0 / counts[counts > 1]).mean())
