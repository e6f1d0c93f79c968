"""Targets that are not all there, and classes in fractions. n rows, N targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.rows.class_numbers import are_class_numbers

Array = NDArray[Any]


def has_gaps(targets: Array) -> bool:
    """Whether some of several targets are NaN.

    >>> has_gaps(np.array([[1.0, np.nan]])), has_gaps(np.array([[1.0, 2.0]]))
    (True, False)
    """
    return targets.ndim == 2 and targets.shape[1] > 1 and targets.dtype.kind == "f" and bool(np.isnan(targets).any())


def columns_present(
    outputs: Array, targets: Array, weights: Array | None
) -> Iterator[tuple[Array, Array, Array | None]]:
    """Outputs (m, 1), targets (m, 1) and weights (m,) of the m rows that have a target, for each target that any has.

    >>> parts = columns_present(np.zeros((2, 2)), np.array([[1.0, 2.0], [np.nan, 3.0]]), None)
    >>> [targets.ravel().tolist() for _, targets, _ in parts]
    [[1.0], [2.0, 3.0]]
    """
    for column in range(targets.shape[1]):
        rows = np.flatnonzero(~np.isnan(targets[:, column]))
        if len(rows) and (weights is None or weights[rows].any()):
            part = slice(column, column + 1)
            yield outputs[rows, part], targets[rows, part], None if weights is None else weights[rows]


def are_fractions(targets: Array) -> bool:
    """Whether targets of classes are probabilities rather than one-hot rows or class numbers.

    >>> are_fractions(np.array([[0.25, 0.75]])), are_fractions(np.array([[0.0, 1.0]]))
    (True, False)
    """
    return targets.ndim == 2 and not are_class_numbers(targets) and not bool(np.isin(targets, (0.0, 1.0)).all())
