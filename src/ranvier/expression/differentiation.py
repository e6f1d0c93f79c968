"""Symbolic differentiation in forward mode: the chain rule, from the variable to the result."""

from __future__ import annotations

from ranvier.expression.expression import COMPARISONS, Expression, constant
from ranvier.expression.node import topological_order
from ranvier.expression.primitives import PRIMITIVES
from ranvier.expression.simplification import simplify

_ZERO, _ONE = constant(0.0), constant(1.0)


def differentiate(expression: Expression, name: str) -> Expression:
    """The derivative of an expression with respect to the variable `name`, simplified; 0 if it is not used.

    Formula: dy = sum over the arguments a of y of (dy / da) da. Each node is differentiated once. A branch of `where`,
    `minimum` or `maximum` that is not selected is left out instead of multiplied by 0, so an infinite derivative in it
    cannot produce NaN. `primitives.py` gives the conventions at kinks.

    >>> from ranvier.expression import variable, tanh
    >>> x = variable("x")
    >>> differentiate(x * x * x, "x")
    Expression('x * (x + x) + x * x')
    >>> differentiate(tanh(2 * x), "x")
    Expression('(1 - tanh(2 * x) * tanh(2 * x)) * 2')
    """
    derivatives: dict[Expression, Expression] = {}
    for node in topological_order(expression):
        derivative = _ONE if node.name == name else _ZERO
        if node.arguments:
            for argument, rule in zip(node.arguments, PRIMITIVES[node.op].derivatives, strict=True):
                if rule is None or derivatives[argument] is _ZERO:
                    continue
                term = _chain(rule(node, *node.arguments), derivatives[argument])
                derivative = term if derivative is _ZERO else derivative + term
        derivatives[node] = derivative
    return simplify(derivatives[expression])


def _chain(partial: Expression, inner: Expression) -> Expression:
    """partial * inner; the product with a `where` becomes a `where` of products."""
    if partial.value is not None:
        return _ZERO if partial.value == 0.0 else partial * inner
    if inner is _ONE:
        return partial
    if partial.op in COMPARISONS:
        return Expression("where", (partial, inner, _ZERO))
    if partial.op == "where":
        condition, a, b = partial.arguments
        return Expression("where", (condition, _chain(a, inner), _chain(b, inner)))
    return partial * inner
