"""From outputs to classes, labels and probabilities. n rows, N outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.network.task import Task
from ranvier.rows.class_numbers import are_class_numbers

Array = NDArray[Any]
THRESHOLD = 0.5
"""A multilabel output of at least this predicts that the label is present."""


def class_indices(task: Task, outputs: Array) -> NDArray[np.int64]:
    """The index of the predicted class of each row, shape (n,); of encoded targets, the index of the true class.

    The second of two classes is predicted from the threshold of the task on.

    Parameters:
        task: binary or multiclass.
        outputs: probabilities or encoded targets, (n, N), or class numbers, (n, 1); so of several networks, (M, n, N).

    >>> class_indices(Task("multiclass", 3, ("a", "b", "c")), np.array([[0.1, 0.7, 0.2]])).tolist()
    [1]
    """
    if task.kind == "binary":
        return np.asarray(outputs[..., 0] >= task.threshold, np.int64)
    if are_class_numbers(outputs):
        return outputs[..., 0].astype(np.int64)
    return np.asarray(outputs.argmax(axis=-1), np.int64)


def label_indicators(outputs: Array) -> NDArray[np.bool_]:
    """Whether each label of a multilabel task is present, shape (n, N).

    >>> label_indicators(np.array([[0.9, 0.2]])).tolist()
    [[True, False]]
    """
    return np.asarray(outputs >= THRESHOLD, np.bool_)


def class_probabilities(task: Task, outputs: Array) -> NDArray[np.float64]:
    """The probability of each class, (n, classes), rows summing to 1; of each label, (n, labels), for multilabel.

    >>> class_probabilities(Task("binary", 1, ("no", "yes")), np.array([[0.25]])).tolist()
    [[0.75, 0.25]]
    """
    outputs = np.asarray(outputs, np.float64)
    if task.kind == "binary":
        # One row is quick, too, without the checks of clip and stack.
        probabilities = np.empty((len(outputs), 2))
        positive = np.minimum(np.maximum(outputs[:, 0], 0.0), 1.0, out=probabilities[:, 1])
        np.subtract(1.0, positive, out=probabilities[:, 0])
        return probabilities
    if task.kind == "multilabel":
        clipped: NDArray[np.float64] = np.clip(outputs, 0.0, 1.0)
        return clipped
    nonnegative: NDArray[np.float64] = np.maximum(outputs, 0.0)
    total = nonnegative.sum(axis=1, keepdims=True)
    normalized = np.full_like(nonnegative, 1.0 / nonnegative.shape[1])
    np.divide(nonnegative, total, out=normalized, where=total > 0)
    return normalized


def label_array(labels: Sequence[Any], strings_are_objects: bool = False) -> Array:
    """The labels as an array of their type, shape (n,); of objects for several types, or strings that NumPy would cut.

    Parameters:
        strings_are_objects: whether an array of strings holds objects, as scikit-learn's classes do.

    >>> label_array((1, 2)), label_array(("a", 1)), label_array(("a",), strings_are_objects=True)
    (array([1, 2]), array(['a', 1], dtype=object), array(['a'], dtype=object))
    """
    kinds = {type(label) for label in labels}
    strings = [label for label in labels if isinstance(label, str)]
    cut = any(label.endswith("\0") for label in strings)
    if len(kinds) == 1 and not cut and not (strings and strings_are_objects):
        return np.array(labels)
    array = np.empty(len(labels), object)
    array[:] = labels
    return array
