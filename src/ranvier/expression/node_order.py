"""The nodes of expressions in topological order."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ranvier.expression.expression import Expression


def topological_order(*roots: Expression) -> list[Expression]:
    """The nodes of `roots` in topological order: each node once, arguments before the nodes that use them.

    >>> from ranvier.expression import variable
    >>> x = variable("x")
    >>> [node.op for node in topological_order(x * x + 1)]
    ['variable', 'multiply', 'constant', 'add']
    """
    ordered: dict[Expression, None] = {}
    waiting = [(root, False) for root in reversed(roots)]
    while waiting:
        node, arguments_done = waiting.pop()
        if node in ordered:
            continue
        if arguments_done or not node.arguments:
            ordered[node] = None
        else:
            waiting.append((node, True))
            waiting.extend((argument, False) for argument in reversed(node.arguments))
    return list(ordered)
