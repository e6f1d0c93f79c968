"""Class numbers as targets: one integer a row in place of a row of zeros and a one. n rows, N classes.

5,000 classes of 50,000 rows take 0.2 MB so, and 1 GB as one-hot rows. Engines read both. Targets of few classes stay
one-hot rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import ShapeError

Array = NDArray[Any]
MAX_ONE_HOT = 16
"""Up to so many classes are one-hot rows, each as long as a vector of the processor."""


def are_class_numbers(targets: Array) -> bool:
    """Whether targets (n, 1) are numbers of classes, from 0, rather than values: they are int32.

    >>> are_class_numbers(np.zeros((3, 1), np.int32)), are_class_numbers(np.zeros((3, 1)))
    (True, False)
    """
    return targets.ndim == 2 and targets.dtype == np.int32


def class_targets(index: Array, classes: int, dtype: Any = np.float32) -> Array:
    """The targets of rows whose classes have these numbers, (n,): class numbers (n, 1), or one-hot rows of few classes.

    >>> class_targets(np.array([1, 0]), 3).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    >>> class_targets(np.array([1, 0]), 1000).tolist()
    [[1], [0]]
    """
    numbers = index.astype(np.int32)[:, None]
    return numbers if classes > MAX_ONE_HOT else one_hot(numbers, classes, dtype)


def one_hot(targets: Array, classes: int, dtype: Any = np.float64) -> Array:
    """One-hot rows (n, N) of class numbers; other targets as they are, of the type."""
    if not are_class_numbers(targets):
        return np.asarray(targets, dtype)
    rows = np.zeros((len(targets), classes), dtype)
    rows[np.arange(len(targets)), targets[:, 0]] = 1.0
    return rows


def frequent_classes(targets: Array, classes: int, dtype: Any = np.float64) -> Array:
    """One-hot rows of the MAX_ONE_HOT most frequent classes, (n, at most N); rows of others are 0. Else as `one_hot`.

    They tell of many classes what can be told in little memory.

    >>> frequent_classes(np.array([[30], [30], [7]], np.int32), 40)[:, :2].tolist()
    [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    """
    if not are_class_numbers(targets) or classes <= MAX_ONE_HOT:
        return one_hot(targets, classes, dtype)
    counts = np.bincount(targets[:, 0], minlength=classes)
    return np.asarray(targets == np.argsort(-counts, kind="stable")[:MAX_ONE_HOT], dtype)


def class_fractions(targets: Array, classes: int, weights: Array | None = None) -> Array:
    """The weighted mean of targets over the rows, (N,): of classes their fractions.

    >>> class_fractions(np.array([[2], [0]], np.int32), 3).tolist()
    [0.5, 0.0, 0.5]
    """
    if not are_class_numbers(targets):
        return np.asarray(np.average(targets.astype(np.float64), axis=0, weights=weights))
    counts: Array = np.bincount(targets[:, 0], weights, classes)
    fractions: Array = counts / counts.sum()
    return fractions


def check_targets(targets: Array, outputs: int) -> None:
    """Raise a ShapeError unless targets fit so many outputs.

    >>> check_targets(np.array([[2]], np.int32), 2)
    Traceback (most recent call last):
    ranvier.errors.ShapeError: The targets are class numbers from 2 to 2; this network has classes 0 to 1.
    """
    if are_class_numbers(targets) and outputs > 1:
        low, high = (int(targets.min()), int(targets.max())) if targets.size else (0, 0)
        if targets.shape[1:] != (1,) or low < 0 or high >= outputs:
            raise ShapeError(
                f"The targets are class numbers from {low} to {high}; this network has classes 0 to {outputs - 1}."
            )
    elif targets.shape[1:] != (outputs,):
        raise ShapeError(f"The targets have shape {targets.shape}; this network needs (rows, {outputs}).")
