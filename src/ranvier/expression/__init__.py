"""A tiny scalar expression language: trace, differentiate, simplify, evaluate, print, store.

Activations, losses and update rules are expressions, so a user-defined one is differentiated and compiled like the
built-in ones. An engine or exporter only has to implement the primitives in `PRIMITIVES`, about 20.

>>> from ranvier import expression
>>> swish = expression.trace(lambda x: x * expression.sigmoid(x), ["x"])
>>> expression.show(expression.differentiate(swish, "x"))
'sigmoid(x) + x * (sigmoid(x) * (1 - sigmoid(x)))'
"""

from ranvier.expression.differentiation import differentiate
from ranvier.expression.evaluation import evaluate
from ranvier.expression.expression import Expression, constant, variable, variables
from ranvier.expression.functions import (
    absolute,
    cos,
    erf,
    exp,
    expm1,
    log,
    log1p,
    maximum,
    minimum,
    sigmoid,
    sign,
    sin,
    softplus,
    sqrt,
    tanh,
    where,
)
from ranvier.expression.node import topological_order
from ranvier.expression.primitives import PRIMITIVES, Primitive
from ranvier.expression.serialization import from_list, to_list
from ranvier.expression.simplification import simplify
from ranvier.expression.substitution import substitute
from ranvier.expression.text import show
from ranvier.expression.tracing import trace, trace_scalar

__all__ = [
    "PRIMITIVES",
    "Expression",
    "Primitive",
    "absolute",
    "constant",
    "cos",
    "differentiate",
    "erf",
    "evaluate",
    "exp",
    "expm1",
    "from_list",
    "log",
    "log1p",
    "maximum",
    "minimum",
    "show",
    "sigmoid",
    "sign",
    "simplify",
    "sin",
    "softplus",
    "sqrt",
    "substitute",
    "tanh",
    "to_list",
    "topological_order",
    "trace",
    "trace_scalar",
    "variable",
    "variables",
    "where",
]
