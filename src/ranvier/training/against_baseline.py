"""Whether a model is better than a constant prediction, as far as the rows it was measured on can tell.

n rows, N outputs; outputs, targets and weights as for `training.metrics`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices, class_probabilities
from ranvier.network.task import Task
from ranvier.plural import plural
from ranvier.training.metrics import area_under_curve, mean_targets
from ranvier.training.standard_error import mean_and_error

Array = NDArray[Any]
STANDARD_ERRORS = 2.0
"""So many standard errors a difference must have to count."""
MIN_ROWS = 5
"""Fewer rows have no standard error worth the name."""


def no_better_sentence(
    task: Task, outputs: Array, targets: Array, training_targets: Array, weights: Array | None = None, part: str = ""
) -> str:
    """A sentence where no measure shows the model to be better than its baseline; empty where one does.

    The baseline predicts the class frequencies, or the mean, of the training rows. Compared are the mean loss and, for
    classes, the accuracy, with the standard error of the mean of the differences row by row, and the AUC with its
    standard error where order is by chance; for numbers, how many rows the model is nearer to than their median, since
    few far targets may make up the mean loss. A model with class weights may have the worse loss and still the better
    order.

    Parameters:
        training_targets: of the training rows, or of these rows themselves.
        part: what the rows are called: "test" or "validation".

    >>> y = np.array([[0.0], [1.0]] * 20)
    >>> no_better_sentence(Task("binary", 1, (0, 1)), y * 0.8 + 0.1, y, y)
    ''
    >>> no_better_sentence(Task("binary", 1, (0, 1)), np.full((40, 1), 0.5), y, y, part="test").split(":")[0]
    'On these 40 test rows the model is no better than guessing'
    """
    if len(targets) < MIN_ROWS:
        return ""
    constant = mean_targets(task, training_targets)
    baseline = np.broadcast_to(constant, (len(targets), len(constant)))
    baseline = baseline[:, 0] if targets.ndim == 1 else baseline
    name, gain = loss_gain(task, outputs, targets, baseline)
    mean, error = mean_and_error(gain, weights, ddof=1)
    gains = [(mean, error)]
    if task.is_classifier:
        actual = class_indices(task, targets)
        correct = (class_indices(task, outputs) == actual).astype(np.float64)
        gains.append(mean_and_error(correct - (class_indices(task, baseline) == actual), weights, ddof=1))
        gains += _order_gains(task, outputs, actual)
    else:
        nearer = np.abs(targets - np.nanmedian(training_targets, axis=0)) - np.abs(targets - outputs)
        gains.append(mean_and_error(np.nanmean(np.sign(nearer).reshape(len(targets), -1), axis=1), weights, ddof=1))
    if any(gain > STANDARD_ERRORS * error for gain, error in gains):
        return ""
    rows = plural(len(targets), f"{part} row".strip())
    what = "the mean" if task.kind == "regression" else "the class frequencies"
    return (
        f"On these {rows} the model is no better than guessing: always predicting {what} of the training rows has "
        f"{_compared(name, mean, error)}. Give more rows, or columns that say more about the target."
    )


def _compared(name: str, gain: float, error: float) -> str:
    """The difference of two mean losses in words."""
    size, error_text = f"{abs(gain):.2g}", f"{error:.1g}"
    if gain <= 0:
        return f"a {name} that is smaller by {size} (standard error {error_text})"
    return f"a {name} that is larger by {size} only, with a standard error of {error_text}"


def loss_gain(task: Task, outputs: Array, targets: Array, baseline: Array) -> tuple[str, Array]:
    """The name of a loss, and by how much it is smaller for the model than for the baseline, row by row (n,)."""
    actual = class_indices(task, targets)[:, None] if task.is_classifier else None
    outputs, targets = outputs.astype(np.float64), targets.astype(np.float64)
    if task.kind == "regression":
        square = ((targets - baseline) ** 2 - (targets - outputs) ** 2).reshape(len(targets), -1)
        return "mean squared error", np.nanmean(square, axis=1)
    eps = np.finfo(np.float64).eps
    if task.kind == "multilabel":

        def entropy(values: Array) -> Array:
            clipped = np.clip(values, eps, 1 - eps)
            return np.asarray(-np.nanmean(targets * np.log(clipped) + (1 - targets) * np.log1p(-clipped), axis=1))

        return "log loss", entropy(baseline) - entropy(outputs)
    assert actual is not None
    model, constant = (
        np.clip(np.take_along_axis(class_probabilities(task, values), actual, axis=1)[:, 0], eps, 1.0)
        for values in (outputs, baseline)
    )
    return "log loss", np.log(model) - np.log(constant)


def _order_gains(task: Task, outputs: Array, actual: Array) -> list[tuple[float, float]]:
    """The AUC of each class above 0.5, and its standard error where the order is by chance.

    Source: Mann and Whitney, "On a test of whether one of two random variables is stochastically larger than the
    other", 1947.
    """
    probabilities = class_probabilities(task, outputs)
    gains = []
    for label in range(1 if task.kind == "binary" else 0, probabilities.shape[1]):
        positive = actual == label
        n_positive, n_negative = int(positive.sum()), int((~positive).sum())
        if n_positive and n_negative:
            error = math.sqrt((len(actual) + 1) / (12 * n_positive * n_negative))
            # Of many classes one is in order by chance.
            gains.append((area_under_curve(positive, probabilities[:, label]) - 0.5, error * _strictness(task)))
    return gains


def _strictness(task: Task) -> float:
    """By how much standard errors are widened where each of several classes could show a difference.

    >>> _strictness(Task("binary", 1, (0, 1)))
    1.0
    """
    return 1.0 if task.kind == "binary" else 1.0 + math.log10(len(task.classes))
