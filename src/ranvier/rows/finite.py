"""Whether inputs are numbers that a network can take."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ranvier.errors import DataError

FEW_NUMBERS = 1 << 13


def not_finite(value: Any, row: int, column: int, subject: str = "X holds") -> DataError:
    """The error that says which input is not finite; rows and columns of arrays are counted from 0.

    >>> str(not_finite(np.inf, 3, 1))
    'X holds inf at row index 3, column index 1; every input must be a finite number.'
    """
    return DataError(
        f"{subject} {value} at row index {row}, column index {column}; every input must be a finite number."
    )


def check_finite(array: NDArray[Any], dtype: DTypeLike = np.float64) -> None:
    """Raise where an input is not finite, or would not be when rounded to `dtype`.

    Parameters:
        array: inputs of a network, shape (rows, K).
        dtype: what the network computes with.

    Raises:
        DataError: the first such input, with its row and column.

    >>> check_finite(np.ones((2, 3)))
    >>> check_finite(np.array([[1.0, np.inf]]))
    Traceback (most recent call last):
    ranvier.errors.DataError: X holds inf at row index 0, column index 1; every input must be a finite number.
    """
    if array.dtype.kind not in "fc":
        return
    wide = array.dtype.itemsize <= np.dtype(dtype).itemsize
    if wide and probably_finite(array):
        return
    with np.errstate(over="ignore"):
        wrong = ~np.isfinite(array if wide else array.astype(dtype))
    if wrong.any():
        row, column = (int(number) for number in np.argwhere(wrong)[0])
        value = array[row, column]
        if np.isfinite(value):
            raise DataError(
                f"X holds {value} at row index {row}, column index {column}, which is beyond {np.dtype(dtype)}; "
                "scale that column."
            )
        raise not_finite(value, row, column)


def check_reach(array: NDArray[Any], dtype: DTypeLike) -> None:
    """Raise a `DataError` where a finite number is beyond a narrower type, such as float32.

    >>> check_reach(np.array([[1.0, 1e38]]), np.float32)
    """
    if array.dtype.kind != "f" or array.dtype.itemsize <= np.dtype(dtype).itemsize or not array.size:
        return
    largest = float(np.finfo(dtype).max)
    # No number is larger than the root of the sum of squares, which takes less time for few numbers.
    if array.size <= FEW_NUMBERS and np.vdot(array, array) < largest * largest / 2:
        return
    if max(float(array.max()), -float(array.min())) > largest:
        check_finite(array, dtype)


def probably_finite(array: NDArray[Any]) -> bool:
    """A quick answer: True is sure, False is not, since sums of large numbers are infinite too."""
    if array.size <= FEW_NUMBERS:
        return math.isfinite(np.vdot(array, array))
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(array.sum()))
