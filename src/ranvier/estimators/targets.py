"""From the labels or numbers of y to a task and back. n rows, N targets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d

from ranvier.data.encoders.decoding import label_array
from ranvier.errors import DataError, InputError, ShapeError
from ranvier.estimators.rows import target_array
from ranvier.network.task import Label, Task
from ranvier.records import record

Array = NDArray[Any]


@record(eq=False)
class TargetSpec:
    """What an estimator learns to predict.

    Fields:
        task: the task.
        classes: the labels as the user has them, sorted, shape (classes,); the numbers of the labels, 0 to N - 1, of a
            multilabel task; None for regression.
    """

    task: Task
    classes: Array | None

    def values(self, estimator: BaseEstimator, y: Any, rows: int, where: str = "y") -> Array:
        """y as the task takes it: labels (n,), 0 and 1 (n, N), or numbers (n,) or (n, N).

        Raises:
            DataError: a label is none of the classes, or a value is missing.
            ShapeError: y has another number of rows or columns.
        """
        array = target_array(estimator, y, rows)
        if self.classes is None or self.task.kind == "multilabel":
            numbers = _numbers(array) if self.classes is None else array
            if numbers.reshape(len(numbers), -1).shape[1] != self.task.outputs:
                raise ShapeError(f"{where} has shape {numbers.shape}; {self.task.outputs} columns were there in fit.")
            return numbers
        labels = array if array.ndim == 1 else column_or_1d(array, warn=True)
        index = (
            np.searchsorted(self.classes, labels)
            if _same_label_type(self.classes, labels)
            else np.zeros(rows, np.int64)
        )
        index = np.minimum(index, len(self.classes) - 1)
        unseen = self.classes[index] != labels
        if unseen.any():
            shown = ", ".join(str(label) for label in self.classes[:10]) + (" ..." if len(self.classes) > 10 else "")
            label, row = labels[int(unseen.argmax())], int(unseen.argmax())
            raise DataError(
                f"{where} holds the class {_plain(label)!r} at row index {row}, which {type(estimator).__name__} does "
                f"not know; it knows {shown}: name every class at the start, partial_fit(X, y, classes=[...]), or fit "
                "again."
            )
        labelled: Array = label_array(self.task.classes, strings_are_objects=True)[index]
        return labelled


def classification_target(estimator: BaseEstimator, y: Any, rows: int, weight: Array | None) -> TargetSpec:
    """What a classifier learns from y: one of two labels, one of several, or several labels at once.

    Raises:
        ValueError: y holds numbers that are no labels, a single class, or several columns of classes.
    """
    array = target_array(estimator, y, rows)
    if _is_text(array):
        # What scikit-learn would find out by sorting all labels, twice, is known of words.
        return target_of_classes(estimator, array if weight is None else array[weight > 0])
    _refuse_mixed(array, "y")
    _refuse_objects(array)
    check_classification_targets(array)
    if type_of_target(array) == "multilabel-indicator":
        return _multilabel_target(array)
    if array.ndim == 2 and array.shape[1] > 1:
        raise ShapeError(
            f"y has shape {array.shape} and holds classes; several columns must be 0 and 1, one a label. "
            "Fit one Classifier a column, as sklearn.multioutput.MultiOutputClassifier does."
        )
    labels = column_or_1d(array, warn=True)
    return target_of_classes(estimator, labels if weight is None else labels[weight > 0])


def target_of_classes(estimator: BaseEstimator, labels: Any, where: str = "y") -> TargetSpec:
    """One of the labels, each of which may stand in `labels` any number of times.

    Parameters:
        estimator, where: whose labels they are, and in which argument they stand, for messages.

    Raises:
        InputError: there are fewer than two, or they have no order.
    """
    array = np.asarray(labels)
    _refuse_mixed(array, where)
    classes = np.array(sorted(set(array.tolist())), object) if _is_text(array) else np.unique(array)
    if len(classes) < 2:
        classes_text = f"one class alone, {_plain(classes[0])!r}" if len(classes) else "no class"
        raise InputError(f"{where} holds {classes_text}; {type(estimator).__name__} needs at least two.")
    plain = plain_labels(classes)
    if len(classes) == 2:
        return TargetSpec(Task("binary", 1, plain, ("y",)), classes)
    return TargetSpec(Task("multiclass", len(classes), plain, ("y",)), classes)


def plain_labels(classes: Array) -> tuple[Label, ...]:
    """Labels as a task has them.

    >>> plain_labels(np.array([0, 1]))
    (0, 1)
    """
    if classes.dtype.kind in "biufU":
        return tuple(classes.tolist())
    return tuple(_plain(label) for label in classes)


def _is_text(labels: Array) -> bool:
    """Whether all labels are Python's own text."""
    return labels.dtype.kind == "O" and labels.ndim == 1 and set(map(type, labels.tolist())) == {str}


def _refuse_objects(labels: Array) -> None:
    """Refuse labels that are neither text nor numbers nor truth values, such as intervals and decimal numbers."""
    if labels.dtype.kind != "O":
        return
    for label in labels.ravel()[:1].tolist():
        if not isinstance(label, (str, bytes, int, float, np.generic, list, tuple)):
            raise InputError(
                f"y holds {label!r} of type {type(label).__name__}; labels are text, integers or truth values: give "
                "y.astype(str), or take Regressor for numbers."
            )


def _refuse_mixed(labels: Array, where: str) -> None:
    """Refuse text among other labels, which have no order together."""
    kinds = sorted({type(label).__name__ for label in labels.ravel().tolist()}) if labels.dtype.kind == "O" else []
    if "str" in kinds and len(kinds) > 1:
        raise InputError(
            f"The labels in {where} are of several types ({', '.join(kinds)}); make them one: {where}.astype(str)."
        )


def _multilabel_target(array: Array) -> TargetSpec:
    count = array.shape[1]
    return TargetSpec(
        Task("multilabel", count, target_names=tuple(f"y{index}" for index in range(count))), np.arange(count)
    )


def regression_target(estimator: BaseEstimator, y: Any, rows: int) -> TargetSpec:
    """What a regressor learns from y: a number, or several.

    Raises:
        DataError: y holds text or a missing value.
    """
    array = _numbers(target_array(estimator, y, rows))
    count = 1 if array.ndim == 1 else array.shape[1]
    names = ("y",) if count == 1 else tuple(f"y{index}" for index in range(count))
    return TargetSpec(Task("regression", count, target_names=names), None)


def _numbers(array: Array) -> NDArray[np.float64]:
    try:
        return array.astype(np.float64)
    except (TypeError, ValueError):
        raise DataError(
            f"y holds {_plain(array.ravel()[0])!r}, and a regressor learns numbers; use Classifier for labels."
        ) from None


def _same_label_type(classes: Array, labels: Array) -> bool:
    """Whether labels can be looked up among classes: both are text, or neither is."""
    words = [
        array.dtype.kind in "US" or (array.dtype.kind == "O" and isinstance(array[0], str))
        for array in (classes, labels)
    ]
    return words[0] == words[1]


def _plain(label: Any) -> Label:
    """A label as a model file can keep it."""
    value = label.item() if isinstance(label, np.generic) else label
    return value if isinstance(value, (str, int, float, bool)) else str(value)
