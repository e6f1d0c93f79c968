"""Rounding to bfloat16, kept as float32: the upper 16 bits of a float32, the lower ones 0.

    kept = bits + 0x7FFF + (the lowest bit that stays)      the nearest, ties to the even one; overflow becomes infinity
    kept = kept & 0xFFFF0000                                what is not a number stays as it is

Numbers with 8 bits multiply exactly in float32, so the micro-kernels of float32 give what a product of bfloat16 with
sums in float32 is.
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
