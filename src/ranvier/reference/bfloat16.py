"""Rounding to bfloat16, the format with the exponents of float32 and 8 bits of its significand, and its products.

`ranvier.engine.compile_spec` specifies which values are rounded, `ranvier.engine.bfloat16` how and how products are
added up. The reference engine adds them up in float64; `products` is how an engine does so in float32.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranvier.engine.bfloat16 import SMALLEST, SMALLEST_START

Array = NDArray[np.float64]
SIGNIFICAND_BITS = 8
OVERFLOW = 2.0**128
"""The smallest power of two beyond the range."""


def to_bfloat16(x: Array) -> Array:
    """The nearest bfloat16, ties to even; infinite beyond the range, 0 below `SMALLEST`.

    x is f 2^e with f from 1/2 to 1, so that neighbours of 8 bits lie 2^(e - 8) apart.

    >>> to_bfloat16(np.array([1.0 + 2**-8, 1.0 + 3 * 2**-8, 0.1, 2.0**-57, np.inf])).tolist()
    [1.0, 1.015625, 0.10009765625, 0.0, inf]
    """
    _, exponent = np.frexp(x)
    spacing = exponent - SIGNIFICAND_BITS
    rounded = np.ldexp(np.rint(np.ldexp(x, -spacing)), spacing)
    finite = np.where(np.abs(rounded) < SMALLEST, 0.0, rounded)
    return np.where(np.abs(rounded) >= OVERFLOW, np.copysign(np.inf, x), finite)


def products(a: Array, b: Array, bias: NDArray[np.float32] | float = 0.0) -> NDArray[np.float32]:
    """a b + bias in float32: a (M, K) times b (K, N), both of bfloat16, with the bits that every engine gives.

    >>> products(np.array([[1.0, 1.0, 1.0]]), np.array([[2.0**-24], [1.0], [-1.0]])).tolist()
    [[0.0]]
    >>> products(np.array([[1.0, 1.0, 1.0]]), np.array([[1.0], [-1.0], [2.0**-24]])).tolist()
    [[5.960464477539063e-08]]
    """
    start = np.where(np.abs(bias) < SMALLEST_START, 0.0, bias)
    sums = np.broadcast_to(start, (len(a), b.shape[1])).astype(np.float32)
    for k in range(len(b)):
        sums = _rounded_sum(a[:, k : k + 1] * b[k], sums)
    return sums


def _rounded_sum(product: Array, c: NDArray[np.float32]) -> NDArray[np.float32]:
    """product + c, rounded once to float32. A product of bfloat16 is exact in float64; the sum may not be.

    What is lost is added again and decides the last bit: rounded to odd, a sum of 53 bits rounds to 24 as the exact
    one (Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums", 2008).
    """
    total = product + c
    with np.errstate(invalid="ignore", over="ignore"):
        of_c = total - product
        lost = (product - (total - of_c)) + (c - of_c)
        bits = total.view(np.int64)
        to_odd = np.isfinite(lost) & (lost != 0) & (bits % 2 == 0)
        bits = bits + np.where(to_odd, np.where((lost > 0) == (total > 0), 1, -1), 0)
        rounded: NDArray[np.float32] = bits.view(np.float64).astype(np.float32)
    return rounded
