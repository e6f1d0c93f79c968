"""Steps that treat the values of a row one by one or normalize a row: everything between dense layers.

for each row b:  for each 16 columns:  y = what the step says of them
"""

from __future__ import annotations

from collections.abc import Callable

from ranvier.native.kernels.bfloat16 import to_bfloat16
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.formulas import derivative_factor, rescaled
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.row_vectors import each_vector, masked, total
from ranvier.native.kernels.values import Value
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.steps import (
    Add,
    Derivative,
    Multiply,
    NormalizeColumn,
    NormalizeColumnBack,
    NormalizeRow,
    NormalizeRowBack,
    Rescale,
    Rounding,
    RowStep,
    ScaleColumn,
    fields_of,
)
from ranvier.native.scheduling.layouts import stride_of

BufferPointers = dict[str, Value]
"""A step's buffers by the names of its fields: where the row starts, or where the vector does."""


def buffers_of(step: RowStep) -> dict[str, Buffer]:
    """The buffers of a step by the names of its fields."""
    return {name: value for name, value in fields_of(step) if isinstance(value, Buffer)}


def write_row_step(module: Emitter, name: str, step: RowStep) -> None:
    """Write `(buffers in the order of the step's fields..., double inverse_batch_size, i64 from, i64 to)`."""
    buffers = buffers_of(step)
    parameters = {**dict.fromkeys(buffers, "ptr"), "inverse_batch_size": "double", "from": "i64", "to": "i64"}
    with write_function(module, name, parameters) as f:
        *pointers, inverse_batch_size, first, stop = f.parameters
        scale = f.splat(f.from_double(inverse_batch_size), name="inverse_batch_size")
        with f.loop(first, stop, name="b") as loop:
            at = {
                field: f.pointer(pointer, f.multiply(loop.index, stride_of(buffer)))
                if buffer.kind == "rows"
                else pointer
                for (field, buffer), pointer in zip(buffers.items(), pointers, strict=True)
            }
            WRITERS[type(step)](f, step, at, scale)


def _load(f: Function, pointer: Value, column: Value) -> Value:
    return f.load(f.pointer(pointer, column))


def _elementwise(
    f: Function, out: Buffer, pointers: BufferPointers, field: str, value: Callable[[Value], Value]
) -> None:
    """Store `value` for each vector of columns; lanes after the last column become 0."""

    def body(column: Value, mask: Value | None, _: tuple[Value, ...]) -> tuple[Value, ...]:
        f.store(masked(f, value(column), mask), f.pointer(pointers[field], column))
        return ()

    each_vector(f, out.columns, body)


def _add(f: Function, step: Add, at: BufferPointers, _: Value) -> None:
    _elementwise(f, step.y, at, "y", lambda c: f.add(_load(f, at["a"], c), _load(f, at["b"], c)))


def _multiply(f: Function, step: Multiply, at: BufferPointers, _: Value) -> None:
    _elementwise(f, step.y, at, "y", lambda c: f.multiply(_load(f, at["a"], c), _load(f, at["b"], c)))


def _rescale(f: Function, step: Rescale, at: BufferPointers, _: Value) -> None:
    _elementwise(f, step.y, at, "y", lambda c: rescaled(f, step.scaling, _load(f, at["x"], c)))


def _rounding(f: Function, step: Rounding, at: BufferPointers, _: Value) -> None:
    _elementwise(f, step.y, at, "y", lambda c: to_bfloat16(f, _load(f, at["x"], c)))


def _derivative(f: Function, step: Derivative, at: BufferPointers, _: Value) -> None:
    def value(column: Value) -> Value:
        dy = _load(f, at["dy"], column)
        factor = derivative_factor(f, step.activation, f.pointer(at["derivative_input"], column), step.from_output)
        return dy if factor is None else f.multiply(dy, factor)

    _elementwise(f, step.dz, at, "dz", value)


def _mean(f: Function, columns: int, term: Callable[[Value], Value]) -> Value:
    """The mean over the row of `term`, in every lane."""

    def body(column: Value, mask: Value | None, so_far: tuple[Value, ...]) -> tuple[Value, ...]:
        return (f.add(so_far[0], masked(f, term(column), mask)),)

    added = total(f, each_vector(f, columns, body, [f.constant(0.0)])[0])
    return f.divide(f.splat(added), float(columns))


