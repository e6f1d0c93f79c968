"""Expressions as vector code.

Every node becomes the operation it names, in the order of `ranvier.expression.order`, and a node that is used twice is
computed once. Nothing is contracted: a * b + c is a product, rounded, and a sum, rounded, as in NumPy. So arithmetic,
comparisons, `where`, `minimum`, `maximum`, `absolute`, `sign` and `sqrt` give the bits of `expression.evaluate`, and
the other functions differ within the bounds of vector_math.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ranvier.errors import EngineError, nearest
from ranvier.expression import Expression, topological_order
from ranvier.native.kernels import vector_math
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value, constant

_COMPARISONS = {"less": "olt", "less_equal": "ole"}


def emit_expressions(f: Function, expressions: Sequence[Expression], values: Mapping[str, Value]) -> list[Value]:
    """Compute expressions, sharing their common parts.

    Parameters:
        f: the function being written.
        expressions: what to compute.
        values: name of each variable -> its value, all of one type (scalars or vectors).

    Returns the values of the expressions, of that type; of the function's vector type where there are no variables.

    Raises:
        EngineError: a variable has no value, or the values differ in type.
    """
    types = {value.type for value in values.values()}
    if len(types) > 1:
        raise EngineError(f"The variables of an expression must be of one type; got {', '.join(sorted(types))}.")
    writer = _Writer(f, values, types.pop() if types else f.vector)
    for node in topological_order(*expressions):
        writer.add(node)
    return [writer.value(expression) for expression in expressions]


class _Writer:
    """What was computed so far: a value for each node, and for comparisons the i1 lanes as well."""

    def __init__(self, f: Function, values: Mapping[str, Value], type: str) -> None:
        self.f = f
        self.type = type
        self.variables = values
        self.results: dict[Expression, Value] = {}
        self.holds: dict[Expression, Value] = {}

    def value(self, node: Expression) -> Value:
        """The number of a node; for a comparison 1 or 0, made when first asked for."""
        if node not in self.results:
            self.results[node] = self.f.select(self.holds[node], constant(1.0, self.type), constant(0.0, self.type))
        return self.results[node]

    def add(self, node: Expression) -> None:
        """Compute one node, whose arguments are there already."""
        if node.name is not None:
            if node.name not in self.variables:
                raise EngineError(f'The variable "{node.name}" has no value. {nearest(node.name, self.variables)}')
            self.results[node] = self.variables[node.name]
        elif node.value is not None:
            self.results[node] = constant(node.value, self.type)
        elif node.op in _COMPARISONS:
            a, b = (self.value(argument) for argument in node.arguments)
            self.holds[node] = self.f.compare(_COMPARISONS[node.op], a, b, node.op)
        elif node.op == "where":
            condition, first, second = node.arguments
            holds = self.holds.get(condition) or self.f.compare("une", self.value(condition), 0.0)
            self.results[node] = self.f.select(holds, self.value(first), self.value(second), "where")
        else:
            self.results[node] = _operation(self.f, node.op, [self.value(argument) for argument in node.arguments])


def _operation(f: Function, op: str, arguments: Sequence[Value]) -> Value:
    if op in vector_math.UNARY:
        return vector_math.UNARY[op](f, arguments[0])
    if op == "negative":
        return f.negative(arguments[0])
    binary: dict[str, Callable[[Value, Value], Value]] = {
        "add": f.add,
        "subtract": f.subtract,
        "multiply": f.multiply,
        "divide": f.divide,
        "power": lambda a, b: vector_math.power(f, a, b),
        "minimum": lambda a, b: vector_math.minimum(f, a, b),
        "maximum": lambda a, b: vector_math.maximum(f, a, b),
    }
    if op not in binary:
        raise EngineError(f"The native engine does not know the operation {op}. {nearest(op, binary)}")
    a, b = arguments
    return binary[op](a, b)
