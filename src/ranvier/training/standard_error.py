"""The mean of values of rows and how sure it is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.portable_math import dot


def mean_and_error(values: NDArray[Any], weights: NDArray[Any] | None, ddof: int = 0) -> tuple[float, float]:
    """The mean m of values v by the weights of their rows, and its standard error.

    With u = w / sum(w), and u = 1 / n without weights: m = sum(u v), error = sqrt(sum(u^2 (v - m)^2) n / (n - ddof)).

    Parameters:
        values: (n,).
        weights: (n,); None for equal ones.
        ddof: 1 for an error without bias of a few rows, as in NumPy; n must be larger.

    >>> values = np.array([1.0, 3.0])
    >>> mean_and_error(values, None), mean_and_error(values, None, ddof=1)
    ((2.0, 0.7071067811865475), (2.0, 1.0))
    >>> mean_and_error(np.array([1.0, 3.0, 9.0]), np.array([2.0, 2.0, 0.0]))
    (2.0, 0.7071067811865476)
    """
    if weights is None:
        mean, error = float(values.mean()), float(values.std() / np.sqrt(len(values)))
    else:
        fractions = weights / weights.sum(dtype=np.float64)
        mean = dot(fractions, values)
        error = math.sqrt(dot(np.square(fractions), np.square(values - mean)))
    return mean, error * math.sqrt(len(values) / (len(values) - ddof)) if ddof else error
