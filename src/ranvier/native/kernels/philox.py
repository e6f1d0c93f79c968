"""The random words of `ranvier.random` (Philox4x32-10) as vector code.

A word depends on (seed, purpose, step, layer, index) alone; see random.py for how they make the key and the counter.
A `Stream` holds all but the index; it is made once, outside the loops that draw from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ranvier import random
from ranvier.native.kernels.function import Function, Operand
from ranvier.native.kernels.values import Value, constant, lanes_of, with_element

_WORD = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Stream:
    """The round keys (pairs of i32) and the three counter words that are the same for every index (i32)."""

    keys: tuple[tuple[Value, Value], ...]
    counter: tuple[Value, Value, Value]


def stream(f: Function, seed: Operand, purpose: int, step: Operand, layer: int) -> Stream:
    """Prepare to draw.

    Parameters:
        seed, step: numbers, or i64 values known only at run time.
        purpose, layer: numbers.
    """
    low, high = _halves(f, seed)
    keys = tuple(
        (f.add(low, number * random.KEY_STEPS[0] & _WORD, "key"), f.add(high, number * random.KEY_STEPS[1] & _WORD, "key"))
        if isinstance(seed, Value)
        else tuple(
            constant((int(half.text) + number * part) & _WORD, "i32")
            for half, part in zip((low, high), random.KEY_STEPS, strict=True)
        )
        for number in range(random.ROUNDS)
    )
    first, second = _halves(f, step)
    third = f.add(f.bitwise("shl", second, 16), layer, "counter")
    return Stream(keys, (first, third, constant(purpose, "i32")))
