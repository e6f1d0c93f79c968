"""What a node of an expression holds, and the nodes of expressions in topological order."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol, Self, TypeVar


class Node(Hashable, Protocol):
    """A constant, a variable or a primitive applied to `arguments`; see `Expression`."""

    @property
    def op(self) -> str:
        """`"constant"`, `"variable"` or the name of a primitive."""

    @property
    def arguments(self) -> tuple[Self, ...]:
        """What the primitive is applied to."""

    @property
    def value(self) -> float | None:
        """The number of a constant."""

    @property
    def name(self) -> str | None:
        """The name of a variable."""


NodeT = TypeVar("NodeT", bound=Node)


def topological_order(*roots: NodeT) -> list[NodeT]:
    """The nodes of `roots` in topological order: each node once, arguments before the nodes that use them.

    >>> from ranvier.expression import variable
    >>> x = variable("x")
    >>> [node.op for node in topological_order(x * x + 1)]
    ['variable', 'multiply', 'constant', 'add']
    """
    ordered: dict[NodeT, None] = {}
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
