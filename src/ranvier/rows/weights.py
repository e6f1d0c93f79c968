"""Weights of rows: how much each counts. n rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError, ShapeError
from ranvier.portable_math import dots
from ranvier.rows.arrays import fill_masked


def weight_array(weights: Any, rows: int, name: str = "sample_weight") -> NDArray[np.float64]:
    """Weights as an array (n,).

    Parameters:
        rows: n.
        name: what the user calls them.

    Raises:
        ShapeError: there is not one a row.
        InputError: one is negative, not finite or masked, or all are zero.

    >>> weight_array([1, 2], 2).tolist()
    [1.0, 2.0]
    """
    array = number_array(weights, name)
    if array.shape != (rows,):
        raise ShapeError(f"{name} has shape {array.shape}; it must have one number a row, ({rows},).")
    check_weights(array, name)
    return array


def number_array(values: Any, name: str) -> NDArray[np.float64]:
    """Numbers as an array.

    Raises:
        InputError: something else is among them.
    """
    try:
        return np.asarray(fill_masked(values), np.float64)
    except (TypeError, ValueError):
        shown = f"{str(values)[:60]!r}"
        if isinstance(values, (list, tuple, np.ndarray)) and len(values):
            shown = f"a {type(values).__name__} that begins with {str(values[0])[:40]!r}"
        raise InputError(f"{name} is {shown}; it must hold numbers, one number a row.") from None


def weighted_means(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted means over the last axis, (..., n) -> (...); 0 where all weights are.

    Parameters:
        weights: of the same shape, or one that broadcasts to it.

    >>> weighted_means(np.array([[1.0, 2.0], [5.0, 9.0]]), np.array([[3.0, 1.0], [0.0, 0.0]])).tolist()
    [1.25, 0.0]
    """
    sums = dots(values, weights)
    total = np.broadcast_to(weights.sum(axis=-1), sums.shape)
    means: NDArray[np.float64] = np.divide(sums, total, out=np.zeros(sums.shape), where=total > 0)
    return means


def check_weights(weights: NDArray[np.float64], name: str) -> None:
    """Raise an `InputError` where a weight is negative or not finite, or all are zero."""
    wrong = ~np.isfinite(weights) | (weights < 0)
    if wrong.any():
        row = int(wrong.argmax())
        raise InputError(f"{name} is {weights[row]} at row index {row}; weights must be finite and at least 0.")
    if not weights.any():
        raise InputError(f"All of {name} is zero, so no row counts; give some rows a weight above 0.")
