"""What the networks of an ensemble say of the rows that they were not trained on, as the merged network would.

n rows of all folds together, N outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.network.task import Task
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.rows.class_numbers import one_hot
from ranvier.training.held_out import HeldOut
from ranvier.training.logits import logits_of, probabilities_of, row_log_losses

Array = NDArray[Any]


@record(eq=False)
class Member:
    """A trained network of an ensemble.

    Fields:
        held: its validation rows.
        outputs: what it outputs for these, (rows, N).
    """

    held: Rows
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
    held = [member.held for member in members]
    weights = [rows.weights for rows in held if rows.weights is not None]
    if all(rows is held[0] for rows in held):
        logits = np.mean([logits_of(task, member.outputs) for member in members], axis=0)
        merged = HeldOut(probabilities_of(task, logits), held[0].targets, held[0].weights)
        return merged.calibrated(task, inverse_temperature)
    outputs = np.concatenate([member.outputs for member in members])
    targets = np.concatenate([rows.targets for rows in held])
    joined = HeldOut(outputs, targets, np.concatenate(weights) if weights else None, folds=True)
    return joined.calibrated(task, inverse_temperature)


def row_losses(task: Task, logits: Array, targets: Array) -> NDArray[np.float64]:
    """The log loss of each row, the mean over labels; the squared error of a regression, (n,)."""
    if task.kind == "regression":
        return np.asarray(np.nanmean(np.square(logits - targets), axis=1), np.float64)
    labels = 1 if task.kind == "multiclass" else logits.shape[1]
    return row_log_losses(task, logits, one_hot(targets, logits.shape[1])) / labels
