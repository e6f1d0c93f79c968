"""Arrays as a user gives them, to arrays of the three formats that engines read. n rows, K columns."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import DataError, ShapeError

NATIVE_DTYPES = frozenset(map(np.dtype, (np.uint8, np.float32, np.float64)))
"""The formats that engines read; the first one is kept as it is until the rows of a batch are gathered."""


def fill_masked(values: Any) -> Any:
    """A masked array of NumPy as a plain one: what is masked is missing, NaN or None. Anything else as it is.

    >>> fill_masked(np.ma.masked_array([1, 999], mask=[False, True])).tolist()
    [1.0, nan]
    """
    masked = sys.modules.get("numpy.ma")
    if masked is None or not isinstance(values, masked.MaskedArray):
        return values
    if not masked.is_masked(values):
        return values.data
    filled: NDArray[Any] = np.array(values.data, np.float64 if values.dtype.kind in "fiub" else object)
    filled[masked.getmaskarray(values)] = None
    return filled


def is_missing(cell: Any) -> bool:
    """Whether a single value is missing: None, NaN, or what pandas writes for it.

    >>> is_missing(None), is_missing(float("nan")), is_missing(""), is_missing(np.float32("nan"))
    (True, True, False, True)
    """
    if cell is None or type(cell).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(cell, (float, np.floating)) and bool(cell != cell)


def is_ready(X: Any) -> bool:
    """Whether X is an array that engines read as it is: (n, K), contiguous, in one of their formats."""
    return type(X) is np.ndarray and X.ndim == 2 and X.dtype in NATIVE_DTYPES and X.flags.c_contiguous


def dense_array(X: Any, n_columns: int | None = None) -> NDArray[Any]:
    """X as a contiguous array (n, K) of uint8, float32 or float64; images are flattened.

    Parameters:
        n_columns: K, where a network says so.

    Raises:
        ShapeError: the rows have another width, or X has no rows of numbers.
        DataError: X holds something other than numbers.

    >>> dense_array([[1, 2]]).dtype, dense_array(np.zeros((5, 2, 3), np.uint8)).shape
    (dtype('float64'), (5, 6))
    """
    takes = "(rows, columns)" if n_columns is None else f"(rows, {n_columns})"
    network = "rows have equal lengths" if n_columns is None else f"this network takes {n_columns} numbers a row"
    if hasattr(X, "to_numpy"):
        X = X.to_numpy()
    if isinstance(X, (str, bytes)):
        raise DataError(f"X is the text {X[:40]!r}; {network}. rv.train reads files and encodes raw tables.")
    try:
        array = np.asarray(fill_masked(X))
    except ValueError:
        raise ShapeError(f"The rows of X have different lengths; {network}.") from None
    if array.ndim < 2 and array.dtype.kind != "O":
        hint = "One row is X[None, :], one column X[:, None]."
        raise ShapeError(f"X has shape {array.shape}; it must have one row for each example, shape {takes}. {hint}")
    if array.ndim > 2:
        array = array.reshape(len(array), -1)
    if array.ndim != 2 or n_columns not in (None, array.shape[1]):
        raise ShapeError(f"X has shape {array.shape}; {network}, shape {takes}.")
    if array.dtype.kind not in "biuf":
        try:
            if array.dtype.kind not in "OUST":
                raise TypeError
            array = array.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError(
                f"X holds values of type {array.dtype}; a network takes numbers. rv.train encodes raw tables."
            ) from None
    if array.dtype not in NATIVE_DTYPES:
        array = array.astype(np.float32 if array.dtype.kind == "b" else np.float64)
    return np.ascontiguousarray(array)
