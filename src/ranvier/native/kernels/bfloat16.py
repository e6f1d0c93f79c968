"""Rounding to bfloat16, stored as float32: the upper 16 bits of a float32, the lower ones 0.

    rounded = bits + 0x7FFF + (the lowest bit that stays)   to nearest, ties to even; overflow becomes infinity
    rounded = rounded & 0xFFFF0000                          NaN stays NaN

Numbers with 8 bits multiply exactly in float32, so the float32 micro-kernels compute products of bfloat16 with sums
in float32.
"""

from __future__ import annotations

from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value
from ranvier.native.scheduling.packing import BELOW_HALF, LOW


def to_bfloat16(f: Function, x: Value) -> Value:
    """Lanes of float32, rounded."""
    bits = f.cast("bitcast", x, "i32")
    odd = f.bitwise("and", f.bitwise("lshr", bits, LOW), 1, "odd")
    rounded_up = f.add(f.add(bits, BELOW_HALF), odd)
    truncated = f.cast("bitcast", f.bitwise("and", rounded_up, -1 << LOW), "float", "kept")
    return f.select(f.compare("uno", x, x), x, truncated, "rounded")
