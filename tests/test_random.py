"""The counter-based generator: known answers, independence of how the words are asked for, distributions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier import random
from ranvier.errors import InputError
from ranvier.portable_math import cos_sin, log

SEEDS = st.integers(0, 2**64 - 1)


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_known_answers_of_the_paper(counter: tuple[int, ...], key: tuple[int, int], words: tuple[int, ...]) -> None:
    actual = random.philox(np.array(counter, np.uint64)[:, None], key)
    assert tuple(actual[0].tolist()) == words


@given(SEEDS, st.integers(0, 4), st.integers(0, 2**40), st.integers(0, 1000), st.integers(0, 50), st.integers(0, 50))
def test_a_word_does_not_depend_on_how_many_are_asked_for(
    seed: int, purpose: int, step: int, layer: int, count: int, start: int
) -> None:
    part = random.bits(seed, purpose, step, layer, count, start)
    full = random.bits(seed, purpose, step, layer, start + count)
    assert part.dtype == np.uint32
    assert np.array_equal(part, full[start:])


@given(SEEDS, st.integers(0, 70))
def test_wide_words_are_pairs_and_order_rows_as_sorting_their_keys_does(seed: int, rows: int) -> None:
    words = random.bits(seed, random.SPLIT, 0, 0, 2 * rows).tolist()
    keys = [(upper << 32) + lower for upper, lower in zip(words[::2], words[1::2], strict=True)]
    drawn = random.wide_bits(seed, random.SPLIT, 0, 0, rows)
    assert drawn.tolist() == keys
    low = 1 << max(rows - 1, 1).bit_length()
    order = sorted(range(rows), key=lambda row: keys[row] // low * low + row)
    assert random.order_of(drawn).tolist() == order


STREAM = st.builds(random.Stream, st.booleans(), st.integers(0, 2**40), st.integers(0, 1000), st.integers(0, 9))


@given(SEEDS, st.lists(STREAM, max_size=5), st.sampled_from([0, random.BLOCK]))
def test_streams_drawn_together_are_those_drawn_alone(seed: int, streams: list[random.Stream], more: int) -> None:
    streams = [*streams, random.Stream(True, 1, 0, more)]
    for drawn, stream in zip(random.draw(seed, 2, streams), streams, strict=True):
        alone = random.normal if stream.normal else random.uniform
        assert drawn.tobytes() == alone(seed, 2, stream.step, stream.layer, stream.count).tobytes()


@given(st.lists(SEEDS, min_size=1, max_size=4), st.lists(STREAM, max_size=4), st.sampled_from([0, random.BLOCK]))
def test_numbers_for_several_seeds_are_those_of_each_alone(
    seeds: list[int], streams: list[random.Stream], more: int
) -> None:
    streams = [*streams, random.Stream(False, 1, 0, more)]
    together = list(random.draw_for_seeds(seeds, 2, streams))
    for index, seed in enumerate(seeds):
        alone = list(random.draw(seed, 2, streams))
        assert [drawn[index].tobytes() for drawn in together] == [drawn.tobytes() for drawn in alone]


@given(SEEDS, st.lists(st.integers(0, 2**56 - 1), min_size=1, max_size=4), st.integers(0, 20))
def test_orders_made_together_are_those_made_alone(seed: int, steps: list[int], rows: int) -> None:
    together = random.permutations(seed, random.SHUFFLE, steps, rows)
    assert together.tolist() == [random.permutation(seed, random.SHUFFLE, step, rows).tolist() for step in steps]


@given(SEEDS, st.integers(0, 2**56 - 1), st.integers(1, 20))
def test_an_order_does_not_depend_on_those_before(seed: int, epoch: int, rows: int) -> None:
    keys = np.random.Philox(key=np.array([seed, (random.SHUFFLE << 56) + epoch], np.uint64)).random_raw(rows)
    random.permutation(0, random.SHUFFLE, 0, 3)
    assert np.array_equal(random.permutation(seed, random.SHUFFLE, epoch, rows), random.order_of(keys))


def test_every_part_of_the_counter_counts() -> None:
    base = (1, random.DROPOUT, 5, 2)
    variants = [(2, 2, 5, 2), (1, 1, 5, 2), (1, 2, 6, 2), (1, 2, 5, 3), (1, 2, 5 + 2**32, 2), (1 + 2**32, 2, 5, 2)]
    words = {tuple(random.bits(*case, 4).tolist()) for case in [base, *variants]}
    assert len(words) == 1 + len(variants)


@given(SEEDS, st.integers(0, 10**6), st.integers(0, 300))
def test_permutation_holds_every_row_once(seed: int, epoch: int, rows: int) -> None:
    order = random.permutation(seed, random.SHUFFLE, epoch, rows)
    assert order.dtype == np.int64
    assert np.array_equal(np.sort(order), np.arange(rows))


def test_permutations_are_even() -> None:
    """Every row is equally likely at every place: a chi-square statistic over 4000 orders of 6 rows."""
    counts = np.zeros((6, 6))
    for epoch in range(4000):
        counts[np.arange(6), random.permutation(3, random.SHUFFLE, epoch, 6)] += 1
    statistic = ((counts - 4000 / 6) ** 2 / (4000 / 6)).sum()
    assert statistic < 52.6  # the 0.1 % point of chi-square with 25 degrees of freedom


def test_distributions() -> None:
    count = 40_000
    even, bell = random.uniform(9, 4, 0, 0, count), random.normal(9, 4, 0, 0, count)
    error = 5 / np.sqrt(count)
    assert 0.0 <= even.min() < even.max() < 1.0
    assert abs(even.mean() - 0.5) < error * np.sqrt(1 / 12)
    assert abs(bell.mean()) < error
    assert abs(bell.var() - 1.0) < error * np.sqrt(2)
    assert abs((bell**3).mean()) < error * np.sqrt(15)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "1", True, None])
def test_seeds_that_are_none(seed: object) -> None:
    with pytest.raises(InputError, match="The seed is"):
        random.check_seed(seed)  # type: ignore[arg-type]


@given(st.integers(0, 100), st.integers(0, 100))
def test_even_numbers_start_anywhere(count: int, start: int) -> None:
    part = random.uniform(5, random.SAMPLE, 1, 2, count, start)
    assert np.array_equal(part, random.uniform(5, random.SAMPLE, 1, 2, start + count)[start:])


@pytest.mark.parametrize("count", [1, 2, 2 * random.BLOCK - 1, 2 * random.BLOCK + 1, 5 * random.BLOCK])
def test_bell_numbers_are_the_pairs_of_even_ones_whatever_the_block(count: int) -> None:
    pairs = (count + 1) // 2
    even = random.uniform(5, random.SAMPLE, 1, 2, 2 * pairs)
    radius, (cosines, sines) = np.sqrt(-2.0 * log(1.0 - even[:pairs])), cos_sin(even[pairs:])
    expected = np.concatenate((radius * cosines, radius * sines))[:count]
    assert np.array_equal(random.normal(5, random.SAMPLE, 1, 2, count), expected)
