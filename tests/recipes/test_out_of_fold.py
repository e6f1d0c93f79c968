"""What networks of an ensemble say of rows outside their training."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier.network.task import Task
from ranvier.recipes.out_of_fold import Member, held_out_rows
from ranvier.rows import Rows

TWO = Task("binary", 1, ("no", "yes"))


def part(targets: list[float], weights: list[float] | None = None) -> Rows:
    """Rows with these targets."""
    known = None if weights is None else np.array(weights)
    return Rows(np.zeros((len(targets), 1)), np.array(targets)[:, None], known)


def test_each_row_has_the_output_of_the_network_that_left_it_out() -> None:
    folds = part([0.0, 1.0], [1.0, 2.0]), part([1.0], [3.0])
    found = held_out_rows(TWO, [Member(folds[0], np.array([[0.2], [0.6]])), Member(folds[1], np.array([[0.9]]))], 0.5)
    assert found is not None
    assert found.folds
    assert found.targets.tolist() == [[0.0], [1.0], [1.0]]
    assert found.weights is not None
    assert found.weights.tolist() == [1.0, 2.0, 3.0]
    odds = np.array([0.2 / 0.8, 0.6 / 0.4, 0.9 / 0.1]) ** 0.5
    np.testing.assert_allclose(found.outputs[:, 0], odds / (1 + odds))


def test_the_same_validation_rows_have_the_outputs_of_the_merged_network() -> None:
    shared = part([0.0, 1.0])
    found = held_out_rows(TWO, [Member(shared, np.array([[chance], [0.5]])) for chance in (0.2, 0.5)], 1.0)
    assert found is not None
    assert not found.folds
    assert found.outputs[:, 0].tolist() == pytest.approx(
        [1 / 3, 0.5]
    )  # the odds 1/4 and 1, whose mean logit is log 1/2


def test_errors_of_numbers_are_taken_as_they_are() -> None:
    task, folds = Task("regression", 1), [part([float(fold)]) for fold in range(6)]
    found = held_out_rows(task, [Member(fold, fold.targets + 2.0) for fold in folds], 1.0)
    assert found is not None
    assert (found.outputs - found.targets == 2.0).all()


def test_without_networks_there_is_nothing() -> None:
    assert held_out_rows(TWO, [], 1.0) is None
