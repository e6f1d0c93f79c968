"""Dividing rows into parts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.errors import InputError, ShapeError
from ranvier.rows.split import split_rows

SHARES = st.sampled_from([(1.0,), (0.7, 0.1, 0.2), (0.9, 0.1), (0.5, 0.5), (0.8, 0.0, 0.2), (0.2, 0.8)])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 200), SHARES, st.integers(0, 2**64 - 1))
def test_parts_hold_every_row_once(rows: int, fractions: tuple[float, ...], seed: int) -> None:
    parts = split_rows(rows, fractions, seed)
    assert sorted(np.concatenate(parts).tolist()) == list(range(rows))
    assert len(parts) == len(fractions)
    for part, fraction in zip(parts, fractions, strict=True):
        assert (np.diff(part) > 0).all()
        assert abs(len(part) - fraction * rows) <= len(fractions)
        if rows >= len(fractions):
            assert (len(part) > 0) == (fraction > 0)
    for part, again in zip(parts, split_rows(rows, fractions, seed), strict=True):
        np.testing.assert_array_equal(part, again)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 1000))
def test_every_part_has_the_classes_in_proportion(counts: list[int], seed: int) -> None:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(counts)), counts))
    parts = split_rows(len(labels), (0.7, 0.1, 0.2), seed, labels)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(labels)))
    if len(parts[0]) >= len(counts):
        assert set(labels[parts[0]]) == set(range(len(counts)))
    for part, fraction in zip(parts, (0.7, 0.1, 0.2), strict=True):
        actual = np.bincount(labels[part], minlength=len(counts))
        assert (np.abs(actual - fraction * np.array(counts)) <= 3 + len(counts)).all()


def test_large_classes_keep_their_proportion_closely() -> None:
    labels = np.repeat([0, 1, 2], [700, 250, 50])
    held_out = split_rows(1000, (0.8, 0.2), 3, labels)[1]
    np.testing.assert_allclose(np.bincount(labels[held_out]), [140, 50, 10], atol=2)


@pytest.mark.parametrize(
    ("rows", "fractions", "sizes"),
    [
        (3, (0.9, 0.05, 0.05), [1, 1, 1]),
        (30, (0.98, 0.01, 0.01), [28, 1, 1]),
        (2, (0.8, 0.1, 0.1), [1, 0, 1]),
        (1, (0.5, 0.5), [1, 0]),
        (2, (0.0, 0.5, 0.5), [0, 1, 1]),
        (0, (0.5, 0.5), [0, 0]),
    ],
)
def test_each_part_has_a_row_where_there_are_enough_and_training_comes_first(
    rows: int, fractions: tuple[float, ...], sizes: list[int]
) -> None:
    assert [len(part) for part in split_rows(rows, fractions, 0)] == sizes


def test_seeds_differ_and_rows_are_mixed() -> None:
    first, second = split_rows(1000, (0.5, 0.5), 0)[0], split_rows(1000, (0.5, 0.5), 1)[0]
    assert not np.array_equal(first, second)
    assert abs(first.mean() - 500) < 50


@pytest.mark.parametrize("fractions", [(), (0.5,), (0.5, 0.6), (1.5, -0.5), (float("nan"), 1.0)])
def test_fractions_that_cannot_be_used(fractions: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="fractions"):
        split_rows(10, fractions, 0)


def test_labels_must_match_the_rows() -> None:
    with pytest.raises(ShapeError, match="3 labels and 4 rows"):
        split_rows(4, (0.5, 0.5), 0, np.zeros(3))
