"""Every activation of ACTIVATIONS: slope against finite differences, float32, storage; and a user's own."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.errors import InputError
from ranvier.expression import Expression, evaluate, sigmoid
from ranvier.network.activations import ACTIVATIONS, Activation, activation, activation_from_dict

KINKS = (-3.0, -1.0, 0.0, 1.0, 3.0, 6.0)
SCALAR = [name for name in ACTIVATIONS if name != "softmax"]
EXPECTED_NAMES = (
    "identity sigmoid tanh relu leaky_relu elu selu gelu silu mish softplus softsign hard_sigmoid hard_tanh relu6 "
    "exponential softmax"
)


def value(entry: Activation, x: Any) -> Any:
    assert isinstance(entry.expression, Expression)
    return evaluate(entry.expression, {"x": x})


def derivative(entry: Activation, x: Any) -> Any:
    assert isinstance(entry.derivative, Expression)
    return evaluate(entry.derivative, {"x": x})


def difference(entry: Activation, x: Any, h: float = 1e-6) -> Any:
    return (value(entry, x + h) - value(entry, x - h)) / (2 * h)


def test_every_activation_is_listed() -> None:
    assert set(ACTIVATIONS) == set(EXPECTED_NAMES.split())
    assert all(entry.name == name and entry.source for name, entry in ACTIVATIONS.items())


@pytest.mark.parametrize("name", SCALAR)
@given(x=st.floats(-12, 12))
def test_activation_derivatives_equal_finite_differences(name: str, x: float) -> None:
    if min(abs(x - kink) for kink in KINKS) < 1e-5:
        x += 2e-5
    entry = ACTIVATIONS[name]
    scale = max(1.0, abs(float(value(entry, x))))
    assert derivative(entry, x) == pytest.approx(difference(entry, x), abs=2e-9 * scale + 1e-9)


@pytest.mark.parametrize(("name", "options"), [("elu", {"alpha": 2.0}), ("leaky_relu", {"slope": 0.3})])
def test_activation_derivatives_with_options(name: str, options: dict[str, float]) -> None:
    entry, x = activation(name, **options), np.array([-2.0, -0.5, 0.5, 2.0])
    np.testing.assert_allclose(derivative(entry, x), difference(entry, x), atol=1e-8)
    assert not np.allclose(derivative(entry, x), derivative(ACTIVATIONS[name], x))


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("sigmoid", 0.0, 0.25),
        ("tanh", 0.0, 1.0),
        ("relu", 0.0, 0.0),
        ("relu6", 0.0, 0.0),
        ("leaky_relu", 0.0, 1.0),
        ("elu", 0.0, 1.0),
        ("gelu", 0.0, 0.5),
        ("silu", 0.0, 0.5),
        ("mish", 0.0, 0.6),
        ("softplus", 0.0, 0.5),
        ("softsign", 0.0, 1.0),
        ("hard_sigmoid", 0.0, 1 / 6),
    ],
)
def test_activation_derivatives_at_zero(name: str, x: float, expected: float) -> None:
    """Weighted sums that are exactly 0 are common: all weights may start at 0."""
    assert derivative(ACTIVATIONS[name], x) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "x", "expected"),
    [
        ("sigmoid", 1.0, 1 / (1 + math.exp(-1))),
        ("relu", -3.0, 0.0),
        ("leaky_relu", -3.0, -0.03),
        ("elu", -1.0, math.exp(-1) - 1),
        ("selu", -1.0, 1.0507009873554805 * 1.6732632423543772 * (math.exp(-1) - 1)),
        ("selu", 2.0, 2.101401974710961),
        ("gelu", 1.0, 0.8413447460685429),
        ("silu", 1.0, 1 / (1 + math.exp(-1))),
        ("mish", 1.0, math.tanh(math.log(1 + math.e))),
        ("softplus", -1.0, math.log(1 + math.exp(-1))),
        ("softsign", -3.0, -0.75),
        ("hard_sigmoid", 1.5, 0.75),
        ("hard_sigmoid", -4.0, 0.0),
        ("hard_tanh", 2.0, 1.0),
        ("relu6", 7.0, 6.0),
        ("exponential", 1.0, math.e),
    ],
)
def test_values_by_hand(name: str, x: float, expected: float) -> None:
    assert value(ACTIVATIONS[name], x) == pytest.approx(expected, rel=1e-12)


def test_selu_keeps_mean_zero_and_variance_one() -> None:
    """Its two constants are the ones for which standard normal inputs stay so (Klambauer et al., section 2)."""
    nodes, weights = np.polynomial.legendre.leggauss(100)
    x = 6 * (nodes + 1)
    density = 6 * weights * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    below, above = value(ACTIVATIONS["selu"], -x), value(ACTIVATIONS["selu"], x)
    assert density @ (below + above) == pytest.approx(0, abs=1e-9)
    assert density @ (below**2 + above**2) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("name", [name for name in SCALAR if name != "exponential"])
def test_float32_never_overflows(name: str) -> None:
    sizes = np.float32([0, 1e-30, 1e-6, 0.1, 1, 6, 20, 90, 1e3, 1e4])
    x = np.concatenate((-sizes, sizes))
    entry = ACTIVATIONS[name]
    for narrow, wide in ((value(entry, x), value(entry, x.astype(np.float64))), (derivative(entry, x), None)):
        assert narrow.dtype == np.float32
        assert np.isfinite(narrow).all()
        if wide is not None:
            np.testing.assert_allclose(narrow, wide, rtol=2e-6, atol=2e-6)


def test_exponential_does_overflow() -> None:
    assert np.isinf(value(ACTIVATIONS["exponential"], np.float32([1e4])))


def test_softmax_has_no_scalar_expression() -> None:
    softmax = ACTIVATIONS["softmax"]
    assert softmax.expression is None
    assert softmax.derivative is None
    assert "exp" in softmax.formula


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_to_dict_and_from_dict_round_trip(name: str) -> None:
    entry = ACTIVATIONS[name]
    assert activation_from_dict(json.loads(json.dumps(entry.to_dict()))) == entry == activation(entry)


def test_custom_activation() -> None:
    swish = activation("swish", lambda x: x * sigmoid(x))
    x = np.linspace(-4, 4, 9)
    np.testing.assert_array_equal(value(swish, x), value(ACTIVATIONS["silu"], x))
    np.testing.assert_array_equal(derivative(swish, x), derivative(ACTIVATIONS["silu"], x))
    assert activation_from_dict(json.loads(json.dumps(swish.to_dict()))) == swish
    assert swish != ACTIVATIONS["silu"]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("reluu",), {}, 'There is no activation "reluu". Did you mean "relu"'),
        ((7,), {}, 'There is no activation "7"'),
        (("elu",), {"alfa": 2}, 'elu has no option "alfa". Did you mean "alpha"?'),
        (("relu",), {"slope": 2}, 'relu has no option "slope". It takes no options.'),
        (("elu",), {"alpha": -1}, "elu: alpha is -1; it must be a number of at least 0."),
        (("elu",), {"alpha": "big"}, "alpha is 'big'"),
        (("relu", lambda x: x), {}, "choose another name"),
        (("", lambda x: x), {}, "The name of an activation is ''"),
        (("mine", lambda x: x), {"alpha": 1}, "write their values into the function"),
        (("mine", lambda x: (x, x)), {}, "returned 2 values"),
        (("mine", lambda x: x if x > 0 else 0), {}, "rv.where"),
        ((ACTIVATIONS["elu"],), {"alpha": 1}, "cannot be passed with a record; write activation"),
    ],
)
def test_activation_errors(arguments: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        activation(*arguments, **options)
    assert message in str(caught.value)


def test_stored_expression_with_a_foreign_variable_is_refused() -> None:
    with pytest.raises(InputError, match='only "x" is expected'):
        activation_from_dict({"name": "odd", "expression": [["variable", "y"]]})
