"""The optimizer records: steps worked out by hand, the common fields, own rules, storage and refusals."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.errors import InputError
from ranvier.expression import variables
from ranvier.network.optimizers import (
    LBFGS,
    OPTIMIZERS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    AMSGrad,
    Lion,
    NAdam,
    Optimizer,
    RMSprop,
    optimizer,
    optimizer_from_dict,
)
from ranvier.network.optimizers.base import bind
from ranvier.portable_math import power
from tests.network.trajectory import Array, follow

RULES = [name for name, kind in OPTIMIZERS.items() if not kind.full_batch]
HEAVY: dict[str, Any] = {
    "update": lambda parameter, gradient, learning_rate, m: (parameter - learning_rate * m, 0.9 * m + gradient),
    "slots": {"m": 0.5},
}


def unit_gradient(w: Array) -> Array:
    return np.ones_like(w)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (SGD(0.1), [1.8, 1.6]),
        (SGD(0.1, momentum=0.5), [1.8, 1.5]),
        (SGD(0.1, momentum=0.5, nesterov=True), [1.7, 1.35]),
        (Adagrad(0.1), [1.9, 1.9 - 0.1 / math.sqrt(2)]),
        (RMSprop(0.1, rho=0.75), [1.8, 1.8 - 0.1 * 2 / math.sqrt(0.75 * 1 + 0.25 * 4)]),
        (RMSprop(0.1, rho=0.75, momentum=0.5), [1.8, 1.8 - 0.1 * (1 + 2 / math.sqrt(1.75))]),
        (Adam(0.1), [1.9, 1.8]),
        (AMSGrad(0.1), [1.9, 1.8]),
        (Adam(0.1, beta1=0.0, beta2=0.0), [1.9, 1.8]),
        (AdamW(0.1, weight_decay=0.5), [2 * 0.95 - 0.1, (2 * 0.95 - 0.1) * 0.95 - 0.1]),
        (Lion(0.1), [1.9, 1.8]),
    ],
)
def test_two_steps_by_hand(entry: Optimizer, expected: list[float]) -> None:
    """From w = 2 with a gradient that is always 2."""
    points, _ = follow(entry, np.array([2.0]), lambda w: 2 * unit_gradient(w), 2)
    np.testing.assert_allclose(points[:, 0], expected, rtol=1e-7)


def test_adadelta_first_step_by_hand() -> None:
    points, slots = follow(optimizer("adadelta"), np.array([0.0]), unit_gradient, 1)
    step = math.sqrt(1e-6) / math.sqrt(0.05 + 1e-6)
    assert points[0, 0] == pytest.approx(-step, rel=1e-12)
    assert slots["steps"][0] == pytest.approx(0.05 * step**2, rel=1e-12)


def test_adam_ignores_the_scale_of_the_gradient() -> None:
    small, _ = follow(Adam(0.1), np.array([1.0]), lambda w: 1e-3 * w, 5)
    large, _ = follow(Adam(0.1), np.array([1.0]), lambda w: 1e3 * w, 5)
    np.testing.assert_allclose(small, large, rtol=1e-4)


@pytest.mark.parametrize("name", RULES)
def test_update_rule_is_complete(name: str) -> None:
    entry = optimizer(name, weight_decay=0.1, clip_value=1.0, ema_decay=0.9)
    rule = entry.rule()
    slots = [slot for slot, _ in rule.slots]
    assert len(rule.updates) == len(slots)
    assert rule.scalars[0] == "learning_rate"
    assert set(variables(rule.parameter, *rule.updates)) == {"parameter", "gradient", "decay", *rule.scalars, *slots}
    assert entry.scalar_values(np.arange(1, 4), np.ones(3)).shape == (3, len(rule.scalars))
    assert rule.slots[-1] == ("average", None)


@pytest.mark.parametrize("options", [{}, {"clip_value": 0.5, "weight_decay": 0.1, "ema_decay": 0.9}])
@pytest.mark.parametrize("name", RULES)
def test_open_rule_bound_to_its_values_is_the_rule(name: str, options: dict[str, float]) -> None:
    more = {"momentum": 0.9} if name in ("sgd", "rmsprop") else {}
    entry = OPTIMIZERS[name](**options, **more)
    rule, numbers = entry.open_rule()
    assert bind(rule, numbers) == entry.rule()
    assert set(numbers) <= set(variables(rule.parameter, *rule.updates))
    assert not set(numbers) & {*rule.scalars, *(slot for slot, _ in rule.slots), "parameter", "gradient", "decay"}
    assert ("beta1" in numbers) == hasattr(entry, "beta1")
    assert ("clip_value" in numbers) == ("clip_value" in options)


@pytest.mark.parametrize("name", RULES)
def test_weight_decay_shrinks_the_weight_before_the_step(name: str) -> None:
    plain, _ = follow(optimizer(name, learning_rate=0.1, weight_decay=0.0), np.array([3.0]), unit_gradient, 1)
    decayed, _ = follow(optimizer(name, learning_rate=0.1, weight_decay=0.5), np.array([3.0]), unit_gradient, 1)
    assert plain[0, 0] - decayed[0, 0] == pytest.approx(0.1 * 0.5 * 3.0, rel=1e-9)


@pytest.mark.parametrize("name", RULES)
def test_clip_value_limits_the_gradient(name: str) -> None:
    start = np.array([3.0, 3.0, 3.0])
    clipped, _ = follow(optimizer(name, clip_value=0.5), start, lambda w: np.array([7.0, -0.25, -9.0]), 2)
    limited, _ = follow(optimizer(name), start, lambda w: np.array([0.5, -0.25, -0.5]), 2)
    np.testing.assert_array_equal(clipped, limited)


@pytest.mark.parametrize("name", RULES)
def test_ema_of_the_parameters(name: str) -> None:
    start = np.array([3.0])
    points, slots = follow(optimizer(name, ema_decay=0.25), start, unit_gradient, 3)
    expected = start
    for step, point in enumerate(points, 1):
        rate = min(0.25, (1 + step) / (10 + step))
        expected = rate * expected + (1 - rate) * point
    np.testing.assert_allclose(slots["average"], expected, rtol=1e-12)


@pytest.mark.parametrize("name", RULES)
@given(start=st.integers(1, 200_000), count=st.integers(1, 5))
def test_scalar_values_depend_only_on_the_step(name: str, start: int, count: int) -> None:
    """Asked for one by one or in a span, after resuming or not: the same bits, and all finite."""
    entry = optimizer(name, ema_decay=0.999)
    steps, rates = np.arange(start, start + count), np.full(count, 0.1)
    together = entry.scalar_values(steps, rates)
    single = [entry.scalar_values(steps[i : i + 1], rates[:1])[0] for i in range(count)]
    np.testing.assert_array_equal(together, np.array(single))
    assert together.dtype == np.float64
    assert np.isfinite(together).all()


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize(("first", "count"), [(1, 1), (200, 400), (256, 1), (257, 256), (1, 5000)])
def test_scalars_of_consecutive_steps_are_those_of_each(name: str, first: int, count: int) -> None:
    entry, rates = optimizer(name, learning_rate=0.3, ema_decay=0.999), np.linspace(0.1, 0.2, count)
    expected = entry.scalar_values(np.arange(first, first + count), rates)
    assert entry.scalars_from(first, rates).tobytes() == expected.tobytes()
    assert entry.scalars_from(first, rates).tobytes() == expected.tobytes()


def test_nadam_product_of_momenta_after_many_steps() -> None:
    """The product of all momenta is cut off where it no longer changes 1 - product."""
    entry, step = NAdam(), 2000
    mu = 0.9 * (1 - 0.5 * power(0.96, 0.004 * np.arange(1, step + 2)))
    _, gradient_factor, momentum_factor, _ = entry.scalar_values(np.array([step]), np.ones(1))[0]
    product = np.prod(mu[:-1])
    assert gradient_factor == (1 - mu[-2]) / (1 - product)
    assert momentum_factor == mu[-1] / (1 - product * mu[-1])


def test_lbfgs_has_settings_and_no_rule() -> None:
    assert LBFGS().full_batch
    assert not SGD().full_batch
    with pytest.raises(InputError, match="no elementwise update rule"):
        LBFGS().rule()


def test_custom_optimizer_clips_decays_and_averages() -> None:
    common = {"learning_rate": 0.1, "clip_value": 0.5, "weight_decay": 0.2, "ema_decay": 0.9}
    mine = optimizer("heavy", **HEAVY, **common)
    points, slots = follow(mine, np.array([2.0]), lambda w: 3 * unit_gradient(w), 1)
    assert points[0, 0] == pytest.approx(2 * (1 - 0.1 * 0.2) - 0.1 * 0.5)
    assert slots["m"][0] == pytest.approx(0.9 * 0.5 + 0.5)
    assert mine.rule().slots == (("m", 0.5), ("average", None))


def test_custom_optimizer_equals_the_built_in_one() -> None:
    def update(gradient: Any, parameter: Any, velocity: Any, learning_rate: Any) -> tuple[Any, Any]:
        new = 0.9 * velocity + gradient
        return parameter - learning_rate * new, new

    mine = optimizer("mine", update=update, slots={"velocity": 0.0}, learning_rate=0.1)
    assert mine.rule() == SGD(0.1, momentum=0.9).rule()


def test_custom_optimizer_uses_the_step() -> None:
    mine = optimizer("slower", update=lambda parameter, gradient, step: parameter - gradient / step)
    points, _ = follow(mine, np.array([0.0]), unit_gradient, 3)
    np.testing.assert_allclose(points[:, 0], [-1, -1.5, -1.5 - 1 / 3])
    assert mine.rule().scalars == ("learning_rate", "step")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_to_dict_and_from_dict_round_trip(name: str) -> None:
    entry = optimizer(name, learning_rate=np.float32(0.25))
    data = json.loads(json.dumps(entry.to_dict()))
    assert optimizer_from_dict(data) == entry == optimizer(entry)
    assert data["name"] == name == entry.name
    assert entry.learning_rate == 0.25  # type: ignore[attr-defined]


def test_custom_optimizer_to_dict_and_from_dict_round_trip() -> None:
    mine = optimizer("heavy", **HEAVY, learning_rate=0.1, ema_decay=0.5)
    back = optimizer_from_dict(json.loads(json.dumps(mine.to_dict())))
    assert back == mine
    assert back.rule() == mine.rule()
    assert back.name == "heavy"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("sgd", {"learning_rate": 0.0}, "SGD: learning_rate is 0.0; it must be a number greater than 0."),
        ("sgd", {"learning_rate": math.nan}, "learning_rate is nan"),
        ("sgd", {"learning_rate": "fast"}, "learning_rate is 'fast'"),
        ("sgd", {"learning_rate": True}, "learning_rate is True"),
        ("sgd", {"momentum": 1.0}, "momentum is 1.0; it must be a number from 0 up to, but not including, 1."),
        ("sgd", {"nesterov": True}, "nesterov=True needs momentum"),
        ("sgd", {"nesterov": 1, "momentum": 0.9}, "nesterov is 1"),
        ("adam", {"beta1": -0.1}, "Adam: beta1 is -0.1"),
        ("adam", {"epsilon": 0}, "epsilon is 0"),
        ("adamw", {"weight_decay": -1}, "AdamW: weight_decay is -1; it must be a number of at least 0."),
        ("adam", {"clip_value": 0}, "clip_value is 0; it must be a number greater than 0, or None."),
        ("adam", {"clip_norm": -2}, "clip_norm is -2"),
        ("adam", {"ema_decay": 1.0}, "ema_decay is 1.0"),
        ("adagrad", {"initial_accumulator": -1}, "initial_accumulator is -1"),
        ("rmsprop", {"rho": 1}, "rho is 1"),
        ("nadam", {"momentum_decay": -1}, "momentum_decay is -1"),
        ("lbfgs", {"history_size": 2.5}, "history_size is 2.5; it must be an integer of at least 1."),
        ("lbfgs", {"c2": 1e-5}, "c2 is 1e-05; it must be above c1"),
        ("lbfgs", {"weight_decay": 0.1}, "use l2 on the layers"),
        ("lbfgs", {"ema_decay": 0.9}, "ema_decay is 0.9; it cannot be combined with a line search"),
        ("adam", {"beta": 0.9}, 'adam has no option "beta". Did you mean "beta2"'),
        ("adam", {"slots": {"m": 0.0}}, "slots belong to a user-defined update function"),
        ("adm", {}, 'There is no optimizer "adm". Did you mean "adam"'),
        (3, {}, 'There is no optimizer "3"'),
        (SGD(), {"momentum": 0.9}, "Options cannot be passed with a record; write optimizer"),
        ("adam", HEAVY, "choose another name"),
        ("", HEAVY, "The name of an optimizer is ''"),
        ("mine", {**HEAVY, "beta1": 0.9}, 'mine has no option "beta1"'),
        ("mine", {**HEAVY, "slots": {}}, 'unknown argument "m"'),
        (
            "mine",
            {**HEAVY, "slots": {"m": 0.0, "n": 0.0}},
            "returned 2 numbers; it must return new parameter, new m, new n",
        ),
        ("mine", {**HEAVY, "slots": {"m": math.inf}}, "slot m: the initial value is inf"),
        (
            "mine",
            {"update": lambda parameter, step: (parameter, step), "slots": {"step": 0.0}},
            "a slot is called 'step'",
        ),
        ("mine", {"update": lambda parameter, s: (parameter, s), "slots": ["s"]}, "slots is ['s']; it must be a dict"),
        (
            "mine",
            {"update": lambda parameter: (parameter, 1.0), "slots": {"average": 0.0}},
            "a slot is called 'average'",
        ),
        ("mine", {"update": lambda parameter: parameter, "slots": {"m": 0.0}}, "returned 1 numbers"),
        ("mine", {"update": lambda parameter, s: (parameter, s), "slots": {"s": "x"}}, "the initial value is 'x'"),
        ("mine", {"update": 3}, "update is 3; it must be a function of parameter, gradient"),
    ],
)
def test_optimizer_errors(name: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        optimizer(name, **options)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"updates": []}, "there are 1 slots and 0 updates"),
        ({"parameter": [["variable", "secret"]]}, 'a formula uses "secret"'),
        ({"parameter": "import os"}, "An expression is stored as a list"),
    ],
)
def test_custom_from_dict_refuses_damaged_rules(change: dict[str, Any], message: str) -> None:
    data = optimizer("heavy", **HEAVY).to_dict() | change
    with pytest.raises(InputError, match=message):
        optimizer_from_dict(data)


def test_repr_of_a_custom_optimizer_is_its_call() -> None:
    heavy = optimizer("heavy", **HEAVY, learning_rate=0.1, clip_norm=1.0)
    assert repr(heavy) == (
        "optimizer('heavy', lambda parameter, learning_rate, m, gradient: "
        "(parameter - learning_rate * m, 0.9 * m + gradient), slots={'m': 0.5}, learning_rate=0.1, clip_norm=1.0)"
    )
    plain = optimizer("plain", lambda parameter, gradient: parameter - 0.1 * gradient)
    assert repr(plain) == "optimizer('plain', lambda parameter, gradient: parameter - 0.1 * gradient)"
    for rule in (heavy, plain):
        assert eval(repr(rule), {"optimizer": optimizer}) == rule
