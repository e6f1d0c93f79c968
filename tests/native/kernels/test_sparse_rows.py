"""First layers on sparse rows, and dense layers that leave out zeros, each kernel alone: equal to the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native.kernels.sparse import write_sparse_forward, write_sparse_gradient
from ranvier.native.kernels.zero_skipping import (
    SAMPLE,
    write_nonzero_indices,
    write_zero_skipping_product,
    write_zeros_are_many,
)
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.sparse import KEEP, UPDATE, SparseForward, SparseGradient
from ranvier.native.lowering.steps import Forward, Trained
from ranvier.native.scheduling.layouts import INDEX_PADDING
from ranvier.native.scheduling.schedule import link_size
from ranvier.native.scheduling.scheduled import ScheduledProduct, ScheduledSparseGradient
from ranvier.network.activations import activation
from ranvier.network.initializers import initializer
from ranvier.network.optimizers import SGD
from ranvier.network.parameters import Entry
from ranvier.rows import CSR
from tests.native.kernels.run_kernel import (
    REGISTERS,
    Array,
    bound,
    chain,
    compile_kernel,
    fma,
    guarded,
    memory_of,
    mutated,
    numbers,
    values_of,
)

RELU = activation("relu")
ROWS, INPUTS, COLUMNS = st.integers(1, 12), st.integers(1, 60), st.integers(1, 70)


def sparse_rows(rows: int, inputs: int, fraction: float = 0.2, seed: int = 0) -> Array:
    """Rows that are mostly 0."""
    generator = np.random.default_rng(seed)
    values = generator.standard_normal((rows, inputs)).astype(np.float32)
    return np.where(generator.random((rows, inputs)) < fraction, values, np.float32(0))


@given(rows=ROWS, inputs=INPUTS, columns=COLUMNS, bias=st.booleans(), ordered=st.booleans())
def test_sparse_forward(rows: int, inputs: int, columns: int, bias: bool, ordered: bool) -> None:
    table, b = Buffer("w", 0, "table", columns, inputs), Buffer("b", 1, "vector", columns)
    y, z = Buffer("y", 2, "rows", columns), Buffer("z", 3, "rows", columns)
    step = SparseForward("layers.0", table, b if bias else None, y, z, RELU)
    x, w, start = sparse_rows(rows, inputs), numbers(1, inputs, columns), numbers(2, columns)
    order = np.random.default_rng(3).permutation(rows)
    held = CSR.from_dense(x)
    kernel = compile_kernel(lambda m, name: write_sparse_forward(m, name, step, REGISTERS[0]))
    out, sums = memory_of(y, None, rows), memory_of(z, None, rows)
    kernel(
        held.data, held.indices, held.indptr, order if ordered else None, 0, memory_of(table, w),
        memory_of(b, start) if bias else None, out, sums, 0, rows,
    )  # fmt: skip
    wanted = chain(start if bias else np.zeros(columns, np.float32), x[order] if ordered else x, w)
    np.testing.assert_array_equal(values_of(z, sums, rows), wanted)
    np.testing.assert_array_equal(values_of(y, out, rows), np.maximum(wanted, 0.0))


@given(rows=ROWS, inputs=INPUTS, columns=COLUMNS, stored=st.booleans(), threads=st.integers(1, 3))
def test_sparse_gradient(rows: int, inputs: int, columns: int, stored: bool, threads: int) -> None:
    """Each thread updates, or stores, the rows of its columns; rows that no entry names stay as they are."""
    table, dz = Buffer("w", 0, "table", columns, inputs), Buffer("dz", 1, "rows", columns)
    entry = Entry("layers.0.weight", "weight", (inputs, columns), 0, 0, initializer("zeros"))
    gradient = Buffer("gradient", 2, "table", columns, inputs)
    step = SparseGradient("layers.0", dz, Trained(entry, table, (), gradient=gradient), KEEP if stored else UPDATE)
    size = link_size("float32", measured=False)
    heads, links = Buffer("heads", 3, "cells", inputs), Buffer("links", 4, "entries", size)
    step, rule, _ = bound(step, SGD(0.1))
    kernel = compile_kernel(
        lambda m, name: write_sparse_gradient(m, name, ScheduledSparseGradient(step, heads, links), REGISTERS[0], rule)
    )
    x, errors, w = sparse_rows(rows, inputs), numbers(1, rows, columns), numbers(2, inputs, columns)
    held, order = CSR.from_dense(x), np.random.default_rng(3).permutation(rows)
    capacity = len(held.data) + 1
    value, sums, head_memory = memory_of(table, w), memory_of(gradient), memory_of(heads)
    link_memory = guarded(capacity * threads * size)
    for thread in range(threads):
        kernel(
            held.data, held.indices, held.indptr, order, memory_of(dz, errors), value, None, sums, head_memory,
            link_memory, None, np.array([0.1]), 1.0, capacity, thread, threads, rows,
        )  # fmt: skip
    wanted = np.zeros((inputs, columns), np.float32)
    for row in range(rows):
        reached = x[order[row]] != 0
        wanted[reached] = fma(x[order[row]][reached, None], errors[row][None], wanted[reached])
    if stored:
        np.testing.assert_array_equal(values_of(gradient, sums), wanted)
        np.testing.assert_array_equal(values_of(table, value), w)
    else:
        np.testing.assert_array_equal(values_of(table, value), w - np.float32(0.1) * wanted)
    assert not head_memory.any()


def skipping(inputs: int, columns: int) -> ScheduledProduct:
    x, y = Buffer("x", 0, "rows", inputs), Buffer("y", 1, "rows", columns)
    weight, bias = Buffer("w", 2, "weight", columns, inputs), Buffer("b", 3, "vector", columns)
    nonzeros = Buffer("nonzeros", 4, "rows", inputs + INDEX_PADDING)
    return ScheduledProduct(Forward("layers.0", x, weight, bias, y, None, RELU), 0, False, 0, nonzeros)


@given(rows=ROWS, inputs=INPUTS, columns=COLUMNS, fraction=st.sampled_from([0.0, 0.2, 1.0]))
def test_product_without_zeros(rows: int, inputs: int, columns: int, fraction: float) -> None:
    """The index lists, and the product over them: the bits of the product over all inputs."""
    scheduled = skipping(inputs, columns)
    step, nonzeros = scheduled.step, scheduled.nonzeros
    assert isinstance(step, Forward)
    assert nonzeros is not None
    assert step.y is not None
    assert step.bias is not None
    x, w, start = sparse_rows(rows, inputs, fraction), numbers(1, inputs, columns), numbers(2, columns)
    lists, out, inputs_at = memory_of(nonzeros, None, rows), memory_of(step.y, None, rows), memory_of(step.x, x)
    compile_kernel(lambda m, name: write_nonzero_indices(m, name, scheduled))(inputs_at, lists, 0, rows)
    for row, line in zip(x, lists.view(np.int32).reshape(rows, -1), strict=True):
        assert line[1 : 1 + line[0]].tolist() == np.flatnonzero(row).tolist()
    kernel = compile_kernel(lambda m, name: write_zero_skipping_product(m, name, scheduled, REGISTERS[0]))
    kernel(inputs_at, lists, memory_of(step.weight, w), memory_of(step.bias, start), out, None, 0, rows)
    np.testing.assert_array_equal(values_of(step.y, out, rows), np.maximum(chain(start, x, w) + np.float32(0), 0))


@pytest.mark.parametrize(("fraction", "allowed", "many"), [(0.05, 1, True), (0.05, 0, False), (0.9, 1, False)])
def test_whether_zeros_are_many(fraction: float, allowed: int, many: bool) -> None:
    scheduled = skipping(100, 64)
    step = scheduled.step
    assert isinstance(step, Forward)
    kernel = compile_kernel(lambda m, name: write_zeros_are_many(m, name, step))
    x = memory_of(step.x, sparse_rows(2 * SAMPLE, 100, fraction))
    assert kernel(x, allowed, 0, 2 * SAMPLE) is many


def test_a_changed_kernel_is_noticed() -> None:
    """One entry of each row left out."""
    scheduled = skipping(40, 20)
    x = sparse_rows(3, 40, 0.5)
    step, nonzeros = scheduled.step, scheduled.nonzeros
    assert isinstance(step, Forward)
    assert nonzeros is not None
    lists = memory_of(nonzeros, None, 3)
    kernel = compile_kernel(lambda m, name: write_nonzero_indices(m, name, scheduled))
    mutated(kernel, "fcmp une", "fcmp ogt")(memory_of(step.x, x), lists, 0, 3)
    actual = lists.view(np.int32).reshape(3, -1)[:, 0]
    assert (actual == (x > 0).sum(axis=1)).all()
    assert (actual != (x != 0).sum(axis=1)).any()
