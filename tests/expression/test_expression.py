"""The node: operators, interning, what it refuses, and what NumPy does with it."""

from __future__ import annotations

import copy
import dataclasses
import gc
import math
import pickle

import numpy as np
import pytest

from ranvier.errors import InputError
from ranvier.expression import Expression, constant, evaluate, show, topological_order, variable, variables
from ranvier.expression.expression import ARITY, power

x, y = variable("x"), variable("y")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (x + y, 5.0),
        (x - y, -1.0),
        (x * y, 6.0),
        (x / y, 2 / 3),
        (x**y, 8.0),
        (7 + x, 9.0),
        (7 - x, 5.0),
        (7 * x, 14.0),
        (7 / x, 3.5),
        (7**x, 49.0),
        (-x, -2.0),
        (+x, 2.0),
        (abs(-x), 2.0),
        (x < y, 1.0),
        (x <= y, 1.0),
        (x > y, 0.0),
        (x >= y, 0.0),
        (np.float64(2) < x, 0.0),
        (np.float64(2) <= x, 1.0),
    ],
)
def test_operators(expression: Expression, expected: float) -> None:
    assert evaluate(expression, {"x": 2.0, "y": 3.0}) == expected


@pytest.mark.parametrize("exponent", [*range(-9, 10), 0.5, -0.5, 1.5, 0.3])
def test_powers(exponent: float) -> None:
    value = evaluate(x**exponent, {"x": 1.7})
    np.testing.assert_allclose(value, 1.7**exponent, rtol=1e-14)


def test_small_powers_become_products() -> None:
    powers = [power(x, constant(exponent)) for exponent in range(-8, 9)]
    assert "power" not in {node.op for node in topological_order(*powers)}
    assert (x**9).op == "power"
    assert len(topological_order(x**8)) == 4


def test_nodes_are_interned() -> None:
    assert (x * 2 + y) is (x * 2 + y)
    assert x * 2 == x * 2
    assert x * 2 != 2 * x
    assert x != "x"
    assert len({x, variable("x"), y}) == 2
    assert constant(0.0) is not constant(-0.0)


def test_copy_and_pickle_return_the_same_node() -> None:
    expression = (x + 1) * (x + 1)
    assert copy.copy(expression) is expression
    assert copy.deepcopy([expression])[0] is expression
    assert pickle.loads(pickle.dumps(expression)) is expression
    assert dataclasses.replace(x, name="z") is variable("z")


def test_nodes_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        x.name = "z"  # type: ignore[misc]


def test_a_very_deep_expression() -> None:
    expression = x
    for _ in range(30_000):
        expression = expression + 1.0
    assert evaluate(expression, {"x": 0.0}) == 30_000
    assert pickle.loads(pickle.dumps(expression)) is expression
    assert repr(expression).endswith("...')")
    del expression
    gc.collect()


def test_topological_order_and_variables() -> None:
    shared = y * x
    nodes = topological_order(shared + shared, shared)
    assert nodes == [y, x, shared, shared + shared]
    assert variables(x - y, variable("z")) == ("x", "y", "z")


@pytest.mark.parametrize(
    "fields",
    [
        {"op": "tan", "arguments": (x,)},
        {"op": "exp", "arguments": (x, y)},
        {"op": "exp", "arguments": (1.0,)},
        {"op": "exp", "arguments": (x,), "value": 1.0},
        {"op": "exp", "arguments": (x,), "name": "x"},
        {"op": "constant"},
        {"op": "constant", "value": math.nan},
        {"op": "constant", "value": 1},
        {"op": "variable"},
        {"op": "variable", "name": "not a name"},
        {"op": "variable", "name": "x", "value": 1.0},
        {"op": "variable", "name": "x", "arguments": (x,)},
    ],
)
def test_malformed_nodes_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Expression(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 10**400, "1", None, 1j, [1.0], np.array(1j)])
def test_constant_refuses_non_finite_and_non_real_values(value: object) -> None:
    with pytest.raises(InputError):
        constant(value)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        x + value  # type: ignore[operator]


