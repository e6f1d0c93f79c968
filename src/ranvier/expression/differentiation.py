"""The derivative of an expression, by the chain rule from the variable to the result (forward mode)."""

from __future__ import annotations

from ranvier.expression.expression import COMPARISONS, Expression, constant, order
from ranvier.expression.primitives import PRIMITIVES
from ranvier.expression.simplification import simplify

_ZERO, _ONE = constant(0.0), constant(1.0)


def differentiate(expression: Expression, name: str) -> Expression:
    """The derivative of an expression along the variable `name`, simplified; 0 if it is not used.

    Formula: dy = sum over the arguments a of y of (partial derivative of y along a) da. Each node is treated once. What
    stands in a branch of `where`, `minimum` or `maximum` that is not taken is left out rather than multiplied by 0, so
    an infinite slope there does no harm. The conventions at kinks stand in `primitives.py`.

    >>> from ranvier.expression import variable, tanh
    >>> x = variable("x")
    >>> differentiate(x * x * x, "x")
    Expression('x * (x + x) + x * x')
    >>> differentiate(tanh(2 * x), "x")
    Expression('(1 - tanh(2 * x) * tanh(2 * x)) * 2')
    """
    slopes: dict[Expression, Expression] = {}
    for node in order(expression):
        slope = _ONE if node.name == name else _ZERO
        if node.arguments:
            for argument, rule in zip(node.arguments, PRIMITIVES[node.op].derivatives, strict=True):
                if rule is None or slopes[argument] is _ZERO:
                    continue
                term = _chain(rule(node, *node.arguments), slopes[argument])
                slope = term if slope is _ZERO else slope + term
        slopes[node] = slope
    return simplify(slopes[expression])


def _chain(partial: Expression, slope: Expression) -> Expression:
    """partial * slope, where a partial derivative that is a choice becomes a choice of slopes."""
    if partial.value is not None:
        return _ZERO if partial.value == 0.0 else partial * slope
    if slope is _ONE:
        return partial
    if partial.op in COMPARISONS:
        return Expression("where", (partial, slope, _ZERO))
    if partial.op == "where":
        condition, a, b = partial.arguments
        return Expression("where", (condition, _chain(a, slope), _chain(b, slope)))
    return partial * slope
