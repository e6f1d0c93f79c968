"""How good predictions are. All functions take plain arrays; n rows, N outputs.

Targets are encoded: 0 or 1 for binary and multilabel, one-hot for classes, numbers for regression.
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
    if task.kind == "classes":
        return {"accuracy": float(np.mean(outputs.argmax(1) == targets.argmax(1)))}
    return {"accuracy": float(np.mean(((outputs >= 0.5) == (targets > 0.5)).all(axis=1)))}


def quick_name(task: Task) -> str:
    """The name of that metric."""
    return "r2" if task.kind == "regression" else "accuracy"


def r_squared(outputs: Array, targets: Array) -> float:
    """1 - residual sum of squares / total sum of squares, averaged over the outputs; 0 where a target never changes.

    >>> r_squared(np.array([[1.0], [2.0]]), np.array([[1.0], [2.0]]))
    1.0
    """
    outputs, targets = outputs.astype(np.float64), targets.astype(np.float64)
    residual = ((targets - outputs) ** 2).sum(axis=0)
    total = ((targets - targets.mean(axis=0)) ** 2).sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.where(total > 0, 1.0 - residual / total, 0.0).mean())


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
    from sklearn import metrics

    r2 = metrics.r2_score(targets, outputs, sample_weight=weights) if len(targets) > 1 else 0.0
    return {
        "r2": float(r2),
        "rmse": float(metrics.root_mean_squared_error(targets, outputs, sample_weight=weights)),
        "mae": float(metrics.mean_absolute_error(targets, outputs, sample_weight=weights)),
    }


def _classification(task: Task, outputs: Array, targets: Array, weights: Array | None) -> dict[str, float]:
    from sklearn import metrics

    probabilities = class_probabilities(task, outputs)
    actual = targets.argmax(1) if task.kind == "classes" else (targets[:, 0] > 0.5).astype(int)
    said = probabilities.argmax(1) if task.kind == "classes" else (outputs[:, 0] >= 0.5).astype(int)
    labels = np.arange(probabilities.shape[1])
    average = "binary" if task.kind == "binary" else "macro"
    present = None if task.kind == "binary" else np.unique(np.concatenate((actual, said)))
    found = {
        "accuracy": float(metrics.accuracy_score(actual, said, sample_weight=weights)),
        "log_loss": float(metrics.log_loss(actual, probabilities, labels=labels, sample_weight=weights)),
        "f1": float(
            metrics.f1_score(actual, said, labels=present, average=average, zero_division=0.0, sample_weight=weights)
        ),
    }
    areas = [
        metrics.roc_auc_score(actual == label, probabilities[:, label], sample_weight=weights)
        for label in (labels[1:] if task.kind == "binary" else labels)
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
        "f1": float(_label_scores(actual, said, weights)[2].mean()),
    }


def _label_scores(actual: Array, said: Array, weights: Array | None = None) -> tuple[Array, Array, Array, Array]:
    """Precision, recall and f1 of every label, 0 where they are 0 / 0, and in how many rows it is present."""
    w = np.ones(len(actual)) if weights is None else np.asarray(weights, np.float64)
    hits, claims, present = w @ (actual & said), w @ said, w @ actual

    def share(part: Array, whole: Array) -> Array:
        return np.divide(part, whole, out=np.zeros(len(whole)), where=whole > 0)

    return share(hits, claims), share(hits, present), share(2 * hits, claims + present), actual.sum(axis=0)


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
    from sklearn.metrics import precision_recall_fscore_support

    if task.kind == "regression":
        return []
    if task.kind == "multilabel":
        labels: tuple[Any, ...] = task.names
        parts = _label_scores(targets > 0.5, outputs >= 0.5)
    else:
        labels = task.classes
        actual, said = class_indices(task, targets), class_indices(task, outputs)
        parts = precision_recall_fscore_support(actual, said, labels=np.arange(len(labels)), zero_division=0.0)
    return [
        {"label": label, "rows": int(rows), "precision": float(precision), "recall": float(recall), "f1": float(f1)}
        for label, precision, recall, f1, rows in zip(labels, *parts, strict=True)
    ]


def class_indices(task: Task, outputs: Array) -> NDArray[np.int64]:
    """The number of the class that each row says."""
    if task.kind == "binary":
        return np.asarray(outputs[:, 0] >= 0.5, np.int64)
    said: NDArray[np.int64] = outputs.argmax(axis=1).astype(np.int64)
    return said


def most_confused(task: Task, outputs: Array, targets: Array) -> dict[str, Any] | None:
    """The pair of classes mixed up most often: what it was, what was predicted, in how many rows; None without one."""
    if not task.classifies:
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
