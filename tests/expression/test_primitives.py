"""Every primitive of the list: values, types, stability, and derivatives against central finite differences."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier import expression as language
from ranvier.errors import InputError, ShapeError
from ranvier.expression import PRIMITIVES, Expression, constant, differentiate, evaluate, simplify, variable
from ranvier.expression.expression import ARITY, FUNCTIONS, OPERATORS

NAMES = ("a", "b", "c")
POSITIVE = {"log", "sqrt", "power"}
CLEARANCE = 1e-2
STEP = 1e-5


def apply(op: str) -> Expression:
    return Expression(op, tuple(variable(name) for name in NAMES[: PRIMITIVES[op].arity]))


def is_smooth(op: str, point: dict[str, float]) -> bool:
    """Whether the point is clear of the kinks, poles and borders of the primitive."""
    values = list(point.values())
    if op in POSITIVE:
        return values[0] > 0.1
    if op == "log1p":
        return values[0] > -0.9
    if op == "divide":
        return abs(values[1]) > 0.1
    if op in ("less", "less_equal", "minimum", "maximum"):
        return abs(values[0] - values[1]) > CLEARANCE
    return op not in ("absolute", "sign", "where") or abs(values[0]) > CLEARANCE


def disagreement(op: str, name: str, point: dict[str, float], derivative: Expression) -> float:
    """The distance of a derivative from the central difference, in units of the rounding and truncation error.

    Truncation is at most STEP^2 / 6 times the third derivative, rounding about 1e-16 |f| / STEP; in the range of the
    points both stay below 1e-8 of the size of the function and its derivative.
    """
    function = apply(op)
    right = float(evaluate(function, {**point, name: point[name] + STEP}))
    left = float(evaluate(function, {**point, name: point[name] - STEP}))
    value = float(evaluate(derivative, point))
    return abs((right - left) / (2 * STEP) - value) / (1e-7 * (1 + abs(value) + abs(right)))


@pytest.mark.parametrize("op", PRIMITIVES)
@given(values=st.tuples(*[st.floats(-3.0, 3.0)] * 3))
def test_derivatives_agree_with_finite_differences(op: str, values: tuple[float, ...]) -> None:
    names = NAMES[: PRIMITIVES[op].arity]
    point = dict(zip(names, values, strict=False))
    if not is_smooth(op, point):
        point = dict(zip(names, (1.3, 0.7, -0.4), strict=False))
    for name in names:
        assert disagreement(op, name, point, differentiate(apply(op), name)) < 1


@pytest.mark.parametrize("op", [op for op in PRIMITIVES if any(PRIMITIVES[op].derivatives)])
def test_the_finite_difference_check_finds_wrong_derivatives(op: str) -> None:
    index = next(index for index, rule in enumerate(PRIMITIVES[op].derivatives) if rule)
    point = dict(zip(NAMES[: PRIMITIVES[op].arity], (1.3, 1.7, 0.4), strict=False))
    if op in ("maximum", "where"):
        point["a"] = 2.0
    wrong = differentiate(apply(op), NAMES[index]) * 1.001
    assert disagreement(op, NAMES[index], point, wrong) > 1


@pytest.mark.parametrize("op", PRIMITIVES)
def test_the_table_of_primitives_is_complete(op: str) -> None:
    primitive = PRIMITIVES[op]
    assert primitive.name == op
    assert primitive.arity == ARITY[op] == len(primitive.derivatives)
    assert (op in OPERATORS) != (op in FUNCTIONS)


@pytest.mark.parametrize("op", PRIMITIVES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_primitives_keep_dtype_and_shape(op: str, dtype: type) -> None:
    values = {name: np.full((2, 3), 0.5 + index, dtype) for index, name in enumerate(NAMES)}
    arguments = [values[name] for name in NAMES[: PRIMITIVES[op].arity]]
    for result in (evaluate(apply(op), values), PRIMITIVES[op].evaluate(*arguments)):
        assert result.dtype == dtype
        assert result.shape == (2, 3)
    zero_dimensional = evaluate(apply(op), {name: dtype(1) for name in NAMES})
    assert zero_dimensional.dtype == dtype
    assert zero_dimensional.shape == ()


@pytest.mark.parametrize("op", PRIMITIVES)
def test_primitives_propagate_nan(op: str) -> None:
    result = evaluate(apply(op), {"a": math.nan, "b": math.nan, "c": math.nan})
    assert result == 0 if op in ("less", "less_equal") else np.isnan(result)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_take_expressions_numbers_and_arrays(name: str) -> None:
    function: Callable[..., object] = getattr(language, name)
    count = len(inspect.signature(function).parameters)
    numbers = (0.3, 0.6, 0.9)[:count]
    expression = function(*(variable(letter) for letter in NAMES[:count]))
    assert isinstance(expression, Expression)
    expected = evaluate(expression, dict(zip(NAMES, numbers, strict=False)))
    number = function(*numbers)
    assert type(number) is float
    assert number == expected
    for dtype in (np.float32, np.float64):
        array = function(*(np.full(4, value, dtype) for value in numbers))
        assert isinstance(array, np.ndarray)
        assert array.dtype == dtype
        np.testing.assert_allclose(array, np.full(4, expected), rtol=4 * np.finfo(dtype).eps)
        assert isinstance(function(*(dtype(value) for value in numbers)), dtype)
    assert isinstance(function(*([1] * count)), float)
    assert function(*([[1, 2]] * count)).dtype == np.float64  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["sigmoid", "softplus", "tanh"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_smooth_functions_do_not_overflow(name: str, dtype: type) -> None:
    function = getattr(language, name)
    values = np.array([-1e4, -100.0, -20.0, 0.0, 20.0, 100.0, 1e4], dtype)
    exact = {
        "sigmoid": [1 / (1 + math.exp(-v)) if v > -700 else 0.0 for v in values.tolist()],
        "softplus": [math.log1p(math.exp(v)) if v < 700 else v for v in values.tolist()],
        "tanh": [math.tanh(v) for v in values.tolist()],
    }[name]
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        result = function(values)
        derivative = evaluate(differentiate(function(variable("x")), "x"), {"x": values})
    assert result.dtype == dtype
    limit = np.finfo(dtype)
    np.testing.assert_allclose(result, exact, rtol=4 * limit.eps, atol=4 * limit.smallest_subnormal)
    assert np.isfinite(derivative).all()


def test_softplus_derivative_is_the_sigmoid() -> None:
    values = np.array([-30.0, -1.0, -1e-9, 0.0, 1e-9, 1.0, 30.0])
    derivative = evaluate(differentiate(language.softplus(variable("x")), "x"), {"x": values})
    np.testing.assert_allclose(derivative, language.sigmoid(values), rtol=1e-15)


@pytest.mark.parametrize(
    ("build", "derivative"),
    [
        (lambda x: language.maximum(x, 0.0), 0.0),
        (lambda x: language.maximum(0.0, x), 0.0),
        (lambda x: language.minimum(x, 0), 0.0),
        (lambda x: language.minimum(0, x), 0.0),
        (lambda x: language.maximum(x, x), 1.0),
        (lambda x: language.maximum(x, 2 * x), 2.0),
        (lambda x: language.minimum(x, 2 * x), 2.0),
        (abs, 0.0),
        (lambda x: language.where(x > 0, x, 3 * x), 3.0),
        (lambda x: language.where(x > 0, language.sqrt(x), 0), 0.0),
        (lambda x: language.where(x > 0, language.log(x), x), 1.0),
        (lambda x: language.where(x <= 0, 5 * x, 1 / x), 5.0),
        (lambda x: (x + 1) ** (x + 1), 1.0),
        (lambda x: x ** variable("zero"), 0.0),
        (lambda x: variable("zero") ** (x + 1), 0.0),
    ],
)
def test_derivatives_at_kinks(build: Callable[[Expression], Expression], derivative: float) -> None:
    assert evaluate(differentiate(build(variable("x")), "x"), {"x": 0.0, "zero": 0.0}) == derivative


def test_where_treats_any_nonzero_condition_as_true() -> None:
    condition = np.array([0.0, -0.0, 1.0, 2.0, -1.0])
    np.testing.assert_array_equal(language.where(condition, 1.0, 0.0), [0, 0, 1, 1, 1])
    np.testing.assert_array_equal(language.where(condition > 0, condition, -1.0), [-1, -1, 1, 2, -1])
    with pytest.raises(InputError, match="for a condition that is fixed use if"):
        language.where(True, variable("x"), 0.0)


def test_derivatives_share_subexpressions() -> None:
    """Forty nested functions: written out, the derivative has 2^40 terms."""
    x = variable("x")
    expression: Expression = x
    for _ in range(40):
        expression = language.tanh(expression * expression + x)
    first = differentiate(expression, "x")
    assert len(language.topological_order(first)) < 500
    value = {"x": 0.2}
    difference = (evaluate(expression, {"x": 0.2 + STEP}) - evaluate(expression, {"x": 0.2 - STEP})) / (2 * STEP)
    np.testing.assert_allclose(evaluate(first, value), difference, rtol=1e-6)
    assert len(language.topological_order(differentiate(first, "x"))) < 5000


def test_partial_derivatives() -> None:
    x, y = variable("x"), variable("y")
    assert differentiate(x * y + y, "x") is y
    assert differentiate(x * y + y, "z") is constant(0.0)
    assert differentiate(language.maximum(x, 0.0), "x") is (x > 0.0)
    assert differentiate(constant(3.0), "x") is constant(0.0)


def test_evaluate_dtypes() -> None:
    x, y = variable("x"), variable("y")
    single, double = np.ones(2, np.float32), np.ones(2)
    assert evaluate(x + 0.1, {"x": single}).dtype == np.float32
    assert evaluate(x + y, {"x": single, "y": 0.1}).dtype == np.float32
    assert evaluate(x + y, {"x": single, "y": np.array([True, False])}).dtype == np.float32
    assert evaluate(x + y, {"x": single, "y": double}).dtype == np.float64
    assert evaluate(x / 2, {"x": np.array([1, 2])}).tolist() == [0.5, 1.0]
    assert evaluate(x * 1e300, {"x": single}).tolist() == [math.inf, math.inf]


def test_evaluate_shapes() -> None:
    x, y = variable("x"), variable("y")
    values = {"x": np.ones((3, 1)), "y": np.ones(2)}
    assert evaluate(x + y, values).shape == (3, 2)
    assert evaluate(constant(1.0), values).tolist() == [[1.0, 1.0]] * 3
    assert evaluate(constant(1.0), {}).shape == ()
    result = evaluate(x, values)
    result[...] = 5
    assert values["x"].max() == 1
    first, second = evaluate((x * y, x), values)
    assert first.shape == second.shape == (3, 2)
    with pytest.raises(ShapeError, match=r"x \(3,\), y \(2,\)"):
        evaluate(x + y, {"x": np.ones(3), "y": np.ones(2)})


def test_evaluate_refuses_missing_and_non_numeric_values() -> None:
    x = variable("rate")
    with pytest.raises(InputError, match=r'"rate" has no value\. Did you mean "rates"'):
        evaluate(x, {"rates": 1.0})
    for value in ("text", np.array(["a"]), 1j, None, x):
        with pytest.raises(InputError):
            evaluate(x, {"rate": value})  # type: ignore[dict-item]
        with pytest.raises(InputError):
            language.exp(value if value is not x else None)  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (lambda x, y: x + 0, lambda x, y: x),
        (lambda x, y: 0 + x, lambda x, y: x),
        (lambda x, y: x - 0, lambda x, y: x),
        (lambda x, y: 0 - x, lambda x, y: -x),
        (lambda x, y: x * 1 / 1, lambda x, y: x),
        (lambda x, y: x * -1, lambda x, y: -x),
        (lambda x, y: x / -1, lambda x, y: -x),
        (lambda x, y: (-x).__neg__(), lambda x, y: x),
        (lambda x, y: x + -y, lambda x, y: x - y),
        (lambda x, y: -x + y, lambda x, y: y - x),
        (lambda x, y: x - -y, lambda x, y: x + y),
        (lambda x, y: -(x - y), lambda x, y: y - x),
        (lambda x, y: -x * -y, lambda x, y: x * y),
        (lambda x, y: -x / y, lambda x, y: -(x / y)),
        (lambda x, y: constant(2) * 3 + x, lambda x, y: 6 + x),
        (lambda x, y: language.maximum(x, x), lambda x, y: x),
        (lambda x, y: abs(-x), lambda x, y: abs(x)),
        (lambda x, y: abs(language.exp(x)), lambda x, y: language.exp(x)),
        (lambda x, y: language.where(constant(1) > 0, x, y), lambda x, y: x),
        (lambda x, y: language.where(x < y, 1.0, 0.0), lambda x, y: x < y),
        (
            lambda x, y: language.where(x < 0, x, 0) + language.where(x < 0, 0, y),
            lambda x, y: language.where(x < 0, x, y),
        ),
        (lambda x, y: language.where(x < 0, language.where(x < 0, x, 1), y), lambda x, y: language.where(x < 0, x, y)),
        (lambda x, y: x - x, lambda x, y: x - x),
        (lambda x, y: 0 * x, lambda x, y: 0 * x),
        (lambda x, y: 1 / constant(0.0), lambda x, y: 1 / constant(0.0)),
    ],
)
def test_simplify(
    before: Callable[[Expression, Expression], Expression], after: Callable[[Expression, Expression], Expression]
) -> None:
    x, y = variable("x"), variable("y")
    assert simplify(before(x, y)) is after(x, y)


def test_primitives_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PRIMITIVES["exp"].arity = 2  # type: ignore[misc]
