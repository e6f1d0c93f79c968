"""Between outputs and logits: the logits of probabilities, the probabilities of logits, and their log loss.

n rows, N outputs. The logits of classes are known up to a constant a row. A regression has none; its numbers stay as
they are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.network.task import Task

Array = NDArray[Any]
PROBABILITY_EPS = 1e-7
"""Probabilities are taken to be at least this."""


def logits_of(task: Task, outputs: Array) -> NDArray[np.float64]:
    """The logits of outputs, shape (n, N).

    >>> logits_of(Task("binary", 1, ("no", "yes")), np.array([[0.5]])).tolist()
    [[0.0]]
    """
    numbers = outputs.astype(np.float64)
    if task.kind == "regression":
        return numbers
    logits: NDArray[np.float64] = np.log(np.clip(numbers, PROBABILITY_EPS, 1.0))
    if task.kind != "multiclass":
        logits -= np.log(np.clip(1.0 - numbers, PROBABILITY_EPS, 1.0))
    return logits


def probabilities_of(task: Task, logits: Array) -> NDArray[np.float64]:
    """The outputs that have these logits, shape (n, N).

    >>> probabilities_of(Task("multiclass", 2, ("a", "b")), np.array([[3.0, 3.0]])).tolist()
    [[0.5, 0.5]]
    """
    if task.kind == "regression":
        return logits
    if task.kind != "multiclass":
        return np.asarray(0.5 + 0.5 * np.tanh(0.5 * logits))
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float64] = shifted / shifted.sum(axis=1, keepdims=True)
    return probabilities


def row_log_losses(task: Task, logits: Array, targets: Array) -> NDArray[np.float64]:
    """The log loss of each row, summed over labels, shape (n,).

    Parameters:
        logits: of a task with classes or labels, shape (n, N).
        targets: one-hot classes or labels, shape (n, N); labels that are NaN do not count.

    >>> row_log_losses(Task("binary", 1, ("no", "yes")), np.array([[0.0]]), np.array([[1.0]])).round(4).tolist()
    [0.6931]
    """
    if task.kind == "multiclass":
        top = logits.max(axis=1, keepdims=True)
        normalizer = top + np.log(np.exp(logits - top).sum(axis=1, keepdims=True))
        return np.asarray((targets * (normalizer - logits)).sum(axis=1), np.float64)
    return np.asarray(np.nansum(np.logaddexp(0.0, logits) - targets * logits, axis=1), np.float64)
