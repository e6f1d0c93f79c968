"""Losses in the units of the user: how targets are scaled, and what an engine computes of scaled ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranvier.expression import absolute, evaluate, log, maximum, where
from ranvier.network.loss_units import difference_alone, power_of_two
from ranvier.network.losses import LOSSES, Loss, loss, loss_from_dict
from ranvier.network.scaled_loss import scaled_loss
from ranvier.reference import losses as reference

OWN = {
    "cubic": loss("cubic", lambda output, target: abs(output - target) ** 3),
    "relative": loss("relative", lambda output, target: absolute(output - target) / maximum(absolute(target), 1.0)),
    "asymmetric": loss("asymmetric", lambda output, target: where(output > target, output - target, target / 4)),
}
ON_OUTPUTS = {name: entry for name, entry in {**LOSSES, **OWN}.items() if entry.applied_to == "output"}
SIZED = {name: entry for name, entry in ON_OUTPUTS.items() if entry.units.degree is None}
Z = np.array([[0.1], [0.7], [1.3], [4.0]])
T = np.array([[0.2], [0.6], [0.9], [2.0]])


def shift_of(entry: Loss) -> float:
    return 0.0 if entry.units.lowest >= 0 else 96.0


@pytest.mark.parametrize("name", SIZED)
@pytest.mark.parametrize("scale", [2.0**-6, 32.0, 2.0**20])
def test_a_loss_of_scaled_numbers_is_that_in_the_units_of_the_user(name: str, scale: float) -> None:
    entry, shift = SIZED[name], shift_of(SIZED[name]) * scale
    scaled, factor = scaled_loss(entry, [shift], [scale])
    user = {"output": scale * Z + shift, "target": scale * T + shift}
    got = evaluate(scaled.expression, {"output": Z, "target": T})
    np.testing.assert_allclose(got * factor, evaluate(entry.expression, user), rtol=1e-9)
    derivative = evaluate(scaled.derivative, {"output": Z, "target": T})
    np.testing.assert_allclose(derivative * factor, scale * evaluate(entry.derivative, user), rtol=1e-9)
    assert factor == power_of_two(factor)


@pytest.mark.parametrize("name", SIZED)
def test_the_reference_engine_computes_the_same(name: str) -> None:
    scaled, _ = scaled_loss(SIZED[name], [shift_of(SIZED[name])], [32.0])
    values = {"output": Z, "target": T}
    np.testing.assert_allclose(reference.value(scaled, Z, T), evaluate(scaled.expression, values), rtol=1e-9)
    np.testing.assert_allclose(reference.derivative(scaled, Z, T), evaluate(scaled.derivative, values), rtol=1e-9)


@pytest.mark.parametrize("name", SIZED)
@pytest.mark.parametrize("scale", [2.0**-10, 1.0, 2.0**30])
def test_gradients_are_of_about_one_whatever_the_scale(name: str, scale: float) -> None:
    positive = SIZED[name].units.lowest >= 0
    scaled, _ = scaled_loss(SIZED[name], [0.0 if positive else 4 * scale], [scale])
    at = {"output": np.array([2.0, 0.5]), "target": np.ones(2)} if positive else {"output": [1.0, -1.0], "target": 0.0}
    assert 0.5 <= np.abs(evaluate(scaled.derivative, at)).mean() <= 4.0


def test_a_loss_with_a_degree_stays_as_it_is() -> None:
    for name, degree in {"squared_error": 2, "absolute_error": 1, "quantile": 1}.items():
        assert scaled_loss(LOSSES[name], [5.0], [3.0]) == (LOSSES[name], 3.0**degree)
        assert scaled_loss(LOSSES[name], [5.0, 1.0], [3.0, 2.0]) == (LOSSES[name], 1.0)
    for entry in LOSSES.values():
        assert scaled_loss(entry, [], []) == (entry, 1.0)
        assert scaled_loss(entry, [0.0], [1.0]) == (entry, 1.0)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda output, target: (target - output) ** 4, True),
        (lambda output, target: where(output - target > 3, 1.0, absolute(target - output)), True),
        (lambda output, target: (output - target) ** 2 / (1 + target**2), False),
        (lambda output, target: output - target * log(output), False),
        (lambda output, target: output * output, False),
    ],
)
def test_a_loss_of_the_difference_is_known_as_one(function: Any, expected: bool) -> None:
    custom = loss("own", function)
    assert difference_alone(custom.expression) is expected
    assert custom.units.difference is expected


def test_one_scale_for_all_targets_where_the_size_of_errors_matters() -> None:
    mean, scale = np.array([1000.0, -3.0]), np.array([30.0, 5.0])
    for name, (means, scales) in {
        "squared_error": ([1000.0, -3.0], [30.0, 5.0]),
        "huber": ([1000.0, -3.0], [16.0, 16.0]),
        "relative": ([496.0, 496.0], [16.0, 16.0]),
        "poisson": ([0.0, 0.0], [512.0, 512.0]),
        "binary_cross_entropy": ([0.0, 0.0], [1.0, 1.0]),
    }.items():
        got = {**LOSSES, **OWN}[name].units.scaling(mean, scale)
        assert (got[0].tolist(), got[1].tolist()) == (means, scales), name


def test_units_are_not_stored() -> None:
    scaled, _ = scaled_loss(LOSSES["huber"], [5.0], [4.0])
    assert loss_from_dict(scaled.to_dict()) == LOSSES["huber"]
