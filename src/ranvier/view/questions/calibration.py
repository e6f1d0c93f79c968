"""Are probabilities as often right as they say? B bins."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.errors import InputError
from ranvier.view.subject import Subject

BINS = 10


def calibration(subject: Subject) -> dict[str, Any]:
    """The share of right answers for each tenth of probability of the predicted class.

    Formula: expected calibration error = sum over bins of rows / n * |share right - mean probability|.
    Source: Guo, Pleiss, Sun, Weinberger, "On calibration of modern neural networks", ICML 2017.

    Returns `bins`: low, high, rows, mean probability and share right, the last two None in a bin without rows; and
    `error`, the expected calibration error.

    Raises:
        InputError: the task has no classes, or the true answers are not known.
    """
    if not subject.model.task.is_classifier:
        raise InputError("Only classes have a probability that can be right.")
    chance = subject.probabilities.max(axis=1)
    right = subject.actual == subject.predicted
    index = np.minimum((chance * BINS).astype(np.int64), BINS - 1)
    bins, error = [], 0.0
    for at in range(BINS):
        inside = index == at
        rows = int(inside.sum())
        mean, share = (float(chance[inside].mean()), float(right[inside].mean())) if rows else (None, None)
        if mean is not None and share is not None:
            error += rows / len(chance) * abs(share - mean)
        bins.append({"low": at / BINS, "high": (at + 1) / BINS, "rows": rows, "probability": mean, "right": share})
    return {"bins": bins, "error": error}
