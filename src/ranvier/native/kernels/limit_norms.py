"""Keeping the norm of each neuron's weights at a limit, panel by panel, after the update.

for each 16 neurons:  squares = sum over the rows of w^2, in row order
                      if one of their norms is above the limit:  w *= limit / norm, and copy the panel
"""

from __future__ import annotations

from typing import cast

from ranvier.native.kernels.bfloat16 import to_bfloat16
from ranvier.native.kernels.body import Body
from ranvier.native.kernels.columns import copy_panel
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.pairs import copy_pairs, holds_pairs
from ranvier.native.kernels.row_vectors import largest
from ranvier.native.kernels.update import read
from ranvier.native.kernels.values import Value
from ranvier.native.lowering.steps import LimitNorms, Trained
from ranvier.native.scheduling.layouts import panels_of, stride_of
from ranvier.native.scheduling.scheduled import Scheduled
from ranvier.native.scheduling.tiles import PANEL


def call_limit_norms(body: Body, scheduled: Scheduled) -> None:
    """Call the function of a `LimitNorms` for this thread's panels, written by the first call."""
    step = cast(LimitNorms, scheduled.step)
    t = step.trained
    name = body.name("limit_norms", scheduled, write_limit_norms, step)
    buffers = (t.value, t.rounded, t.transposed, step.average)
    pointers = (*(body.at(buffer) for buffer in buffers), body.scalars)
    body.f.call(name, *pointers, *body.thread_range(panels_of(t.value)))


def write_limit_norms(module: Emitter, name: str, step: LimitNorms) -> None:
    """Write `(value, rounded, transposed, average, scalars, i64 from, i64 to)` over panels."""
    trained = step.trained
    pointers = dict.fromkeys(("value", "rounded", "transposed", "average", "scalars"), "ptr")
    with write_function(module, name, {**pointers, "from": "i64", "to": "i64"}) as f:
        value, rounded, transposed, average, scalars, first, stop = f.parameters
        limit = f.splat(read(f, scalars, step.limit), name="limit")
        with f.loop(first, stop, name="panel") as loop:
            base = f.multiply(loop.index, stride_of(trained.value))
            if step.average is not None:
                _limit(f, f.pointer(average, base), trained.value.rows, limit)
            large = _limit(f, f.pointer(value, base), trained.value.rows, limit)
            with f.when(large, name="copied"):
                _copy(f, trained, loop.index, (value, rounded, transposed))


def _copy(f: Function, trained: Trained, panel: Value, pointers: tuple[Value, Value, Value]) -> None:
    """Copy a panel of a weight into its copies; the pointers are those of all three."""
    value, rounded, transposed = pointers
    rows, base = trained.value.rows, f.multiply(panel, stride_of(trained.value))
    if holds_pairs(trained):
        copy_pairs(f, trained, panel, (f.i64(0), f.i64(rows)), pointers)
        return
    weight = source = f.pointer(value, base)
    if trained.rounded is not None:
        source = f.pointer(rounded, base)
        with f.loop(0, rows, name="row") as loop:
            offset = f.multiply(loop.index, PANEL)
            f.store(to_bfloat16(f, f.load(f.pointer(weight, offset))), f.pointer(source, offset))
    copy_panel(f, trained, panel, source, transposed)


def _limit(f: Function, panel: Value, rows: int, limit: Value) -> Value:
    """Scale the columns of a panel down whose norm is above a limit; gives whether there was one, an i1."""
    with f.loop(0, rows, name="row", carried=[f.constant(0.0)]) as loop:
        w = f.load(f.pointer(panel, f.multiply(loop.index, PANEL)), name="w")
        loop.carry(f.fma(w, w, loop.values[0]))
    norm = f.intrinsic("sqrt", loop.results[0])
    above = f.compare("ogt", norm, limit)
    factors = f.select(above, f.divide(limit, norm), f.constant(1.0), "factors")
    marked = f.select(above, f.constant(1.0), f.constant(0.0))
    large = f.compare("ogt", largest(f, marked), 0.0, "large")
    with f.when(large, name="scaled"), f.loop(0, rows, name="row") as loop:
        at = f.pointer(panel, f.multiply(loop.index, PANEL))
        f.store(f.multiply(f.load(at), factors), at)
    return large
