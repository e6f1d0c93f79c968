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
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ranvier import portable_math
from ranvier.errors import InputError
from ranvier.records import record
from ranvier.scalars import as_integer

SEED_RANGE = 2**64
"""Seeds are integers from 0 to below it."""
INITIAL_WEIGHTS, SHUFFLE, DROPOUT, SPLIT, SAMPLE, AUGMENT, WRITE = range(7)

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
BLOCK = 1 << 15
FREED_BYTES = 1 << 22
"""More than all temporary arrays of a block together."""
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_MULTIPLIERS = np.array(MULTIPLIERS, np.uint64)
_KEY_CHANGES = np.arange(ROUNDS, dtype=np.uint64)[:, None] * np.array(KEY_STEPS, np.uint64)
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
    _encrypt(words, np.array(key, np.uint64)[:, None], np.empty((2, words.shape[1]), np.uint64))
    return np.stack(tuple(words), axis=-1).astype(np.uint32)


def _encrypt(words: NDArray[np.uint64], keys: NDArray[np.uint64], products: NDArray[np.uint64]) -> None:
    """Turn counters (4, n) into random words in place; `products` is scratch memory, (2, n).

    Parameters:
        keys: (2, 1). Or (2, M, 1), of M seeds; then counters are (4, M, n) and products (2, M, n).
    """
    even, odd, crossed = words[::2], words[1::2], products[::-1]
    beside = (1,) * (keys.ndim - 1)
    multipliers = _MULTIPLIERS.reshape(2, *beside)
    for round_key in _KEY_CHANGES.reshape(ROUNDS, 2, *beside) + keys & _LOW:
        np.multiply(even, multipliers, out=products)
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
    number = as_integer(seed)
    if number is None or not 0 <= number < SEED_RANGE:
        raise InputError(f"The seed is {seed!r}; it must be an integer from 0 to 2**64 - 1.")
    return number


def bits(seed: int, purpose: int, step: int, layer: int, count: int, start: int = 0) -> NDArray[np.uint32]:
    """The random words with indexes start to start + count - 1.

    >>> bool((bits(1, SAMPLE, 2, 3, 5, start=2) == bits(1, SAMPLE, 2, 3, 7)[2:]).all())
    True
    """
    seed = check_seed(seed)
    first, last = start // 4, (start + count + 3) // 4
    counter = np.empty((4, last - first), np.uint64)
    counter[0] = np.arange(first, last, dtype=np.uint64)
    counter[1:] = np.array(_counter(purpose, step, layer), np.uint64)[:, None]
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

    def __init__(self, seed: int, purpose: int, step: int, layer: int, count: int) -> None:
        self.key = _keys([seed])[:, 0]
        self.rest = np.array(_counter(purpose, step, layer), np.uint64)[:, None]
        pairs = min(count, BLOCK) // 2 + 2
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


def _keys(seeds: Sequence[int]) -> NDArray[np.uint64]:
    """The keys of M seeds, (2, M, 1)."""
    numbers = np.array([check_seed(seed) for seed in seeds], np.uint64)
    return np.stack((numbers & _LOW, numbers >> _HALF))[:, :, None]


def _counter(purpose: int, step: int, layer: int) -> tuple[int, int, int]:
    """The words of a counter after the first."""
    return step & 0xFFFFFFFF, layer + ((step >> 32) << 16), purpose


