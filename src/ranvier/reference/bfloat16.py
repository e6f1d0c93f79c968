"""Rounding to bfloat16, the format that keeps the exponents of float32 and 8 bits of its significand.

Where it is applied says `ranvier.engine.compile_spec`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
BITS = 8
LOWEST_EXPONENT = -125
"""Of the smallest number with all its bits, 2^-126, written as a fraction from 1/2 to 1 times a power of two."""
BEYOND = 2.0**128
"""What would need a larger exponent than there is."""


def to_bfloat16(x: Array) -> Array:
    """The nearest bfloat16, of two that are equally near the one whose last bit is 0; infinite beyond the range.

    x is f 2^e with f from 1/2 to 1, so that neighbours of 8 bits lie 2^(e - 8) apart; below 2^-126 they lie 2^-133
    apart.

    >>> to_bfloat16(np.array([1.0 + 2**-8, 1.0 + 3 * 2**-8, 0.1, 2.0**-134, np.inf])).tolist()
    [1.0, 1.015625, 0.10009765625, 0.0, inf]
    """
    _, exponent = np.frexp(x)
    place = np.maximum(exponent, LOWEST_EXPONENT) - BITS
    rounded = np.ldexp(np.rint(np.ldexp(x, -place)), place)
    return np.where(np.abs(rounded) >= BEYOND, np.copysign(np.inf, x), rounded)
