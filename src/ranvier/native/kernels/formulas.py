"""Activations and their derivatives, applied to 16 numbers at a time.

Short formulas are written where they are used. Those with exponentials and the like become functions of the module, so
that the code of a tile with many rows stays small and compiles quickly.
"""

from __future__ import annotations

import hashlib
import json

from ranvier.expression import Expression, to_list, topological_order
from ranvier.native.kernels.expressions import emit_expressions
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.values import Value
from ranvier.network.activations import Activation
from ranvier.network.layers import Rescale

ARITHMETIC = ("add", "subtract", "multiply", "divide", "negative", "less", "less_equal", "sqrt", "absolute", "sign")
SHORT = frozenset((*ARITHMETIC, "minimum", "maximum", "where", "constant", "variable"))
"""Operations that are one or two instructions."""


def apply(f: Function, name: str, expression: Expression, x: Value) -> Value:
    """An expression in the variable "x", in place where it is short, else by a call.

    Parameters:
        name: how to call the function, beside a mark of the expression.
    """
    if all(node.op in SHORT for node in topological_order(expression)):
        return emit_expressions(f, (expression,), {"x": x})[0]
    mark = hashlib.sha256(json.dumps(to_list(expression)).encode()).hexdigest()[:8]
    readable = "".join(letter for letter in name if (letter.isascii() and letter.isalnum()) or letter == "_")
    called = f"{readable}_{mark}" if f.lanes == f.module.lanes else f"{readable}_{mark}_{f.lanes}"
    if not f.module.has_function(called):
        with write_function(f.module, called, {"x": x.type}, x.type, internal=True, lanes=f.lanes) as g:
            g.give_back(emit_expressions(g, (expression,), {"x": g.parameters[0]})[0])
    return f.call(called, x)


def activate(f: Function, activation: Activation, z: Value) -> Value:
    """The activation of 16 weighted sums; softmax, which needs whole rows, is not meant here."""
    if activation.expression is None or activation.name == "identity":
        return z
    return apply(f, activation.name, activation.expression, z)


def derivative_factor(
    f: Function, activation: Activation, derivative_input_at: Value, from_output: bool
) -> Value | None:
    """The derivative, computed from 16 outputs or weighted sums in memory; None where it is 1 everywhere."""
    if activation.name == "identity":
        return None
    derivative_input = f.load(derivative_input_at, name="seen")
    return derivative(f, activation, derivative_input, from_output)


def derivative(f: Function, activation: Activation, derivative_input: Value, from_output: bool) -> Value:
    """The derivative, computed from 16 outputs or weighted sums."""
    if from_output and activation.name == "relu":
        return f.select(f.compare("ogt", derivative_input, 0.0), f.constant(1.0), f.constant(0.0), "derivative")
    if from_output and activation.name == "sigmoid":
        return f.multiply(derivative_input, f.subtract(1.0, derivative_input), "derivative")
    if from_output and activation.name == "tanh":
        return f.subtract(1.0, f.multiply(derivative_input, derivative_input), "derivative")
    assert activation.derivative is not None
    return apply(f, f"{activation.name}_derivative", activation.derivative, derivative_input)


def rescaled(f: Function, layer: Rescale, x: Value) -> Value:
    """What a Rescale layer makes of 16 numbers."""
    scaled = f.multiply(x, layer.factor) if layer.divisor is None else f.divide(x, layer.divisor)
    return f.add(scaled, layer.offset) if layer.offset else scaled
