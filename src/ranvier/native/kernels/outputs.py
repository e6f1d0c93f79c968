"""Storing what a forward step computes: weighted sums z, outputs y = activation(z), whichever of both is read later."""

from __future__ import annotations

from ranvier.native.kernels.formulas import activate
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.sparse import SparseForward
from ranvier.native.lowering.steps import Forward
from ranvier.native.scheduling.layouts import stride_of


def output_buffers(step: Forward | SparseForward) -> tuple[Buffer, Buffer | None]:
    """Where the result of a forward step goes, and where z goes if it is kept beside y.

    Functions of forward steps take their pointers in this order, as `out` and `extra`.
    """
    if step.y is not None:
        return step.y, step.z
    assert step.z is not None
    return step.z, None


def positive_zero(f: Function, value: Value) -> Value:
    """The value, with 0 in place of -0."""
    return f.add(value, 0.0)


def store_outputs(
    f: Function, step: Forward | SparseForward, sums: Value, row: Value, column: Value, out: Value, extra: Value
) -> None:
    """Store z and y for 16 columns of a row.

    Parameters:
        sums: the weighted sums z.
        column: the first of the columns.
        out, extra: pointers to the buffers of `output_buffers`.
    """

    def put(value: Value, at: Value, buffer: Buffer) -> None:
        f.store(value, f.pointer(at, f.add(f.multiply(row, stride_of(buffer)), column)))

    result, beside = output_buffers(step)
    if beside is not None:
        put(sums, extra, beside)
    put(sums if step.y is None else activate(f, step.activation, sums), out, result)
