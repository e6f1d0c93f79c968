"""Expressions as text that people read: infix, with as few parentheses as the usual precedence allows."""

from __future__ import annotations

from collections import Counter
from itertools import count

from ranvier.expression.expression import Expression, order

LONGEST_INLINE = 400
"""Longer formulas get names for the subexpressions that they use more than once or that are long themselves."""

_INFIX = {
    "less": ("<", 1, 2, 2),
    "less_equal": ("<=", 1, 2, 2),
    "add": ("+", 3, 3, 4),
    "subtract": ("-", 3, 3, 4),
    "multiply": ("*", 5, 5, 6),
    "divide": ("/", 5, 5, 6),
    "power": ("**", 8, 9, 7),
}
"""Sign, its own precedence, and what its left and right side need at least to stand without parentheses."""

_MINUS, _ATOM = 7, 10


def show(expression: Expression) -> str:
    """The expression as readable text; long ones name what they use more than once, a line each.

    >>> from ranvier.expression import exp, variable
    >>> x = variable("x")
    >>> show(1 / (1 + exp(-x)))
    '1 / (1 + exp(-x))'
    """
    nodes = order(expression)
    lengths: dict[Expression, int] = {}
    for node in nodes:
        lengths[node] = len(node.op) + len(node.name or "") + sum(lengths[argument] + 2 for argument in node.arguments)
    uses = Counter(argument for node in nodes for argument in node.arguments)
    named = lengths[expression] > LONGEST_INLINE
    taken = {node.name for node in nodes}
    names = (name for number in count(1) if (name := f"t{number}") not in taken)
    texts: dict[Expression, tuple[str, int]] = {}
    lines: list[str] = []
    for node in nodes:
        text, precedence = _text(node, [texts[argument] for argument in node.arguments])
        if named and node.arguments and uses[node] and (uses[node] > 1 or len(text) > LONGEST_INLINE):
            name = next(names)
            lines.append(f"{name} = {text}")
            text, precedence = name, _ATOM
        texts[node] = text, precedence
    return "\n".join([*lines, texts[expression][0]])


def _text(node: Expression, arguments: list[tuple[str, int]]) -> tuple[str, int]:
    """The text of a node and its precedence, from those of its arguments."""
    if node.name is not None:
        return node.name, _ATOM
    if node.value is not None:
        text = repr(node.value).removesuffix(".0")
        return text, _MINUS if text.startswith("-") else _ATOM
    if node.op == "negative":
        return f"-{_within(arguments[0], _MINUS)}", _MINUS
    if node.op in _INFIX:
        sign, own, left, right = _INFIX[node.op]
        return f"{_within(arguments[0], left)} {sign} {_within(arguments[1], right)}", own
    return f"{node.op}({', '.join(text for text, _ in arguments)})", _ATOM


def _within(argument: tuple[str, int], least: int) -> str:
    text, precedence = argument
    return text if precedence >= least else f"({text})"
