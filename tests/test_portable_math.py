"""The elementary functions against extended precision, and the bits they must have on every processor."""

import hashlib
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier import portable_math

rng = np.random.Generator(np.random.Philox(7))
UNITS = rng.random(20_000)
WIDE = np.ldexp(0.5 + 0.5 * UNITS, (2000 * rng.random(20_000) - 1000).astype(int))
BOTH_SIGNS = 2.0 * UNITS - 1.0
DIGESTS = [
    "aeab7bdc9f417a1c",
    "7594d3b028cb05af",
    "2dff5c02035976a7",
    "cc8edc7e39db670e",
    "70f9a158c54d7133",
    "6d936cf91bdaf6dd",
]
"""Of the results on an Intel processor with AVX-512; every other must give the same."""
pytestmark = pytest.mark.skipif(
    np.finfo(np.longdouble).nmant < 63, reason="long double is no wider than float64 here, so nothing to compare with"
)


def last_places(values: Any, exact: Any) -> float:
    """The largest error in units of the last place of the exact results."""
    return float(np.max(np.abs(values - exact) / np.spacing(np.abs(exact).astype(np.float64))))


@pytest.mark.parametrize("numbers", [UNITS, 1.0 - 1e-9 * UNITS, WIDE])
def test_log(numbers: Any) -> None:
    assert last_places(portable_math.log(numbers), np.log(numbers.astype(np.longdouble))) < 3


@pytest.mark.parametrize("scale", [1e-6, 1.0, 30.0, 690.0])
def test_exp(scale: float) -> None:
    numbers = scale * BOTH_SIGNS
    assert last_places(portable_math.exp(numbers), np.exp(numbers.astype(np.longdouble))) < 3


@pytest.mark.parametrize("revolutions", [BOTH_SIGNS, np.arange(-16, 17) / 8.0])
def test_cos_sin(revolutions: Any) -> None:
    angles = 2.0 * np.longdouble("3.14159265358979323846264338327950288") * revolutions.astype(np.longdouble)
    cosines, sines = portable_math.cos_sin(revolutions)
    np.testing.assert_allclose(cosines, np.cos(angles), rtol=0, atol=3 * 2.0**-53)
    np.testing.assert_allclose(sines, np.sin(angles), rtol=0, atol=3 * 2.0**-53)


@pytest.mark.parametrize("base", [0.1, 0.5, 0.9, 0.999, 1.0, 1.5])
def test_power(base: float) -> None:
    for exponents in (np.arange(300), 20.0 * UNITS, np.array([0.0, 0.25, 7.0])):
        exact = np.longdouble(base) ** exponents.astype(np.longdouble)
        errors = np.abs(portable_math.power(base, exponents) / exact - 1)
        assert (errors <= 2.0**-51 * (1 + exponents) * (1 - np.log(min(base, 1)))).all()


def test_powers_at_the_ends() -> None:
    assert portable_math.power(0.0, [0.0, 0.5, 1.0, 9.0]).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert portable_math.power(0.5, [1 << 40, 5000]).tolist() == [0.0, 0.0]
    assert portable_math.power(2.0, [1 << 40]).tolist() == [np.inf]
    assert portable_math.log(0.0) == -np.inf


@pytest.mark.parametrize("base", [0.0, 1e-30, 0.5, 0.9, 0.999, 1.0, 1.5, 1e200])
def test_few_powers_have_the_bits_of_many(base: float) -> None:
    exponents = np.array([0, 1, 2, 3, 7, 40, 999, 1 << 20, (1 << 40) + 5, 1 << 62], np.float64)
    with np.errstate(over="ignore"):
        many = portable_math.power(base, np.concatenate([exponents, np.arange(portable_math.FEW)]))
    few = portable_math.power(base, exponents)
    alone = [float(portable_math.power(base, exponent)) for exponent in exponents]
    assert few.tolist() == many[: len(exponents)].tolist() == alone


@pytest.mark.parametrize("exponent", [0.3, 0.5, 0.9, 1.0, 2.0, 3.7])
def test_powers_of(exponent: float) -> None:
    exact = UNITS.astype(np.longdouble) ** np.longdouble(exponent)
    assert np.max(np.abs(portable_math.powers_of(UNITS, exponent) / exact - 1)) < 2.0**-49
    assert portable_math.powers_of([0.0, 1.0], exponent).tolist() == [0.0, 1.0]


def test_the_bits_are_those_of_every_processor() -> None:
    cosines, sines = portable_math.cos_sin(UNITS)
    results = (
        portable_math.log(WIDE),
        portable_math.exp(20.0 * BOTH_SIGNS),
        cosines,
        sines,
        portable_math.power(0.999, np.arange(5000)),
        portable_math.powers_of(UNITS, 1.7),
    )
    digests = [hashlib.sha256(result.tobytes()).hexdigest()[:16] for result in results]
    assert digests == DIGESTS


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 127, 129, 1000])
def test_sums_of_products(count: int) -> None:
    a, b = BOTH_SIGNS[:count], UNITS[count : 2 * count]
    exact = math.fsum(a.astype(np.longdouble) * b)
    assert portable_math.dot(a, b) == pytest.approx(exact, rel=1e-15, abs=count * 2.0**-53)
    columns = np.stack([b, -2.0 * b], axis=1)
    sums = portable_math.column_sums(a, columns)
    assert sums == pytest.approx([exact, -2.0 * exact], rel=1e-12, abs=count * 2.0**-53)


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(1, 9), count=st.integers(1, 300) | st.just(20_001), seed=st.integers(0, 2**32 - 1))
def test_the_sums_of_many_rows_are_those_of_each(rows: int, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    values, weights = random.normal(size=(rows, count)), random.random(count)
    assert portable_math.dots(values, weights).tolist() == [portable_math.dot(row, weights) for row in values]
    turned = np.asfortranarray(values)
    assert portable_math.dots(turned, weights).tolist() == [portable_math.dot(row, weights) for row in values]
