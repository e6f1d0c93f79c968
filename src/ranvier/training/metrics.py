"""How good predictions are. All functions take plain arrays; n rows, N outputs.

Targets are encoded: 0 or 1 for binary and multilabel, one-hot for classes, numbers for regression.

scikit-learn says the same, which tests hold these functions to; importing it would take longer than many trainings.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import TrainingError
from ranvier.network.task import Task

Array = NDArray[Any]


def quick(task: Task, outputs: Array, targets: Array) -> dict[str, float]:
    """The one metric shown after every epoch: accuracy, or r2 for regression.

    >>> quick(Task("binary", 1, (0, 1)), np.array([[0.9], [0.2]]), np.array([[1.0], [1.0]]))
    {'accuracy': 0.5}
    """
    if task.kind == "regression":
        return {"r2": r_squared(outputs, targets)}
    if task.kind == "multiclass":
        return {"accuracy": float(np.mean(outputs.argmax(1) == targets.argmax(1)))}
    return {"accuracy": float(np.mean(((outputs >= 0.5) == (targets > 0.5)).all(axis=1)))}


def quick_name(task: Task) -> str:
    """The name of that metric."""
    return "r2" if task.kind == "regression" else "accuracy"


def r_squared(outputs: Array, targets: Array, weights: Array | None = None) -> float:
    """1 - residual sum of squares / total sum of squares, averaged over the outputs; 0 for fewer than two rows.

    A target that never changes counts 1 where it is predicted exactly and 0 otherwise, as in scikit-learn.

    >>> r_squared(np.array([[1.0], [2.0]]), np.array([[1.0], [2.0]]))
    1.0
    """
    if len(targets) < 2:
        return 0.0
    outputs, targets = outputs.astype(np.float64), targets.astype(np.float64)
    residual = np.average((targets - outputs) ** 2, axis=0, weights=weights)
    spread = np.average((targets - np.average(targets, axis=0, weights=weights)) ** 2, axis=0, weights=weights)
    unexplained = np.divide(residual, spread, out=(residual > 0).astype(np.float64), where=spread > 0)
    return float(1.0 - unexplained.mean())


def full(task: Task, outputs: Array, targets: Array, weights: Array | None = None) -> dict[str, float]:
    """Every metric of the task: accuracy, log_loss, f1, auc; or r2, rmse, mae.

    `auc` is left out where the rows hold one class only. `f1` is that of the positive class for binary, the mean over
    the classes otherwise. Regression metrics are in the units of `outputs` and `targets`.

    Raises:
        TrainingError: an output is not a finite number, so nothing can be measured.
    """
    outputs, targets = outputs.astype(np.float64), targets.astype(np.float64)
    wrong = np.asarray(~np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1))
    if wrong.any():
        raise TrainingError(
            f"The network says NaN or infinity for {wrong.sum()} of {len(wrong)} rows (the first is row "
            f"{wrong.argmax() + 1}), so nothing can be measured. Look for inputs far outside those it was trained on."
        )
    if task.kind == "regression":
        return _regression(outputs, targets, weights)
    if task.kind == "multilabel":
        return _multilabel(outputs, targets, weights)
    return _classification(task, outputs, targets, weights)


def _regression(outputs: Array, targets: Array, weights: Array | None) -> dict[str, float]:
    # A single output may stand without a column of its own.
    outputs, targets = outputs.reshape(len(outputs), -1), targets.reshape(len(targets), -1)
    error = targets - outputs
    return {
        "r2": r_squared(outputs, targets, weights),
        "rmse": float(np.sqrt(np.average(error**2, axis=0, weights=weights)).mean()),
        "mae": float(np.average(np.abs(error), axis=0, weights=weights).mean()),
    }


def _classification(task: Task, outputs: Array, targets: Array, weights: Array | None) -> dict[str, float]:
    probabilities = class_probabilities(task, outputs)
    count = probabilities.shape[1]
    actual = targets.argmax(1) if task.kind == "multiclass" else (targets[:, 0] > 0.5).astype(int)
    said = probabilities.argmax(1) if task.kind == "multiclass" else (outputs[:, 0] >= 0.5).astype(int)
    asked = [1] if task.kind == "binary" else np.union1d(actual, said)
    tiny = np.finfo(np.float64).eps
    likely = np.clip(probabilities[np.arange(len(actual)), actual], tiny, 1.0 - tiny)
    found = {
        "accuracy": float(np.average(actual == said, weights=weights)),
        "log_loss": float(np.average(-np.log(likely), weights=weights)),
        "f1": float(_scores(*_class_counts(actual, said, count, weights))[2][asked].mean()),
    }
    areas = [
        area_under_curve(actual == label, probabilities[:, label], weights)
        for label in range(1 if task.kind == "binary" else 0, count)
        if 0 < np.count_nonzero(actual == label) < len(actual)
    ]
    return found | ({"auc": float(np.mean(areas))} if areas else {})


def _multilabel(outputs: Array, targets: Array, weights: Array | None) -> dict[str, float]:
    actual, said = targets > 0.5, outputs >= 0.5
    tiny = np.finfo(np.float64).eps
    clipped = np.clip(outputs, tiny, 1 - tiny)
    entropy = -(targets * np.log(clipped) + (1 - targets) * np.log1p(-clipped)).mean(axis=1)
    return {
        "accuracy": float(np.average((actual == said).all(axis=1), weights=weights)),
        "log_loss": float(np.average(entropy, weights=weights)),
        "f1": float(_scores(*_label_counts(actual, said, weights))[2].mean()),
    }


def area_under_curve(positive: Array, scores: Array, weights: Array | None = None) -> float:
    """The area under the ROC curve: the share of pairs, one row positive and one not, whose scores are in that order.

    Pairs with equal scores count half. There must be rows of both kinds.

    Source: Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC) curve",
    1982.

    >>> area_under_curve(np.array([False, True, True]), np.array([0.2, 0.2, 0.9]))
    0.75
    """
    w = _counting(weights, len(scores))
    _, level = np.unique(scores, return_inverse=True)
    high, low = np.bincount(level, w * positive), np.bincount(level, w * ~positive)
    below = np.cumsum(low) - low / 2
    return float(high @ below / (high.sum() * low.sum()))


def _counting(weights: Array | None, rows: int) -> Array:
    """What each row counts."""
    return np.ones(rows) if weights is None else np.asarray(weights, np.float64)


def _class_counts(actual: Array, said: Array, count: int, weights: Array | None = None) -> tuple[Array, Array, Array]:
    """Of each class: the weight of the rows that are it and are said to be, are said to be, and are."""
    w = _counting(weights, len(actual))
    hits = np.bincount(actual, w * (actual == said), count)
    return hits, np.bincount(said, w, count), np.bincount(actual, w, count)


def _label_counts(actual: Array, said: Array, weights: Array | None = None) -> tuple[Array, Array, Array]:
    """The same of each label, any number of which a row may have."""
    w = _counting(weights, len(actual))
    return w @ (actual & said), w @ said, w @ actual


def _scores(hits: Array, claims: Array, present: Array) -> tuple[Array, Array, Array]:
    """Precision, recall and f1 of each class or label, 0 where they are 0 / 0."""

    def share(part: Array, whole: Array) -> Array:
        return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)

    return share(hits, claims), share(hits, present), share(2 * hits, claims + present)


def class_probabilities(task: Task, outputs: Array) -> NDArray[np.float64]:
    """One column a class (or label), rows of a class task summing to 1.

    >>> class_probabilities(Task("binary", 1, ("no", "yes")), np.array([[0.25]])).tolist()
    [[0.75, 0.25]]
    """
    outputs = np.asarray(outputs, np.float64)
    if task.kind == "binary":
        # One row is quick, too, without the checks of clip and stack.
        both = np.empty((len(outputs), 2))
        likely = np.minimum(np.maximum(outputs[:, 0], 0.0), 1.0, out=both[:, 1])
        np.subtract(1.0, likely, out=both[:, 0])
        return both
    if task.kind == "multilabel":
        clipped: NDArray[np.float64] = np.clip(outputs, 0.0, 1.0)
        return clipped
    positive: NDArray[np.float64] = np.maximum(outputs, 0.0)
    total = positive.sum(axis=1, keepdims=True)
    shares = np.full_like(positive, 1.0 / positive.shape[1])
    np.divide(positive, total, out=shares, where=total > 0)
    return shares


def baseline(task: Task, training_targets: Array, targets: Array) -> dict[str, float]:
    """The metrics of always guessing: the class shares, or the mean, of the training rows."""
    guess = training_targets.astype(np.float64).mean(axis=0)
    return full(task, np.broadcast_to(guess, targets.shape), targets)


def per_class(task: Task, outputs: Array, targets: Array) -> list[dict[str, Any]]:
    """Rows, precision, recall and f1 of every class or label; empty for regression."""
    if task.kind == "regression":
        return []
    if task.kind == "multilabel":
        labels: tuple[Any, ...] = task.target_names
        counts = _label_counts(targets > 0.5, outputs >= 0.5)
    else:
        labels = task.classes
        counts = _class_counts(class_indices(task, targets), class_indices(task, outputs), len(labels))
    return [
        {"label": label, "rows": int(rows), "precision": float(precision), "recall": float(recall), "f1": float(f1)}
        for label, precision, recall, f1, rows in zip(labels, *_scores(*counts), counts[2], strict=True)
    ]


def class_indices(task: Task, outputs: Array) -> NDArray[np.int64]:
    """The number of the class that each row says."""
    if task.kind == "binary":
        return np.asarray(outputs[:, 0] >= 0.5, np.int64)
    said: NDArray[np.int64] = outputs.argmax(axis=1).astype(np.int64)
    return said


def most_confused(task: Task, outputs: Array, targets: Array) -> dict[str, Any] | None:
    """The pair of classes mixed up most often: what it was, what was predicted, in how many rows; None without one."""
    if not task.is_classifier:
        return None
    count = len(task.classes)
    actual, said = class_indices(task, targets), class_indices(task, outputs)
    table = np.bincount(actual * count + said, minlength=count * count).reshape(count, count)
    np.fill_diagonal(table, 0)
    worst = int(table.argmax())
    rows = int(table.flat[worst])
    if rows == 0:
        return None
    return {"actual": task.classes[worst // count], "predicted": task.classes[worst % count], "rows": rows}
