"""The random words that orders are made of, by compiled code: those of NumPy's Philox4x64-10, without Python's lock.

NumPy gives the words of one key at a time and holds the lock meanwhile: threads that train would wait for each other.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ranvier.native.machine import memory

_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_KEY_STEPS = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_ROUNDS = 10


def philox_words(keys: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
    """The first words of NumPy's Philox for some keys, (n, 2) -> (n, count).

    >>> keys = np.array([[1, 2], [3, 2**64 - 1]], np.uint64)
    >>> bool((philox_words(keys, 7)[1] == np.random.Philox(key=keys[1]).random_raw(7)).all())
    True
    """
    keys = np.ascontiguousarray(keys, np.uint64)
    # Four words come at once: those too many are overwritten by the next key's, and there is room after the last.
    words = np.empty(len(keys) * count + 3, np.uint64)
    if count:
        _function()(memory.address(keys), len(keys), -(-count // 4), count, memory.address(words))
    return words[: len(keys) * count].reshape(len(keys), count)


@cache
def _function() -> Callable[[int, int, int, int, int], None]:
    from ranvier.native.machine import cache as objects
    from ranvier.native.machine import cpu

    library = objects.load_cached(philox_ir(), cpu.target(), "random words")
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    return library.function("philox_words", None, pointer, number, number, number, pointer)


def philox_ir() -> str:
    """IR of `@philox_words(keys, number of keys, counters of each, words of each, where they go)`."""
    return f"""
define void @philox_words(ptr %keys, i64 %n, i64 %counters, i64 %words, ptr %out) {{
begin:
  br label %test
test:
  %key = phi i64 [ 0, %begin ], [ %key.next, %one.end ]
  %more = icmp slt i64 %key, %n
  br i1 %more, label %one, label %end
one:
  %pair = shl i64 %key, 1
  %low.at = getelementptr i64, ptr %keys, i64 %pair
  %high.at = getelementptr i64, ptr %low.at, i64 1
  %k0.0 = load i64, ptr %low.at, align 8
  %k1.0 = load i64, ptr %high.at, align 8
  %offset = mul i64 %key, %words
  %row = getelementptr i64, ptr %out, i64 %offset
  br label %loop
loop:
  %before = phi i64 [ 0, %one ], [ %c0.0, %loop ]
  %c0.0 = add i64 %before, 1
{_rounds()}
  %four = shl i64 %before, 2
  %at0 = getelementptr i64, ptr %row, i64 %four
  %at1 = getelementptr i64, ptr %at0, i64 1
  %at2 = getelementptr i64, ptr %at0, i64 2
  %at3 = getelementptr i64, ptr %at0, i64 3
  store i64 %c0.{_ROUNDS}, ptr %at0, align 8
  store i64 %c1.{_ROUNDS}, ptr %at1, align 8
  store i64 %c2.{_ROUNDS}, ptr %at2, align 8
  store i64 %c3.{_ROUNDS}, ptr %at3, align 8
  %on = icmp slt i64 %c0.0, %counters
  br i1 %on, label %loop, label %one.end
one.end:
  %key.next = add i64 %key, 1
  br label %test
end:
  ret void
}}
"""


def _rounds() -> str:
    """Ten rounds, from the counter (c0, 0, 0, 0) on; NumPy counts from 1."""
    lines = []
    for number in range(_ROUNDS):
        before = ["%c0.0", "0", "0", "0"] if number == 0 else [f"%c{word}.{number}" for word in range(4)]
        if number:
            lines += [
                f"%k{half}.{number} = add i64 %k{half}.{number - 1}, {_signed(step)}"
                for half, step in enumerate(_KEY_STEPS)
            ]
        for half, multiplier in enumerate(_MULTIPLIERS):
            name = f"{half}.{number}"
            lines += [
                f"%w{name} = zext i64 {before[2 * half]} to i128",
                f"%p{name} = mul i128 %w{name}, {multiplier}",
                f"%l{name} = trunc i128 %p{name} to i64",
                f"%s{name} = lshr i128 %p{name}, 64",
                f"%h{name} = trunc i128 %s{name} to i64",
            ]
        after = number + 1
        lines += [
            f"%x0.{after} = xor i64 %h1.{number}, {before[1]}",
            f"%c0.{after} = xor i64 %x0.{after}, %k0.{number}",
            f"%c1.{after} = add i64 %l1.{number}, 0",
            f"%x2.{after} = xor i64 %h0.{number}, {before[3]}",
            f"%c2.{after} = xor i64 %x2.{after}, %k1.{number}",
            f"%c3.{after} = add i64 %l0.{number}, 0",
        ]
    return "\n".join(f"  {line}" for line in lines)


def _signed(number: int) -> int:
    """A word as IR writes it."""
    return number - (1 << 64) if number >= 1 << 63 else number
