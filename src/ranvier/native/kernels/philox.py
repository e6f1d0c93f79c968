"""The random words of `ranvier.random` (Philox4x32-10) as vector code.

A word depends on (seed, purpose, step, layer, index) alone; random.py defines the key and the counter. A
`Stream` holds all but the index; create it once, outside the loops that draw from it.
"""

from __future__ import annotations

from ranvier import random
from ranvier.native.kernels.function import Function, Operand
from ranvier.native.kernels.values import Value, constant
from ranvier.records import record

_WORD = 0xFFFFFFFF


@record
class Stream:
    """The keys of the rounds, and the three words of the counter that are the same for every index; i32 vectors."""

    keys: tuple[tuple[Value, Value], ...]
    counter: tuple[Value, Value, Value]


def stream(f: Function, seed: Value | int, purpose: int, step: Value | int, layer: int) -> Stream:
    """The stream that vectors of the module's lanes are drawn from.

    Parameters:
        seed, step: numbers, or i64 values known only at run time.
        purpose, layer: numbers.
    """
    low, high = _halves(f, seed)
    keys = tuple(
        (f.splat(_plus(f, low, first)), f.splat(_plus(f, high, second)))
        for first, second in (tuple(number * part for part in random.KEY_STEPS) for number in range(random.ROUNDS))
    )
    early, late = _halves(f, step)
    third = constant(int(late.text) << 16 & _WORD, "i32") if late.is_constant else f.bitwise("shl", late, 16)
    counter = early, _plus(f, third, layer), constant(purpose, "i32")
    return Stream(keys, (f.splat(counter[0]), f.splat(counter[1]), f.splat(counter[2])))


def block(f: Function, stream: Stream, start: Value | int) -> tuple[Value, Value, Value, Value]:
    """The words with indexes start to start + 4 * lanes - 1 in their order, as four vectors of the module's lanes.

    Parameters:
        start: i64, a multiple of 4, less than 2^34.
    """
    lanes = f.module.lanes
    quarter = constant(start >> 2, "i64") if isinstance(start, int) else f.bitwise("lshr", start, 2)
    first = f.splat(f.cast("trunc", quarter, "i32"))
    words = _encrypt(f, stream, f.add(first, f.lane_numbers("i32"), "counter"))
    if lanes == 1:
        return words
    # Lane k of words[j] has index 4 k + j.
    zipped = [k + lanes * j for k in range(lanes) for j in range(2)]
    pairs = [f.shuffle(a, b, zipped) for a, b in (words[:2], words[2:])]
    order = [2 * (i // 4) + i % 2 + 2 * lanes * (i % 4 // 2) for i in range(4 * lanes)]
    first, second, third, fourth = (
        f.shuffle(pairs[0], pairs[1], order[lanes * part : lanes * (part + 1)], "words") for part in range(4)
    )
    return first, second, third, fourth


def at_least(f: Function, words: Value, threshold: Operand) -> Value:
    """One i1 per lane: whether the word is at least `threshold`, unsigned."""
    return f.compare("uge", words, threshold, "kept")


def _encrypt(f: Function, stream: Stream, counter: Value) -> tuple[Value, Value, Value, Value]:
    c0, (c1, c2, c3) = counter, stream.counter
    for k0, k1 in stream.keys:
        high0, low0 = _product(f, c0, random.MULTIPLIERS[0])
        high1, low1 = _product(f, c2, random.MULTIPLIERS[1])
        c0, c1 = f.bitwise("xor", f.bitwise("xor", high1, c1), k0), low1
        c2, c3 = f.bitwise("xor", f.bitwise("xor", high0, c3), k1), low0
    return c0, c1, c2, c3


def _product(f: Function, word: Value, multiplier: int) -> tuple[Value, Value]:
    """The high and the low half of a product of 32-bit words."""
    product = f.multiply(f.cast("zext", word, "i64"), multiplier)
    return f.cast("trunc", f.bitwise("lshr", product, 32), "i32", "high"), f.cast("trunc", product, "i32", "low")


def _halves(f: Function, number: Value | int) -> tuple[Value, Value]:
    """The low and the high 32 bits."""
    if isinstance(number, Value):
        return f.cast("trunc", number, "i32", "low"), f.cast("trunc", f.bitwise("lshr", number, 32), "i32", "high")
    return constant(number & _WORD, "i32"), constant(number >> 32 & _WORD, "i32")


def _plus(f: Function, word: Value, number: int) -> Value:
    """The sum modulo 2^32; a constant if the word is a constant."""
    if word.is_constant:
        return constant(int(word.text) + number & _WORD, "i32")
    return f.add(word, number & _WORD)
