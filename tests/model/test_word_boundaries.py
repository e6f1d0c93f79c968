"""Cutting a sound into words: the best of all ways to cut it, and costs that do what they say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.data.sounds.noise import without_noise
from ranvier.model.word_boundaries import (
    CUT_COST,
    LENGTH_COST,
    SKIP_COST,
    STEP,
    best_words,
    pairs_of_cuts,
    possible_cuts,
)


@given(st.lists(st.floats(0, 9), min_size=1, max_size=120))
def test_cuts_begin_and_end_with_the_sound_and_are_never_far_apart(loudness: list[float]) -> None:
    cuts = possible_cuts(np.array(loudness))
    assert (cuts[0], cuts[-1]) == (0, len(loudness))
    assert all(0 < second - first <= STEP for first, second in itertools.pairwise(cuts))


def value(
    words: list[int], cuts: list[int], pairs: list[tuple[int, int]], scores: np.ndarray, loudness: np.ndarray
) -> float:
    """What `best_words` makes largest, for words that do not overlap."""
    total, used = 0.0, np.zeros(len(loudness), bool)
    for word in words:
        stretch = slice(cuts[pairs[word][0]], cuts[pairs[word][1]])
        length = stretch.stop - stretch.start
        total += length * scores[word] - CUT_COST - LENGTH_COST * (length / 10.0 - 1.0) ** 2
        used[stretch] = True
    return total - SKIP_COST * float(loudness[~used].sum())


@given(st.lists(st.integers(3, 9), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_no_other_words_are_better(steps: list[int], seed: int) -> None:
    generator = np.random.default_rng(seed)
    cuts = np.cumsum([0, *steps]).tolist()
    pairs = pairs_of_cuts(cuts, 3, 40)
    scores, loudness = np.log(generator.uniform(0.05, 1.0, len(pairs))), generator.uniform(0, 1, cuts[-1])
    best = best_words(cuts, pairs, scores, loudness, 10.0)
    ways = itertools.chain.from_iterable(itertools.combinations(range(len(pairs)), n) for n in range(len(steps) + 1))
    allowed = (
        way
        for way in ways
        if all(pairs[a][1] <= pairs[b][0] or pairs[b][1] <= pairs[a][0] for a, b in itertools.combinations(way, 2))
    )
    highest = max(value(list(way), cuts, pairs, scores, loudness) for way in allowed)
    assert value(best, cuts, pairs, scores, loudness) == pytest.approx(highest)
    assert [pairs[word] for word in best] == sorted(pairs[word] for word in best)


def test_a_click_is_no_word() -> None:
    assert best_words([0, 5], [(0, 1)], np.array([-0.01]), np.full(5, 0.3), 40.0) == []


def test_steady_noise_is_taken_away_and_words_stay() -> None:
    generator = np.random.default_rng(0)
    noise = generator.exponential(1.0, (40, 400)).astype(np.float32)
    noise[:, 200:230] += 1000.0
    left = without_noise(noise)
    assert np.median(left[:, :190]) == 0.0
    assert left[:, 200:230].min() > 900.0
    assert without_noise(np.ones((40, 3), np.float32)).tolist() == np.ones((40, 3)).tolist()
