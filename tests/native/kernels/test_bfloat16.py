"""Rounding to bfloat16 in compiled code and in NumPy, against the reference's formula, over all bits of float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native.kernels.bfloat16 import to_bfloat16
from ranvier.native.scheduling.packing import bfloat16_of
from ranvier.reference.bfloat16 import to_bfloat16 as reference
from tests.native.kernels.accuracy import LANES, Array, elementwise, runnable_targets

LIMITS = np.finfo(np.float32)
SPECIAL = [np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, LIMITS.max, -LIMITS.max, LIMITS.tiny, LIMITS.smallest_subnormal]
COUNT = 16


def around(values: Array) -> Array:
    """What stands at, halfway between and right beside the numbers of the upper 16 bits."""
    bits = values.view(np.uint32)
    upper = bits & np.uint32(0xFFFF0000)
    lows = [np.uint32(low) for low in (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF)]
    return np.concatenate([bits, *(upper | low for low in lows)]).view(np.float32)


def expected(values: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        return reference(values.astype(np.float64)).astype(np.float32)


def same(actual: Array, values: Array) -> bool:
    """What is not a number keeps its bits; the sign of a zero counts."""
    wanted = np.where(np.isnan(values), values, expected(values))
    return bool(np.array_equal(actual.view(np.uint32), wanted.view(np.uint32)))


@pytest.fixture(scope="module")
def functions() -> list[Any]:
    """For every processor that can run here, and all widths of vectors."""
    return [
        elementwise(lambda f, x: [to_bfloat16(f, x)], "float32", 1, 1, lanes, target)
        for target in runnable_targets()
        for lanes in LANES["float32"]
    ]


def test_around_is_seven_times_as_many_numbers_of_the_same_kind() -> None:
    actual = around(np.array([1.0, np.nan], np.float32))
    assert actual.tolist()[::2] == [1.0, 1.0, *(1 + low / 2**23 for low in (1, 0x7FFF, 0x8000, 0x8001, 0xFFFF))]
    assert np.isnan(actual[1::2]).all()


@given(bits=arrays(np.uint32, COUNT, elements=st.integers(0, 2**32 - 1)))
@example(bits=np.full(COUNT, 0x7F800001, np.uint32))
def test_any_bits(functions: list[Any], bits: Array) -> None:
    values = around(bits.view(np.float32))
    assert same(bfloat16_of(values), values)
    for function in functions:
        assert same(function(values)[0], values)


def test_special_numbers(functions: list[Any]) -> None:
    values = around(np.array([*SPECIAL, 1.0, 1.0 + 2**-8, 1.0 + 3 * 2**-8], np.float32))
    values = np.concatenate([values, np.zeros(-len(values) % COUNT, np.float32)])
    assert same(bfloat16_of(values), values)
    for function in functions:
        assert same(function(values)[0], values)
    assert not same(values, values)


def test_shapes_and_formats_of_arrays() -> None:
    given = np.asfortranarray(np.arange(6.0).reshape(2, 3) / 7.0)
    actual = bfloat16_of(given)
    assert actual.dtype == np.float32
    assert np.array_equal(actual, reference(given.astype(np.float32).astype(np.float64)))
