"""How sure is the model? What intervals or sets it gives for the known rows, and how often they hold the truth.

n rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.model.predictions import interval_names
from ranvier.rows.some_rows import evenly
from ranvier.view.subject import Subject

Floats = NDArray[np.float64]
LEVELS = (0.5, 0.8, 0.9, 0.95)
COVERAGE = 0.9
MAX_SHOWN = 40


def uncertainty(subject: Subject) -> dict[str, Any]:
    """Of intervals or sets for some coverages: the fraction of known rows that they hold, and how wide they are.

    Returns `kind`, "intervals" or "sets"; `rows` measured on; `coverage`, that of what is shown in detail; and for
    numbers `targets`, for classes one entry there: `name`; `levels`, each with the `coverage` that was asked for, what
    was `found`, the standard `error` that chance gives so many rows, and the mean `width` or number of labels. Of
    intervals also `shown`, 40 rows that lie evenly among the predictions: lower bound, prediction, upper bound, truth;
    of sets `sizes`: how many rows have so many labels.

    Raises:
        InputError: the true answers are not known, the model was not calibrated, or it predicts several labels a row.
    """
    rows, model = subject.known_rows(), subject.model
    if rows.targets is None:
        raise InputError("The true answers of these rows are not known, so coverage cannot be measured.")
    outputs = model.outputs_of(rows.inputs)
    if model.task.kind == "regression":
        return _intervals(subject, outputs)
    sets = {level: model.class_sets(outputs, level) for level in _possible(subject, outputs)}
    actual = subject.actual.tolist()
    levels = []
    for level, numbers in sets.items():
        inside = np.array([truth in label_set for truth, label_set in zip(actual, numbers, strict=True)])
        levels.append(_level(level, inside, float(np.mean([len(label_set) for label_set in numbers]))))
    counts = (
        np.bincount([len(label_set) for label_set in sets[COVERAGE]]) if COVERAGE in sets else np.zeros(0, np.int64)
    )
    sizes = [[size, count] for size, count in enumerate(counts.tolist()) if count]
    entry = {"name": ", ".join(model.target.column_names), "levels": levels, "sizes": sizes}
    return {"kind": "sets", "rows": len(actual), "coverage": COVERAGE, "targets": [entry]}


def _intervals(subject: Subject, outputs: Any) -> dict[str, Any]:
    model, n_rows = subject.model, len(outputs)
    bounds = {level: model.interval_of(outputs, level).reshape(n_rows, -1, 2) for level in _possible(subject, outputs)}
    n_levels = max(1, len(model.target.levels))
    n_targets = subject.outputs.shape[1] // n_levels
    middle = int(np.abs(np.array(model.target.levels) - 0.5).argmin()) if model.target.levels else 0
    targets = []
    for at, name in enumerate(interval_names(model.task.target_names, n_targets)):
        truth, predicted = subject.targets[:, at * n_levels], subject.outputs[:, at * n_levels + middle]
        has_truth = np.isfinite(truth)
        levels = []
        for level, of_all in bounds.items():
            low, high = of_all[has_truth, at].T
            inside = (low <= truth[has_truth]) & (truth[has_truth] <= high)
            levels.append(_level(level, inside, float((high - low).mean())))
        shown = (
            _shown(bounds[COVERAGE][has_truth, at], predicted[has_truth], truth[has_truth])
            if COVERAGE in bounds
            else []
        )
        targets.append({"name": name, "levels": levels, "shown": shown})
    return {"kind": "intervals", "rows": n_rows, "coverage": COVERAGE, "targets": targets}


def _possible(subject: Subject, outputs: Any) -> list[float]:
    """The coverages for which the model was calibrated on enough rows.

    Raises:
        InputError: there is none.
    """
    model, first = subject.model, outputs[:1]
    ask = model.interval_of if model.task.kind == "regression" else model.class_sets
    possible = []
    for level in LEVELS:
        try:
            ask(first, level)
        except InputError:
            if level == LEVELS[0]:
                raise
            break
        possible.append(level)
    return possible


def _level(coverage: float, inside: NDArray[np.bool_], width: float) -> dict[str, float]:
    """One line of the table: what was asked for, and what was found."""
    error = math.sqrt(coverage * (1 - coverage) / max(len(inside), 1))
    return {"coverage": coverage, "found": float(inside.mean()), "error": error, "width": width}


def _shown(bounds: Floats, predicted: Floats, truth: Floats) -> list[list[float]]:
    """Some rows in the order of their predictions: lower bound, prediction, upper bound, truth."""
    order = np.argsort(predicted, kind="stable")
    some = order[evenly(len(order), MAX_SHOWN)]
    lines: list[list[float]] = np.column_stack(
        [bounds[some, 0], predicted[some], bounds[some, 1], truth[some]]
    ).tolist()
    return lines
