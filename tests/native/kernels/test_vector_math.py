"""Errors of the elementary functions over dense sweeps, their edges, and their bits on every processor."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native.kernels import vector_math
from ranvier.native.kernels.function import write_function
from ranvier.native.machine import cpu, llvm
from ranvier.native.machine import target as targets
from tests.native.kernels.accuracy import (
    LANES,
    Array,
    elementwise,
    exact,
    runnable_targets,
    same_bits,
    ulps,
    unary,
)

DTYPES = ("float32", "float64")
COUNT = 100_000
WIDE_ENOUGH = np.finfo(np.longdouble).nmant >= 63


def sweep(dtype: str, count: int = COUNT) -> Array:
    """Random bit patterns, the ranges where things happen, the neighbours of every edge, and special values."""
    generator = np.random.default_rng(7)
    unsigned = np.uint32 if dtype == "float32" else np.uint64
    edge = 110.0 if dtype == "float32" else 760.0
    bits = generator.integers(0, np.iinfo(unsigned).max, count, dtype=unsigned).view(dtype)
    limits = np.finfo(dtype)
    special = [0.0, -0.0, 1.0, -1.0, limits.max, -limits.max, limits.tiny, limits.smallest_subnormal, 1e4, 20, -20]
    marks = np.array([*special, 0.5, 0.921875, math.sqrt(0.5), math.sqrt(2.0), math.log(2) / 2, 2.0**40, edge], dtype)
    with np.errstate(over="ignore"):
        near = [np.nextafter(marks, np.array(towards, dtype)) for towards in (-np.inf, np.inf)]
    angles = (np.arange(count) - count // 2) * (math.pi / 2)
    parts = [generator.uniform(-r, r, count) for r in (1e-3, 1.0, 20.0, edge)]
    parts += [1 + generator.uniform(-1e-3, 1e-3, count), angles, [np.inf, -np.inf, np.nan]]
    parts += [generator.uniform(-1, 1, count) * limits.tiny * 4]
    return np.concatenate([bits, marks, -marks, *near, *(np.asarray(part).astype(dtype) for part in parts)])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(vector_math.UNARY))
def test_errors_stay_within_their_bounds(name: str, dtype: str) -> None:
    if dtype == "float64" and not WIDE_ENOUGH:
        pytest.skip("this processor has no format wider than float64")
    x = sweep(dtype, 20_000 if name == "erf" else COUNT)
    errors = ulps(unary(vector_math.UNARY[name], dtype, LANES[dtype][-1])(x), exact(name, x))
    bound = vector_math.BOUNDS.get(name, (0.0, 0.0))[DTYPES.index(dtype)]
    assert errors.max() <= bound, f"{name}({x[errors.argmax()]!r}) is wrong by {errors.max()} ulp"
    # The bound says something: it is not far above what happens.
    assert errors.max() >= 0.4 * bound


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_error_of_a_power_stays_within_its_bound(dtype: str) -> None:
    if dtype == "float64" and not WIDE_ENOUGH:
        pytest.skip("this processor has no format wider than float64")
    generator = np.random.default_rng(3)
    a = np.concatenate([generator.lognormal(0, 3, COUNT), -generator.lognormal(0, 1, COUNT)]).astype(dtype)
    b = generator.uniform(-60, 60, len(a)).astype(dtype)
    b[::3] = np.round(b[::3])
    call = elementwise(lambda f, x, y: [vector_math.power(f, x, y)], dtype, 2, 1, LANES[dtype][-1])
    errors = ulps(call(a, b)[0], exact("power", a, b))
    worst = errors.argmax()
    assert errors.max() <= vector_math.BOUNDS["power"][DTYPES.index(dtype)], (a[worst], b[worst], errors[worst])


@pytest.mark.parametrize("dtype", DTYPES)
def test_powers_at_the_edges_are_those_of_numpy(dtype: str) -> None:
    edges = np.array([0.0, -0.0, 1, -1, 2, -2, 3, 0.5, -0.5, 1.5, 1e30, -1e30, 7, -7, np.inf, -np.inf, np.nan], dtype)
    a, b = (array.reshape(-1) for array in np.meshgrid(edges, edges))
    call = elementwise(lambda f, x, y: [vector_math.power(f, x, y)], dtype, 2, 1, 4)
    got = call(a, b)[0]
    with np.errstate(all="ignore"):
        wanted = np.power(a, b)
    assert ulps(got, wanted).max() <= 1
    numbers = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(got)[numbers], np.signbit(wanted)[numbers])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "inputs", "wanted"),
    [
        ("exp", [-np.inf, -2000.0, 0.0, 2000.0, np.inf], [0.0, 0.0, 1.0, np.inf, np.inf]),
        ("expm1", [-np.inf, -2000.0, 0.0, 2000.0, np.inf], [-1.0, -1.0, 0.0, np.inf, np.inf]),
        ("log", [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf], [-np.inf, -np.inf, 0.0, np.nan, np.inf, np.nan]),
        ("log1p", [-1.0, 0.0, -2.0, np.inf, -np.inf], [-np.inf, 0.0, np.nan, np.inf, np.nan]),
        ("tanh", [-np.inf, -25.0, 0.0, 25.0, np.inf], [-1.0, -1.0, 0.0, 1.0, 1.0]),
        ("sigmoid", [-np.inf, -2000.0, 0.0, 2000.0, np.inf], [0.0, 0.0, 0.5, 1.0, 1.0]),
        ("erf", [-np.inf, -7.0, 0.0, 7.0, np.inf], [-1.0, -1.0, 0.0, 1.0, 1.0]),
        ("sin", [0.0, np.inf, -np.inf], [0.0, np.nan, np.nan]),
        ("cos", [0.0, np.inf, -np.inf], [1.0, np.nan, np.nan]),
        ("sqrt", [0.0, 4.0, -1.0, np.inf], [0.0, 2.0, np.nan, np.inf]),
        ("sign", [-np.inf, -2.0, -0.0, 0.0, 2.0, np.inf], [-1.0, -1.0, 0.0, 0.0, 1.0, 1.0]),
        ("absolute", [-np.inf, -2.0, -0.0, 3.0], [np.inf, 2.0, 0.0, 3.0]),
    ],
)
def test_the_edges(name: str, inputs: list[float], wanted: list[float], dtype: str) -> None:
    call = unary(vector_math.UNARY[name], dtype, 4)
    np.testing.assert_array_equal(call(np.array([*inputs, np.nan], dtype)), np.array([*wanted, np.nan], dtype))


def test_the_edges_are_known_for_every_function() -> None:
    (mark,) = (mark for mark in test_the_edges.pytestmark if mark.args[0] != "dtype")
    assert {entry[0] for entry in mark.args[1]} == set(vector_math.UNARY)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted(vector_math.UNARY))
def test_bit_identical_for_every_vector_width_and_processor(name: str, dtype: str) -> None:
    x = sweep(dtype, 2000)
    results = [
        unary(vector_math.UNARY[name], dtype, lanes, target)(x)
        for lanes in LANES[dtype]
        for target in runnable_targets()
    ]
    assert len(results) >= 4
    assert all(same_bits(results[0], result) for result in results)
    other = results[0].copy()
    other[np.flatnonzero(np.isfinite(other))[-1]] += 1
    assert not same_bits(results[0], other)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("constant", [None, "first", "second"])
@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_extremes_are_those_of_numpy(name: str, constant: str | None, dtype: str) -> None:
    values = np.array([-np.inf, -1.0, 0.0, 0.5, 2.0, np.inf, np.nan], dtype)
    a, b = (array.reshape(-1) for array in np.meshgrid(values, values))
    function = getattr(vector_math, name)
    if constant is None:
        got = elementwise(lambda f, x, y: [function(f, x, y)], dtype, 2, 1, 8)(a, b)[0]
        np.testing.assert_array_equal(got, getattr(np, name)(a, b))
    else:
        order = slice(None, None, 1 if constant == "second" else -1)
        got = elementwise(lambda f, x: [function(f, *(x, 0.5)[order])], dtype, 1, 1, 8)(values)[0]
        np.testing.assert_array_equal(got, getattr(np, name)(values, np.array(0.5, dtype)))


@pytest.mark.parametrize("name", sorted(vector_math.UNARY))
def test_no_library_is_called_and_wide_registers_are_used(name: str) -> None:
    from ranvier.native.kernels.emitter import Emitter

    module = Emitter("float32", 16)
    with write_function(module, "apply", {"x": "ptr"}) as f:
        f.store(vector_math.UNARY[name](f, f.load(f.parameters[0])), f.parameters[0])
    lines = llvm.assembly(module.text(), cpu.target()).splitlines()
    calls = [line for line in lines if line.startswith(("\tcall", "\tbl"))]
    assert all("reduce_large_angle" in line for line in calls)
    assert bool(calls) == (name in ("sin", "cos"))
    if cpu.target().is_x86:
        assert "zmm" in llvm.assembly(module.text(), targets.level("x86-64-v4", cpu.target().triple))
