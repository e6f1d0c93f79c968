"""Products of bfloat16: the specification `ranvier.engine.bfloat16`, the processor's dot product, and float32 kernels.

All three give the same bits, also where numbers overflow, cancel, or are the smallest there are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.engine.bfloat16 import SMALLEST, SMALLEST_START
from ranvier.native.kernels.bfloat16 import add_products_of_pair, start_of_sums
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import write_function
from ranvier.native.machine import cpu
from ranvier.native.scheduling.packing import bfloat16_of
from ranvier.native.scheduling.tiles import PANEL
from ranvier.reference.bfloat16 import products
from tests.native.kernels.run_kernel import Kernel, compile_kernel, guarded

Array = Any
LARGEST = (2.0 - 2.0**-7) * 2.0**127
LENGTHS = (1, 2, 7, 64)
LANES = 4096


def by_fma(module: Emitter, name: str) -> None:
    """Write `(a, b, bias, c, i64 length)`: 16 sums, in float32."""
    with write_function(module, name, {**dict.fromkeys(("a", "b", "bias", "c"), "ptr"), "length": "i64"}) as f:
        a, b, bias, c, length = f.parameters
        with f.loop(0, length, name="k", carried=[start_of_sums(f, f.load(bias))]) as loop:
            at = f.multiply(loop.index, PANEL)
            loop.carry(f.fma(f.load(f.pointer(a, at)), f.load(f.pointer(b, at)), loop.values[0]))
        f.store(loop.results[0], c)


def by_pairs(module: Emitter, name: str) -> None:
    """Write the same of pairs."""
    with write_function(module, name, {**dict.fromkeys(("a", "b", "bias", "c"), "ptr"), "length": "i64"}) as f:
        a, b, bias, c, length = f.parameters
        with f.loop(0, length, name="k", carried=[start_of_sums(f, f.load(bias))]) as loop:
            at = f.multiply(loop.index, PANEL)
            loop.carry(add_products_of_pair(f, f.load(f.pointer(a, at)), f.load(f.pointer(b, at)), loop.values[0]))
        f.store(loop.results[0], c)


def paired(values: Array) -> Array:
    """Pairs along the first axis, filled up with zeros: the first number in the upper half."""
    padded_values = np.concatenate([values, np.zeros((len(values) % 2, *values.shape[1:]), np.float32)])
    bits = padded_values.view(np.uint32)
    result: Array = (bits[::2] | bits[1::2] >> 16).view(np.float32)
    return result


def run(kernel: Kernel, a: Array, b: Array, bias: Array) -> Array:
    """Lane by lane: a and b (K, lanes), bias (lanes,)."""
    actual = np.empty(len(bias), np.float32)
    c = guarded(PANEL)
    for first in range(0, len(bias), PANEL):
        part = slice(first, first + PANEL)
        kernel(*(np.ascontiguousarray(values[..., part]) for values in (a, b, bias)), c, len(a))
        actual[part] = c
    return actual


def specified(a: Array, b: Array, bias: Array) -> Array:
    """Lane by lane, by the reference."""
    with np.errstate(all="ignore"):
        lanes = [
            products(a[:, lane][None].astype(np.float64), b[:, lane][:, None].astype(np.float64), bias[lane])[0, 0]
            for lane in range(len(bias))
        ]
    return np.array(lanes, np.float32)


def same(actual: Array, wanted: Array) -> bool:
    """All bits, of what is a number."""
    numbers = ~np.isnan(wanted)
    return bool(
        np.array_equal(np.isnan(actual), ~numbers)
        and np.array_equal(actual.view(np.uint32)[numbers], wanted.view(np.uint32)[numbers])
    )


def drawn(kind: str, length: int, lanes: int) -> tuple[Array, Array, Array]:
    """Operands (K, lanes) and biases (lanes,)."""
    generator = np.random.default_rng([length, len(kind)])
    a, b = generator.standard_normal((2, length, lanes))
    bias = generator.standard_normal(lanes)
    if kind == "wide":
        a, b = (x * 2.0 ** generator.integers(-60, 60, x.shape) for x in (a, b))
        bias = bias * 2.0 ** generator.integers(-120, 120, lanes)
    if kind == "smallest":
        a, b = (np.sign(x) * SMALLEST * generator.integers(126, 160, x.shape) / 128 for x in (a, b))
        bias = np.sign(bias) * SMALLEST_START * 2.0 ** generator.integers(-30, 3, lanes)
        bias[::2] = generator.choice([0.0, -0.0, 1e-45, -1e-45, 2.0**-112, -(2.0**-112)], len(bias[::2]))
    if kind == "cancelling":
        a[1::2], b[1::2] = -a[: length // 2 * 2 : 2], b[: length // 2 * 2 : 2] * (1 + generator.integers(-2, 3) / 256)
        bias *= 2.0 ** generator.integers(-30, 0, lanes)
    if kind == "special":
        special = [0.0, -0.0, np.inf, -np.inf, np.nan, LARGEST, -LARGEST, SMALLEST, 1e-40, 1.0, -1.0, 2.0**64]
        a, b, bias = (generator.choice(special, x.shape) for x in (a, b, bias))
    if kind == "overflowing":
        a, b = (np.sign(x) * 2.0 ** generator.integers(62, 65, x.shape) for x in (a, b))
        bias = np.sign(bias) * 2.0**127
    return bfloat16_of(a), bfloat16_of(b), bias.astype(np.float32)


KINDS = ("normal", "wide", "smallest", "cancelling", "special", "overflowing")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", LENGTHS)
def test_every_engine_gives_the_bits_of_the_specified(kind: str, length: int) -> None:
    a, b, bias = drawn(kind, length, LANES // length // PANEL * PANEL)
    wanted = specified(a, b, bias)
    assert same(run(compile_kernel(by_fma), a, b, bias), wanted)
    if cpu.target().has_bf16_dot:
        assert same(run(compile_kernel(by_pairs), paired(a), paired(b), bias), wanted)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("special", "overflowing")])
def test_no_sum_is_subnormal_or_minus_zero(kind: str) -> None:
    """What makes the specification hold on processors that flush subnormal numbers to zero."""
    for length in LENGTHS:
        sums = specified(*drawn(kind, length, LANES // length // PANEL * PANEL))
        assert not ((sums != 0) & (np.abs(sums) < 2.0**-126)).any()
        assert not (np.signbit(sums) & (sums == 0)).any()


def test_smaller_operands_would_give_other_bits() -> None:
    """Why operands have a smallest number: below it the processor's dot product differs from float32."""
    if not cpu.target().has_bf16_dot:
        pytest.skip("this processor has no bfloat16 dot product")
    a = np.full((2, PANEL), 2.0**-70, np.float32)
    bias = np.zeros(PANEL, np.float32)
    flushed = run(compile_kernel(by_pairs), paired(a), paired(a), bias)
    assert not flushed.any()
    assert run(compile_kernel(by_fma), a, a, bias).all()


def test_the_order_of_a_pair_counts() -> None:
    a = np.array([[1.0], [2.0**-24], [2.0**-24]], np.float32).repeat(PANEL, axis=1)
    b, bias = np.ones_like(a), np.zeros(PANEL, np.float32)
    assert specified(a, b, bias)[0] == 1.0
    assert specified(a[::-1], b, bias)[0] > 1.0
