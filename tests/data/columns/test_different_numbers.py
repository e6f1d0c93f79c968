"""How many different numbers there are, counted in an array or by a hash table, is the number of numpy.unique."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ranvier.data.columns.different_numbers import n_different

DRAWN = np.random.default_rng(0)
COLUMNS = {
    "none": [],
    "zeros of both signs": [-0.0, 0.0],
    "the largest numbers": [1.7e308, -1.7e308, 5e-324],
    "integers beyond those that are exact": [2.0**53, 2.0**53 + 2, 3.0],
    "numbers that print alike": [0.1 + 0.2, 0.3],
    "integers far apart": [0.0, 1e9, 1.0],
    "prices": DRAWN.integers(-500, 500, 3000) / 100,
    "decimals": DRAWN.normal(50, 10, 3000).round(3),
    "decimals, and one that has more": np.append(DRAWN.normal(50, 10, 3000).round(3), 1 / 3),
    "measurements": DRAWN.normal(size=3000),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns(name: str) -> None:
    values = np.array(COLUMNS[name], np.float64)
    assert n_different(values) == len(np.unique(values))


@given(arrays(np.float64, st.integers(1, 30), elements=st.floats(allow_nan=False, allow_infinity=False)))
def test_any_numbers(values: np.ndarray) -> None:
    assert n_different(values) == len(np.unique(values))


@given(st.lists(st.decimals(-999, 999, places=4), min_size=1, max_size=30))
def test_any_decimals(values: list[object]) -> None:
    numbers = np.array([float(str(value)) for value in values])
    assert n_different(numbers) == len(np.unique(numbers))
