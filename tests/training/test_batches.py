"""The order of the rows, cut into batches and spans."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier import random
from ranvier.training import batches

SIZES = st.tuples(st.integers(1, 60), st.integers(1, 70))


@given(rows=st.integers(1, 200), epoch=st.integers(1, 1000), seed=st.integers(0, 2**64 - 1))
def test_an_epoch_sees_every_row_once_in_the_order_of_the_generator(rows: int, epoch: int, seed: int) -> None:
    order = batches.epoch_order(rows, epoch, seed, shuffle=True)
    assert np.array_equal(np.sort(order), np.arange(rows))
    assert np.array_equal(order, random.permutation(seed, random.SHUFFLE, epoch, rows))
    assert np.array_equal(batches.epoch_order(rows, epoch, seed, shuffle=False), np.arange(rows))


def test_epochs_and_seeds_differ() -> None:
    first = batches.epoch_order(50, 1, 0, shuffle=True)
    assert not np.array_equal(first, batches.epoch_order(50, 2, 0, shuffle=True))
    assert not np.array_equal(first, batches.epoch_order(50, 1, 1, shuffle=True))


@given(SIZES)
def test_batches_are_full_but_for_the_last(sizes: tuple[int, int]) -> None:
    rows, batch = sizes
    lengths = np.diff(batches.batch_offsets(rows, batch))
    assert lengths.sum() == rows
    assert (lengths[:-1] == batch).all()
    assert 1 <= lengths[-1] <= batch


@given(SIZES, st.integers(1, 8))
def test_spans_put_together_are_the_epoch(sizes: tuple[int, int], steps: int) -> None:
    rows, batch = sizes
    order, starts = batches.epoch_order(rows, 3, 1, shuffle=True), batches.batch_offsets(rows, batch)
    count = len(starts) - 1
    scalars = np.arange(2.0 * count).reshape(count, 2)
    firsts = range(0, count, steps)
    spans = [batches.span_of(order, starts, at, min(at + steps, count), scalars[at : at + steps]) for at in firsts]
    assert np.array_equal(np.concatenate([span.order for span in spans]), order)
    assert np.array_equal(np.concatenate([np.diff(span.starts) for span in spans]), np.diff(starts))
    for span in spans:
        assert span.starts[0] == 0
        assert span.starts[-1] == len(span.order)
        assert span.steps == len(span.scalars)


@given(SIZES, st.integers(1, 5))
def test_joined_epochs_are_the_epochs_one_after_the_other(sizes: tuple[int, int], epochs: int) -> None:
    rows, batch = sizes
    starts = batches.batch_offsets(rows, batch)
    orders = [batches.epoch_order(rows, number, 2, shuffle=True) for number in range(1, epochs + 1)]
    span = batches.span_over_epochs(
        batches.epoch_orders(rows, range(1, epochs + 1), 2, shuffle=True),
        starts,
        np.zeros((epochs * (len(starts) - 1), 1)),
    )
    joined = [span.order[a:b].tolist() for a, b in zip(span.starts[:-1], span.starts[1:], strict=True)]
    expected = [epoch_order[a:b].tolist() for epoch_order in orders for a, b in itertools.pairwise(starts)]
    assert joined == expected


@pytest.mark.parametrize(("rows", "batch", "steps"), [(10, 10, 1), (10, 99, 1), (10, 1, 10), (10, 3, 4)])
def test_full_batch_one_example_and_between(rows: int, batch: int, steps: int) -> None:
    assert len(batches.batch_offsets(rows, batch)) - 1 == steps


@given(SIZES, st.integers(1, 3), st.integers(1, 4))
def test_mean_losses_of_networks_are_those_of_each(sizes: tuple[int, int], epochs: int, networks: int) -> None:
    (rows, batch), rng = sizes, np.random.default_rng(0)
    starts = batches.batch_offsets(rows, batch)
    orders = batches.population_orders(rows, range(1, 1 + epochs), list(range(networks)), shuffle=True)
    losses = rng.uniform(size=(networks, epochs, len(starts) - 1))
    weights_of_each = rng.uniform(size=(networks, rows))
    for weights in (None, weights_of_each, weights_of_each[:1], 0 * weights_of_each):
        actual = batches.population_means(losses, orders, starts, weights)
        for number in range(networks):
            weight = None if weights is None else weights[number % len(weights)]
            assert actual[number].tolist() == batches.mean_losses(losses[number], orders[number], starts, weight)
