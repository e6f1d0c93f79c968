"""The counter-based random generator: Philox4x32-10, and NumPy's Philox4x64-10 for orders.

A random word is a pure function of (seed, purpose, step, layer, index), so shuffles, dropout masks and initial
weights are the same in every engine, for any number of threads, and after resuming: there is no state to save.

The generator takes a 64-bit key and a 128-bit counter and gives four 32-bit words:

    key     = (low half of the seed, high half of the seed)
    counter = (index // 4, low half of the step, layer + 65536 * high half of the step, purpose)

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ranvier import portable_math
from ranvier.errors import InputError
from ranvier.records import record

INITIAL_WEIGHTS, SHUFFLE, DROPOUT, SPLIT, SAMPLE, AUGMENT, WRITE = range(7)

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
BLOCK = 1 << 15
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIERS, _KEY_STEPS = np.array(MULTIPLIERS, np.uint64)[:, None], np.array(KEY_STEPS, np.uint64)[:, None]
_ROUND_NUMBERS = np.arange(ROUNDS, dtype=np.uint64)[:, None, None]
_generators = threading.local()


def philox(counter: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint32]:
    """Encrypt counters into random words.

    Parameters:
        counter: 32-bit words held as uint64, shape (4, n).
        key: two 32-bit words.

    Returns the random words, shape (n, 4).

    >>> [hex(word) for word in philox(np.zeros((4, 1), np.uint64), (0, 0))[0]]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    words = counter.copy()
    _encrypt(words, key, np.empty((2, words.shape[1]), np.uint64))
    return np.stack(tuple(words), axis=-1).astype(np.uint32)


def _encrypt(words: NDArray[np.uint64], key: tuple[int, int], products: NDArray[np.uint64]) -> None:
    """Turn counters (4, n) into random words in place; `products` is scratch memory, (2, n)."""
    even, odd, crossed = words[::2], words[1::2], products[::-1]
    for round_key in _ROUND_NUMBERS * _KEY_STEPS + np.array(key, np.uint64)[:, None] & _LOW:
        np.multiply(even, _MULTIPLIERS, out=products)
        np.right_shift(crossed, _HALF, out=even)
        np.bitwise_xor(even, odd, out=even)
        np.bitwise_xor(even, round_key, out=even)
        np.bitwise_and(crossed, _LOW, out=odd)


