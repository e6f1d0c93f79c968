"""What normalization, dropout, scaling and residual blocks must do, by their definitions."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier import random
from ranvier.engine import CompileSpec, Span, State
from ranvier.network.layers import BatchNorm, Dense, Dropout, LayerNorm, LearnedScale, Residual
from ranvier.network.losses import loss
from ranvier.network.network import Network
from ranvier.network.optimizers import SGD, Optimizer
from ranvier.reference import ReferenceEngine, layers, network
from ranvier.reference.engine import ReferenceExecutable
from ranvier.rows import Rows
from tests.helpers import Array

GENERATOR = np.random.default_rng(8)
X = GENERATOR.normal(3.0, 5.0, size=(50, 6))
ONE, ZERO = np.ones(6), np.zeros(6)


def ready(described: Network, optimizer: Optimizer | None = None, seed: int = 0) -> ReferenceExecutable:
    rule = optimizer or SGD(0.1)
    executable = ReferenceEngine().compile(CompileSpec(described, loss("squared_error"), rule, 10, seed=seed))
    parameters = described.parameter_table.initial(3)
    executable.set_state(State(parameters, rule.initial_slots(parameters), 0))
    return executable


def run(executable: ReferenceExecutable, rows: Rows, steps: int, rate: float = 0.1) -> Array:
    """Steps over all rows with plain scalars: the learning rate alone."""
    count = len(rows)
    return executable.run(
        rows, Span(np.tile(np.arange(count), steps), np.arange(steps + 1) * count, np.full((steps, 1), rate))
    )


@given(rows=st.integers(1, 6), width=st.integers(2, 40), seed=st.integers(0, 99))
def test_layer_norm_standardizes_every_row(rows: int, width: int, seed: int) -> None:
    x = np.random.default_rng(seed).normal(2.0, 3.0, size=(rows, width))
    y, _ = layers.layer_norm(x, np.ones(width), np.zeros(width), 1e-5)
    variance = x.var(axis=1)
    np.testing.assert_allclose(y.mean(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=1), variance / (variance + 1e-5), rtol=1e-11)


def test_layer_norm_ignores_shift_and_size_of_a_row() -> None:
    factor, offset = GENERATOR.uniform(0.5, 2.0, size=(50, 1)), GENERATOR.normal(size=(50, 1))
    y, _ = layers.layer_norm(X, ONE, ZERO, 1e-12)
    moved, _ = layers.layer_norm(factor * X + offset, ONE, ZERO, 1e-12)
    np.testing.assert_allclose(moved, y, rtol=1e-10, atol=1e-11)
    flipped, _ = layers.layer_norm(-X, ONE, ZERO, 1e-12)
    assert not np.allclose(flipped, y)


def test_layer_norm_of_a_constant_row_is_its_bias() -> None:
    y, _ = layers.layer_norm(np.full((2, 3), 7.0), np.ones(3), np.array([1.0, 2.0, 3.0]), 1e-5)
    assert y.tolist() == [[1.0, 2.0, 3.0]] * 2


def test_batch_norm_standardizes_every_column() -> None:
    y, _ = layers.batch_norm(X, 2 * ONE, 5 * ONE, *layers.statistics(X, axis=0), 1e-5)
    np.testing.assert_allclose(y.mean(axis=0), 5.0, rtol=1e-13)
    np.testing.assert_allclose(y.var(axis=0), 4 * X.var(axis=0) / (X.var(axis=0) + 1e-5), rtol=1e-12)


def test_batch_norm_ignores_shift_and_size_of_a_column() -> None:
    moved = X * GENERATOR.uniform(0.5, 2.0, size=6) + GENERATOR.normal(size=6)
    y, _ = layers.batch_norm(X, ONE, ZERO, *layers.statistics(X, axis=0), 1e-12)
    same, _ = layers.batch_norm(moved, ONE, ZERO, *layers.statistics(moved, axis=0), 1e-12)
    np.testing.assert_allclose(same, y, rtol=1e-10, atol=1e-11)


def test_batch_norm_gradient_cannot_shift_or_stretch_a_column() -> None:
    """The output ignores both, so the gradient along the input is at right angles to them."""
    _, normalized = layers.batch_norm(X, ONE, ZERO, *layers.statistics(X, axis=0), 1e-12)
    dx, _, _ = layers.batch_norm_backward(normalized, ONE, GENERATOR.normal(size=X.shape))
    np.testing.assert_allclose(dx.sum(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose((dx * X).sum(axis=0), 0.0, atol=1e-10)


def test_running_statistics_follow_the_batches() -> None:
    """After k batches: 0.8^k of the start plus 0.2 sum_i 0.8^(k - i) of batch i; the trained entries stay at rate 0."""
    described = Network(6, [BatchNorm(momentum=0.8), Dense(1)])
    executable = ready(described)
    batches = [GENERATOR.normal(size=(10, 6)) for _ in range(4)]
    rows = Rows(np.concatenate(batches), np.zeros((40, 1)))
    executable.run(rows, Span(np.arange(40), np.arange(5) * 10, np.zeros((4, 1))))
    table, after = described.parameter_table, executable.get_state().parameters
    mean, variance = np.zeros(6), np.ones(6)
    for batch in batches:
        mean = 0.8 * mean + 0.2 * batch.mean(axis=0)
        variance = 0.8 * variance + 0.2 * batch.var(axis=0)
    views = table.views(after)
    np.testing.assert_allclose(views["layers.0.running_mean"], mean, rtol=1e-13)
    np.testing.assert_allclose(views["layers.0.running_var"], variance, rtol=1e-13)
    assert np.array_equal(after[table.trainable_mask()], table.initial(3)[table.trainable_mask()])


def test_predictions_use_the_running_statistics() -> None:
    described = Network(6, [BatchNorm()])
    executable = ready(described)
    run(executable, Rows(X, np.zeros((50, 6))), 3)
    views = described.parameter_table.views(executable.get_state().parameters)
    expected = (X - views["layers.0.running_mean"]) / np.sqrt(views["layers.0.running_var"] + 1e-5)
    expected = expected * views["layers.0.scale"] + views["layers.0.bias"]
    np.testing.assert_allclose(executable.outputs(X), expected, rtol=1e-12, atol=1e-13)
    before = executable.get_state().parameters
    executable.loss_and_gradient(Rows(X, np.zeros((50, 6))))
    assert np.array_equal(executable.get_state().parameters, before), "only training steps move the running statistics"


@pytest.mark.parametrize("options", [{"weight_decay": 0.5}, {"ema_decay": 0.9}, {"clip_norm": 0.01}])
def test_optimizers_do_not_update_running_statistics(options: dict[str, Any]) -> None:
    described = Network(6, [Dense(6), BatchNorm(), Dense(1)])
    table = described.parameter_table
    actual = []
    for rule in (SGD(0.1), SGD(0.1, **options)):
        executable = ready(described, rule)
        scalars = rule.scalar_values(np.array([1]), np.array([0.1]))
        executable.run(Rows(X, np.zeros((50, 1))), Span(np.arange(50), np.array([0, 50]), scalars))
        actual.append(executable.get_state().parameters)
    assert np.array_equal(actual[0][~table.trainable_mask()], actual[1][~table.trainable_mask()])


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.93])
def test_dropout_keeps_the_mean(rate: float) -> None:
    """The kept share lies within five standard deviations of 1 - rate, and the factors make up for it."""
    factors = layers.dropout_factors(rate, 1000, 100, seed=1, step=2, layer=3)
    assert set(np.unique(factors)) <= {0.0, 1.0 / (1.0 - rate)}
    deviation = math.sqrt(rate * (1.0 - rate) / factors.size)
    assert abs((factors > 0).mean() - (1.0 - rate)) <= 5 * deviation
    assert abs(factors.mean() - 1.0) <= 5 * deviation / (1.0 - rate)
    for axis in (0, 1):
        per_line = (factors > 0).mean(axis=axis)
        spread = math.sqrt(rate * (1.0 - rate) / factors.shape[axis])
        assert np.abs(per_line - (1.0 - rate)).max() <= 6 * spread, "no row or column is special"


def test_dropout_mask_is_the_documented_function_of_the_bits() -> None:
    rows, width, rate, seed, step, layer = 7, 5, 0.3, 2**40 + 1, 2**33, 4
    factors = layers.dropout_factors(rate, rows, width, seed, step, layer)
    for b in range(rows):
        for k in range(width):
            word = int(random.bits(seed, random.DROPOUT, step, layer, 1, start=b * width + k)[0])
            assert (factors[b, k] > 0) == (word >= math.floor(rate * 2**32))


def test_dropout_mask_depends_on_seed_step_and_layer() -> None:
    given_numbers = [(1, 2, 3), (9, 2, 3), (1, 9, 3), (1, 2, 9)]
    masks = [layers.dropout_factors(0.5, 20, 20, *numbers) for numbers in given_numbers]
    assert np.array_equal(masks[0], layers.dropout_factors(0.5, 20, 20, 1, 2, 3))
    for first in range(4):
        for second in range(first):
            assert 0.4 < (masks[first] == masks[second]).mean() < 0.6, (first, second)


def test_dropout_mask_of_fewer_rows_is_the_start_of_that_of_more() -> None:
    more = layers.dropout_factors(0.5, 9, 7, 1, 2, 3)
    assert np.array_equal(more[:4], layers.dropout_factors(0.5, 4, 7, 1, 2, 3))


def test_dropout_does_nothing_when_predicting() -> None:
    described = Network(6, [Dropout(0.9), Dense(3, "tanh"), Dropout(0.5)])
    executable = ready(described)
    views = described.parameter_table.views(executable.get_state().parameters)
    expected = np.tanh(X @ views["layers.1.weight"] + views["layers.1.bias"])
    np.testing.assert_allclose(executable.outputs(X), expected, rtol=1e-12)


def test_dropout_masks_change_at_every_step_and_with_the_seed() -> None:
    described = Network(6, [Dropout(0.5), Dense(1)])
    rows = Rows(X, np.zeros((50, 1)))
    first = run(ready(described, seed=1), rows, 3, rate=0.0)
    assert len(set(first.tolist())) == 3
    assert np.array_equal(first, run(ready(described, seed=1), rows, 3, rate=0.0))
    assert not np.array_equal(first, run(ready(described, seed=2), rows, 3, rate=0.0))


def test_dropout_of_rate_zero_is_the_identity() -> None:
    rows = Rows(X, np.zeros((50, 1)))
    with_zero = run(ready(Network(6, [Dense(1), Dropout(0.0)])), rows, 3, rate=0.001)
    assert np.array_equal(with_zero, run(ready(Network(6, [Dense(1)])), rows, 3, rate=0.001))


def test_residual_of_zeros_is_the_identity() -> None:
    described = Network(6, [Residual([Dense(4, "tanh"), Dense(6, initializer="zeros")])])
    assert np.array_equal(ready(described).outputs(X), X)


def test_learned_scale_multiplies_columns() -> None:
    described = Network(6, [LearnedScale()])
    executable = ready(described)
    gain = np.arange(6.0)
    executable.set_state(State(gain, np.empty((0, 6)), 0))
    assert np.array_equal(executable.outputs(X), X * gain)


def test_forward_returns_one_record_per_layer() -> None:
    described = Network(6, [Dense(6), Residual([LayerNorm(), Dense(6, "relu")]), Dense(2)])
    views = described.parameter_table.views(described.parameter_table.initial(0))
    records = network.forward(described.layer_infos, views, X)
    assert [record.info.path for record in network.walk(records)] == [info.path for info in described.iter_layers()]
    assert all(after.x is before.y for before, after in itertools.pairwise(records))
