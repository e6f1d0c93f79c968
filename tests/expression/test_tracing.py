"""From functions to expressions, and what each mistake teaches."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ranvier import expression as rv
from ranvier.errors import InputError

x, y = rv.variable("x"), rv.variable("y")


def test_trace() -> None:
    assert rv.trace(lambda x: x * rv.sigmoid(x), ["x"]) is x * rv.sigmoid(x)
    assert rv.trace(lambda a, b: a - b, ("y", "x")) is y - x
    assert rv.trace(lambda a: a, "x") is x
    assert rv.trace(lambda: 2, []) is rv.constant(2.0)
    assert rv.trace(lambda x: np.float32(0.5), ["x"]) is rv.constant(0.5)
    assert rv.trace(lambda x, power=2: x**power, ["x"]) is x * x
    assert rv.trace(lambda *values: sum(values), ["x", "y"]) is 0 + x + y
    assert rv.trace(functools.partial(rv.maximum, b=0.0), ["x"]) is rv.maximum(x, 0.0)
    assert rv.trace(rv.tanh, ["x"]) is rv.tanh(x)


def test_trace_of_several_results() -> None:
    assert rv.trace(lambda x: (x, 1), ["x"]) == (x, rv.constant(1.0))
    assert rv.trace(lambda x: [x + 1], ["x"]) == (x + 1,)


def test_python_control_flow_on_other_values() -> None:
    def polynomial(x: Any, leaky: bool = True) -> Any:
        total = 0.0
        for coefficient in (1.0, 2.0):
            total = total * x + coefficient
        return total if leaky else x

    assert rv.evaluate(rv.trace(polynomial, ["x"]), {"x": 3.0}) == 5.0


def without_return(x: Any) -> Any:
    x + 1


def with_if(x: Any) -> Any:
    if x > 0:
        return x
    return 0


def with_and(x: Any) -> Any:
    return rv.where(x > 0 and x < 1, x, 0)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (without_return, "The function without_return returned None.*return missing"),
        (with_if, r"rv\.where\(condition, a, b\) instead of if"),
        (with_and, "a product of conditions instead of and"),
        (lambda: 1, r"called with 1 argument \(x\), but it is written as \(\)"),
        (lambda x, y: x, r"written as \(x, y\): missing a required argument: 'y'"),
        (lambda *, x: x, "called with 1 argument"),
        (lambda x: 2 * math.exp(x), r"rv\.exp\(x\) instead of math\.exp\(x\)"),
        (lambda x: 2 * np.exp(x), r"Use rv\.exp instead"),
        (np.tanh, r"Use rv\.tanh instead"),
        (lambda x: max(x, 0), r"rv\.maximum"),
        (lambda x: rv.where(x == 0, 1, x), "=="),
        (lambda x: rv.where(x == x * 1, 1, x), "The condition of where is False"),
        (lambda x: x == x, "returned True"),
        (lambda x: "x", "returned 'x'"),
        (lambda x: x.mean(), "AttributeError.*rv.exp"),
        (lambda x: x % 2, "TypeError.*unsupported operand"),
        (lambda x: (x > 0) & (x < 1), "TypeError"),
        (lambda x: x[0], "TypeError"),
        (sum, "TypeError"),
        (lambda x: 1 / 0 * x, "ZeroDivisionError"),
        (lambda x: x * np.ones(3), r"array of shape \(3,\)"),
        (lambda x: np.ones(3), r"array of shape \(3,\)"),
        (lambda x: x * math.inf, "finite"),
        (lambda x: math.nan, "finite"),
        (lambda x: (), "returned an empty tuple"),
        (lambda x: (x, None), "returned None"),
        (lambda x: x * rv.variable("beta"), 'the variable "beta", which is not one of its arguments'),
        (lambda x: functools.reduce(lambda total, _: total + x, range(20_000), x), "20001 operations; at most 10000"),
        (3.0, "Expected a function"),
        ("relu", "Expected a function"),
    ],
)
def test_trace_errors_say_what_to_write_instead(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        rv.trace(function, ["x"])


def test_trace_checks_the_names() -> None:
    with pytest.raises(InputError, match="must differ"):
        rv.trace(lambda a, b: a, ["x", "x"])
    with pytest.raises(InputError, match="letters"):
        rv.trace(lambda a: a, ["a b"])


def test_trace_errors_keep_their_cause() -> None:
    with pytest.raises(InputError) as caught:
        rv.trace(lambda x: x.missing, ["x"])
    assert isinstance(caught.value.__cause__, AttributeError)