def check_seed(seed: int) -> int:
    """Return the seed if it is an integer from 0 to 2**64 - 1.

    Raises:
        InputError: it is not.

    >>> check_seed(7)
    7
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= int(seed) < 2**64:
        raise InputError(f"The seed is {seed!r}; it must be an integer from 0 to 2**64 - 1.")
    return int(seed)


def bits(seed: int, purpose: int, step: int, layer: int, count: int, start: int = 0) -> NDArray[np.uint32]:
    """The random words with indexes start to start + count - 1.

    >>> bool((bits(1, SAMPLE, 2, 3, 5, start=2) == bits(1, SAMPLE, 2, 3, 7)[2:]).all())
    True
    """
    seed = check_seed(seed)
    first, last = start // 4, (start + count + 3) // 4
    counter = np.empty((4, last - first), np.uint64)
    counter[0] = np.arange(first, last, dtype=np.uint64)
    counter[1] = step & 0xFFFFFFFF
    counter[2] = layer + ((step >> 32) << 16)
    counter[3] = purpose
    words = philox(counter, (seed & 0xFFFFFFFF, seed >> 32)).reshape(-1)
    return words[start - 4 * first : start - 4 * first + count]


def wide_bits(seed: int, purpose: int, step: int, layer: int, count: int) -> NDArray[np.uint64]:
    """Random words of 64 bits: word number i has word 2 i of `bits` as its upper half and word 2 i + 1 as its lower.

    >>> [int(word) >> 32 for word in wide_bits(1, SAMPLE, 2, 3, 2)] == bits(1, SAMPLE, 2, 3, 4)[::2].tolist()
    True
    """
    words = bits(seed, purpose, step, layer, 2 * count).astype(np.uint64)
    wide: NDArray[np.uint64] = (words[::2] << _HALF) | words[1::2]
    return wide


@record
class Stream:
    """The first `count` numbers of a stream of random numbers: of `normal`, or else of `uniform`."""

    normal: bool
    step: int
    layer: int
    count: int


class _Uniform:
    """The numbers of `uniform`, up to BLOCK at a time, in one buffer: to allocate one for each is slow."""

    def __init__(self, seed: int, purpose: int, step: int, layer: int, most: int) -> None:
        seed = check_seed(seed)
        self.key = seed & 0xFFFFFFFF, seed >> 32
        self.rest = np.array(_counter(purpose, step, layer), np.uint64)[:, None]
        pairs = min(most, BLOCK) // 2 + 2
        self.words = np.empty((4, pairs), np.uint64)
        self.products = np.empty((2, pairs), np.uint64)

    def fill(self, start: int, out: NDArray[np.float64]) -> None:
        """Write the numbers from the start-th on. A counter gives two."""
        first, last = start // 2, (start + len(out) + 1) // 2
        words = self.words[:, : last - first]
        words[0] = np.arange(first, last, dtype=np.uint64)
        words[1:] = self.rest
        drawn = _doubles(words, self.key, self.products[:, : last - first])
        odd = start % 2
        out[odd::2] = drawn[0, odd : odd + len(out[odd::2])]
        out[1 - odd :: 2] = drawn[1, : len(out[1 - odd :: 2])]


def _counter(purpose: int, step: int, layer: int) -> tuple[int, int, int]:
    """The words of a counter after the first."""
    return step & 0xFFFFFFFF, layer + ((step >> 32) << 16), purpose


def _doubles(words: NDArray[np.uint64], key: tuple[int, int], products: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Two numbers from each of n counters, (2, n), in the memory of `products`; the counters (4, n) are lost."""
    _encrypt(words, key, products)
    high, low = words[::2], words[1::2]
    high >>= np.uint64(5)
    low >>= np.uint64(6)
    drawn = products.view(np.float64)
    np.multiply(high, 67108864.0, out=drawn)
    drawn += low
    drawn /= 9007199254740992.0
    return drawn


def uniform(seed: int, purpose: int, step: int, layer: int, count: int, start: int = 0) -> NDArray[np.float64]:
    """Numbers spread evenly over [0, 1), 53 random bits each (two words a number), from the start-th on.

    >>> draws = uniform(0, SAMPLE, 0, 0, 1000)
    >>> bool(0 <= draws.min() < draws.max() < 1)
    True
    """
    source = _Uniform(seed, purpose, step, layer, count)
    drawn = np.empty(count)
    for first in range(0, count, BLOCK):
        source.fill(start + first, drawn[first : first + BLOCK])
    return drawn


def normal(seed: int, purpose: int, step: int, layer: int, count: int) -> NDArray[np.float64]:
    """Normally distributed numbers of mean 0 and standard deviation 1.

    Source: Box and Muller, "A note on the generation of random normal deviates", 1958.

    >>> abs(float(normal(0, SAMPLE, 0, 0, 10000).std()) - 1) < 0.03
    True
    """
    pairs = (count + 1) // 2
    source = _Uniform(seed, purpose, step, layer, pairs)
    drawn = np.empty(2 * pairs)
    room = np.empty((2, min(pairs, BLOCK)))
    for first in range(0, pairs, BLOCK):
        cosines, sines = (drawn[half : half + BLOCK] for half in (first, pairs + first))
        cosines = cosines[: pairs - first]
        radius, angle = room[:, : len(cosines)]
        source.fill(first, radius)
        source.fill(pairs + first, angle)
        cosines[:], sines[:] = _normal_pairs(radius, angle)
    return drawn[:count]


