"""Rounding to bfloat16, the format with the exponents of float32 and 8 bits of its significand.

`ranvier.engine.compile_spec` specifies which values are rounded.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SIGNIFICAND_BITS = 8
MIN_EXPONENT = -125
"""The exponent e of the smallest normal number, 2^-126 = f 2^e with f from 1/2 to 1."""
OVERFLOW = 2.0**128
"""The smallest power of two beyond the range."""


def to_bfloat16(x: Array) -> Array:
    """The nearest bfloat16, ties to even; infinite beyond the range.

    x is f 2^e with f from 1/2 to 1, so that neighbours of 8 bits lie 2^(e - 8) apart; below 2^-126 they lie 2^-133
    apart.

    >>> to_bfloat16(np.array([1.0 + 2**-8, 1.0 + 3 * 2**-8, 0.1, 2.0**-134, np.inf])).tolist()
    [1.0, 1.015625, 0.10009765625, 0.0, inf]
    """
    _, exponent = np.frexp(x)
    spacing = np.maximum(exponent, MIN_EXPONENT) - SIGNIFICAND_BITS
    rounded = np.ldexp(np.rint(np.ldexp(x, -spacing)), spacing)
    return np.where(np.abs(rounded) >= OVERFLOW, np.copysign(np.inf, x), rounded)