def _doubles(words: NDArray[np.uint64], keys: NDArray[np.uint64], products: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Two numbers from each of n counters, (2, n), in the memory of `products`; the counters (4, n) are lost.

    Parameters:
        keys: as for `_encrypt`, for several seeds too.
    """
    _encrypt(words, keys, products)
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
    if pairs > BLOCK:
        # Until a larger block is freed, the C library gives the memory of every temporary array back to the system,
        # which costs as long as the arithmetic.
        np.empty(FREED_BYTES, np.uint8)
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
    """Two normal numbers, (2, n), from each of n pairs of uniform ones; n may be several dimensions."""
    scale = np.sqrt(-2.0 * portable_math.log(1.0 - radius))
    return np.array(portable_math.cos_sin(angle)) * scale


def draw(seed: int, purpose: int, streams: Sequence[Stream]) -> Iterator[NDArray[np.float64]]:
    """What `normal` and `uniform` give for each of some streams, made together where they are short.

    >>> first, second = draw(1, SAMPLE, [Stream(False, 0, 0, 3), Stream(True, 0, 1, 5)])
    >>> bool((first == uniform(1, SAMPLE, 0, 0, 3)).all() and (second == normal(1, SAMPLE, 0, 1, 5)).all())
    True
    """
    return (numbers[0] for numbers in draw_for_seeds([seed], purpose, streams))


def draw_for_seeds(seeds: Sequence[int], purpose: int, streams: Sequence[Stream]) -> Iterator[NDArray[np.float64]]:
    """What `draw` gives for each of M seeds: for each stream an array (M, count).

    >>> (drawn,) = draw_for_seeds([1, 2], SAMPLE, [Stream(False, 0, 0, 3)])
    >>> bool((drawn[1] == uniform(2, SAMPLE, 0, 0, 3)).all())
    True
    """
    if sum(stream.count for stream in streams) <= BLOCK:
        yield from _drawn_together(seeds, purpose, tuple(streams))
        return
    for stream in streams:
        source = normal if stream.normal else uniform
        numbers = [source(seed, purpose, stream.step, stream.layer, stream.count) for seed in seeds]
        yield numbers[0][None] if len(numbers) == 1 else np.stack(numbers)


@record(eq=False)
class _Together:
    """How streams are drawn together: a call takes longer than the numbers of a short stream. n counters.

    Fields:
        counters: of all streams, (4, n).
        parts: where the numbers of each stream are among the 2 n.
        pairs: where the uniform numbers are that normal ones are made of, and these themselves: (2, pairs).
    """

    counters: NDArray[np.uint64]
    parts: tuple[slice, ...]
    pairs: NDArray[np.int64]


@lru_cache(8)
def _together(purpose: int, streams: tuple[Stream, ...]) -> _Together:
    pairs = [(stream.count + 1) // 2 for stream in streams]
    ends = list(itertools.accumulate(pairs))
    counters = np.empty((4, sum(pairs)), np.uint64)
    normals = [np.zeros((2, 0), np.int64)]
    for stream, count, end in zip(streams, pairs, ends, strict=True):
        counters[0, end - count : end] = np.arange(count, dtype=np.uint64)
        counters[1:, end - count : end] = np.array(_counter(purpose, stream.step, stream.layer), np.uint64)[:, None]
        if stream.normal:
            normals.append(np.arange(2 * (end - count), 2 * end).reshape(2, count))
    starts = [2 * (end - count) for end, count in zip(ends, pairs, strict=True)]
    parts = tuple(slice(start, start + stream.count) for start, stream in zip(starts, streams, strict=True))
    return _Together(counters, parts, np.concatenate(normals, axis=1))


def _drawn_together(seeds: Sequence[int], purpose: int, streams: tuple[Stream, ...]) -> list[NDArray[np.float64]]:
    together, keys = _together(purpose, streams), _keys(seeds)
    n = together.counters.shape[1]
    words = np.empty((4, len(seeds), n), np.uint64)
    words[:] = together.counters[:, None]
    drawn = _doubles(words, keys, np.empty((2, len(seeds), n), np.uint64))
    numbers = drawn.transpose(1, 2, 0).reshape(len(seeds), 2 * n)
    if together.pairs.size:
        radius, angle = numbers[:, together.pairs].swapaxes(0, 1)
        numbers[:, together.pairs] = _normal_pairs(radius, angle).swapaxes(0, 1)
    return [numbers[:, part] for part in together.parts]


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
    order: NDArray[np.int64] = permutations(seed, purpose, (step,), rows)[0]
    return order


def permutations(seed: int, purpose: int, steps: Sequence[int], rows: int) -> NDArray[np.int64]:
    """The orders of several steps, (steps, rows), made together: a call takes longer than sorting a few rows.

    >>> bool((permutations(0, SHUFFLE, (3, 4), 5)[1] == permutation(0, SHUFFLE, 4, 5)).all())
    True
    """
    order: NDArray[np.int64] = permutations_for_seeds((seed,), purpose, steps, rows)[0]
    return order


def permutations_for_seeds(
    seeds: Sequence[int],
    purpose: int,
    steps: Sequence[int],
    rows: int,
    words_of: Callable[[NDArray[np.uint64], int], NDArray[np.uint64]] | None = None,
) -> NDArray[np.int64]:
    """The orders of several steps for each of M seeds, (M, steps, rows).

    Parameters:
        words_of: gives what `numpy_words` gives, in another way; None for that.

    >>> bool((permutations_for_seeds((0, 1), SHUFFLE, (3, 4), 5)[1] == permutations(1, SHUFFLE, (3, 4), 5)).all())
    True
    """
    if rows < 2:
        return np.zeros((len(seeds), len(steps), rows), np.int64)
    keys = np.empty((len(seeds), len(steps), 2), np.uint64)
    keys[:, :, 0] = np.array([check_seed(seed) for seed in seeds], np.uint64)[:, None]
    keys[:, :, 1] = np.array([(purpose << 56) + step for step in steps], np.uint64)
    words = (words_of or numpy_words)(keys.reshape(-1, 2), rows)
    return order_of(words.reshape(len(seeds), len(steps), rows))


def numpy_words(keys: NDArray[np.uint64], count: int) -> NDArray[np.uint64]:
    """The first words of NumPy's Philox for each of some keys, (n, 2) -> (n, count).

    Each thread keeps its generator: to make one takes longer.

    >>> numpy_words(np.array([[1, 2]], np.uint64), 3).shape
    (1, 3)
    """
    generator = getattr(_generators, "philox", None)
    if generator is None:
        generator = _generators.philox = np.random.Philox(key=(0, 0))
        _generators.start = generator.state
        _generators.key = _generators.start["state"]["key"] = np.zeros(2, np.uint64)
    start, key, words = _generators.start, _generators.key, np.empty((len(keys), count), np.uint64)
    for row_keys, row in zip(keys, words, strict=True):
        key[:] = row_keys
        generator.state = start
        row[:] = generator.random_raw(count)
    return words


def order_of(keys: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The order that sorts random keys, whose low bits give way to the numbers of their rows; the keys are lost.

    Parameters:
        keys: (rows,), or of several orders (orders, rows).

    >>> order_of(np.array([9 << 32, 7 << 32, 8 << 32], np.uint64)).tolist()
    [1, 2, 0]
    """
    rows = keys.shape[-1]
    mask = np.uint64((1 << max(rows - 1, 1).bit_length()) - 1)
    keys &= ~mask
    keys |= np.arange(rows, dtype=np.uint64)
    keys.sort()
    keys &= mask
    return keys.view(np.int64)
