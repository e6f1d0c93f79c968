"""The probability from which on the second of two classes is predicted: given, by a cost, or best by a metric.

n rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.network.task import Task
from ranvier.scalars import plain_scalar
from ranvier.training.held_out import HeldOut

Floats = NDArray[np.float64]
FORMS = 'a probability above 0 and below 1, "f1", "accuracy", "balanced_accuracy" or "cost:FN:FP" such as "cost:5:1"'
MIN_ROWS = 20
"""Fewer validation rows choose nothing."""


def _f1(true_positives: Floats, false_positives: Floats, positive: float, negative: float) -> Floats:
    return np.asarray(2 * true_positives / np.maximum(true_positives + false_positives + positive, 1e-300))


def _accuracy(true_positives: Floats, false_positives: Floats, positive: float, negative: float) -> Floats:
    return np.asarray((true_positives + negative - false_positives) / (positive + negative))


def _balanced_accuracy(true_positives: Floats, false_positives: Floats, positive: float, negative: float) -> Floats:
    return np.asarray((true_positives / positive + 1 - false_positives / negative) / 2)


METRICS: dict[str, Callable[[Floats, Floats, float, float], Floats]] = {
    "f1": _f1,
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
}
"""Name -> the metric, from the weights of true and false positives and of all positive and negative rows."""


def checked_threshold(rule: Any) -> float | str | None:
    """How a threshold is chosen: a number, the name of a metric or None; of costs the number that they give.

    With calibrated probabilities the cost is smallest where a row is called positive if p * FN > (1 - p) * FP: from
    p = FP / (FP + FN) on.

    Raises:
        InputError: it is something else.

    Source: Elkan, "The foundations of cost-sensitive learning", IJCAI 2001.

    >>> checked_threshold("0.3"), checked_threshold("f1"), checked_threshold("cost:4:1"), checked_threshold(None)
    (0.3, 'f1', 0.2, None)
    """
    if rule is None or (isinstance(rule, str) and rule in METRICS):
        return rule
    rule = plain_scalar(rule)
    value = _number(rule)
    if isinstance(rule, str) and rule.startswith("cost:"):
        costs = [_number(part) for part in rule.split(":")[1:]]
        if len(costs) == 2 and all(0 < cost < math.inf for cost in costs):
            value = costs[1] / (costs[0] + costs[1])
    if not 0.0 < value < 1.0:
        raise InputError(f"threshold is {rule!r}; give {FORMS}.")
    return value


def _number(value: Any) -> float:
    """A number, or a text that is one, as a float; NaN for everything else."""
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return math.nan


def check_has_threshold(task: Task, rule: Any) -> None:
    """Raise an `InputError` unless the task has two classes, or no rule is given."""
    if rule is not None and task.kind != "binary":
        raise InputError(f"A threshold chooses between two classes, and the task is {task.kind}; leave it out.")


def chosen_threshold(rule: float | str, task: Task, held_out: HeldOut | None) -> float:
    """The threshold of a rule that `checked_threshold` gave, on rows that the model was not trained on.

    Of the probabilities of these rows the one is taken whose metric is best, in the middle of the gap below it.

    Raises:
        InputError: a metric has fewer than 20 such rows, or rows of one class only, to choose by.

    >>> held_out = HeldOut(np.linspace(0.01, 1.0, 100)[:, None], (np.arange(100) >= 30).astype(float)[:, None])
    >>> round(chosen_threshold("f1", Task("binary", 1, ("no", "yes")), held_out), 3)
    0.305
    """
    if not isinstance(rule, str):
        return rule
    positive = np.zeros(0) if held_out is None else np.asarray(held_out.targets[:, 0] >= 0.5, np.float64)
    if held_out is None or len(positive) < MIN_ROWS or not 0 < positive.sum() < len(positive):
        raise InputError(
            f'threshold is "{rule}", which is chosen on at least {MIN_ROWS} validation rows of both classes, and there '
            "are none such; give more rows or validation rows, or a probability, such as threshold=0.3."
        )
    probabilities = np.asarray(held_out.outputs[:, 0], np.float64)
    weights = np.ones(len(positive)) if held_out.weights is None else np.asarray(held_out.weights, np.float64)
    order = np.argsort(-probabilities, kind="stable")
    sorted_p, true_positives = probabilities[order], np.cumsum((weights * positive)[order])
    false_positives = np.cumsum((weights * (1 - positive))[order])
    last = np.append(sorted_p[1:] < sorted_p[:-1], True)
    values = METRICS[rule](true_positives, false_positives, float(true_positives[-1]), float(false_positives[-1]))
    best = int(np.argmax(np.where(last, values, -np.inf)))
    below = sorted_p[best + 1] if best + 1 < len(sorted_p) else 0.0
    return float(np.clip((sorted_p[best] + below) / 2, 1e-6, 1 - 1e-6))
