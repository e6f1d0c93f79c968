"""Which values lie far from all others: those of mistakes, not those of heavy tails."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from ranvier.data.encoders.repeated_rows import RepeatedRows
from ranvier.data.encoders.usual_range import are_far, sorted_quantiles, usual_range, usual_ranges, without_far

Draw = Callable[[np.random.Generator, int], NDArray[np.float64]]
BODIES: dict[str, Draw] = {
    "normal": lambda rng, n: rng.normal(50, 10, n),
    "uniform": lambda rng, n: rng.uniform(40, 60, n),
    "counts": lambda rng, n: rng.integers(0, 5, n).astype(float),
    "mostly 0": lambda rng, n: np.where(rng.random(n) < 0.7, 0.0, rng.random(n)),
    "prices": lambda rng, n: 2e5 * rng.lognormal(0, 0.7, n),
}
TAILS: dict[str, Draw] = {
    "lognormal": lambda rng, n: rng.lognormal(0, 1, n),
    "wide lognormal": lambda rng, n: rng.lognormal(0, 3, n),
    "exponential": lambda rng, n: rng.exponential(1, n),
    "Pareto": lambda rng, n: rng.pareto(1, n),
    "Cauchy": lambda rng, n: rng.standard_cauchy(n),
}


@pytest.mark.parametrize("rows", [50, 2000])
@pytest.mark.parametrize("name", BODIES)
def test_values_far_from_all_others_are_outside(name: str, rows: int) -> None:
    for seed in range(10):
        usual = BODIES[name](np.random.default_rng(seed), rows)
        expected = (usual.min(), usual.max())
        for far in ([1e12], [-1e12], [1e12, -1e12], [1e12, 1.1e12, 1e13], [1e12] * 4):
            assert usual_range(np.append(usual, far)) == expected
        assert usual_range(usual) == expected


@pytest.mark.parametrize("rows", [300, 3000])
@pytest.mark.parametrize("name", TAILS)
def test_heavy_tails_are_inside(name: str, rows: int) -> None:
    outside = 0
    for seed in range(40):
        values = TAILS[name](np.random.default_rng(seed), rows)
        outside += usual_range(values) != (values.min(), values.max())
    assert outside <= 1


def test_a_second_group_of_values_is_inside() -> None:
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 1, 80), rng.normal(1e9, 1, 20)])
    assert usual_range(values) == (values.min(), values.max())


def test_columns_have_their_own_ranges() -> None:
    values = np.stack([np.append(np.arange(20.0), 1e9), np.arange(21.0)], axis=1)
    ranges = usual_ranges(values)
    assert ranges == ((0.0, 19.0), (0.0, 20.0))
    assert np.argwhere(are_far(values, ranges)).tolist() == [[20, 0]]
    assert usual_ranges(values[:-1]) == ()
    assert not are_far(values, ()).any()


@pytest.mark.parametrize("size", [1, 2, 3, 10, 1001])
def test_quantiles_of_sorted_values_are_those_of_numpy(size: int) -> None:
    rng = np.random.default_rng(size)
    values = np.sort(rng.normal(0, 1, size) * 10.0 ** rng.integers(-9, 9, size))
    fractions = (0.0, *rng.random(20), 0.5, 1.0)
    assert sorted_quantiles(values, fractions).tobytes() == np.quantile(values, fractions).tobytes()


@pytest.mark.parametrize("far", [0.0, 1e12])
def test_repeated_rows_have_the_ranges_of_all_rows(far: float) -> None:
    rng = np.random.default_rng(0)
    different = rng.normal(0, 1, (50, 3))
    different[4] = (np.nan, far, far)
    repeated = RepeatedRows(different, rng.integers(0, 50, 5000))
    rows = repeated[:]
    assert usual_ranges(repeated) == usual_ranges(rows)
    np.testing.assert_array_equal(without_far(repeated)[:], without_far(rows))
