"""How sure a network should be: one factor on the weighted sums of its output layer, and how good it is once so sure.

n rows, C classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.network.task import Task

Array = NDArray[Any]
LEAST, MOST = 0.25, 4.0
HALVINGS = 14
FEWEST_ROWS, MOST_ROWS = 100, 50_000
SURE = 1e-7
EXPLAINED = "explained_share"
"""The name under which early stopping and the history know `explained`."""


def sharpness(task: Task, outputs: Array, targets: Array, weights: Array | None = None) -> float:
    """The factor s that makes the log loss of softmax(s z), or sigmoid(s z), smallest, where z are the weighted sums.

    Above 1 the network is too timid, below 1 too sure of itself. It is 1 for regression and for fewer than 100 rows,
    of which little could be learned, and lies between 1/4 and 4.

    Parameters:
        task: what the outputs mean.
        outputs: probabilities of rows that the network has not learned from, (n, N).
        targets: what was true, (n, N).
        weights: how much each row counts, (n,); None where all count the same.

    Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017; s is one over their
    temperature.

    >>> sure, right = np.tile([[0.9], [0.1]], (100, 1)), np.tile([[1.0], [0.0], [1.0], [1.0]], (50, 1))
    >>> round(sharpness(Task("binary", 1, ("no", "yes")), sure, right), 2)
    0.5
    """
    if task.kind == "regression" or len(outputs) < FEWEST_ROWS:
        return 1.0
    sums, targets, counts = _weighed(task, outputs, targets, weights)
    low, high = np.log2(LEAST), np.log2(MOST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if counts @ _slope(task, sums, targets, 2.0**middle) > 0:
            high = middle
        else:
            low = middle
    return float(2.0 ** ((low + high) / 2))


def explained(task: Task, outputs: Array, targets: Array, weights: Array | None = None) -> float:
    """How much of the targets' uncertainty the outputs take away, were they as sure as they should be.

    Formula: 1 - (log loss at the best `sharpness`) / (log loss of saying the shares of the classes in these rows). So a
    network that tells the classes apart better and better is not called worse for being too sure of itself, which one
    factor mends in the end. The parameters are those of `sharpness`.

    Raises:
        InputError: the task is regression.

    Source: Berta, Holzmüller, Jordan, Bach, "Rethinking early stopping: refine, then calibrate", 2025.

    >>> right = np.array([[0.0], [1.0]] * 100)
    >>> round(explained(Task("binary", 1, ("no", "yes")), 0.3 + 0.4 * right, right), 2)
    0.95
    """
    if task.kind == "regression":
        raise InputError("A regression has no classes to be unsure of; look at r2.")
    factor = sharpness(task, outputs, targets, weights)
    sums, targets, counts = _weighed(task, outputs, targets, weights)
    counts = counts / max(counts.sum(), np.finfo(np.float64).tiny)
    shares = np.clip(counts @ targets, SURE, 1.0 - SURE)
    scaled = factor * sums
    if task.kind == "multiclass":
        top = scaled.max(axis=1, keepdims=True)
        said = (targets * (top + np.log(np.exp(scaled - top).sum(axis=1, keepdims=True)) - scaled)).sum(axis=1)
        guessed = -float((counts @ targets * np.log(shares)).sum())
    else:
        said = (np.logaddexp(0.0, scaled) - targets * scaled).sum(axis=1)
        guessed = -float((shares * np.log(shares) + (1.0 - shares) * np.log1p(-shares)).sum())
    return 1.0 - float(counts @ said) / max(guessed, SURE)


def _weighed(task: Task, outputs: Array, targets: Array, weights: Array | None) -> tuple[Array, Array, Array]:
    """The weighted sums, up to a constant a row for classes, the targets and the weights, of at most MOST_ROWS rows."""
    outputs, targets = outputs[:MOST_ROWS].astype(np.float64), targets[:MOST_ROWS].astype(np.float64)
    counts = np.ones(len(outputs)) if weights is None else weights[:MOST_ROWS].astype(np.float64)
    sums = np.log(np.clip(outputs, SURE, 1.0))
    if task.kind != "multiclass":
        sums -= np.log(np.clip(1.0 - outputs, SURE, 1.0))
    return sums, targets, counts


def _slope(task: Task, sums: Array, targets: Array, factor: float) -> Array:
    """The slope of each row's log loss with respect to the factor, shape (n,): the loss is convex in it."""
    scaled = factor * sums
    if task.kind == "multiclass":
        said = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        said /= said.sum(axis=1, keepdims=True)
    else:
        said = 0.5 + 0.5 * np.tanh(0.5 * scaled)
    slope: Array = ((said - targets) * sums).sum(axis=1)
    return slope
