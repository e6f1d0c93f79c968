"""Checks of row weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError, ShapeError


def check_weights(name: str, weights: NDArray[Any], rows: int) -> None:
    """Raise an error unless there is one finite weight of at least 0 for each row, and one above 0.

    Parameters:
        name: what the weights are called, for messages.

    Raises:
        ShapeError: there is not one weight for each row.
        InputError: a weight is negative or not finite, or all are 0.

    >>> check_weights("sample_weight", np.array([1.0, -1.0]), 2)
    Traceback (most recent call last):
    ranvier.errors.InputError: sample_weight must hold finite numbers of at least 0, and give some row a weight above 0.
    """
    if weights.shape != (rows,):
        raise ShapeError(f"{name} has shape {weights.shape}; it must have one number a row, ({rows},).")
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise InputError(f"{name} must hold finite numbers of at least 0, and give some row a weight above 0.")
