"""Scores of predictions on test rows, and what they must be like to be scored. n rows, C classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
SUM_TOLERANCE = 1e-3
"""How far the probabilities of a row may be from 1 in sum; half precision keeps three digits."""


def check(predictions: Array, rows: int, classes: int | None) -> None:
    """Make sure that these are predictions of so many rows.

    Parameters:
        predictions: probabilities (n, C), or numbers (n,) where `classes` is None.

    Raises:
        ValueError: wrong shape, not finite, or no probabilities.
    """
    shape = (rows,) if classes is None else (rows, classes)
    if predictions.shape != shape:
        raise ValueError(f"The predictions have the shape {predictions.shape}, not {shape}.")
    if not np.isfinite(predictions).all():
        raise ValueError(f"{int((~np.isfinite(predictions)).sum())} predictions are not finite.")
    if classes is not None and (predictions.min() < 0 or np.abs(predictions.sum(1) - 1).max() > SUM_TOLERANCE):
        raise ValueError("The predictions are no probabilities: below 0, or not 1 in sum.")


def of_classes(probabilities: Array, labels: Sequence[Any], classes: Sequence[Any]) -> dict[str, float]:
    """Accuracy of the most probable class, and log loss: the mean of -log p of the true class.

    Parameters:
        probabilities: (n, C), in the order of `classes`; brought to 1 in sum, and to at least the smallest step of
            float64, so that a certain mistake costs 36.
        labels: the truth, n of them; one that is not among `classes` counts as a certain mistake.
    """
    index = {label: number for number, label in enumerate(classes)}
    truth = np.array([index.get(label, -1) for label in labels])
    fractions = probabilities / probabilities.sum(1, keepdims=True)
    right = np.where(truth >= 0, fractions[np.arange(len(truth)), truth], 0.0)
    smallest = float(np.finfo(np.float64).eps)
    return {
        "accuracy": float(np.mean(fractions.argmax(1) == truth)),
        "log_loss": float(-np.mean(np.log(np.clip(right, smallest, 1.0)))),
    }


def of_numbers(predictions: Array, values: Array) -> dict[str, float]:
    """Root of the mean squared error over the standard deviation of the test targets, and mean absolute error."""
    error = predictions - values
    return {
        "rmse": float(np.sqrt(np.mean(error**2)) / np.std(values)),
        "mae": float(np.mean(np.abs(error))),
    }