@pytest.mark.parametrize("value", [2, 2.0, np.float32(2), np.int64(2), np.array(2.0), True + 1])
def test_constant_of_any_number_type(value: float) -> None:
    assert constant(value) is constant(2.0)


def test_an_array_in_an_expression_is_refused() -> None:
    with pytest.raises(InputError, match=r"array of shape \(3,\)"):
        x * np.zeros(3)
    with pytest.raises(InputError, match=r"array of shape \(3,\)"):
        np.zeros(3) * x


@pytest.mark.parametrize("number", [np.float64(2), np.float32(2), np.int32(2), np.array(2.0)])
def test_numpy_scalars_as_left_operands(number: np.float64) -> None:
    assert number + x is 2 + x
    assert number - x is 2 - x
    assert number * x is 2 * x
    assert number / x is 2 / x
    assert number**x is 2**x
    assert (number < x) is (x > 2)
    assert (number <= x) is (x >= 2)
    assert (number > x) is (x < 2)
    assert (number >= x) is (x <= 2)


def test_bool_float_and_comparison_of_an_expression_are_refused() -> None:
    with pytest.raises(InputError, match=r"rv\.where\(condition, a, b\) instead of if"):
        bool(x > 0)
    with pytest.raises(InputError, match=r"rv\.where"):
        _ = 0 < x < 1
    with pytest.raises(InputError, match=r"rv\.maximum"):
        max(x, y)
    with pytest.raises(InputError, match=r"rv\.exp\(x\) instead of math\.exp\(x\)"):
        math.exp(x)
    with pytest.raises(InputError):
        int(x)
    for compare in (lambda: x == 0, lambda: x != 1.5, lambda: np.float64(0) == x, lambda: x == np.float32(1)):
        with pytest.raises(InputError, match="=="):
            compare()


@pytest.mark.parametrize(
    ("call", "advice"),
    [
        (lambda: np.exp(x), r"rv\.exp instead"),
        (lambda: np.maximum(x, 0.0), r"rv\.maximum instead"),
        (lambda: np.abs(x), r"rv\.absolute instead"),
        (lambda: np.where(x > 0, x, 0.0), r"rv\.where instead"),
        (lambda: np.arctan(x), r"operators and the functions rv\.exp"),
        (lambda: np.add.reduce(x), "NumPy's add"),
        (lambda: np.asarray(x), "cannot become a NumPy array"),
        (lambda: np.array([x, x]), "cannot become a NumPy array"),
    ],
)
def test_numpy_functions_are_refused_with_advice(call: object, advice: str) -> None:
    with pytest.raises(InputError, match=advice):
        call()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (x + y + 1, "x + y + 1"),
        (x + (y + 1), "x + (y + 1)"),
        (x - (y - 1), "x - (y - 1)"),
        ((x + y) * 2, "(x + y) * 2"),
        (x / (y * 2), "x / (y * 2)"),
        (x * y / 2, "x * y / 2"),
        (-(x * y), "-(x * y)"),
        (-x * y, "-x * y"),
        (x**-y, "x ** -y"),
        ((-x) ** y, "(-x) ** y"),
        (x ** (y**1.5), "x ** y ** 1.5"),
        ((x**y) ** 1.5, "(x ** y) ** 1.5"),
        ((x < y) + 1, "(x < y) + 1"),
        ((x < y) <= 1, "(x < y) <= 1"),
        (x - -1.5, "x - -1.5"),
        (x * 1e30, "x * 1e+30"),
    ],
)
def test_show(expression: Expression, text: str) -> None:
    assert show(expression) == text
    assert repr(expression) == f"Expression({text!r})"


def test_show_names_repeated_subexpressions_of_a_long_formula() -> None:
    expression = x + variable("t1")
    for _ in range(60):
        expression = expression * expression
    text = show(expression)
    assert text.splitlines()[:2] == ["t2 = x + t1", "t3 = t2 * t2"]
    assert len(text.splitlines()) == 61
    assert len(repr(expression)) < 200


def test_arity_lists_every_primitive_once() -> None:
    assert 20 <= len(ARITY) <= 25
