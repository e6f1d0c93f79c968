"""Are probabilities as often right as they say? The reliability curve, its expected calibration error, the Brier score.

n rows, B bins.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_probabilities
from ranvier.errors import InputError
from ranvier.network.task import Task
from ranvier.records import record
from ranvier.rows.class_numbers import are_class_numbers, one_hot
from ranvier.scalars import as_integer

Array = NDArray[Any]
ROUNDING = 1e-12
"""A smaller gap is that of rounding."""
BINS = 15
"""As in Guo et al. 2017."""


@record
class ReliabilityBin:
    """The rows whose most probable class has a probability from low to high.

    Fields:
        low, high: the bounds of the bin; `high` belongs to the next one, except for 1.
        rows: how many rows.
        probability: their mean probability; None without rows.
        right: the fraction of them whose most probable class is the true one; None without rows.

    >>> ReliabilityBin(low=0.8, high=0.9, rows=20, probability=0.85, right=0.8).right
    0.8
    """

    low: float
    high: float
    rows: int
    probability: float | None
    right: float | None


@record
class Reliability:
    """How often probabilities are right, beside how often they say so.

    Fields:
        bins: equally wide, from 0 to 1.
        expected_calibration_error: sum over bins of (fraction of rows) * |fraction right - mean probability|.
        brier_score: as in `brier_score`.
        log_loss: minus the mean logarithm of the probability of the true class.

    >>> import ranvier as rv
    >>> curve = rv.train("iris", recipe="plain", epochs=5, engine="reference").calibration("iris", bins=5)
    >>> len(curve.bins), 0 <= curve.brier_score <= 2
    (5, True)
    """

    bins: tuple[ReliabilityBin, ...]
    expected_calibration_error: float
    brier_score: float
    log_loss: float


def reliability(
    task: Task, outputs: Array, targets: Array, weights: Array | None = None, bins: int = BINS
) -> Reliability:
    """The reliability curve of the most probable class.

    Parameters:
        task: of two or several classes.
        outputs, targets, weights: as for `training.metrics`.
        bins: B.

    Raises:
        InputError: the task has no classes, there are no rows, or bins is no positive integer.

    Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017.

    >>> curve = reliability(Task("binary", 1, (0, 1)), np.full((4, 1), 0.75), np.array([[1.0], [1.0], [1.0], [0.0]]))
    >>> curve.expected_calibration_error, [entry.rows for entry in curve.bins if entry.rows]
    (0.0, [4])
    """
    if not task.is_classifier:
        raise InputError("Only classes have a probability that can be right.")
    count = as_integer(bins)
    if count is None or count < 1:
        raise InputError(f"bins is {bins!r}; it must be an integer of at least 1.")
    bins = count
    if not len(outputs):
        raise InputError("There are no rows, so nothing can be measured; give some.")
    probabilities, actual = class_probabilities(task, outputs), true_classes(task, targets)
    weight = np.ones(len(actual)) if weights is None else np.asarray(weights, np.float64)
    top = probabilities.argmax(axis=1)
    confidence = probabilities[np.arange(len(top)), top]
    index = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    counts = np.bincount(index, minlength=bins)
    total = np.bincount(index, weight, bins)
    chance = np.bincount(index, weight * confidence, bins)
    right = np.bincount(index, weight * (top == actual), bins)
    true_probability = np.clip(probabilities[np.arange(len(actual)), actual], np.finfo(np.float64).eps, 1.0)
    gaps = np.abs(right - chance)
    entries = tuple(
        ReliabilityBin(
            at / bins,
            (at + 1) / bins,
            int(counts[at]),
            float(chance[at] / total[at]) if total[at] > 0 else None,
            float(right[at] / total[at]) if total[at] > 0 else None,
        )
        for at in range(bins)
    )
    return Reliability(
        entries,
        float(gaps[gaps > ROUNDING * total].sum() / weight.sum()),
        brier_score(task, outputs, targets, weights),
        float(np.average(-np.log(true_probability), weights=weight)),
    )


def expected_calibration_error(task: Task, outputs: Array, targets: Array, weights: Array | None = None) -> float:
    """That of `reliability`, in 15 bins."""
    return reliability(task, outputs, targets, weights).expected_calibration_error


def true_classes(task: Task, targets: Array) -> NDArray[np.int64]:
    """The number of the true class of each row, (n,); of rows of fractions the greatest.

    >>> true_classes(Task("binary", 1, (0, 1)), np.array([[1.0], [0.0]])).tolist()
    [1, 0]
    """
    if task.kind == "binary":
        return np.asarray(targets[:, 0] >= 0.5, np.int64)
    return targets[:, 0].astype(np.int64) if are_class_numbers(targets) else np.asarray(targets.argmax(axis=1))


def brier_score(task: Task, outputs: Array, targets: Array, weights: Array | None = None) -> float:
    """The mean squared difference of probabilities and truth: 0 is perfect.

    Formula: mean (p - y)^2 for two classes and for labels that are present or not (the mean over labels), and
    mean sum_c (p_c - y_c)^2 for several classes, as scikit-learn's `brier_score_loss`.

    Source: Brier, "Verification of forecasts expressed in terms of probability", 1950.

    >>> brier_score(Task("binary", 1, (0, 1)), np.array([[0.5], [0.5]]), np.array([[1.0], [0.0]]))
    0.25
    """
    probabilities = class_probabilities(task, outputs)
    if task.kind != "multiclass":
        probabilities = probabilities[:, 1:] if task.kind == "binary" else probabilities
        return float(np.average(np.nanmean(np.square(probabilities - targets), axis=1), weights=weights))
    if are_class_numbers(targets) and probabilities.shape[1] > targets.shape[1]:
        true_probability = probabilities[np.arange(len(targets)), targets[:, 0]]
        rows = np.square(probabilities).sum(axis=1) - 2 * true_probability + 1
    else:
        rows = np.square(probabilities - one_hot(targets, probabilities.shape[1])).sum(axis=1)
    return float(np.average(rows, weights=weights))
