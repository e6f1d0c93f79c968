"""Rules that shorten an expression without changing its value.

Every rule is exact in floating point for every input, infinities and NaN included. So `x - x` and `0 * x` are not
simplified, and sums and products are not regrouped. One exception: a zero may change its sign, and so may an infinity
that comes from dividing by that zero. Constants are combined in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ranvier.expression.expression import COMPARISONS, Expression, constant
from ranvier.expression.node import topological_order
from ranvier.expression.primitives import PRIMITIVES


def simplify(expression: Expression) -> Expression:
    """An equivalent expression with fewer nodes.

    >>> from ranvier.expression import variable
    >>> x = variable("x")
    >>> simplify((x * 1 + 0) ** 1 - (-x))
    Expression('x + x')
    """
    simplified: dict[Expression, Expression] = {}
    for node in topological_order(expression):
        arguments = tuple(simplified[argument] for argument in node.arguments)
        simplified[node] = reduce(node.op, *arguments) if arguments else node
    return simplified[expression]


def reduce(op: str, *arguments: Expression) -> Expression:
    """A primitive applied to arguments that are simplified already, simplified.

    >>> reduce("multiply", constant(2.0), constant(3.0))
    Expression('6')
    """
    if all(argument.value is not None for argument in arguments):
        with np.errstate(all="ignore"):
            value = float(PRIMITIVES[op].evaluate(*(np.float64(argument.value or 0.0) for argument in arguments)))
        if math.isfinite(value):
            return constant(value)
    rule = _RULES.get(op)
    reduced = rule(*arguments) if rule else None
    return Expression(op, arguments) if reduced is None else reduced


def _add(a: Expression, b: Expression) -> Expression | None:
    if a.value == 0.0:
        return b
    if b.value == 0.0:
        return a
    if b.op == "negative":
        return reduce("subtract", a, b.arguments[0])
    if a.op == "negative":
        return reduce("subtract", b, a.arguments[0])
    if a.op == b.op == "where" and a.arguments[0] is b.arguments[0]:
        condition, a_then, a_else = a.arguments
        _, b_then, b_else = b.arguments
        if (a_then.value == 0.0 or b_then.value == 0.0) and (a_else.value == 0.0 or b_else.value == 0.0):
            return reduce("where", condition, reduce("add", a_then, b_then), reduce("add", a_else, b_else))
    return None


def _subtract(a: Expression, b: Expression) -> Expression | None:
    if b.value == 0.0:
        return a
    if a.value == 0.0:
        return reduce("negative", b)
    if b.op == "negative":
        return reduce("add", a, b.arguments[0])
    return None


def _multiply(a: Expression, b: Expression) -> Expression | None:
    for factor, other in ((a, b), (b, a)):
        if factor.value == 1.0:
            return other
        if factor.value == -1.0:
            return reduce("negative", other)
    return _signs("multiply", a, b)


def _divide(a: Expression, b: Expression) -> Expression | None:
    if b.value == 1.0:
        return a
    if b.value == -1.0:
        return reduce("negative", a)
    return _signs("divide", a, b)


def _signs(op: str, a: Expression, b: Expression) -> Expression | None:
    """Move minus signs out of a product or quotient."""
    if a.op == "negative" and b.op == "negative":
        return reduce(op, a.arguments[0], b.arguments[0])
    if a.op == "negative":
        return reduce("negative", reduce(op, a.arguments[0], b))
    if b.op == "negative":
        return reduce("negative", reduce(op, a, b.arguments[0]))
    return None


def _negative(a: Expression) -> Expression | None:
    if a.op == "negative":
        return a.arguments[0]
    if a.op == "subtract":
        return reduce("subtract", a.arguments[1], a.arguments[0])
    return None


def _power(a: Expression, b: Expression) -> Expression | None:
    if b.value == 0.0:
        return constant(1.0)
    return a if b.value == 1.0 else None


def _absolute(a: Expression) -> Expression | None:
    if a.op in ("exp", "sigmoid", "sqrt", "absolute", *COMPARISONS):
        return a
    return reduce("absolute", a.arguments[0]) if a.op == "negative" else None


def _same(a: Expression, b: Expression) -> Expression | None:
    return a if a is b else None


def _where(condition: Expression, a: Expression, b: Expression) -> Expression | None:
    if condition.value is not None:
        return a if condition.value else b
    if a is b:
        return a
    if a.value == 1.0 and b.value == 0.0 and condition.op in COMPARISONS:
        return condition
    if a.op == "where" and a.arguments[0] is condition:
        return reduce("where", condition, a.arguments[1], b)
    if b.op == "where" and b.arguments[0] is condition:
        return reduce("where", condition, a, b.arguments[2])
    return None


_RULES: dict[str, Callable[..., Expression | None]] = {
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "negative": _negative,
    "power": _power,
    "absolute": _absolute,
    "minimum": _same,
    "maximum": _same,
    "where": _where,
}
