"""Masked arrays of NumPy: what is masked is a missing value."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray


def fill_masked(values: Any) -> Any:
    """A masked array of NumPy as a plain one with NaN or None where it is masked; anything else unchanged.

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
