"""Inputs that are no numbers are found, wherever they stand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.errors import DataError
from ranvier.rows.finite import FEW_NUMBERS, check_finite

COLUMNS = 35


@given(
    rows=st.integers(1, 2 * FEW_NUMBERS // COLUMNS),
    position=st.tuples(st.integers(0), st.integers(0)),
    value=st.sampled_from([np.nan, np.inf, -np.inf]),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_the_error_names_row_and_column(rows: int, position: tuple[int, int], value: float, dtype: type) -> None:
    array = np.full((rows, COLUMNS), np.finfo(dtype).max / 2, dtype)
    check_finite(array)
    row, column = position[0] % rows, position[1] % COLUMNS
    array[row, column] = value
    with pytest.raises(DataError, match=f"X holds {value} at row index {row}, column index {column};"):
        check_finite(array)


def test_numbers_beyond_what_is_computed_with() -> None:
    large = np.array([[0.0, -1e300]])
    check_finite(large)
    with pytest.raises(DataError, match=r"row index 0, column index 1, which is beyond float32; scale"):
        check_finite(large, np.float32)
