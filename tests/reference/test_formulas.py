"""The formulas written by hand against the table of expressions: two independent writers must agree to a few ulps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranvier.expression import evaluate
from ranvier.network.activations import ACTIVATIONS
from ranvier.network.losses import LOSSES
from ranvier.network.optimizers import OPTIMIZERS, SGD, Optimizer
from ranvier.reference import activations, losses, optimizers
from tests.helpers import ALL_LOSSES, ALL_OPTIMIZERS, ELEMENTWISE, Array, assert_ulps

SMALL = np.array([1e-300, 1e-20, 1e-8, 1e-3])
GRID = np.concatenate((np.linspace(-12.0, 12.0, 481), SMALL, -SMALL, [-700.0, -90.0, -40.0, 40.0, 90.0, 700.0]))
TARGETS = np.array([0.0, 0.25, 1.0, 3.0])
ULPS = 8.0


def grid_for(on: str) -> tuple[Array, Array]:
    """Every value of the grid with every target; log probabilities are never above 0."""
    x, t = np.meshgrid(
        np.concatenate((-SMALL, -np.geomspace(1e-4, 700.0, 200), [0.0])) if on == "log_probability" else GRID,
        TARGETS[TARGETS <= 1.0] if on != "output" else TARGETS,
    )
    return x, t


def test_every_activation_loss_and_optimizer_has_a_reference_formula() -> None:
    assert activations.FORMULAS.keys() | {"softmax"} == ACTIVATIONS.keys()
    assert losses.FORMULAS.keys() == LOSSES.keys()
    assert set(OPTIMIZERS.values()) - set(optimizers.UPDATES) == {
        kind for kind in OPTIMIZERS.values() if kind.full_batch
    }


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_activation_formulas_equal_expressions(name: str) -> None:
    record = ELEMENTWISE[name]
    assert record.expression is not None
    assert record.derivative is not None
    assert_ulps(activations.forward(record, GRID), evaluate(record.expression, {"x": GRID}), ULPS, GRID)
    assert_ulps(activations.derivative(record, GRID), evaluate(record.derivative, {"x": GRID}), ULPS, GRID)


@pytest.mark.parametrize("name", ALL_LOSSES)
def test_loss_formulas_equal_expressions(name: str) -> None:
    entry = ALL_LOSSES[name]
    x, t = grid_for(entry.applied_to)
    values: dict[str, Any] = {entry.applied_to: x, "target": t}
    with np.errstate(over="ignore"):
        actual, derivative = losses.value(entry, x, t), losses.derivative(entry, x, t)
    assert_ulps(actual, evaluate(entry.expression, values), ULPS, x, t)
    assert_ulps(derivative, evaluate(entry.derivative, values), ULPS, x, t)


def test_a_small_difference_is_noticed() -> None:
    y = activations.forward(ACTIVATIONS["tanh"], GRID)
    with pytest.raises(AssertionError, match="ulps apart"):
        assert_ulps(y * (1 + 1e-14), y, ULPS)


def by_rule(entry: Optimizer, w: Array, g: Array, slots: Array, lr: float, t: int, decayed: Any) -> tuple[Array, Array]:
    """One step by the record's expressions, after the clipping by norm that an engine does."""
    rule = entry.rule()
    if entry.clip_norm is not None:
        g = optimizers.clip_by_norm(g, entry.clip_norm)
    scalars = entry.scalar_values(np.array([t]), np.array([lr]))[0]
    values: dict[str, Any] = {"parameter": w, "gradient": g, "decay": entry.weight_decay * decayed}
    values |= dict(zip(rule.scalars, scalars.tolist(), strict=True))
    values |= {name: slot for (name, _), slot in zip(rule.slots, slots, strict=True)}
    moved, *updated = evaluate((rule.parameter, *rule.updates), values)
    return moved, np.array(updated).reshape(slots.shape)


@pytest.mark.parametrize("name", ALL_OPTIMIZERS)
def test_optimizer_formulas_equal_expressions(name: str) -> None:
    """Forty steps on random gradients, some of them 0, with a falling learning rate; each step from equal numbers."""
    entry, generator = ALL_OPTIMIZERS[name], np.random.default_rng(3)
    w = generator.normal(size=50)
    slots, decayed = entry.initial_slots(w), np.arange(50) % 3 > 0
    names = [slot for slot, _ in entry.rule().slots]
    for t in range(1, 41):
        g, lr = generator.normal(size=50) * (generator.random(50) > 0.1), 0.05 / t
        expected, expected_slots = by_rule(entry, w, g, slots, lr, t, decayed)
        w, updated = optimizers.step(entry, w, g, dict(zip(names, slots, strict=True)), lr, t, decayed)
        slots = np.array([updated[slot] for slot in names]).reshape(slots.shape)
        assert list(updated) == names
        assert_ulps(w, expected, ULPS)
        assert_ulps(slots, expected_slots, ULPS)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS.keys() - {"lbfgs"}))
@pytest.mark.parametrize("t", [1, 2, 1000, 10**6, 10**12])
def test_optimizer_formulas_equal_expressions_at_any_step(name: str, t: int) -> None:
    """Corrections by the step number, which a resumed run meets anywhere."""
    entry, generator = ALL_OPTIMIZERS[name], np.random.default_rng(4)
    w, g = generator.normal(size=(2, 20))
    slots = generator.random(size=entry.initial_slots(w).shape)
    names = [slot for slot, _ in entry.rule().slots]
    expected, _ = by_rule(entry, w, g, slots, 0.1, t, np.ones(20))
    moved, _ = optimizers.step(entry, w, g, dict(zip(names, slots, strict=True)), 0.1, t, np.ones(20, bool))
    assert_ulps(moved, expected, ULPS, 0.1 * (w - moved))


def test_wrong_order_of_decay_is_noticed() -> None:
    """Decay before the step, not after it: the two differ wherever a step follows."""
    w, g, lr = np.array([2.0]), np.array([4.0]), 0.5
    moved, _ = optimizers.step(SGD(weight_decay=0.1), w, g, {}, lr, 1, np.array([True]))
    assert moved[0] == 2.0 * (1 - 0.05) - 2.0
    assert moved[0] != (2.0 - 2.0) * (1 - 0.05)


def test_clipping_order_is_norm_then_value() -> None:
    """(3, 4) has norm 5: scaled to norm 1 it is (0.6, 0.8), and cut at 0.7 it is (0.6, 0.7)."""
    entry = SGD(clip_norm=1.0, clip_value=0.7)
    moved, _ = optimizers.step(entry, np.zeros(2), np.array([3.0, 4.0]), {}, 1.0, 1, np.zeros(2, bool))
    np.testing.assert_allclose(moved, [-0.6, -0.7], rtol=1e-15)


def test_gradients_of_small_norm_are_not_clipped() -> None:
    g = np.array([0.3, 0.4])
    assert optimizers.clip_by_norm(g, 0.5) is g


def test_softmax_equals_its_definition() -> None:
    x = np.array([[0.0, np.log(2.0), np.log(5.0)], [1000.0, 1000.0, -1000.0]])
    expected = np.array([[1 / 8, 2 / 8, 5 / 8], [0.5, 0.5, 0.0]])
    np.testing.assert_allclose(activations.softmax(x), expected, rtol=1e-15)
    np.testing.assert_allclose(np.exp(activations.log_softmax(x)), expected, rtol=1e-15)
    assert activations.log_softmax(x)[1, 2] == -2000.0 - np.log(2.0)
