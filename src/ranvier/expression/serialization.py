"""Write expressions as nested lists of JSON values and read them back; the reader trusts nothing.

The list holds one entry for each node, arguments before the nodes that use them, the result last:
`["variable", name]`, `["constant", value]` or `[primitive, i, j, ...]` with the positions of earlier entries.
"""

from __future__ import annotations

import copyreg
import reprlib
from typing import Any

from ranvier.errors import InputError, nearest
from ranvier.expression.expression import ARITY, Expression, constant, variable
from ranvier.expression.node import topological_order

MAX_NODES = 10_000
"""Far more than any expression written by hand; a longer list is damaged or hostile."""

MAX_NAME_LENGTH = 200


def to_list(expression: Expression) -> list[list[Any]]:
    """An expression as a list of its nodes; a shared subexpression is written once.

    >>> x = variable("x")
    >>> to_list(x * x + 0.5)
    [['variable', 'x'], ['multiply', 0, 0], ['constant', 0.5], ['add', 1, 2]]
    """
    positions: dict[Expression, int] = {}
    entries: list[list[Any]] = []
    for node in topological_order(expression):
        positions[node] = len(entries)
        if node.name is not None:
            entries.append(["variable", node.name])
        elif node.value is not None:
            entries.append(["constant", node.value])
        else:
            entries.append([node.op, *(positions[argument] for argument in node.arguments)])
    return entries


def from_list(data: object, max_nodes: int = MAX_NODES) -> Expression:
    """The expression that `to_list` wrote.

    Parameters:
        data: the list, from a file that may be damaged or hostile.
        max_nodes: the maximum length of the list.

    Raises:
        InputError: the list is not what `to_list` writes; the message names the entry.

    >>> from_list([["variable", "x"], ["constant", 2], ["multiply", 1, 0]])
    Expression('2 * x')
    """
    if not isinstance(data, list | tuple) or not data:
        raise InputError(f"An expression is stored as a list of at least one entry; got {_short(data)}.")
    if len(data) > max_nodes:
        raise InputError(f"The stored expression has {len(data)} nodes; at most {max_nodes} are accepted.")
    nodes: list[Expression] = []
    for position, entry in enumerate(data):
        try:
            nodes.append(_node(entry, nodes))
        except InputError as error:
            raise InputError(f"Entry {position} of the stored expression, {_short(entry)}, is wrong: {error}") from None
    return nodes[-1]


def _node(entry: object, earlier: list[Expression]) -> Expression:
    if not isinstance(entry, list | tuple) or not entry or not isinstance(entry[0], str):
        raise InputError("an entry is a list that starts with the name of an operation.")
    op, rest = entry[0], entry[1:]
    if op not in ARITY and op not in ("constant", "variable"):
        raise InputError(f"there is no such operation. {nearest(op[:MAX_NAME_LENGTH], ARITY)}")
    expected = ARITY.get(op, 1)
    if len(rest) != expected:
        raise InputError(f"{op} is followed by {expected} value{'s' * (expected > 1)}; got {len(rest)}.")
    if op == "variable":
        if not isinstance(rest[0], str) or len(rest[0]) > MAX_NAME_LENGTH:
            raise InputError(f"the name of a variable is a text of at most {MAX_NAME_LENGTH} characters.")
        return variable(rest[0])
    if op == "constant":
        if type(rest[0]) not in (int, float):
            raise InputError("a constant is a number.")
        return constant(rest[0])
    for index in rest:
        if type(index) is not int or not 0 <= index < len(earlier):
            raise InputError("arguments are positions of earlier entries, counted from 0, so that there is no cycle.")
    return Expression(op, tuple(earlier[index] for index in rest))


def _short(value: object) -> str:
    """The repr of a value, truncated in length and depth."""
    return reprlib.repr(value)


def _pickled(expression: Expression) -> tuple[Any, ...]:
    """What pickle stores of an expression: its list, since nested nodes may be deeper than Python recurses."""
    nodes = to_list(expression)
    return from_list, (nodes, len(nodes))


copyreg.pickle(Expression, _pickled)
