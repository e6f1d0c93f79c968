"""Putting expressions in the place of variables."""

from __future__ import annotations

from collections.abc import Mapping

from ranvier.expression.expression import Expression, order


def substitute(expression: Expression, values: Mapping[str, Expression]) -> Expression:
    """The expression with variables replaced by other expressions; those without a value stay.

    Parameters:
        values: name of a variable -> what takes its place.

    >>> from ranvier.expression import constant, variable
    >>> substitute(variable("a") * variable("b"), {"a": constant(2.0)})
    Expression('2 * b')
    """
    replaced: dict[Expression, Expression] = {}
    for node in order(expression):
        if node.name is not None:
            replaced[node] = values.get(node.name, node)
        elif node.arguments:
            replaced[node] = Expression(node.op, tuple(replaced[argument] for argument in node.arguments))
        else:
            replaced[node] = node
    return replaced[expression]
