"""Are probabilities as often right as they say?"""

from __future__ import annotations

from typing import Any

from ranvier.errors import InputError
from ranvier.training.reliability import reliability
from ranvier.view.subject import Subject


def calibration(subject: Subject) -> dict[str, Any]:
    """The fraction of right answers by the probability of the most probable class, in the bins of the metric "ece".

    Returns `bins`: low, high, rows, mean probability and fraction right, the last two None in a bin without rows; and
    `error`, the expected calibration error. `training.reliability` computes them.

    Raises:
        InputError: the task has no classes, or the true answers are not known.
    """
    if not subject.model.task.is_classifier:
        raise InputError("Only classes have a probability that can be right.")
    curve = reliability(subject.model.task, subject.outputs, subject.targets)
    names = ("low", "high", "rows", "probability", "right")
    bins = [{name: getattr(entry, name) for name in names} for entry in curve.bins]
    return {"bins": bins, "error": curve.expected_calibration_error}
