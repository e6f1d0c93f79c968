"""How good predictions are. All functions take plain arrays; n rows, N outputs.

Targets are encoded: 0 or 1 for binary and multilabel, one-hot rows, fractions or numbers of classes, numbers for
regression. Where one of several targets is NaN, the row does not count for it. Weights are those of the rows, (n,), or
None for equal ones; rows of weight 0 are left out.

The values are those of scikit-learn, which tests compare them with; importing it would take longer than many trainings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices, class_probabilities, label_indicators
from ranvier.errors import TrainingError
from ranvier.network.task import Task
from ranvier.plural import plural
from ranvier.portable_math import column_sums, dot
from ranvier.rows.class_numbers import are_class_numbers, class_fractions
from ranvier.rows.row_names import at_row
from ranvier.training.partial_targets import are_fractions, columns_present, has_gaps
from ranvier.training.reliability import brier_score, expected_calibration_error

Array = NDArray[Any]
PROBABILITY_RANGE = (float(np.finfo(np.float64).eps), 1.0 - float(np.finfo(np.float64).eps))
"""What probabilities are kept within before their logarithm is taken."""


def headline_metric(task: Task, outputs: Array, targets: Array, weights: Array | None = None) -> dict[str, float]:
    """The one metric that is measured after every epoch: accuracy, or r2 for regression; NaN where no row has weight.

    >>> headline_metric(Task("binary", 1, (0, 1)), np.array([[0.9], [0.2]]), np.array([[1.0], [1.0]]))
    {'accuracy': 0.5}
    """
    name = headline_metric_name(task)
    if weights is not None and not weights.any():
        return {name: math.nan}
    if task.kind == "regression":
        return {name: r_squared(outputs, targets, weights)}
    return {name: float(_accuracy(task, outputs, targets, weights))}


def headline_of_members(task: Task, outputs: Array, targets: Array, weights: Array | None = None) -> Array:
    """That metric of M networks, outputs (M, n, N) -> (M,): of each what `headline_metric` gives for it alone.

    Parameters:
        targets: of all networks, (n, N), or of each, (M, n, N); without gaps.
        weights: of the rows of all networks, (n,).

    >>> outputs = np.array([[[0.9], [0.2]], [[0.1], [0.2]]])
    >>> headline_of_members(Task("binary", 1, (0, 1)), outputs, np.array([[1.0], [1.0]])).tolist()
    [0.5, 0.0]
    """
    too_few = task.kind == "regression" and outputs.shape[1] < 2
    if too_few or (weights is not None and not weights.any()):
        return np.full(len(outputs), math.nan)
    return (_r_squared if task.kind == "regression" else partial(_accuracy, task))(outputs, targets, weights)


def _accuracy(task: Task, outputs: Array, targets: Array, weights: Array | None) -> Array:
    """The fraction of the rows that are right, (..., n, N) -> (...)."""
    correct = _is_correct(task, outputs, targets)
    if weights is None:
        return np.asarray(np.count_nonzero(correct, axis=-1) / correct.shape[-1])
    return np.asarray(np.average(correct, axis=-1, weights=weights))


def headline_metric_name(task: Task) -> str:
    """The name of that metric."""
    return "r2" if task.kind == "regression" else "accuracy"


def r_squared(outputs: Array, targets: Array, weights: Array | None = None) -> float:
    """1 - residual sum of squares / total sum of squares, averaged over the outputs; NaN for fewer than two rows.

    A target that never changes counts 1 where it is predicted exactly and 0 otherwise, as in scikit-learn.

    >>> r_squared(np.array([[1.0], [2.0]]), np.array([[1.0], [2.0]]))
    1.0
    """
    if has_gaps(targets):
        parts = [r_squared(*part) for part in columns_present(outputs, targets, weights)]
        finite = [part for part in parts if not math.isnan(part)]
        return float(np.mean(finite)) if finite else math.nan
    if len(targets) < 2:
        return math.nan
    return float(_r_squared(outputs, targets, weights))


def _r_squared(outputs: Array, targets: Array, weights: Array | None) -> Array:
    """The same for rows without gaps, (..., n, N) -> (...)."""
    outputs, targets = outputs.astype(np.float64), targets.astype(np.float64)
    residual = _mean((targets - outputs) ** 2, weights)
    variance = _mean((targets - _mean(targets, weights)[..., None, :]) ** 2, weights)
    variance = np.broadcast_to(variance, residual.shape)
    unexplained = np.divide(residual, variance, out=(residual > 0).astype(np.float64), where=variance > 0)
    return np.asarray(1.0 - unexplained.sum(axis=-1) / unexplained.shape[-1])


def _mean(values: Array, weights: Array | None) -> Array:
    """The mean over the rows, (..., n, N) -> (..., N); `np.average` takes longer than the sum of a few rows."""
    if weights is None:
        return np.asarray(np.add.reduce(values, axis=-2) / values.shape[-2])
    return np.asarray(np.average(values, axis=-2, weights=weights))


def all_metrics(task: Task, outputs: Array, targets: Array, weights: Array | None = None) -> dict[str, float]:
    """Every metric of the task: accuracy, log_loss, brier, ece, f1, auc; or r2, rmse, mae.

    `brier` and `ece` are those of `training.reliability`; several labels at once have no `ece`. `auc` is left out where
    the rows hold one class only, and `r2` is NaN for fewer than two rows. `f1` is that of the positive class for
    binary, the mean over the classes otherwise. Regression metrics are in the units of `outputs` and `targets`.

    Raises:
        TrainingError: an output is not a finite number, or every weight is 0, so nothing can be measured.
    """
    outputs = outputs.astype(np.float64)
    targets = targets if are_class_numbers(targets) else targets.astype(np.float64)
    check_finite(outputs)
    if weights is not None and not weights.all():
        weighted = weights > 0
        if not weighted.any():
            raise TrainingError(f"The weights of all {plural(len(weights), 'row')} are 0, so nothing can be measured.")
        outputs, targets, weights = outputs[weighted], targets[weighted], weights[weighted]
    if task.kind == "regression":
        return _regression(outputs, targets, weights)
    if task.kind == "multilabel":
        return _multilabel(task, outputs, targets, weights)
    return _classification(task, outputs, targets, weights)


def check_finite(outputs: Array) -> None:
    """Raise a `TrainingError` where an output is not a finite number.

    >>> check_finite(np.array([[0.5], [2.0]]))
    """
    wrong = np.asarray(~np.isfinite(outputs.reshape(len(outputs), -1)).all(axis=1))
    if wrong.any():
        raise TrainingError(
            f"The network outputs NaN or infinity for {wrong.sum()} of {plural(len(wrong), 'row')} (the first "
            f"{at_row(int(wrong.argmax()))}), so nothing can be measured. Look for inputs far outside those it was "
            "trained on."
        )


def _regression(outputs: Array, targets: Array, weights: Array | None) -> dict[str, float]:
    # A single output may stand without a column of its own.
    outputs, targets = outputs.reshape(len(outputs), -1), targets.reshape(len(targets), -1)
    if has_gaps(targets):
        parts = [_regression(*part) for part in columns_present(outputs, targets, weights)]
        return {name: float(np.mean([part[name] for part in parts])) for name in parts[0]}
    error = targets - outputs
    return {
        "r2": r_squared(outputs, targets, weights),
        "rmse": float(np.sqrt(np.average(error**2, axis=0, weights=weights)).mean()),
        "mae": float(np.average(np.abs(error), axis=0, weights=weights).mean()),
    }


def _classification(task: Task, outputs: Array, targets: Array, weights: Array | None) -> dict[str, float]:
    probabilities = class_probabilities(task, outputs)
    n_classes = probabilities.shape[1]
    actual, predicted = class_indices(task, targets), class_indices(task, outputs)
    averaged = [1] if task.kind == "binary" else np.union1d(actual, predicted)
    clipped = np.clip(probabilities, *PROBABILITY_RANGE)
    if are_fractions(targets):
        surprise = -(targets * np.log(clipped)).sum(axis=1)
    else:
        surprise = -np.log(clipped[np.arange(len(actual)), actual])
    f1 = _precision_recall_f1(*_class_counts(actual, predicted, n_classes, weights))[2][averaged].mean()
    aucs = [
        area_under_curve(actual == label, probabilities[:, label], weights)
        for label in range(1 if task.kind == "binary" else 0, n_classes)
        if 0 < np.count_nonzero(actual == label) < len(actual)
    ]
    return {
        "accuracy": float(np.average(_is_correct(task, outputs, targets), weights=weights)),
        "log_loss": float(np.average(surprise, weights=weights)),
        "brier": brier_score(task, outputs, targets, weights),
        "ece": expected_calibration_error(task, outputs, targets, weights),
        "f1": float(f1),
        **({"auc": float(np.mean(aucs))} if aucs else {}),
    }


def _multilabel(task: Task, outputs: Array, targets: Array, weights: Array | None) -> dict[str, float]:
    clipped = np.clip(outputs, *PROBABILITY_RANGE)
    cells = -(targets * np.log(clipped) + (1 - targets) * np.log1p(-clipped))
    entropy = np.nanmean(cells, axis=1) if has_gaps(targets) else cells.mean(axis=1)
    counts = _label_counts(label_indicators(targets), label_indicators(outputs) & ~np.isnan(targets), weights)
    return {
        "accuracy": float(np.average(_is_correct(task, outputs, targets), weights=weights)),
        "log_loss": float(np.average(entropy, weights=weights)),
        "brier": brier_score(task, outputs, targets, weights),
        "f1": float(_precision_recall_f1(*counts)[2].mean()),
    }


def _is_correct(task: Task, outputs: Array, targets: Array) -> NDArray[np.bool_]:
    """Whether each row is predicted correctly, (..., n, N) -> (..., n): its class, or all its labels."""
    if task.is_classifier:
        return np.asarray(class_indices(task, outputs) == class_indices(task, targets))
    return np.asarray(((label_indicators(outputs) == label_indicators(targets)) | np.isnan(targets)).all(axis=-1))


def area_under_curve(positive: Array, scores: Array, weights: Array | None = None) -> float:
    """The area under the ROC curve: the fraction of pairs, one row positive and one not, with scores in that order.

    Pairs with equal scores count half. There must be rows of both kinds.

    Source: Hanley and McNeil, "The meaning and use of the area under a receiver operating characteristic (ROC) curve",
    1982.

    >>> area_under_curve(np.array([False, True, True]), np.array([0.2, 0.2, 0.9]))
    0.75
    """
    weights = _row_weights(weights, len(scores))
    _, level = np.unique(scores, return_inverse=True)
    high, low = np.bincount(level, weights * positive), np.bincount(level, weights * ~positive)
    below = np.cumsum(low) - low / 2
    return dot(high, below) / float(high.sum() * low.sum())


def _row_weights(weights: Array | None, rows: int) -> Array:
    return np.ones(rows) if weights is None else np.asarray(weights, np.float64)


def _class_counts(
    actual: Array, predicted: Array, n_classes: int, weights: Array | None = None
) -> tuple[Array, Array, Array]:
    """True positives, predicted rows and support of each class, in weights of rows."""
    weights = _row_weights(weights, len(actual))
    true_positives = np.bincount(actual, weights * (actual == predicted), n_classes)
    return true_positives, np.bincount(predicted, weights, n_classes), np.bincount(actual, weights, n_classes)


def _label_counts(actual: Array, predicted: Array, weights: Array | None = None) -> tuple[Array, Array, Array]:
    """The same of each label, any number of which a row may have."""
    weights = _row_weights(weights, len(actual))
    both = column_sums(weights, actual & predicted)
    return both, column_sums(weights, predicted), column_sums(weights, actual)


def _precision_recall_f1(true_positives: Array, n_predicted: Array, support: Array) -> tuple[Array, Array, Array]:
    """Precision, recall and f1 of each class or label, 0 where they are 0 / 0."""

    def ratio(part: Array, total: Array) -> Array:
        return np.divide(part, total, out=np.zeros(len(total)), where=total > 0)

    return (
        ratio(true_positives, n_predicted),
        ratio(true_positives, support),
        ratio(2 * true_positives, n_predicted + support),
    )


def baseline(
    task: Task,
    training_targets: Array,
    targets: Array,
    training_weights: Array | None = None,
    weights: Array | None = None,
) -> dict[str, float]:
    """The metrics of a constant prediction: the class frequencies, or the mean, of the training rows.

    Parameters:
        training_targets, training_weights: of the training rows.
        targets, weights: of the rows to predict.
    """
    constant = mean_targets(task, training_targets, training_weights)
    return all_metrics(task, np.broadcast_to(constant, (len(targets), len(constant))), targets, weights)


def mean_targets(task: Task, targets: Array, weights: Array | None = None) -> Array:
    """The weighted mean of each target, (N,): of classes their fractions. Targets that are NaN do not count.

    >>> mean_targets(Task("regression", 2), np.array([[1.0, np.nan], [3.0, 5.0]])).tolist()
    [2.0, 5.0]
    """
    if task.kind in ("regression", "multilabel") and np.isnan(targets).any():
        parts = columns_present(targets, targets, weights)
        return np.array([np.average(column[:, 0], weights=some) for column, _, some in parts])
    return class_fractions(targets.reshape(len(targets), -1), task.outputs, weights)


def per_class(task: Task, outputs: Array, targets: Array, weights: Array | None = None) -> list[dict[str, Any]]:
    """Number of rows, and weighted precision, recall and f1, of every class or label; empty for regression.

    Recall and f1 of a class without rows are None, and so is the precision of a class that is never predicted.
    """
    if task.kind == "regression":
        return []
    if task.kind == "multilabel":
        labels: tuple[Any, ...] = task.target_names
        indicators = label_indicators(targets)
        rows = indicators.sum(axis=0)
        counts = _label_counts(indicators, label_indicators(outputs) & ~np.isnan(targets), weights)
    else:
        labels = task.classes
        actual = class_indices(task, targets)
        rows = np.bincount(actual, minlength=len(labels))
        counts = _class_counts(actual, class_indices(task, outputs), len(labels), weights)
    records = []
    for label, count, n_predicted, scores in zip(
        labels, rows, counts[1], zip(*_precision_recall_f1(*counts), strict=True), strict=True
    ):
        precision, recall, f1 = (float(score) for score in scores)
        present = bool(count)
        records.append(
            {
                "label": label,
                "rows": int(count),
                "precision": precision if n_predicted > 0 else None,
                "recall": recall if present else None,
                "f1": f1 if present else None,
            }
        )
    return records


def with_undefined(
    task: Task, values: Mapping[str, float], classes: Sequence[Mapping[str, Any]], targets: Array
) -> tuple[dict[str, float | None], list[str]]:
    """The metrics with None for those that are undefined, and why, in sentences; so for scores of classes, too.

    Parameters:
        values: what `all_metrics` gave.
        classes: what `per_class` gave.
        targets: of the measured rows.

    >>> with_undefined(Task("regression", 1), {"r2": math.nan, "rmse": 1.0}, [], np.array([[3.0]]))
    ({'r2': None, 'rmse': 1.0}, ['R² is not defined on a single row.'])
    """
    defined: dict[str, float | None] = {name: value if value == value else None for name, value in values.items()}
    notes = []
    if task.kind == "regression" and (targets == targets[:1]).all():
        defined["r2"] = None
        where = "on a single row" if len(targets) == 1 else "where all rows have the same target"
        notes.append(f"R² is not defined {where}.")
    if task.is_classifier and "auc" not in defined:
        defined["auc"] = None
        only = next((f', "{record["label"]}"' for record in classes if record["rows"]), "")
        notes.append(f"AUC is not defined, because all rows have one class{only}.")
    if task.kind == "binary" and classes and not classes[1]["rows"] and classes[1]["precision"] is None:
        defined["f1"] = None
        notes.append(f'F1 is not defined: no row is "{task.classes[1]}" and none was predicted so.')
    empty = [str(record["label"]) for record in classes if not record["rows"]]
    never = [str(record["label"]) for record in classes if record["rows"] and record["precision"] is None]
    if empty:
        what = "class" if task.is_classifier else "label"
        notes.append(f"No row has the {what} {_label_text(empty)}: recall and F1 are not defined there.")
    if never:
        verb = (
            "was never predicted: its precision is" if len(never) == 1 else "were never predicted: their precision is"
        )
        notes.append(f"{_label_text(never)} {verb} not defined.")
    return defined, notes


def _label_text(labels: list[str]) -> str:
    """The first labels and how many more.

    >>> _label_text(["a", "b"])
    '"a", "b"'
    """
    more = f" (and {len(labels) - 5:,} more)" if len(labels) > 5 else ""
    return ", ".join(f'"{label}"' for label in labels[:5]) + more


def most_confused(task: Task, outputs: Array, targets: Array) -> dict[str, Any] | None:
    """The pair of classes confused in most rows: "actual", "predicted", "rows"; None without such a row."""
    if not task.is_classifier:
        return None
    n_classes = len(task.classes)
    actual, predicted = class_indices(task, targets), class_indices(task, outputs)
    confusion = np.bincount(actual * n_classes + predicted, minlength=n_classes * n_classes)
    confusion.reshape(n_classes, n_classes)[np.diag_indices(n_classes)] = 0
    worst = int(confusion.argmax())
    rows = int(confusion[worst])
    if rows == 0:
        return None
    return {"actual": task.classes[worst // n_classes], "predicted": task.classes[worst % n_classes], "rows": rows}
