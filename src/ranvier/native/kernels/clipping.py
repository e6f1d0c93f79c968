"""Clipping by norm: the squares of all gradients added panel by panel, and the factor that they are multiplied by."""

from __future__ import annotations

from ranvier.native.kernels.body import Body
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.row_vectors import total
from ranvier.native.kernels.update import read
from ranvier.native.kernels.values import UNSCALED, Value
from ranvier.native.lowering.steps import Update
from ranvier.native.scheduling.tiles import PANEL


def write_squares(module: Emitter, name: str) -> None:
    """Write `(gradient, i64 stride, partial, i64 from, i64 to)`: the sum of squares of each panel."""
    parameters = {"gradient": "ptr", "stride": "i64", "partial": "ptr", "from": "i64", "to": "i64"}
    with write_function(module, name, parameters) as f:
        gradient, stride, partial, first, stop = f.parameters
        with f.loop(first, stop, name="panel") as loop:
            start = f.pointer(gradient, f.multiply(loop.index, stride))
            with f.loop(f.i64(0), stride, PANEL, name="at", carried=[f.constant(0.0)]) as inner:
                g = f.load(f.pointer(start, inner.index))
                inner.carry(f.fma(g, g, inner.values[0]))
            f.store(total(f, inner.results[0]), f.pointer(partial, loop.index))


def write_clipping(module: Emitter, name: str, step: Update) -> None:
    """Write `(partial, squares, scalars) -> double`: the factor that limits the norm of the gradients to `max_norm`.

    `squares` are the sums of squares of sparse rows, or null.
    """
    assert step.partial is not None
    assert step.max_norm is not None
    with write_function(module, name, dict.fromkeys(("partial", "squares", "scalars"), "ptr"), "double") as f:
        partial, squares, scalars = f.parameters
        with f.loop(0, step.partial.columns, name="panel", carried=[f.constant(0.0, "double")]) as loop:
            exact = f.to_double(f.load(f.pointer(partial, loop.index), f.module.element))
            loop.carry(f.add(loop.values[0], exact))
        (added,) = loop.results
        if step.squares is not None:
            added = clipped_squares(f, squares, added)
        norm = f.intrinsic("sqrt", added)
        max_norm = read(f, scalars, step.max_norm, "double")
        factor = f.select(f.compare("ogt", norm, max_norm), f.divide(max_norm, norm), f.constant(1.0, "double"))
        f.give_back(factor)


def call_clipping(body: Body, step: Update) -> Value:
    """The factor of all gradients that keeps their norm at `max_norm` or below."""
    if step.max_norm is None:
        return UNSCALED
    name = body.name("clipping", (), write_clipping, step, result="double")
    return body.f.call(name, body.at(step.partial), body.at(step.squares), body.scalars)


def clipped_squares(f: Function, squares: Value, start: Value) -> Value:
    """`start` plus the squares of all rows of the table, in the order of the batch's entries, in float64."""
    count = f.cast("zext", f.load(squares, "i32", name="entries"), "i64")
    with f.loop(1, f.add(count, 1), name="entry", carried=[start]) as loop:
        exact = f.to_double(f.load(f.pointer(squares, loop.index), f.module.element))
        loop.carry(f.add(loop.values[0], exact))
    return loop.results[0]
