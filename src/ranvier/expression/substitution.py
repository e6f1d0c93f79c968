"""Replace variables by expressions."""

from __future__ import annotations

from collections.abc import Mapping

from ranvier.expression.expression import Expression
from ranvier.expression.node import topological_order


def substitute(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """The expression with variables replaced by other expressions.

    Parameters:
        values: variable name -> the expression that replaces it; other variables are unchanged.

    >>> from ranvier.expression import constant, variable
    >>> substitute(variable("a") * variable("b"), {"a": constant(2.0)})
    Expression('2 * b')
    """
    replaced: dict[Expression, Expression] = {}
    for node in topological_order(expression):
        if node.name is not None:
            replaced[node] = values.get(node.name, node)
        elif node.arguments:
            replaced[node] = Expression(node.op, tuple(replaced[argument] for argument in node.arguments))
        else:
            replaced[node] = node
    return replaced[expression]
