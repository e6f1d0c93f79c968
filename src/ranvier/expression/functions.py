"""The functions of the expression language.

Each takes an expression and returns an expression, a Python number and returns a float, or a NumPy array and returns an
array of its floating-point dtype.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.expression.evaluation import floating_type
from ranvier.expression.expression import Expression, as_expression
from ranvier.expression.primitives import PRIMITIVES

Value = TypeVar("Value", Expression, float, NDArray[Any])


def exp(x: Value) -> Value:
    """The exponential e^x.

    >>> exp(0.0)
    1.0
    """
    return _unary("exp", x)


def expm1(x: Value) -> Value:
    """e^x - 1, accurate for small x too.

    >>> expm1(1e-20)
    1e-20
    """
    return _unary("expm1", x)


def log(x: Value) -> Value:
    """The natural logarithm ln x; NaN for x < 0.

    >>> log(1.0)
    0.0
    """
    return _unary("log", x)


def log1p(x: Value) -> Value:
    """ln(1 + x), accurate for small x too.

    >>> log1p(1e-20)
    1e-20
    """
    return _unary("log1p", x)


def tanh(x: Value) -> Value:
    """The hyperbolic tangent (e^x - e^-x) / (e^x + e^-x), between -1 and 1.

    >>> tanh(1e4)
    1.0
    """
    return _unary("tanh", x)


def sigmoid(x: Value) -> Value:
    """The logistic function 1 / (1 + e^-x), between 0 and 1; never overflows.

    >>> sigmoid(0.0), sigmoid(-1e4)
    (0.5, 0.0)
    """
    return _unary("sigmoid", x)


def erf(x: Value) -> Value:
    """The error function 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    >>> erf(0.0)
    0.0
    """
    return _unary("erf", x)


def sqrt(x: Value) -> Value:
    """The square root; NaN for x < 0.

    >>> sqrt(9.0)
    3.0
    """
    return _unary("sqrt", x)


def sin(x: Value) -> Value:
    """The sine of x radians.

    >>> sin(0.0)
    0.0
    """
    return _unary("sin", x)


def cos(x: Value) -> Value:
    """The cosine of x radians.

    >>> cos(0.0)
    1.0
    """
    return _unary("cos", x)


def absolute(x: Value) -> Value:
    """|x|; its derivative is sign(x), 0 at 0.

    >>> absolute(-2.0)
    2.0
    """
    return _unary("absolute", x)


def sign(x: Value) -> Value:
    """-1 for x < 0, 0 for x = 0, 1 for x > 0; its derivative is 0.

    >>> sign(-3.0)
    -1.0
    """
    return _unary("sign", x)


def softplus(x: Value) -> Value:
    """ln(1 + e^x), a smooth ReLU, computed so that nothing overflows; its derivative is sigmoid(x).

    The formula is (x + |x|) / 2 + log1p(exp(-|x|)). Its symbolic derivative is correct at 0 too; that of
    max(x, 0) + log1p(exp(-|x|)) is not.

    >>> softplus(1e4)
    10000.0
    """
    size = absolute(x)
    number: Any = x if isinstance(x, Expression | np.ndarray | float | int) else np.asarray(x)
    result: Value = 0.5 * (number + size) + log1p(exp(-size))
    return result


def minimum(a: Any, b: Any) -> Any:
    """The smaller of `a` and `b`; NaN if either is NaN.

    The derivative is (a < b) with respect to `a` and (b <= a) with respect to `b`. A constant always counts as the
    second argument, so minimum(x, 0) and minimum(0, x) have the same derivative, 0 at 0.

    >>> minimum(1.0, 2.0)
    1.0
    """
    return _apply("minimum", *_constant_last(a, b))


def maximum(a: Any, b: Any) -> Any:
    """The larger of `a` and `b`; NaN if either is NaN.

    The derivative is (a > b) with respect to `a` and (b >= a) with respect to `b`. A constant always counts as the
    second argument, so maximum(x, 0) and maximum(0, x) have the same derivative, 0 at 0.

    >>> maximum(np.array([-1.0, 3.0]), 0.0)
    array([0., 3.])
    """
    return _apply("maximum", *_constant_last(a, b))


def where(condition: Any, a: Any, b: Any) -> Any:
    """`a` where the condition is not 0, `b` where it is 0. An infinity or NaN in the other branch has no effect.

    Parameters:
        condition: 1 or 0, the value of `<`, `<=`, `>` or `>=`; its derivative is 0.
        a, b: expressions, numbers or arrays.

    Raises:
        InputError: the condition is True or False while `a` or `b` is an expression.

    >>> from ranvier.expression import variable
    >>> x = variable("x")
    >>> where(x > 0, x, 0.1 * x)
    Expression('where(0 < x, x, 0.1 * x)')
    """
    if isinstance(condition, bool | np.bool_) and (isinstance(a, Expression) or isinstance(b, Expression)):
        raise InputError(
            f"The condition of where is {bool(condition)}, the same for all inputs. Compare an argument of "
            "the function by <, <=, > or >= (== compares two formulas); for a condition that is fixed use if."
        )
    return _apply("where", condition, a, b)


def _unary(op: str, x: Value) -> Value:
    result: Value = _apply(op, x)
    return result


def _apply(op: str, *values: Any) -> Any:
    if any(isinstance(value, Expression) for value in values):
        return Expression(op, tuple(as_expression(value) for value in values))
    dtype = floating_type(values)
    result = PRIMITIVES[op].evaluate(*(np.asarray(value, dtype=dtype) for value in values))
    if all(type(value) in (bool, int, float) for value in values):
        return float(result)
    return np.asarray(result)[()]


def _constant_last(a: Any, b: Any) -> tuple[Any, Any]:
    """Put a constant second."""
    if isinstance(b, Expression) and b.value is None and (not isinstance(a, Expression) or a.value is not None):
        return b, a
    return a, b
