"""Classes as numbers count as their one-hot rows do, with and without weights."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier.rows.class_numbers import class_fractions, one_hot

NUMBERS = np.array([[2], [0], [2], [1], [2]], np.int32)


@pytest.mark.parametrize("weights", [None, np.array([0.5, 3.0, 0.0, 1.0, 2.0])])
def test_fractions_of_classes_are_means_of_one_hot_rows(weights: np.ndarray | None) -> None:
    rows = one_hot(NUMBERS, 4)
    assert rows.tolist()[0] == [0.0, 0.0, 1.0, 0.0]
    expected = np.average(rows, axis=0, weights=weights)
    np.testing.assert_allclose(class_fractions(NUMBERS, 4, weights), expected, rtol=1e-15, atol=0)
    np.testing.assert_allclose(class_fractions(rows, 4, weights), expected, rtol=1e-15, atol=0)


def test_weights_move_the_fractions() -> None:
    assert class_fractions(NUMBERS[:2], 3, np.array([1.0, 3.0])).tolist() == [0.75, 0.0, 0.25]
