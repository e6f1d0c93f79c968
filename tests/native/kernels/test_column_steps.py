"""Steps that look at all rows or all parameters, each alone, against NumPy: sums over rows are bit-identical."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native.kernels.clipping import write_clipping, write_squares
from ranvier.native.kernels.columns import (
    write_column_statistics,
    write_column_sums,
    write_loss_sum,
    write_running_statistics,
)
from ranvier.native.kernels.function import write_function
from ranvier.native.kernels.packed import pack_rows
from ranvier.native.kernels.transpose import transpose
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.scalars import Scalar
from ranvier.native.scheduling.blocking import PACKED_PADDING
from ranvier.native.scheduling.layouts import panels_of, stride_of
from ranvier.native.scheduling.packing import transposed
from tests.native.kernels.run_kernel import (
    bound,
    close,
    compile_kernel,
    fma,
    guarded,
    memory_of,
    mutated,
    numbers,
    values_of,
)

ROWS, COLUMNS = st.integers(1, 20), st.integers(1, 70)


@given(rows=ROWS, columns=COLUMNS, products=st.booleans())
def test_column_sums(rows: int, columns: int, products: bool) -> None:
    a, b, sums = Buffer("a", 0, "rows", columns), Buffer("b", 1, "rows", columns), Buffer("s", 2, "vector", columns)
    step = s.ColumnSums(a, b if products else None, sums)
    left, right, out = numbers(1, rows, columns), numbers(2, rows, columns), memory_of(sums)
    kernel = compile_kernel(lambda m, name: write_column_sums(m, name, step))
    kernel(memory_of(a, left), memory_of(b, right) if products else None, out, rows, 0, panels_of(sums))
    total = np.zeros(columns, np.float32)
    for row in range(rows):
        total = fma(left[row], right[row], total) if products else total + left[row]
    np.testing.assert_array_equal(values_of(sums, out), total)


@given(rows=ROWS, columns=COLUMNS)
def test_column_statistics(rows: int, columns: int) -> None:
    x, mean, variance = (
        Buffer("x", 0, "rows", columns),
        Buffer("m", 1, "vector", columns),
        Buffer("v", 2, "vector", columns),
    )
    kernel = compile_kernel(lambda m, name: write_column_statistics(m, name, s.ColumnStatistics(x, mean, variance)))
    values, center, spread = numbers(1, rows, columns), memory_of(mean), memory_of(variance)
    kernel(memory_of(x, values), center, spread, rows, 0, panels_of(mean))
    wide = values.astype(np.float64)
    close(values_of(mean, center), wide.mean(axis=0), rows + 2)
    close(values_of(variance, spread), wide.var(axis=0), 4 * rows + 8, float((wide**2).max(initial=1.0)))


@given(columns=COLUMNS)
def test_running_statistics(columns: int) -> None:
    running, batch = Buffer("r", 0, "vector", columns), Buffer("b", 1, "vector", columns)
    kernel = compile_kernel(lambda m, name: write_running_statistics(m, name, s.RunningStatistics(running, batch, 0.9)))
    old, new = numbers(1, columns), numbers(2, columns)
    memory = memory_of(running, old)
    kernel(memory, memory_of(batch, new), 0, panels_of(running))
    wanted = fma(old, np.full(columns, 0.9, np.float32), new * np.float32(1.0 - 0.9))
    np.testing.assert_array_equal(values_of(running, memory), wanted)


@given(rows=st.integers(1, 50), weighted=st.booleans())
def test_loss_sum(rows: int, weighted: bool) -> None:
    kernel = compile_kernel(write_loss_sum)
    losses, weights, order = numbers(1, rows), np.arange(rows) % 3 + 0.5, np.random.default_rng(2).permutation(rows)
    out = guarded(1, np.float64)
    kernel(losses, order, weights if weighted else None, 0.25, rows, out)
    total = 0.0
    for row in range(rows):
        total += float(losses[row]) * (weights[order[row]] if weighted else 1.0)
    assert out[0] == total * 0.25


@given(inputs=st.integers(1, 20), columns=COLUMNS, largest=st.sampled_from([0.5, 1e6]))
def test_norm_and_clipping(inputs: int, columns: int, largest: float) -> None:
    """The sum of squares panel by panel, then the factor that brings the norm down to `largest`."""
    weight, values = Buffer("g", 0, "weight", columns, inputs), numbers(1, inputs, columns) + np.float32(1)
    count = panels_of(weight)
    partial = guarded(count)
    compile_kernel(write_squares)(memory_of(weight, values), stride_of(weight), partial, 0, count)
    wide = values.astype(np.float64)
    close(partial.sum(keepdims=True), (wide**2).sum(keepdims=True), 16 + inputs)
    step, _, row = bound(s.Update((), Buffer("partial", 1, "cells", count), Scalar("max_norm", largest)))
    factor = compile_kernel(lambda m, name: write_clipping(m, name, step))(partial, None, row)
    assert factor == pytest.approx(min(1.0, largest / np.sqrt((wide**2).sum())), rel=1e-5)


@given(inputs=st.integers(1, 50), columns=COLUMNS)
def test_transpose(inputs: int, columns: int) -> None:
    """All panels of a weight into the transposed weight, in squares of 8."""
    weight, copy = Buffer("w", 0, "weight", columns, inputs), Buffer("t", 1, "weight", inputs, columns)

    def write(module, name):  # type: ignore[no-untyped-def]
        with write_function(module, name, {"source": "ptr", "target": "ptr", "rows": "i64", "panels": "i64"}) as f:
            source, target, rows, panels = f.parameters
            with f.loop(0, panels, name="panel") as loop:
                panel = f.pointer(source, f.multiply(loop.index, stride_of(weight)))
                transpose(f, panel, target, f.i64(0), rows, f.multiply(loop.index, 16), stride_of(copy))

    values, out = numbers(1, inputs, columns), memory_of(copy)
    compile_kernel(write)(memory_of(weight, values), out, inputs, panels_of(weight))
    np.testing.assert_array_equal(values_of(copy, out), transposed(values, 1))


@given(
    rows=st.integers(1, 14),
    columns=st.integers(1, 70),
    height=st.integers(1, 6),
    kind=st.sampled_from(["rows", "panels"]),
)
def test_pack_rows(rows: int, columns: int, height: int, kind: str) -> None:
    """packed[tile][k][r] = x[tile height + r][k], for whole tiles."""
    x, even = Buffer("x", 0, kind, columns), rows // height * height

    def write(module, name):  # type: ignore[no-untyped-def]
        with write_function(
            module, name, {"packed": "ptr", "x": "ptr", "rows": "i64", "stop": "i64", "length": "i64"}
        ) as f:
            packed, source, count, stop, length = f.parameters
            pack_rows(f, packed, (source, x, count), (f.i64(0), stop, height), (f.i64(0), length))

    values, out = numbers(1, rows, columns), guarded(even * columns + PACKED_PADDING)
    compile_kernel(write)(out, memory_of(x, values), rows, even, columns)
    wanted = values[:even].reshape(-1, height, columns).transpose(0, 2, 1).ravel()
    np.testing.assert_array_equal(out[: even * columns], wanted)


def test_a_changed_kernel_is_noticed() -> None:
    """Only the last product in place of the sum."""
    a, b, sums = Buffer("a", 0, "rows", 5), Buffer("b", 1, "rows", 5), Buffer("s", 2, "vector", 5)
    kernel = compile_kernel(lambda m, name: write_column_sums(m, name, s.ColumnSums(a, b, sums)))
    fused = r"call <16 x float> @llvm\.fma\.v16f32\((<16 x float> \S+), <16 x float> (\S+), <16 x float> \S+\)"
    left, right = numbers(1, 9, 5), numbers(2, 9, 5)
    total = np.zeros(5, np.float32)
    for row in range(9):
        total = fma(left[row], right[row], total)
    for variant in (kernel, mutated(kernel, fused, r"fmul \1, \2")):
        out = memory_of(sums)
        variant(memory_of(a, left), memory_of(b, right), out, 9, 0, 1)
        assert np.array_equal(values_of(sums, out), total) == (variant is kernel)
