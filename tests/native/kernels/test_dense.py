"""Dense layers, forward and the way back of the gradient, against chains of FMAs in NumPy: equal to the last bit."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native.kernels.dense import write_product
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.steps import Back, Forward
from ranvier.native.scheduling.blocking import PACKED_PADDING
from ranvier.native.scheduling.layouts import panels_of
from ranvier.native.scheduling.packing import transposed
from ranvier.native.scheduling.scheduled import ScheduledProduct
from ranvier.native.scheduling.tiles import PANEL, Registers, heights
from ranvier.network.activations import activation
from tests.native.kernels.run_kernel import (
    REGISTERS,
    Array,
    Kernel,
    chain,
    compile_kernel,
    guarded,
    memory_of,
    mutated,
    numbers,
    values_of,
)

IDENTITY, RELU = activation("identity"), activation("relu")
SIZES = st.integers(1, 40)


def forward(inputs: int, columns: int, **options: Any) -> ScheduledProduct:
    """A forward step; y = relu(z), and z is kept where `keep_z`."""
    groups, keep_z = options.pop("groups", 1), options.pop("keep_z", False)
    x, y, z = (
        Buffer(name, n, "rows", size) for n, (name, size) in enumerate((("x", inputs), ("y", columns), ("z", columns)))
    )
    weight = Buffer("w", 3, "weight", columns, inputs // groups, groups)
    bias = Buffer("b", 4, "vector", columns) if options.pop("bias", True) else None
    options = {"k_block": 0, "packed": False, **options}
    return ScheduledProduct(Forward("layers.0", x, weight, bias, y, z if keep_z else None, RELU), **options)


def run_forward(
    kernel: Kernel, product: ScheduledProduct, x: Array, w: Array, b: Array | None, fractions: int = 1
) -> tuple[Array, Array]:
    """y and z. Where threads share panels, as many calls as shares."""
    step, rows = product.step, len(x)
    assert isinstance(step, Forward)
    assert step.y is not None
    y, z = memory_of(step.y, None, rows), None if step.z is None else memory_of(step.z, None, rows)
    bias = None if step.bias is None else memory_of(step.bias, b)
    pointers = (memory_of(step.x, x), memory_of(step.weight, w), bias, y, z, rows)
    packed = (guarded(rows * x.shape[1] * 2 + 2 * PACKED_PADDING + 8 * rows),) if product.packed else ()
    if product.split_n:
        grains = -(-panels_of(step.weight) // product.split_n)
        cuts = [min(panels_of(step.weight), n * grains // fractions * product.split_n) for n in range(fractions + 1)]
        for first, stop in pairwise(cuts):
            kernel(*pointers, 0, rows, first, stop, *packed)
    else:
        middle = rows // 2
        kernel(*pointers, 0, middle, *packed)
        kernel(*pointers, middle, rows, *packed)
    return values_of(step.y, y, rows), y if z is None or step.z is None else values_of(step.z, z, rows)


def expected_forward(product: ScheduledProduct, x: Array, w: Array, b: Array | None) -> Array:
    """The weighted sums, each group by itself."""
    weight = product.step.matrix
    groups, inputs, width = weight.groups, weight.rows, w.shape[1] // weight.groups
    parts = []
    for g in range(groups):
        columns = slice(g * width, (g + 1) * width)
        start = np.zeros(width, np.float32) if b is None else b[columns]
        parts.append(chain(start, x[:, g * inputs : (g + 1) * inputs], w[:, columns]))
    return np.concatenate(parts, axis=1)


def compiled(step: Any, rows: int, registers: Registers) -> Kernel:
    return compile_kernel(lambda m, name: write_product(m, name, step, registers, heights(max(rows, 1), registers)))


@given(
    rows=st.integers(1, 20),
    inputs=SIZES,
    columns=SIZES,
    bias=st.booleans(),
    keep_z=st.booleans(),
    registers=st.sampled_from(REGISTERS),
    seed=st.integers(0, 99),
)
def test_forward(
    rows: int, inputs: int, columns: int, bias: bool, keep_z: bool, registers: Registers, seed: int
) -> None:
    step = forward(inputs, columns, bias=bias, keep_z=keep_z)
    x, w, b = numbers(seed, rows, inputs), numbers(seed + 1, inputs, columns), numbers(seed + 2, columns)
    y, z = run_forward(compiled(step, rows, registers), step, x, w, b if bias else None)
    wanted = expected_forward(step, x, w, b if bias else None)
    np.testing.assert_array_equal(y, np.maximum(wanted, 0.0))
    if keep_z:
        np.testing.assert_array_equal(z, wanted)


@pytest.mark.parametrize(("columns", "groups", "lanes"), [(1, 1, 8), (8, 1, 8), (9, 1, 16), (16, 2, 16), (17, 1, 16)])
def test_layers_that_fill_half_a_panel_have_vectors_of_half_the_lanes(columns: int, groups: int, lanes: int) -> None:
    text = compiled(forward(6, columns, groups=groups), 20, REGISTERS[1]).text
    assert {int(size) for size in re.findall(r"<(\d+) x float>", text)} == {lanes}


def test_one_module_has_an_activation_for_each_width() -> None:
    module = Emitter("float32", PANEL)
    for columns in (8, 9):
        step = forward(6, columns)
        sigmoid = replace(step, step=replace(step.step, activation=activation("sigmoid")))
        write_product(module, f"product_{columns}", sigmoid, REGISTERS[1], heights(4, REGISTERS[1]))
    called = set(re.findall(r"define internal (<\d+ x float>) @sigmoid", module.text()))
    assert called == {"<8 x float>", "<16 x float>"}


@given(
    rows=st.integers(1, 20),
    inputs=st.integers(17, 80),
    columns=SIZES,
    packed=st.booleans(),
    registers=st.sampled_from(REGISTERS),
)
def test_forward_in_k_blocks(rows: int, inputs: int, columns: int, packed: bool, registers: Registers) -> None:
    step = forward(inputs, columns, k_block=32, packed=packed, keep_z=True)
    x, w, b = numbers(1, rows, inputs), numbers(2, inputs, columns), numbers(3, columns)
    y, z = run_forward(compiled(step, rows, registers), step, x, w, b)
    wanted = expected_forward(step, x, w, b)
    np.testing.assert_array_equal(z, wanted)
    np.testing.assert_array_equal(y, np.maximum(wanted, 0.0))


@given(
    rows=st.integers(1, 12),
    inputs=SIZES,
    columns=st.integers(17, 150),
    grain=st.sampled_from([1, 2, 4]),
    fractions=st.integers(1, 3),
    registers=st.sampled_from(REGISTERS),
)
def test_forward_with_shared_panels(
    rows: int, inputs: int, columns: int, grain: int, fractions: int, registers: Registers
) -> None:
    step = forward(inputs, columns, split_n=grain)
    x, w, b = numbers(1, rows, inputs), numbers(2, inputs, columns), numbers(3, columns)
    y, _ = run_forward(compiled(step, rows, registers), step, x, w, b, fractions)
    np.testing.assert_array_equal(y, np.maximum(expected_forward(step, x, w, b), 0.0))


@given(
    rows=st.integers(1, 12),
    inputs=st.integers(1, 9),
    width=SIZES,
    groups=st.integers(2, 4),
    block=st.sampled_from([0, 16]),
)
def test_forward_of_groups(rows: int, inputs: int, width: int, groups: int, block: int) -> None:
    inputs += 2 * block
    step = forward(groups * inputs, groups * width, groups=groups, k_block=block)
    x, w, b = numbers(1, rows, groups * inputs), numbers(2, inputs, groups * width), numbers(3, groups * width)
    y, _ = run_forward(compiled(step, rows, REGISTERS[0]), step, x, w, b)
    np.testing.assert_array_equal(y, np.maximum(expected_forward(step, x, w, b), 0.0))


@given(
    rows=st.integers(1, 20),
    inputs=SIZES,
    columns=SIZES,
    sloped=st.booleans(),
    by_panels=st.booleans(),
    registers=st.sampled_from(REGISTERS),
)
def test_back(rows: int, inputs: int, columns: int, sloped: bool, by_panels: bool, registers: Registers) -> None:
    """dx = dz W', times the derivative of relu where y is not above 0; errors may lie row by row or by panels."""
    buffer = Buffer("y", 0, "rows", inputs)
    dz, dx = Buffer("dz", 1, "rows", columns), Buffer("dx", 2, "panels" if by_panels else "rows", inputs)
    turned = Buffer("t", 3, "weight", inputs, columns)
    back = Back("layers.1", dz, turned, dx, RELU if sloped else None, buffer if sloped else None, True)
    step = ScheduledProduct(back, 0, False)
    errors, w, y = numbers(4, rows, columns), numbers(5, inputs, columns), numbers(6, rows, inputs)
    out = memory_of(dx, None, rows)
    beside = memory_of(buffer, y) if sloped else None
    pointers = (memory_of(dz, errors), memory_of(turned, transposed(w, 1)), None, out, beside)
    compiled(step, rows, registers)(*pointers, rows, 0, rows)
    wanted = chain(np.zeros(inputs, np.float32), errors, np.ascontiguousarray(w.T))
    np.testing.assert_array_equal(values_of(dx, out, rows), np.where(y > 0, wanted, 0.0 * wanted) if sloped else wanted)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r"call <16 x float> @llvm\.fma\.v16f32\(<16 x float> (%a\S*), <16 x float> (%b\S*), <16 x float> (%\S+)\)",
         r"fadd <16 x float> \1, \3"),
        (r"fcmp ogt", "fcmp olt"),
        (r"(?<![.\w])40\b", "39"),
    ],
)  # fmt: skip
def test_a_changed_kernel_is_noticed(old: str, new: str) -> None:
    """A product left out, a wrong comparison in relu, one term too few."""
    step = forward(40, PANEL + 1)
    x, w, b = numbers(1, 7, 40), numbers(2, 40, PANEL + 1), numbers(3, PANEL + 1)
    kernel = compiled(step, 7, REGISTERS[0])
    wanted = np.maximum(expected_forward(step, x, w, b), 0.0)
    np.testing.assert_array_equal(run_forward(kernel, step, x, w, b)[0], wanted)
    assert not np.array_equal(run_forward(mutated(kernel, old, new), step, x, w, b)[0], wanted)


def test_writing_outside_is_noticed() -> None:
    """A row more than there is memory for."""
    step = forward(4, 16)
    x, w, b = numbers(1, 3, 4), numbers(2, 4, 16), numbers(3, 16)
    forwards = step.step
    assert isinstance(forwards, Forward)
    assert forwards.y is not None
    memory = memory_of(forwards.y, None, 3)
    with pytest.raises(AssertionError, match="after the array"):
        compiled(step, 3, REGISTERS[0])(
            memory_of(forwards.x, np.vstack([x, x])),
            memory_of(forwards.weight, w),
            memory_of(forwards.bias, b),
            memory,
            None,
            4,
            0,
            4,
        )