def _normalize_row(f: Function, step: NormalizeRow, at: BufferPointers, _: Value) -> None:
    columns = step.x.columns
    mean = _mean(f, columns, lambda c: _load(f, at["x"], c))

    def square(column: Value) -> Value:
        away = f.subtract(_load(f, at["x"], column), mean)
        return f.multiply(away, away)

    deviation = f.intrinsic("sqrt", f.add(_mean(f, columns, square), step.epsilon))
    f.store(deviation, at["deviation"])

    def value(column: Value) -> Value:
        n = f.divide(f.subtract(_load(f, at["x"], column), mean), deviation)
        f.store(n, f.pointer(at["n"], column))
        return f.fma(n, _load(f, at["scale"], column), _load(f, at["bias"], column))

    _elementwise(f, step.y, at, "y", value)


def _normalize_row_back(f: Function, step: NormalizeRowBack, at: BufferPointers, _: Value) -> None:
    columns = step.dx.columns

    def dn(column: Value) -> Value:
        return f.multiply(_load(f, at["dy"], column), _load(f, at["scale"], column))

    through_mean = _mean(f, columns, dn)
    through_variance = _mean(f, columns, lambda c: f.multiply(dn(c), _load(f, at["n"], c)))
    deviation = f.load(at["deviation"])

    def value(column: Value) -> Value:
        n = _load(f, at["n"], column)
        rest = f.subtract(f.subtract(dn(column), through_mean), f.multiply(n, through_variance))
        return f.divide(rest, deviation)

    _elementwise(f, step.dx, at, "dx", value)


def _normalize_column(f: Function, step: NormalizeColumn, at: BufferPointers, _: Value) -> None:
    def value(column: Value) -> Value:
        deviation = f.intrinsic("sqrt", f.add(_load(f, at["variance"], column), step.epsilon))
        n = f.divide(f.subtract(_load(f, at["x"], column), _load(f, at["mean"], column)), deviation)
        if step.n is not None:
            f.store(n, f.pointer(at["n"], column))
        return f.fma(n, _load(f, at["scale"], column), _load(f, at["bias"], column))

    _elementwise(f, step.y, at, "y", value)


def _normalize_column_back(
    f: Function, step: NormalizeColumnBack, at: BufferPointers, inverse_batch_size: Value
) -> None:
    """`inverse_batch_size` is 1 / B, whatever the weights of the rows."""

    def value(column: Value) -> Value:
        deviation = f.intrinsic("sqrt", f.add(_load(f, at["variance"], column), step.epsilon))
        n = _load(f, at["n"], column)
        through_mean = f.multiply(_load(f, at["dbias"], column), inverse_batch_size)
        through_variance = f.multiply(n, f.multiply(_load(f, at["dscale"], column), inverse_batch_size))
        rest = f.subtract(f.subtract(_load(f, at["dy"], column), through_mean), through_variance)
        return f.divide(f.multiply(rest, _load(f, at["scale"], column)), deviation)

    _elementwise(f, step.dx, at, "dx", value)


def _scale_column(f: Function, step: ScaleColumn, at: BufferPointers, _: Value) -> None:
    def value(column: Value) -> Value:
        deviation = f.intrinsic("sqrt", f.add(_load(f, at["variance"], column), step.epsilon))
        scaled = f.multiply(_load(f, at["dy"], column), _load(f, at["scale"], column))
        return f.divide(scaled, deviation)

    _elementwise(f, step.dx, at, "dx", value)


WRITERS: dict[type[RowStep], Callable[..., None]] = {
    Add: _add,
    Multiply: _multiply,
    Rescale: _rescale,
    Rounding: _rounding,
    Derivative: _derivative,
    NormalizeRow: _normalize_row,
    NormalizeRowBack: _normalize_row_back,
    NormalizeColumn: _normalize_column,
    NormalizeColumnBack: _normalize_column_back,
    ScaleColumn: _scale_column,
}