def _normal_pairs(radius: NDArray[np.float64], angle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Two normal numbers, (2, n), from each of n pairs of uniform ones."""
    scale = np.sqrt(-2.0 * portable_math.log(1.0 - radius))
    return np.array(portable_math.cos_sin(angle)) * scale


def draw(seed: int, purpose: int, streams: Sequence[Stream]) -> Iterator[NDArray[np.float64]]:
    """What `normal` and `uniform` give for each of some streams, made together where they are short.

    >>> first, second = draw(1, SAMPLE, [Stream(False, 0, 0, 3), Stream(True, 0, 1, 5)])
    >>> bool((first == uniform(1, SAMPLE, 0, 0, 3)).all() and (second == normal(1, SAMPLE, 0, 1, 5)).all())
    True
    """
    if sum(stream.count for stream in streams) <= BLOCK:
        yield from _drawn_together(seed, purpose, streams)
        return
    for stream in streams:
        yield (normal if stream.normal else uniform)(seed, purpose, stream.step, stream.layer, stream.count)


def _drawn_together(seed: int, purpose: int, streams: Sequence[Stream]) -> list[NDArray[np.float64]]:
    """A call takes longer than the numbers of a short stream."""
    seed = check_seed(seed)
    pairs = [(stream.count + 1) // 2 for stream in streams]
    positions = [slice(end - count, end) for count, end in zip(pairs, itertools.accumulate(pairs), strict=True)]
    words = np.empty((4, sum(pairs)), np.uint64)
    for stream, part, count in zip(streams, positions, pairs, strict=True):
        words[0, part] = np.arange(count, dtype=np.uint64)
        words[1:, part] = np.array(_counter(purpose, stream.step, stream.layer), np.uint64)[:, None]
    products = np.empty((2, words.shape[1]), np.uint64)
    numbers = _doubles(words, (seed & 0xFFFFFFFF, seed >> 32), products).T.reshape(-1)
    drawn = [numbers[2 * part.start : 2 * part.stop] for part in positions]
    normals = [index for index, stream in enumerate(streams) if stream.normal]
    if normals:
        radius, angle = (np.concatenate([drawn[index].reshape(2, -1)[half] for index in normals]) for half in (0, 1))
        ends = list(itertools.accumulate(pairs[index] for index in normals))
        parts = np.split(_normal_pairs(radius, angle), ends[:-1], axis=1)
        for index, pair in zip(normals, parts, strict=True):
            drawn[index] = pair.reshape(-1)
    return [part[: stream.count] for part, stream in zip(drawn, streams, strict=True)]


def permutation(seed: int, purpose: int, step: int, rows: int) -> NDArray[np.int64]:
    """A random order of the numbers 0 to rows - 1, for example of the training rows in one epoch.

    Every row draws a 64-bit key whose low bits are replaced by the row's own number: keys are all different, so the
    sorted order does not depend on the sorting method. Compiled code draws no orders, so the keys come from NumPy's
    Philox4x64, whose words are the same in every version of NumPy and come faster.

    Parameters:
        step: an integer from 0 to 2**56 - 1, such as the epoch.

    >>> sorted(permutation(0, SHUFFLE, 3, 5).tolist())
    [0, 1, 2, 3, 4]
    """
    if rows < 2:
        return np.zeros(rows, np.int64)
    return order_of(_numpy_words((check_seed(seed), (purpose << 56) + step), rows))


def _numpy_words(key: tuple[int, int], count: int) -> NDArray[np.uint64]:
    """The first words of NumPy's Philox with a key. Each thread keeps its generator: to make one takes longer."""
    generator = getattr(_generators, "philox", None)
    if generator is None:
        generator = _generators.philox = np.random.Philox(key=(0, 0))
        _generators.start = generator.state
    _generators.start["state"]["key"] = np.array(key, np.uint64)
    generator.state = _generators.start
    words: NDArray[np.uint64] = generator.random_raw(count)
    return words


def order_of(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The order that sorts random keys, whose low bits give way to the numbers of their rows; the keys are lost.

    >>> order_of(np.array([9 << 32, 7 << 32, 8 << 32], np.uint64)).tolist()
    [1, 2, 0]
    """
    rows = len(keys)
    mask = np.uint64((1 << max(rows - 1, 1).bit_length()) - 1)
    keys &= ~mask
    keys |= np.arange(rows, dtype=np.uint64)
    keys.sort()
    keys &= mask
    return keys.view(np.int64)
