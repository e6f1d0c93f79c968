"""What the networks of an ensemble say of the rows that they were not trained on, as the merged network would.

n rows of all folds together, N outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices
from ranvier.network.task import Task
from ranvier.random import SEED_RANGE
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.rows.class_numbers import one_hot
from ranvier.rows.split import split_rows
from ranvier.training.held_out import HeldOut
from ranvier.training.logits import logits_of, probabilities_of, row_log_losses

Array = NDArray[Any]


@record(eq=False)
class Member:
    """A trained network of an ensemble.

    Fields:
        validation: its validation rows.
        outputs: what it outputs for these, (rows, N).
    """

    validation: Rows
    outputs: Array


def held_out_rows(task: Task, members: Sequence[Member], inverse_temperature: float) -> HeldOut | None:
    """Outputs for the rows that stood outside training, in the calibration of the merged network.

    Where all networks have the same validation rows, the outputs are those of the merged network. Where each has a fold
    of its own, a row has the output of the network that was not trained on it. Such a network alone errs a little more
    than all together, and on its fold a little less than on new rows, because the fold told when to stop. The two come
    to about the same, so that errors are taken as they are.

    Parameters:
        task: what the outputs mean.
        members: the networks; of several that left out the same rows of another division, the first.
        inverse_temperature: the factor of the merged network's logits.

    >>> numbers = Task("regression", 1)
    >>> parts = [Rows(np.zeros((1, 1)), np.array([[target]])) for target in (1.0, 2.0)]
    >>> found = held_out_rows(numbers, [Member(part, part.targets + 0.5) for part in parts], 1.0)
    >>> found.outputs.tolist(), found.targets.tolist(), found.folds
    ([[1.5], [2.5]], [[1.0], [2.0]], True)
    """
    if not members:
        return None
    validation = [member.validation for member in members]
    weights = [rows.weights for rows in validation if rows.weights is not None]
    if all(rows is validation[0] for rows in validation):
        logits = np.mean([logits_of(task, member.outputs) for member in members], axis=0)
        merged = HeldOut(probabilities_of(task, logits), validation[0].targets, validation[0].weights)
        return merged.calibrated(task, inverse_temperature)
    outputs = np.concatenate([member.outputs for member in members])
    targets = np.concatenate([rows.targets for rows in validation])
    joined = HeldOut(outputs, targets, np.concatenate(weights) if weights else None, folds=True)
    return joined.calibrated(task, inverse_temperature)


def row_losses(task: Task, logits: Array, targets: Array) -> NDArray[np.float64]:
    """The log loss of each row, the mean over labels; the squared error of a regression, (n,)."""
    if task.kind == "regression":
        return np.asarray(np.nanmean(np.square(logits - targets), axis=1), np.float64)
    labels = 1 if task.kind == "multiclass" else logits.shape[1]
    return row_log_losses(task, logits, one_hot(targets, logits.shape[1])) / labels


def member_splits(
    task: Task, rows: Rows, validation: Rows | None, n_networks: int, n_folds: int, seed: int
) -> Iterator[tuple[Rows, Rows | None]]:
    """The training and validation rows of every network of an ensemble.

    The rows are divided into folds that hold the classes in proportion; each network leaves out the next fold, and once
    every fold was left out the rows are divided again. With one fold, all networks are trained on all rows. Rows of a
    group are in one fold.
    """
    n_folds = possible_folds(rows, n_folds)
    labels = class_indices(task, rows.targets) if task.is_classifier else None
    folds: tuple[NDArray[np.int64], ...] = ()
    for number in range(n_networks):
        if validation is not None or n_folds < 2:
            yield rows, validation
            continue
        fold = number % n_folds
        if fold == 0:
            fractions, fold_seed = (1.0 / n_folds,) * n_folds, (seed + number) % SEED_RANGE
            folds = split_rows(len(rows), fractions, fold_seed, labels, rows.groups)
        left_out = folds[n_folds - 1 - fold]
        learned = np.setdiff1d(np.arange(len(rows)), left_out, assume_unique=True)
        yield rows.take(learned), rows.take(left_out)


def possible_folds(rows: Rows, n_folds: int) -> int:
    """Into how many folds rows can be divided: at most one for each group.

    >>> possible_folds(Rows(np.zeros((4, 1)), np.zeros((4, 1)), groups=np.array([0, 0, 1, 2])), 5)
    3
    """
    return n_folds if rows.groups is None else min(n_folds, len(np.unique(rows.groups)))
