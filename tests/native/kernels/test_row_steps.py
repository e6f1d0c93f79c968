"""Steps that treat rows independently, each alone: gather, losses, outputs, normalization, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native.kernels.gather import write_gather
from ranvier.native.kernels.loss import write_answer, write_loss
from ranvier.native.kernels.loss_of_rows import write_loss_of_rows
from ranvier.native.kernels.rowops import buffers_of, write_row_step
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.scheduling.arguments import KINDS
from ranvier.native.scheduling.packing import bfloat16_of
from ranvier.network.activations import activation
from ranvier.network.losses import LOSSES
from ranvier.reference import activations as reference_activations
from ranvier.reference import layers as reference
from ranvier.reference import losses as reference_losses
from tests.native.kernels.run_kernel import (
    Array,
    close,
    compile_kernel,
    fma,
    guarded,
    memory_of,
    mutated,
    numbers,
    values_of,
)

ROWS, COLUMNS = st.integers(1, 9), st.integers(1, 100)
EPSILON = 1e-3


def rows_buffer(name: str, columns: int) -> Buffer:
    return Buffer(name, 0, "rows", columns)


# Gather


@given(
    rows=ROWS,
    columns=COLUMNS,
    kind=st.sampled_from(sorted(KINDS)),
    ordered=st.booleans(),
    precision=st.sampled_from(["float32", "float64"]),
)
def test_gather(rows: int, columns: int, kind: str, ordered: bool, precision: str) -> None:
    """Rows in an order, or shifted; bytes become the numbers 0 to 255; the padding is 0."""
    generator = np.random.default_rng(0)
    inputs = generator.integers(0, 256, (rows + 3, columns)).astype(kind)
    if kind != "uint8":
        inputs = (inputs / 7).astype(kind)
    x = rows_buffer("x", columns)
    kernel = compile_kernel(lambda m, name: write_gather(m, name, s.Gather(x), False), precision)
    order = generator.integers(0, rows + 3, rows)
    out = memory_of(x, None, rows, precision)
    kernel(inputs, list(KINDS).index(kind), order if ordered else None, 2, out, None, 0, 0, 0, rows)
    gathered = inputs[order] if ordered else inputs[2 : rows + 2]
    np.testing.assert_array_equal(values_of(x, out, rows), gathered.astype(precision))
    assert not out.reshape(rows, -1)[:, columns : -(-columns // 16) * 16].any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300, None])
def test_gather_notices_what_is_not_finite(bad: float | None) -> None:
    x = rows_buffer("x", 21)
    kernel = compile_kernel(lambda m, name: write_gather(m, name, s.Gather(x), True))
    inputs, saw = np.ones((3, 21)), np.zeros(1, np.int64)
    if bad is not None:
        inputs[1, 20] = bad
    kernel(inputs, list(KINDS).index("float64"), None, 0, memory_of(x, None, 3), saw, 0, 0, 0, 3)
    assert saw[0] == (bad is not None)


# Losses and outputs


@pytest.mark.parametrize("name", sorted(LOSSES))
@settings(max_examples=10)
@given(rows=ROWS, columns=st.integers(1, 40), weighted=st.booleans(), seed=st.integers(0, 99))
def test_losses(name: str, rows: int, columns: int, weighted: bool, seed: int) -> None:
    """Row losses and their gradients along z, against the reference in float64."""
    loss, generator = LOSSES[name], np.random.default_rng(seed)
    shape = {"output": "softplus", "logit": "sigmoid", "log_probability": "softmax"}[loss.applied_to]
    z, dz, losses = rows_buffer("z", columns), rows_buffer("dz", columns), Buffer("losses", 0, "column", 1)
    step = s.LossStep(z, dz, losses, loss, activation(shape))
    sums = generator.standard_normal((rows, columns)).astype(np.float32)
    targets = generator.random((rows, columns)).astype(np.float32) + np.float32(0.05)
    targets /= targets.sum(axis=1, keepdims=True) if columns > 1 else np.float32(1.1)
    weights = generator.integers(0, 4, rows).astype(np.float64)
    order = generator.permutation(rows)
    kernel = compile_kernel(lambda m, label: write_loss(m, label, step))
    error, out = memory_of(dz, None, rows), memory_of(losses, None, rows)
    kernel(memory_of(z, sums), error, out, targets, None, order, weights if weighted else None, None, 0, 0.5, 0, rows)
    wide, t = sums.astype(np.float64), targets[order].astype(np.float64)
    y = reference_activations.forward(activation(shape), wide)
    fractions = 0.5 * (weights[order] if weighted else np.ones(rows))
    close(out, reference_losses.row_losses(loss, wide, y, t), 40 + 6 * columns)
    wanted = reference_losses.output_delta(loss, activation(shape), wide, y, t) * fractions[:, None]
    close(values_of(dz, error, rows), wanted, 100 + 6 * columns)


@pytest.mark.parametrize("name", sorted(LOSSES))
@settings(max_examples=5)
@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 16),
    weighted=st.booleans(),
    precision=st.sampled_from(["float32", "float64"]),
    seed=st.integers(0, 99),
)
def test_losses_of_rows_at_once(name: str, rows: int, columns: int, weighted: bool, precision: str, seed: int) -> None:
    """They have the bits that each row has by itself; infinite sums and missing targets included."""
    loss, generator = LOSSES[name], np.random.default_rng(seed)
    shape = {"output": "softmax" if seed % 2 else "tanh", "logit": "sigmoid", "log_probability": "softmax"}
    z, dz, losses = rows_buffer("z", columns), rows_buffer("dz", columns), Buffer("losses", 0, "column", 1)
    step = s.LossStep(z, dz, losses, loss, activation(shape[loss.applied_to]))
    sums = generator.choice([-np.inf, -30.0, -1.5, -0.0, 0.0, 0.3, 2.0, 90.0], (rows, columns)).astype(precision)
    targets = generator.choice([np.nan, 0.0, 0.25, 1.0], (rows, columns)).astype(precision)
    weights, order = generator.integers(0, 4, rows).astype(np.float64), generator.permutation(rows)
    results = []
    for write in (write_loss, write_loss_of_rows):
        kernel = compile_kernel(lambda m, label, write=write: write(m, label, step), precision)
        error, out = (memory_of(buffer, None, rows + 2, precision) for buffer in (dz, losses))
        about = (targets, None, order, weights if weighted else None, None, 0, 0.3)
        kernel(memory_of(z, sums, dtype=precision), error, out, *about, 0, rows)
        results.append((error, out))
    for alone, together in zip(*results, strict=True):
        np.testing.assert_array_equal(alone, together)
        np.testing.assert_array_equal(np.signbit(alone)[alone == 0], np.signbit(together)[together == 0])


@pytest.mark.parametrize("name", ["identity", "relu", "sigmoid", "tanh", "gelu", "softmax"])
@settings(max_examples=10)
@given(rows=ROWS, columns=st.integers(1, 40))
def test_answers(name: str, rows: int, columns: int) -> None:
    """Outputs are packed without padding, from row `bias_buffer` on."""
    z = rows_buffer("z", columns)
    kernel = compile_kernel(lambda m, label: write_answer(m, label, s.Answer(z, activation(name))))
    sums, out = numbers(3, rows, columns), guarded((rows + 2) * columns)
    kernel(memory_of(z, sums), out, 2, 0, rows)
    wanted = reference_activations.forward(activation(name), sums.astype(np.float64))
    close(out.reshape(-1, columns)[2:], wanted, 20 + columns)
    assert not out[: 2 * columns].any()


# Element by element, and normalization


def run(step: Any, arrays: dict[str, Array], rows: int, scale: float = 1.0) -> dict[str, Array]:
    """What the buffers of a step hold after it ran on all rows, by field; those not given begin as 0."""
    buffers = buffers_of(step)
    memory = {name: memory_of(buffer, arrays.get(name), rows) for name, buffer in buffers.items()}
    kernel = compile_kernel(lambda m, name: write_row_step(m, name, step))
    kernel(*memory.values(), scale, 0, rows)
    return {name: values_of(buffer, memory[name], rows) for name, buffer in buffers.items()}


@given(rows=ROWS, columns=COLUMNS)
def test_elementwise(rows: int, columns: int) -> None:
    a, b, y = (rows_buffer(name, columns) for name in "aby")
    left, right = numbers(1, rows, columns), numbers(2, rows, columns)
    given_rows = {"a": left, "b": right}
    np.testing.assert_array_equal(run(s.Add(a, b, y), given_rows, rows)["y"], left + right)
    np.testing.assert_array_equal(run(s.Multiply(a, b, y), given_rows, rows)["y"], left * right)
    vector = Buffer("v", 0, "vector", columns)
    shared = run(s.Multiply(a, vector, y), {"a": left, "b": right[0]}, rows)
    np.testing.assert_array_equal(shared["y"], left * right[0])
    np.testing.assert_array_equal(run(s.Rounding(a, y), {"x": left}, rows)["y"], bfloat16_of(left))


@pytest.mark.parametrize("name", ["relu", "sigmoid", "tanh", "gelu", "silu"])
@given(rows=ROWS, columns=COLUMNS)
def test_activation_derivatives(name: str, rows: int, columns: int) -> None:
    dy, derivative_input, dz = (rows_buffer(label, columns) for label in ("dy", "derivative_input", "dz"))
    errors, sums = numbers(1, rows, columns), numbers(2, rows, columns)
    shape = activation(name)
    outputs = run(s.Derivative(dy, derivative_input, dz, shape, False), {"dy": errors, "derivative_input": sums}, rows)
    wide = sums.astype(np.float64)
    close(outputs["dz"], errors * reference_activations.derivative(shape, wide), 40)
    if name in ("relu", "sigmoid", "tanh"):
        y = reference_activations.forward(shape, wide).astype(np.float32)
        outputs = run(s.Derivative(dy, derivative_input, dz, shape, True), {"dy": errors, "derivative_input": y}, rows)
        close(outputs["dz"], errors * reference_activations.derivative(shape, wide), 40)


@given(rows=ROWS, columns=st.integers(2, 100))
def test_layer_norm(rows: int, columns: int) -> None:
    """Forward, and back with what forward stored."""
    x, n, y, dy, dx = (rows_buffer(name, columns) for name in ("x", "n", "y", "dy", "dx"))
    deviation = rows_buffer("d", 16)
    scale_buffer, bias_buffer = Buffer("scale", 0, "vector", columns), Buffer("bias", 0, "vector", columns)
    values = numbers(1, rows, columns) + np.float32(np.arange(columns) % 3)
    scale, bias, errors = numbers(2, columns), numbers(3, columns), numbers(4, rows, columns)
    outputs = run(
        s.NormalizeRow(x, scale_buffer, bias_buffer, n, deviation, y, EPSILON),
        {"x": values, "scale": scale, "bias": bias},
        rows,
    )
    wide, scale64, bias64 = (v.astype(np.float64) for v in (values, scale, bias))
    expected, cache = reference.layer_norm(wide, scale64, bias64, EPSILON)
    bound = 30 * (20 + columns)
    close(outputs["y"], expected, bound)
    close(outputs["n"], cache[0], bound)
    step = s.NormalizeRowBack(dy, scale_buffer, n, deviation, dx)
    back = run(step, {"dy": errors, "scale": scale, "n": outputs["n"], "deviation": outputs["deviation"]}, rows)
    close(back["dx"], reference.layer_norm_backward(cache, scale64, errors.astype(np.float64))[0], 30 * bound)


@given(rows=st.integers(2, 9), columns=COLUMNS)
def test_batch_norm(rows: int, columns: int) -> None:
    """Forward and back with given statistics; 1 / B is handed over."""
    x, n, y, dy, dx = (rows_buffer(name, columns) for name in ("x", "n", "y", "dy", "dx"))
    mean, variance, scale_buffer, bias_buffer, dscale, dbias = (
        Buffer(name, 0, "vector", columns) for name in ("mean", "variance", "scale", "bias", "dscale", "dbias")
    )
    values, errors = numbers(1, rows, columns), numbers(4, rows, columns)
    scale, bias = numbers(2, columns), numbers(3, columns)
    center, deviations = values.mean(axis=0), values.var(axis=0)
    step = s.NormalizeColumn(x, mean, variance, scale_buffer, bias_buffer, n, y, EPSILON)
    outputs = run(step, {"x": values, "mean": center, "variance": deviations, "scale": scale, "bias": bias}, rows)
    deviation = np.sqrt(deviations.astype(np.float64) + EPSILON)
    normalized = (values - center.astype(np.float64)) / deviation
    bound = 300 / EPSILON**0.5
    close(outputs["n"], normalized, bound)
    close(outputs["y"], normalized * scale + bias, bound)
    back_arrays = {"dy": errors, "n": outputs["n"], "scale": scale, "variance": deviations}
    back_arrays |= {"dscale": (errors * outputs["n"]).sum(axis=0), "dbias": errors.sum(axis=0)}
    step_back = s.NormalizeColumnBack(dy, n, scale_buffer, variance, dscale, dbias, dx, EPSILON)
    back = run(step_back, back_arrays, rows, 1 / rows)
    inner = errors - back_arrays["dbias"] / rows - outputs["n"] * back_arrays["dscale"] / rows
    close(back["dx"], inner * scale.astype(np.float64) / deviation, 30 * bound)


@pytest.mark.parametrize(("old", "new"), [("fadd", "fsub"), ("<i1 1, i1 1, ", "<i1 1, i1 0, ")])
def test_a_changed_kernel_is_noticed(old: str, new: str) -> None:
    """A wrong operation, and a column of the last group that is left out."""
    a, b, y = (rows_buffer(name, 19) for name in "aby")
    kernel = compile_kernel(lambda m, name: write_row_step(m, name, s.Add(a, b, y)))
    left, right, out = numbers(1, 2, 19) + 3, numbers(2, 2, 19) + 3, memory_of(y, None, 2)
    for changed in (kernel, mutated(kernel, old, new)):
        changed(memory_of(a, left), memory_of(b, right), out, 1.0, 0, 2)
        assert np.array_equal(values_of(y, out, 2), left + right) == (changed is kernel)


def test_reference_fma_rounds_once() -> None:
    """Just above the middle of two float32, where rounding to float64 first would give the middle and then 1."""
    small = np.float32(2**-24)
    above = fma(small, np.float32(1 + 2**-23), np.float32(1.0))
    assert float(above) == 1 + 2**-23
    assert float(fma(small, np.float32(1.0), np.float32(1.0))) == 1.0
    far = np.float32(2**-60)
    assert float(fma(far, far, np.float32(1 + 2**-23))) == 1 + 2**-23
    middle = np.array([1 + 2**-24], np.float64).astype(np.float32)
    assert float(middle[0]) == 1.0
