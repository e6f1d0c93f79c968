"""Temperature scaling: one factor on the logits, fitted on validation rows, and the D2 score of calibrated outputs.

n rows, C classes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.network.task import Task
from ranvier.portable_math import column_sums, dot
from ranvier.random import SAMPLE, permutation
from ranvier.rows.class_numbers import one_hot
from ranvier.training.logits import PROBABILITY_EPS, logits_of, probabilities_of, row_log_losses

Array = NDArray[Any]
MIN_FACTOR, MAX_FACTOR = 0.25, 4.0
BISECTION_STEPS = 14
MIN_ROWS, MAX_ROWS = 100, 50_000
"""For fewer rows a factor would be chance; of more, so many are drawn."""
CALIBRATED_D2 = "calibrated_d2_log_loss"
"""The name under which early stopping and the history know `calibrated_d2`."""


def inverse_temperature(
    task: Task, outputs: Array, targets: Array, weights: Array | None = None, *, n_rows: int | None = None
) -> float:
    """The factor s that makes the log loss of softmax(s z), or sigmoid(s z), smallest, where z are the
    logits.

    It is 1 divided by the temperature: greater than 1 for an under-confident network, less than 1 for an over-confident
    one. It lies between 1/4 and 4, and is 1 for regression and for fewer than 100 rows.

    To the log loss, summed over n rows, (log2 s)^2 / 2 is added: before the rows are looked at, log2 s has a standard
    normal distribution. Where a network is right in nearly all rows, these would hardly say anything else against any
    confidence.

    Parameters:
        task: what the outputs mean.
        outputs: predicted probabilities of rows that the network was not trained on, (n, N).
        targets: 0 and 1, (n, N).
        weights: the weight of each row, (n,); None for equal weights. With weights n is sum(w)^2 / sum(w^2), the number
            of rows of equal weights that would tell as much.
        n_rows: n, where some rows stand there several times; None for the number that the weights give.

    Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017.

    >>> sure, right = np.tile([[0.9], [0.1]], (100, 1)), np.tile([[1.0], [0.0], [1.0], [1.0]], (50, 1))
    >>> round(inverse_temperature(Task("binary", 1, ("no", "yes")), sure, right), 2)
    0.51
    """
    if task.kind == "regression" or len(outputs) < MIN_ROWS:
        return 1.0
    logits, targets, row_weights = _logits_and_weights(task, outputs, targets, weights)
    n = float(len(outputs) if n_rows is None else n_rows)
    if weights is not None and n_rows is None:
        n *= float(np.square(row_weights.sum()) / max(len(row_weights) * np.square(row_weights).sum(), PROBABILITY_EPS))
    row_weights = row_weights * (n / max(row_weights.sum(), PROBABILITY_EPS))
    return _best_factor(task, logits, targets, row_weights, prior=1.0)


def _best_factor(task: Task, logits: Array, targets: Array, row_weights: Array, prior: float = 0.0) -> float:
    """The factor for logits of enough rows; `prior` times (log2 s)^2 / 2 is added to the sum of the losses."""
    low, high = np.log2(MIN_FACTOR), np.log2(MAX_FACTOR)
    for _ in range(BISECTION_STEPS):
        middle = (low + high) / 2
        factor = 2.0**middle
        derivative = dot(row_weights, _loss_derivative(task, logits, targets, factor))
        if derivative + prior * middle / (np.log(2.0) * factor) > 0:
            high = middle
        else:
            low = middle
    return float(2.0 ** ((low + high) / 2))


def calibrated_d2(task: Task, outputs: Array, targets: Array, weights: Array | None = None) -> float:
    """D2 log loss score of the outputs after temperature scaling: 1 is perfect, 0 as good as the class frequencies.

    Formula: 1 - (log loss at the best temperature) / (log loss of predicting the class frequencies of these rows);
    scikit-learn's `d2_log_loss_score`, after calibration. Over-confidence, which a temperature corrects in the end,
    does not lower the score. The parameters are those of `inverse_temperature`.

    Raises:
        InputError: the task is regression.

    Source: Berta, Holzmüller, Jordan, Bach, "Rethinking early stopping: refine, then calibrate", 2025.

    >>> right = np.array([[0.0], [1.0]] * 100)
    >>> round(calibrated_d2(Task("binary", 1, ("no", "yes")), 0.3 + 0.4 * right, right), 2)
    0.95
    """
    if task.kind == "regression":
        raise InputError("A regression has no probabilities to calibrate; look at r2.")
    logits, targets, row_weights = _logits_and_weights(task, outputs, targets, weights)
    factor = _best_factor(task, logits, targets, row_weights) if len(outputs) >= MIN_ROWS else 1.0
    row_weights = row_weights / max(row_weights.sum(), np.finfo(np.float64).tiny)
    is_known = ~np.isnan(targets)
    counted = column_sums(row_weights, is_known) if not is_known.all() else 1.0
    frequencies = column_sums(row_weights, np.where(is_known, targets, 0.0)) / np.maximum(counted, PROBABILITY_EPS)
    frequencies = np.clip(frequencies, PROBABILITY_EPS, 1.0 - PROBABILITY_EPS)
    losses = row_log_losses(task, factor * logits, targets)
    if task.kind == "multiclass":
        prior_loss = -float((column_sums(row_weights, targets) * np.log(frequencies)).sum())
    else:
        entropies = frequencies * np.log(frequencies) + (1.0 - frequencies) * np.log1p(-frequencies)
        prior_loss = -float((counted * entropies).sum())
    return 1.0 - dot(row_weights, losses) / max(prior_loss, PROBABILITY_EPS)


def _logits_and_weights(
    task: Task, outputs: Array, targets: Array, weights: Array | None
) -> tuple[Array, Array, Array]:
    """The logits (but for a constant a row), targets and weights of at most MAX_ROWS rows, drawn at random."""
    drawn = slice(None) if len(outputs) <= MAX_ROWS else _drawn_rows(len(outputs))
    outputs, targets = outputs[drawn], one_hot(targets[drawn], outputs.shape[1])
    row_weights = np.ones(len(outputs)) if weights is None else weights[drawn].astype(np.float64)
    return logits_of(task, outputs), targets, row_weights


@lru_cache(maxsize=4)
def _drawn_rows(rows: int) -> NDArray[np.int64]:
    """MAX_ROWS of so many rows, the same after every epoch."""
    return permutation(0, SAMPLE, 0, rows)[:MAX_ROWS].copy()


def _loss_derivative(task: Task, logits: Array, targets: Array, factor: float) -> Array:
    """The derivative of each row's log loss with respect to the factor, shape (n,); the loss is convex in it."""
    derivative: Array = np.nansum((probabilities_of(task, factor * logits) - targets) * logits, axis=1)
    return derivative
