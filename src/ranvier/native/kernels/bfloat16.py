"""Rounding to bfloat16, kept as float32: the upper 16 bits of a float32, the lower ones 0.

    kept = bits + 0x7FFF + (the lowest bit that stays)      the nearest, ties to the even one; overflow becomes infinity
    kept = kept & 0xFFFF0000                                what is not a number stays as it is

Numbers with 8 bits multiply exactly in float32, so the micro-kernels of float32 give what a product of bfloat16 with
sums in float32 is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value

LOW, BELOW_HALF = 16, 0x7FFF


def to_bfloat16(f: Function, x: Value) -> Value:
    """Lanes of float32, rounded."""
    bits = f.cast("bitcast", x, "i32")
    odd = f.bitwise("and", f.bitwise("lshr", bits, LOW), 1, "odd")
    moved = f.add(f.add(bits, BELOW_HALF), odd)
    kept = f.cast("bitcast", f.bitwise("and", moved, -1 << LOW), "float", "kept")
    return f.select(f.compare("uno", x, x), x, kept, "rounded")


def bfloat16_of(values: NDArray[Any]) -> NDArray[np.float32]:
    """The same for an array, converted to float32 before.

    >>> bfloat16_of(np.array([1.0 + 2**-8, 1.0 + 3 * 2**-8, 0.1])).tolist()
    [1.0, 1.015625, 0.10009765625]
    """
    numbers = np.ascontiguousarray(values, np.float32)
    bits = numbers.view(np.uint32)
    kept = bits + np.uint32(BELOW_HALF) + (bits >> LOW & 1)
    rounded = (kept >> LOW << LOW).view(np.float32)
    return np.where(np.isnan(numbers), numbers, rounded)
