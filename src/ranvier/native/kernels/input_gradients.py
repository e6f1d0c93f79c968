"""The ends of a backward pass along inputs: the error of the output layer, and the rows that are handed out.

dz = v f'(z), or p (v - sum(p v)) for softmax          outputs[b] = dx[b]
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from ranvier.native.kernels.body import Body
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.formulas import derivative
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.loss import normalizer
from ranvier.native.kernels.row_vectors import each_vector, masked, total
from ranvier.native.kernels.values import Value
from ranvier.native.kernels.vector_math import exp
from ranvier.native.lowering.steps import InputAnswer, OutputGradient
from ranvier.native.scheduling.layouts import stride_of
from ranvier.native.scheduling.scheduled import Scheduled
from ranvier.records import record


def call_output_gradient(body: Body, scheduled: Scheduled, first: Value, stop: Value) -> None:
    """Call the function of an `OutputGradient` for some rows, written by the first call for any output."""
    step, words, f = cast(OutputGradient, scheduled.step), body.words, body.f
    shape = replace(step, output=None if step.output is None else 0)
    name = body.name("output_gradient", shape, write_output_gradient, shape)
    output = f.i64(step.output or 0)
    f.call(name, body.at(step.z), body.at(step.dz), words["targets"], output, body.shift, first, stop)


def call_input_answer(body: Body, scheduled: Scheduled, first: Value, stop: Value) -> None:
    """Call the function of an `InputAnswer` for some rows, written by the first call for any columns."""
    step, f = cast(InputAnswer, scheduled.step), body.f
    shape = replace(step, first=0)
    name = body.name("input_answer", shape, write_input_answer, shape)
    f.call(name, body.at(step.dx), body.words["outputs"], f.i64(step.first), body.shift, first, stop)


def write_output_gradient(module: Emitter, name: str, step: OutputGradient) -> None:
    """Write `(z, dz, v, i64 output, i64 shift, i64 from, i64 to)`.

    v is packed without padding, row b is row b + shift of v; or v is 1 for an output, and there is nothing to read.
    """
    numbers = dict.fromkeys(("output", "shift", "from", "to"), "i64")
    with write_function(module, name, {**dict.fromkeys(("z", "dz", "v"), "ptr"), **numbers}) as f:
        z, dz, v, output, shift, first, stop = f.parameters
        with f.loop(first, stop, name="b") as loop:
            sums = f.pointer(z, f.multiply(loop.index, stride_of(step.z)), name="sums")
            out = f.pointer(dz, f.multiply(loop.index, stride_of(step.dz)), name="error")
            row = f.multiply(f.add(loop.index, shift), step.z.columns)
            reader = _Reader(f, None if step.output is None else output, v, row)
            write = _through_softmax if step.activation.name == "softmax" else _elementwise
            write(f, step, sums, reader, out)


@record
class _Reader:
    """Reads 16 numbers of v: from memory, or 1 for an output and 0 for the others."""

    f: Function
    output: Value | None
    v: Value
    row: Value

    def load(self, column: Value, mask: Value | None) -> Value:
        """Those from a column on."""
        f = self.f
        if self.output is not None:
            columns = f.add(f.lane_numbers(), f.splat(column), "columns")
            return f.select(f.compare("eq", columns, f.splat(self.output)), f.constant(1.0), f.constant(0.0), "v")
        at = f.pointer(self.v, f.add(self.row, column))
        return f.load(at, name="v") if mask is None else f.masked_load(at, mask, f.constant(0.0), name="v")


def _elementwise(f: Function, step: OutputGradient, sums: Value, reader: _Reader, out: Value) -> None:
    def store(column: Value, mask: Value | None, _: tuple[Value, ...]) -> tuple[Value, ...]:
        error = reader.load(column, mask)
        if step.activation.name != "identity":
            z = f.load(f.pointer(sums, column), name="z")
            error = f.multiply(error, derivative(f, step.activation, z, False))
        f.store(masked(f, error, mask), f.pointer(out, column))
        return ()

    each_vector(f, step.z.columns, store)


def _through_softmax(f: Function, step: OutputGradient, sums: Value, reader: _Reader, out: Value) -> None:
    columns = step.z.columns
    top, mass = normalizer(f, sums, columns)

    def parts(column: Value, mask: Value | None) -> tuple[Value, Value]:
        z = f.load(f.pointer(sums, column), name="z")
        return f.divide(exp(f, f.subtract(z, top)), mass), reader.load(column, mask)

    def add_up(column: Value, mask: Value | None, so_far: tuple[Value, ...]) -> tuple[Value, ...]:
        p, v = parts(column, mask)
        return (f.add(so_far[0], masked(f, f.multiply(p, v), mask)),)

    together = f.splat(total(f, each_vector(f, columns, add_up, [f.constant(0.0)])[0]), name="together")

    def store(column: Value, mask: Value | None, _: tuple[Value, ...]) -> tuple[Value, ...]:
        p, v = parts(column, mask)
        f.store(masked(f, f.multiply(p, f.subtract(v, together)), mask), f.pointer(out, column))
        return ()

    each_vector(f, columns, store)


def write_input_answer(module: Emitter, name: str, step: InputAnswer) -> None:
    """Write `(dx, outputs, i64 first_column, i64 shift, i64 from, i64 to)`: columns of one block, from a column on."""
    parameters = {"dx": "ptr", "outputs": "ptr", **dict.fromkeys(("first_column", "shift", "from", "to"), "i64")}
    with write_function(module, name, parameters) as f:
        dx, outputs, first_column, shift, first, stop = f.parameters
        with f.loop(first, stop, name="b") as loop:
            at = f.pointer(dx, f.multiply(loop.index, stride_of(step.dx)), name="errors")
            start = f.add(f.multiply(f.add(loop.index, shift), step.total), first_column)
            out = f.pointer(outputs, start, name="answer")

            def store(
                column: Value, mask: Value | None, _: tuple[Value, ...], at: Value = at, out: Value = out
            ) -> tuple[Value, ...]:
                value, pointer = f.load(f.pointer(at, column), name="dx"), f.pointer(out, column)
                if mask is None:
                    f.store(value, pointer)
                else:
                    f.masked_store(value, pointer, mask)
                return ()

            each_vector(f, step.dx.columns, store)
