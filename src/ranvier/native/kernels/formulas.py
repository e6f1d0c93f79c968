"""Activations, their slopes and other expressions, applied to 16 numbers at a time."""

from __future__ import annotations

from collections.abc import Mapping

from ranvier.expression import Expression
from ranvier.expression.expression import order
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value
from ranvier.network.activations import Activation


def expression_value(f: Function, roots: tuple[Expression, ...], values: Mapping[str, Value]) -> tuple[Value, ...]:
    done = {}
    for node in order(*roots):
        a = [done[x] for x in node.arguments]
        if node.op == "constant": done[node] = f.constant(node.value)
        elif node.op == "variable": done[node] = values[node.name]
        elif node.op in ("add", "subtract", "multiply", "divide", "negative"): done[node] = getattr(f, node.op)(*a)
        elif node.op == "sqrt": done[node] = f.intrinsic("sqrt", *a)
        elif node.op == "absolute": done[node] = f.intrinsic("fabs", *a)
        elif node.op == "maximum": done[node] = f.select(f.compare("olt", a[0], a[1]), a[1], a[0])
        elif node.op == "minimum": done[node] = f.select(f.compare("olt", a[1], a[0]), a[1], a[0])
        elif node.op == "less": done[node] = f.select(f.compare("olt", *a), f.constant(1.0), f.constant(0.0))
        elif node.op == "less_equal": done[node] = f.select(f.compare("ole", *a), f.constant(1.0), f.constant(0.0))
        elif node.op == "where": done[node] = f.select(f.compare("une", a[0], 0.0), a[1], a[2])
        elif node.op == "sign":
            done[node] = f.select(f.compare("ogt", a[0], 0.0), f.constant(1.0), f.select(f.compare("olt", a[0], 0.0), f.constant(-1.0), f.constant(0.0)))
        else: raise NotImplementedError(node.op)
    return tuple(done[r] for r in roots)


def activate(f: Function, activation: Activation, z: Value) -> Value:
    """The activation of 16 weighted sums; softmax, which needs whole rows, is not meant here."""
    if activation.expression is None or activation.name == "identity":
        return z
    if activation.name == "relu":
        return f.select(f.compare("ogt", z, 0.0), z, f.constant(0.0), "relu")
    return expression_value(f, (activation.expression,), {"x": z})[0]


def slope_factor(f: Function, activation: Activation, seen_at: Value, from_output: bool) -> Value | None:
    """The slope, seen from 16 outputs or weighted sums in memory; None where it is 1 everywhere."""
    if activation.name == "identity":
        return None
    seen = f.load(seen_at, name="seen")
    return slope(f, activation, seen, from_output)


def slope(f: Function, activation: Activation, seen: Value, from_output: bool) -> Value:
    """The slope, seen from 16 outputs or weighted sums."""
    if from_output and activation.name == "relu":
        return f.select(f.compare("ogt", seen, 0.0), f.constant(1.0), f.constant(0.0), "slope")
    if from_output and activation.name == "sigmoid":
        return f.multiply(seen, f.subtract(1.0, seen), "slope")
    if from_output and activation.name == "tanh":
        return f.subtract(1.0, f.multiply(seen, seen), "slope")
    assert activation.slope is not None
    return expression_value(f, (activation.slope,), {"x": seen})[0]
