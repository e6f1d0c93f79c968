"""The table of primitives: what each computes (NumPy), and its partial derivatives.

A derivative rule takes the node itself (`y`) and its arguments (`a`, `b`, `c`) and returns the partial derivative as an
expression; None means that it is zero everywhere. At kinks: the derivative of `absolute` is `sign`, 0 at 0; those of
`maximum(a, b)` are (a > b) with respect to `a` and (b >= a) with respect to `b`, so they always add up to 1; those of
`minimum(a, b)` are (a < b) and (b <= a). The derivative of comparisons and of `sign` is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ranvier.expression.expression import ARITY, Expression, constant
from ranvier.records import record

Array: TypeAlias = NDArray[Any]
Rule: TypeAlias = Callable[..., Expression]


@record
class Primitive:
    """One operation of the expression language.

    Parameters:
        name: its name, the `op` of the nodes.
        arity: its number of arguments.
        evaluate: maps NumPy arrays of one floating-point dtype to an array of that dtype, element by element.
        derivatives: one rule for each argument, called as `rule(node, *arguments)`; None for a derivative of zero.
    """

    name: str
    arity: int
    evaluate: Callable[..., Array]
    derivatives: tuple[Rule | None, ...]


def _less(a: Array, b: Array) -> Array:
    return np.asarray(np.less(a, b), dtype=a.dtype)


def _less_equal(a: Array, b: Array) -> Array:
    return np.asarray(np.less_equal(a, b), dtype=a.dtype)


def _where(condition: Array, a: Array, b: Array) -> Array:
    return np.where(condition != 0, a, b)


def _sigmoid(a: Array) -> Array:
    """1 / (1 + exp(-a)), written with exp(-|a|), which cannot overflow."""
    small = np.exp(-np.abs(a))
    result: Array = np.where(a < 0, small, 1) / (1 + small)
    return result


def _erf(a: Array) -> Array:
    from scipy.special import erf

    result: Array = erf(a)
    return result


def _exp_of(a: Expression) -> Expression:
    return Expression("exp", (a,))


def _select(condition: Expression, a: Expression, b: Expression) -> Expression:
    return Expression("where", (condition, a, b))


def _power_along_base(_: Expression, a: Expression, b: Expression) -> Expression:
    """b a^(b - 1), and 0 where b is 0, also at a = 0."""
    exponent = b - 1.0 if b.value is None else constant(b.value - 1.0)
    return _select(abs(b) <= 0.0, constant(0.0), b * a**exponent)


def _power_along_exponent(y: Expression, a: Expression, _: Expression) -> Expression:
    """a^b ln a, and 0 at a = 0."""
    return _select(abs(a) <= 0.0, constant(0.0), y * Expression("log", (a,)))


_ONE, _ZERO = constant(1.0), constant(0.0)

_DEFINITIONS: dict[str, tuple[Callable[..., Array], tuple[Rule | None, ...]]] = {
    "add": (np.add, (lambda y, a, b: _ONE, lambda y, a, b: _ONE)),
    "subtract": (np.subtract, (lambda y, a, b: _ONE, lambda y, a, b: constant(-1.0))),
    "multiply": (np.multiply, (lambda y, a, b: b, lambda y, a, b: a)),
    "divide": (np.divide, (lambda y, a, b: 1.0 / b, lambda y, a, b: -(y / b))),
    "negative": (np.negative, (lambda y, a: constant(-1.0),)),
    "power": (np.power, (_power_along_base, _power_along_exponent)),
    "less": (_less, (None, None)),
    "less_equal": (_less_equal, (None, None)),
    "exp": (np.exp, (lambda y, a: y,)),
    "expm1": (np.expm1, (lambda y, a: _exp_of(a),)),
    "log": (np.log, (lambda y, a: 1.0 / a,)),
    "log1p": (np.log1p, (lambda y, a: 1.0 / (1.0 + a),)),
    "tanh": (np.tanh, (lambda y, a: 1.0 - y * y,)),
    "sigmoid": (_sigmoid, (lambda y, a: y * (1.0 - y),)),
    "erf": (_erf, (lambda y, a: 2.0 / math.sqrt(math.pi) * _exp_of(-(a * a)),)),
    "sqrt": (np.sqrt, (lambda y, a: 0.5 / y,)),
    "sin": (np.sin, (lambda y, a: Expression("cos", (a,)),)),
    "cos": (np.cos, (lambda y, a: -Expression("sin", (a,)),)),
    "absolute": (np.abs, (lambda y, a: Expression("sign", (a,)),)),
    "sign": (np.sign, (None,)),
    "minimum": (np.minimum, (lambda y, a, b: a < b, lambda y, a, b: b <= a)),
    "maximum": (np.maximum, (lambda y, a, b: a > b, lambda y, a, b: b >= a)),
    "where": (_where, (None, lambda y, c, a, b: _select(c, _ONE, _ZERO), lambda y, c, a, b: _select(c, _ZERO, _ONE))),
}

PRIMITIVES: dict[str, Primitive] = {name: Primitive(name, arity, *_DEFINITIONS[name]) for name, arity in ARITY.items()}
"""Every primitive by name; tests, engines and exporters iterate over this table."""
