"""Every loss of LOSSES: slope against finite differences, float32, storage; and a user's own."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.errors import InputError
from ranvier.expression import absolute, evaluate, expm1, variables
from ranvier.network.losses import LOSSES, Loss, loss, loss_from_dict

EXPECTED_NAMES = (
    "squared_error absolute_error huber log_cosh binary_cross_entropy categorical_cross_entropy focal binary_focal "
    "poisson quantile"
)
POINTS = {"output": st.floats(-8, 8), "logit": st.floats(-12, 12), "log_probability": st.floats(-12, -1e-3)}
TARGETS = {"output": st.floats(-8, 8), "logit": st.floats(0, 1), "log_probability": st.just(1.0)}


def value(entry: Loss, x: Any, target: Any = 1.0) -> Any:
    return evaluate(entry.expression, {entry.applied_to: x, "target": target})


def derivative(entry: Loss, x: Any, target: Any = 1.0) -> Any:
    return evaluate(entry.derivative, {entry.applied_to: x, "target": target})


def difference(entry: Loss, x: Any, target: Any = 1.0, h: float = 1e-6) -> Any:
    return (value(entry, x + h, target) - value(entry, x - h, target)) / (2 * h)


def test_every_loss_is_listed() -> None:
    assert set(LOSSES) == set(EXPECTED_NAMES.split())
    for name, entry in LOSSES.items():
        assert entry.name == name
        assert entry.source
        assert entry.reduction == ("sum" if entry.applied_to == "log_probability" else "mean")
        assert entry.applied_to in variables(entry.expression)


@pytest.mark.parametrize("name", LOSSES)
@given(data=st.data())
def test_loss_derivatives_equal_finite_differences(name: str, data: st.DataObject) -> None:
    entry = LOSSES[name]
    x, target = data.draw(POINTS[entry.applied_to]), data.draw(TARGETS[entry.applied_to])
    if name == "poisson":
        x, target = abs(x) + 0.05, abs(target)
    kinks = {"huber": (target - 1, target + 1), "absolute_error": (target,), "quantile": (target,)}.get(name, ())
    if any(abs(x - kink) < 1e-5 for kink in kinks):
        x += 3e-5
    scale = max(1.0, abs(float(value(entry, x, target))))
    h = 1e-6 if entry.applied_to == "output" else 1e-5
    assert derivative(entry, x, target) == pytest.approx(difference(entry, x, target, h), abs=4e-9 * scale + 1e-8)


@pytest.mark.parametrize(
    ("name", "options"),
    [("huber", {"delta": 0.5}), ("focal", {"gamma": 0.5}), ("binary_focal", {"gamma": 3.5}), ("quantile", {"q": 0.9})],
)
def test_loss_derivatives_with_options(name: str, options: dict[str, float]) -> None:
    entry = loss(name, **options)
    x = np.array([-3.0, -1.3, -0.7, -0.1])
    np.testing.assert_allclose(derivative(entry, x, 0.3), difference(entry, x, 0.3), atol=1e-8)
    assert not np.allclose(derivative(entry, x, 0.3), derivative(LOSSES[name], x, 0.3))


def log_sigmoid(z: float) -> float:
    return -math.log(1 + math.exp(-z))


@pytest.mark.parametrize(
    ("name", "options", "x", "target", "expected"),
    [
        ("squared_error", {}, 3.0, 1.0, 4.0),
        ("absolute_error", {}, 3.0, 5.0, 2.0),
        ("huber", {}, 1.5, 1.0, 0.125),
        ("huber", {"delta": 2.0}, 6.0, 1.0, 2 * (5 - 1)),
        ("log_cosh", {}, 0.5, 1.0, math.log(math.cosh(0.5))),
        ("binary_cross_entropy", {}, 0.7, 1.0, -log_sigmoid(0.7)),
        ("binary_cross_entropy", {}, 0.7, 0.25, -0.25 * log_sigmoid(0.7) - 0.75 * log_sigmoid(-0.7)),
        ("binary_focal", {}, 0.7, 1.0, -((1 - math.exp(log_sigmoid(0.7))) ** 2) * log_sigmoid(0.7)),
        ("binary_focal", {"gamma": 0.0}, 0.7, 0.0, -log_sigmoid(-0.7)),
        ("categorical_cross_entropy", {}, math.log(0.2), 1.0, -math.log(0.2)),
        ("focal", {}, math.log(0.2), 1.0, -(0.8**2) * math.log(0.2)),
        ("focal", {"gamma": 0.0}, math.log(0.2), 1.0, -math.log(0.2)),
        ("poisson", {}, 2.0, 3.0, 2 - 3 * math.log(2)),
        ("quantile", {"q": 0.9}, 1.0, 3.0, 1.8),
        ("quantile", {"q": 0.9}, 3.0, 1.0, 0.2),
    ],
)
def test_values_by_hand(name: str, options: dict[str, float], x: float, target: float, expected: float) -> None:
    assert value(loss(name, **options), x, target) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("target", [0.0, 0.5, 1.0])
def test_cross_entropy_derivative_is_probability_minus_target(target: float) -> None:
    """Also at a logit of exactly 0, where weights that start at zero put every row."""
    z = np.array([-30.0, -1.0, 0.0, 1.0, 30.0])
    expected = 1 / (1 + np.exp(-z)) - target
    np.testing.assert_allclose(derivative(LOSSES["binary_cross_entropy"], z, target), expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", LOSSES)
def test_float32_never_overflows(name: str) -> None:
    sizes = np.float32([0, 1e-30, 1e-9, 1e-6, 1e-3, 0.1, 1, 6, 20, 90, 1e3, 1e4])
    entry = LOSSES[name]
    x = -sizes if entry.applied_to == "log_probability" else np.concatenate((-sizes, sizes))
    for target in (0.0, 0.3, 1.0) if entry.applied_to != "output" else (-1e4, 0.0, 1.0, 1e4):
        targets = np.full_like(x, target)
        for narrow, wide in (
            (value(entry, x, targets), value(entry, x.astype(np.float64), np.float64(target))),
            (derivative(entry, x, targets), derivative(entry, x.astype(np.float64), np.float64(target))),
        ):
            assert narrow.dtype == np.float32
            assert np.isfinite(narrow).all()
            np.testing.assert_allclose(narrow, wide, rtol=1e-5, atol=1e-5 * max(1.0, abs(target)))


@pytest.mark.parametrize("gamma", [0.0, 0.3, 1.0, 2.0, 5.0])
def test_focal_is_finite_for_certain_predictions(gamma: float) -> None:
    certain = np.float32([0.0, -1e-38, -1e-20, -1e4])
    for part in (value, derivative):
        assert np.isfinite(part(loss("focal", gamma=gamma), certain)).all()
        for target in (0.0, 1.0):
            assert np.isfinite(
                part(loss("binary_focal", gamma=gamma), np.float32([-1e4, 0, 1e4]), np.float32(target))
            ).all()


def test_naive_cross_entropy_does_overflow() -> None:
    """The formula that must not be used: what the float32 test would notice."""
    naive = np.float32(1) / (np.float32(1) + np.exp(-np.float32([40.0])))
    with np.errstate(divide="ignore"):
        assert np.isinf(-np.log(1 - naive)).all()


def test_poisson_gradient_for_negative_outputs() -> None:
    assert derivative(LOSSES["poisson"], -0.5, 2.0) < 0


def test_quantile_loss_is_minimal_at_the_quantile() -> None:
    values = np.arange(1.0, 102.0)
    totals = [value(loss("quantile", q=0.9), guess, values).sum() for guess in values]
    assert values[np.argmin(totals)] == 91


@pytest.mark.parametrize("name", LOSSES)
def test_loss_to_dict_and_from_dict_round_trip(name: str) -> None:
    on_output = LOSSES[name].applied_to == "output"
    entry = loss(name, reduction="sum", label_smoothing=0.0 if on_output else 0.1)
    assert loss_from_dict(json.loads(json.dumps(entry.to_dict()))) == entry == loss(entry)
    assert entry != LOSSES[name]


@pytest.mark.parametrize(
    ("applied_to", "function"),
    [
        ("output", lambda output, target: abs(output - target) ** 3),
        ("logit", lambda logit, target: (logit - target) ** 2),
        ("log_probability", lambda log_probability: log_probability**2),
    ],
)
def test_custom_loss(applied_to: str, function: Any) -> None:
    mine = loss("mine", function, applied_to=applied_to)
    x = np.array([-2.0, -1.5, -0.5])
    np.testing.assert_allclose(derivative(mine, x, 0.5), difference(mine, x, 0.5), atol=1e-7)
    assert mine.reduction == ("sum" if applied_to == "log_probability" else "mean")
    assert loss_from_dict(json.loads(json.dumps(mine.to_dict()))) == mine


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("squared",), {}, 'There is no loss "squared"'),
        (("hubber",), {}, 'There is no loss "hubber". Did you mean "huber"?'),
        (("huber",), {"delta": 0}, "huber: delta is 0; it must be a number greater than 0."),
        (("huber",), {"alpha": 1}, 'huber has no option "alpha"'),
        (("quantile",), {"q": 1}, "q is 1; it must be a number between 0 and 1, both excluded."),
        (("focal",), {"gamma": -1}, "gamma is -1"),
        (("squared_error",), {"reduction": "max"}, 'reduction is \'max\'; it must be "mean" or "sum".'),
        (("categorical_cross_entropy",), {"reduction": "mean"}, 'use reduction="sum"'),
        (("squared_error",), {"label_smoothing": 0.1}, "label smoothing is for losses on a sigmoid or softmax"),
        (("focal",), {"label_smoothing": 1.0}, "label_smoothing is 1.0"),
        (("focal",), {"applied_to": "logit"}, 'applied_to="logit" does not fit'),
        (("huber", lambda y, t: y), {}, "choose another name"),
        (("", lambda y, t: y), {}, "The name of a loss is ''"),
        (("mine", lambda y, t: y), {"delta": 1}, "write their values into the function"),
        (
            ("mine", lambda y, t: y),
            {"applied_to": "input"},
            "applied_to is 'input'; it must be one of output, logit, log_probability",
        ),
        (("mine", lambda y: y), {}, "2 arguments"),
        (("mine", lambda y, t: (y, t)), {}, "returned 2 values"),
        ((LOSSES["huber"],), {"delta": 2.0}, "cannot be passed with a record; write loss"),
    ],
)
def test_loss_errors(arguments: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        loss(*arguments, **options)
    assert message in str(caught.value)


def test_stored_expression_with_a_foreign_variable_is_refused() -> None:
    data = loss("mine", lambda y, t: y - t).to_dict() | {"expression": [["variable", "password"]]}
    with pytest.raises(InputError, match='the expression uses "password"; allowed are output, target'):
        loss_from_dict(data)


SHOWN = {
    **{f"loss({name!r})": loss(name) for name in LOSSES},
    "loss('huber', delta=2.0)": loss("huber", delta=2),
    "loss('poisson', reduction='sum')": loss("poisson", reduction="sum"),
    "loss('focal', gamma=1.5, label_smoothing=0.1)": loss("focal", gamma=1.5, label_smoothing=0.1),
    "loss('own', lambda output, target: absolute(output - target))": loss("own", lambda y, t: abs(y - t)),
    "loss('doubt', lambda log_probability: expm1(-log_probability), applied_to='log_probability')": loss(
        "doubt", lambda p: expm1(-p), applied_to="log_probability"
    ),
    "loss('far', lambda logit, target: logit - target, applied_to='logit', reduction='sum', label_smoothing=0.5)": loss(
        "far", lambda z, t: z - t, applied_to="logit", reduction="sum", label_smoothing=0.5
    ),
}


@pytest.mark.parametrize("text", SHOWN)
def test_repr_of_a_loss_is_its_call(text: str) -> None:
    assert repr(SHOWN[text]) == text
    assert eval(text, {"loss": loss, "absolute": absolute, "expm1": expm1}) == SHOWN[text]
