"""Expressions as text: infix notation, parentheses only where the operator precedence needs them."""

from __future__ import annotations

from collections import Counter
from itertools import count

from ranvier.expression.node import Node, topological_order

MAX_INLINE_LENGTH = 400
"""In longer formulas, subexpressions that are used more than once or are long themselves get names."""

_INFIX = {
    "less": ("<", 1, 2, 2),
    "less_equal": ("<=", 1, 2, 2),
    "add": ("+", 3, 3, 4),
    "subtract": ("-", 3, 3, 4),
    "multiply": ("*", 5, 5, 6),
    "divide": ("/", 5, 5, 6),
    "power": ("**", 8, 9, 7),
}
"""Sign, precedence, and the minimum precedence of the left and right operand without parentheses."""

_MINUS, _ATOM = 7, 10


def show(expression: Node) -> str:
    """The expression as readable text; a long one names its repeated subexpressions, one per line.

    >>> from ranvier.expression import exp, variable
    >>> x = variable("x")
    >>> show(1 / (1 + exp(-x)))
    '1 / (1 + exp(-x))'
    """
    nodes = topological_order(expression)
    lengths: dict[Node, int] = {}
    for node in nodes:
        lengths[node] = len(node.op) + len(node.name or "") + sum(lengths[argument] + 2 for argument in node.arguments)
    uses = Counter(argument for node in nodes for argument in node.arguments)
    is_long = lengths[expression] > MAX_INLINE_LENGTH
    variable_names = {node.name for node in nodes}
    names = (name for number in count(1) if (name := f"t{number}") not in variable_names)
    texts: dict[Node, tuple[str, int]] = {}
    lines: list[str] = []
    for node in nodes:
        text, precedence = _text(node, [texts[argument] for argument in node.arguments])
        if is_long and node.arguments and uses[node] and (uses[node] > 1 or len(text) > MAX_INLINE_LENGTH):
            name = next(names)
            lines.append(f"{name} = {text}")
            text, precedence = name, _ATOM
        texts[node] = text, precedence
    return "\n".join([*lines, texts[expression][0]])


def _text(node: Node, arguments: list[tuple[str, int]]) -> tuple[str, int]:
    """The text and precedence of a node, from those of its arguments."""
    if node.name is not None:
        return node.name, _ATOM
    if node.value is not None:
        text = repr(node.value).removesuffix(".0")
        return text, _MINUS if text.startswith("-") else _ATOM
    if node.op == "negative":
        return f"-{_parenthesized(arguments[0], _MINUS)}", _MINUS
    if node.op in _INFIX:
        sign, precedence, left, right = _INFIX[node.op]
        return f"{_parenthesized(arguments[0], left)} {sign} {_parenthesized(arguments[1], right)}", precedence
    return f"{node.op}({', '.join(text for text, _ in arguments)})", _ATOM


def _parenthesized(argument: tuple[str, int], min_precedence: int) -> str:
    text, precedence = argument
    return text if precedence >= min_precedence else f"({text})"
