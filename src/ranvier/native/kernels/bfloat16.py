"""Rounding to bfloat16, stored as float32: the upper 16 bits of a float32, the lower ones 0.

    rounded = bits + 0x7FFF + (the lowest bit that stays)   to nearest, ties to even; overflow becomes infinity
    rounded = rounded & 0xFFFF0000                          NaN stays NaN, small numbers become 0

Numbers with 8 bits multiply exactly in float32, so the float32 micro-kernels compute products of bfloat16 with sums
in float32. `ranvier.engine.bfloat16` says why their bits are those of a processor's bfloat16 dot product.
"""

from __future__ import annotations

from ranvier.engine.bfloat16 import SMALLEST, SMALLEST_START
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value
from ranvier.native.scheduling.packing import BELOW_HALF, LOW


def to_bfloat16(f: Function, x: Value) -> Value:
    """Lanes of float32, rounded."""
    bits = f.cast("bitcast", x, "i32")
    odd = f.bitwise("and", f.bitwise("lshr", bits, LOW), 1, "odd")
    rounded_up = f.add(f.add(bits, BELOW_HALF), odd)
    truncated = f.cast("bitcast", f.bitwise("and", rounded_up, -1 << LOW), "float", "kept")
    small = f.compare("olt", f.intrinsic("fabs", truncated), SMALLEST, "small")
    return f.select(f.compare("uno", x, x), x, f.select(small, f.constant(0.0, x.type), truncated), "rounded")


def start_of_sums(f: Function, bias: Value) -> Value:
    """The bias that products of bfloat16 are added to: 0 where it is very small."""
    small = f.compare("olt", f.intrinsic("fabs", bias), SMALLEST_START, "small")
    return f.select(small, f.constant(0.0, bias.type), bias, "start")


def add_products_of_pair(f: Function, a: Value, b: Value, c: Value) -> Value:
    """c + a_0 b_0 + a_1 b_1 in each of 16 lanes, in this order, each rounded to float32: one instruction of AVX-512.

    Parameters:
        a, b: in each lane of 32 bits two bfloat16, the first one in the upper half.
    """
    pairs = [f.emit("<32 x bfloat>", f"bitcast {value.typed} to <32 x bfloat>", "pairs") for value in (a, b)]
    return f.call("llvm.x86.avx512bf16.dpbf16ps.512", c, *pairs, result=c.type, name="c")
