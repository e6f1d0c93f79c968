"""The mean of values of rows and its standard error: NumPy's, and a row of weight two is the row twice."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier.training.standard_error import mean_and_error

VALUES = np.array([0.25, -1.5, 3.0, 0.75])


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("weights", [None, np.full(4, 2.0), np.ones(4, np.float32)])
def test_equal_weights_give_the_error_of_numpy(ddof: int, weights: np.ndarray | None) -> None:
    mean, error = mean_and_error(VALUES, weights, ddof)
    assert mean == pytest.approx(VALUES.mean())
    assert error == pytest.approx(VALUES.std(ddof=ddof) / np.sqrt(4))


def test_rows_of_weight_0_have_no_part() -> None:
    weights = np.array([1.0, 1.0, 0.0, 1.0])
    assert mean_and_error(VALUES, weights) == pytest.approx(mean_and_error(VALUES[[0, 1, 3]], None))


def test_the_mean_is_weighted() -> None:
    mean, error = mean_and_error(VALUES, np.array([3.0, 1.0, 0.0, 0.0]))
    assert mean == pytest.approx(-0.1875)
    assert error == pytest.approx(np.hypot(0.75 * 0.4375, 0.25 * 1.3125))
