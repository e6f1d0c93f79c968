"""Which rows the networks of an ensemble leave out."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ranvier.network.task import Task
from ranvier.recipes.out_of_fold import Member, first_left_out, left_out_rows, member_splits
from ranvier.rows import Rows

TWO = Task("binary", 1, ("no", "yes"), ("y",))
NUMBERS = Task("regression", 1, target_names=("y",))


def rows_of(labels: object, groups: np.ndarray | None = None) -> Rows:
    """Rows whose only input is their number."""
    targets = np.asarray(labels, np.float32)[:, None]
    return Rows(np.arange(len(targets), dtype=np.float32)[:, None], targets, groups=groups)


def left_out(task: Task, rows: Rows, n_networks: int, n_folds: int) -> list[np.ndarray]:
    """What each network leaves out."""
    actual = [index for index in left_out_rows(task, rows, None, n_networks, n_folds, 0) if index is not None]
    assert len(actual) == n_networks
    return actual


@pytest.mark.parametrize(("n_networks", "n_folds"), [(6, 10), (6, 4), (16, 10), (2, 5)])
def test_each_fold_has_a_third_in_common_with_the_next_and_classes_keep_their_proportion(
    n_networks: int, n_folds: int
) -> None:
    rows = rows_of([0] * 900 + [1] * 300)
    folds = left_out(TWO, rows, n_networks, n_folds)
    for index in folds:
        assert len(index) == 1200 // n_folds
        assert (np.diff(index) > 0).all()
        assert rows.targets[index].sum() == 300 // n_folds
    for first, second in pairwise(folds):
        assert len(np.intersect1d(first, second)) == 1200 // n_folds // 3


@pytest.mark.parametrize("n_folds", [3, 4, 10])
def test_enough_networks_leave_every_row_out(n_folds: int) -> None:
    folds = left_out(NUMBERS, rows_of(np.arange(300.0)), 3 * n_folds // 2, n_folds)
    assert len(np.unique(np.concatenate(folds))) == 300


@pytest.mark.parametrize("count", [4, 5, 7, 10, 31])
@pytest.mark.parametrize("grouped", [False, True])
def test_few_rows_or_groups_are_enough(count: int, grouped: bool) -> None:
    groups = np.arange(count) if grouped else None
    n_folds = count // 2
    for index in left_out(NUMBERS, rows_of(np.arange(float(count)), groups), 6, n_folds):
        assert 0 < len(index) < count


def test_rows_of_a_group_are_left_out_together() -> None:
    groups = np.repeat(np.arange(40), 5)
    rows = rows_of(np.arange(200.0), groups)
    for index in left_out(NUMBERS, rows, 6, 5):
        assert not set(groups[index]) & set(np.delete(groups, index))


def test_networks_learn_from_the_other_rows() -> None:
    rows = rows_of(np.arange(90.0))
    for (learned, held), index in zip(
        member_splits(NUMBERS, rows, None, 6, 3, 0), left_out(NUMBERS, rows, 6, 3), strict=True
    ):
        assert held is not None
        assert held.targets[:, 0].tolist() == index.tolist()
        assert sorted([*learned.targets[:, 0], *held.targets[:, 0]]) == list(range(90))


def test_without_overlap_every_row_is_left_out_once_a_round_and_rounds_differ() -> None:
    rows = rows_of([0] * 300 + [1] * 100)
    folds = [index for index in left_out_rows(TWO, rows, None, 8, 4, 0, overlap=False) if index is not None]
    for turn in (folds[:4], folds[4:]):
        assert sorted(np.concatenate(turn)) == list(range(400))
    assert all(rows.targets[index].sum() == 25 for index in folds)
    assert set(folds[0]) != set(folds[4])


def test_few_rows_are_learned_from_by_all_and_given_rows_are_validated_on_by_all() -> None:
    rows = rows_of([0.0, 1.0, 2.0])
    assert all(held is None and learned is rows for learned, held in member_splits(NUMBERS, rows, None, 6, 1, 0))
    many, held = rows_of(np.arange(40.0)), rows_of([3.0])
    assert all(part == (many, held) for part in member_splits(NUMBERS, many, held, 6, 10, 0))
    assert list(left_out_rows(NUMBERS, many, held, 2, 10, 0)) == [None, None]


def test_of_given_rows_all_count_each_time() -> None:
    held = rows_of([0.0, 1.0])
    assert first_left_out([Member(held, held.targets)] * 2).tolist() == [True] * 4
    assert first_left_out([]).tolist() == []
