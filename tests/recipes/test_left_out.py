"""What the mean of an ensemble would say of rows that some of its networks left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranvier.network.task import Task
from ranvier.recipes.left_out import held_out_rows, left_out_by, merged_inverse_temperature
from ranvier.recipes.out_of_fold import Member, left_out_rows
from ranvier.rows import Rows
from ranvier.training.logits import probabilities_of
from ranvier.training.temperature import MIN_ROWS, inverse_temperature

TWO = Task("binary", 1, ("no", "yes"), ("y",))
THREE = Task("multiclass", 3, ("a", "b", "c"), ("y",))
NUMBERS = Task("regression", 1, target_names=("y",))
NETWORKS = 6


def part(targets: list[float], weights: list[float] | None = None) -> Rows:
    """Rows with these targets."""
    row_weights = None if weights is None else np.array(weights)
    return Rows(np.zeros((len(targets), 1)), np.array(targets)[:, None], row_weights)


def members_of(task: Task, outputs: np.ndarray, targets: np.ndarray, n_folds: int, weights: Any = None) -> list[Member]:
    """Networks that say `outputs` (M, n, N), each on the rows that it leaves out."""
    rows = Rows(np.zeros((len(targets), 1)), targets, weights)
    actual = []
    for number, index in enumerate(left_out_rows(task, rows, None, len(outputs), n_folds, 0)):
        assert index is not None
        actual.append(Member(rows.take(index), outputs[number][index], index))
    return actual


def noisy_logits(task: Task, rows: int, logit_factor: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Logits of each network (M, n, N), too sure by a factor and with errors of their own, and targets (n, N)."""
    generator = np.random.default_rng(0)
    true = generator.normal(scale=1.5, size=(rows, task.outputs))
    chances = probabilities_of(task, true)
    drawn = generator.uniform(size=(rows, 1))
    if task.kind == "binary":
        targets = (drawn < chances).astype(np.float64)
    else:
        targets = np.eye(task.outputs)[np.minimum((chances.cumsum(axis=1) < drawn).sum(axis=1), task.outputs - 1)]
    return logit_factor * (true + generator.normal(scale=noise, size=(NETWORKS, rows, task.outputs))), targets


def test_a_row_has_the_mean_of_the_networks_that_left_it_out() -> None:
    folds = part([0.0, 1.0], [1.0, 2.0]), part([1.0, 1.0], [2.0, 3.0])
    members = [
        Member(folds[0], np.array([[0.2], [0.6]]), np.array([3, 7])),
        Member(folds[1], np.array([[0.6], [0.9]]), np.array([7, 9])),
    ]
    actual = held_out_rows(TWO, members, 0.5)
    assert actual is not None
    assert actual.folds
    assert actual.targets.tolist() == [[0.0], [1.0], [1.0]]
    assert actual.weights is not None
    assert actual.weights.tolist() == [1.0, 2.0, 3.0]
    odds = np.array([0.2 / 0.8, 0.6 / 0.4, 0.9 / 0.1]) ** 0.5
    np.testing.assert_allclose(actual.outputs[:, 0], odds / (1 + odds))
    left_out = left_out_by(TWO, members)
    assert left_out.counts.tolist() == [1, 2, 1]
    assert left_out.index.tolist() == [3, 7, 9]


def test_the_same_validation_rows_have_the_outputs_of_the_merged_network() -> None:
    shared = part([0.0, 1.0])
    actual = held_out_rows(TWO, [Member(shared, np.array([[chance], [0.5]])) for chance in (0.2, 0.5)], 1.0)
    assert actual is not None
    assert not actual.folds
    assert actual.error_factors is None
    # The odds are 1/4 and 1, whose mean logit is log 1/2.
    assert actual.outputs[:, 0].tolist() == pytest.approx([1 / 3, 0.5])


@pytest.mark.parametrize("task", [TWO, THREE], ids=["two classes", "three classes"])
def test_of_shared_validation_rows_the_temperature_is_that_of_the_mean(task: Task) -> None:
    logits, targets = noisy_logits(task, 1000, 1.5, 1.0)
    shared = Rows(np.zeros((1000, 1)), targets)
    members = [Member(shared, probabilities_of(task, member_logits)) for member_logits in logits]
    expected = inverse_temperature(task, probabilities_of(task, logits.mean(axis=0)), targets)
    alone = inverse_temperature(task, probabilities_of(task, logits[0]), targets)
    assert merged_inverse_temperature(task, members) == pytest.approx(expected, rel=1e-6)
    assert alone < 0.9 * expected


@pytest.mark.parametrize("n_folds", [3, 10])
@pytest.mark.parametrize("task", [TWO, THREE], ids=["two classes", "three classes"])
@pytest.mark.parametrize("logit_factor", [0.8, 1.5])
def test_the_temperature_is_that_of_the_mean_of_all_and_not_of_a_single_network(
    task: Task, n_folds: int, logit_factor: float
) -> None:
    logits, targets = noisy_logits(task, 30_000, logit_factor, 1.0)
    members = members_of(task, probabilities_of(task, logits), targets, n_folds)
    best = inverse_temperature(task, probabilities_of(task, logits.mean(axis=0)), targets)
    single = inverse_temperature(task, probabilities_of(task, logits[0]), targets)
    actual = merged_inverse_temperature(task, members)
    assert abs(np.log(actual / best)) < abs(np.log(single / best)) / 4
    assert single < actual


def test_without_rows_that_several_networks_left_out_it_is_that_of_single_ones() -> None:
    logits, targets = noisy_logits(TWO, 600, 1.5, 1.0)
    outputs = probabilities_of(TWO, logits)
    folds = np.array_split(np.arange(600), NETWORKS)
    members = [
        Member(Rows(np.zeros((100, 1)), targets[index]), outputs[number][index], index)
        for number, index in enumerate(folds)
    ]
    joined = np.concatenate([member.outputs for member in members])
    assert merged_inverse_temperature(TWO, members) == pytest.approx(inverse_temperature(TWO, joined, targets))


def test_rows_count_by_their_weights_and_once_each() -> None:
    logits, targets = noisy_logits(TWO, 2000, 1.5, 1.0)
    weights = np.where(np.arange(2000) % 2, 5.0, 0.0)
    outputs = probabilities_of(TWO, logits)
    weighted = members_of(TWO, outputs, targets, 3, weights)
    spoilt = outputs.copy()
    spoilt[:, ::2] = 1.0 - spoilt[:, ::2]
    assert merged_inverse_temperature(TWO, weighted) == pytest.approx(
        merged_inverse_temperature(TWO, members_of(TWO, spoilt, targets, 3, weights))
    )


def test_few_rows_numbers_and_no_networks_have_no_temperature() -> None:
    few = part([0.0] * (MIN_ROWS - 1))
    member = Member(few, np.full((MIN_ROWS - 1, 1), 0.9), np.arange(MIN_ROWS - 1))
    assert merged_inverse_temperature(TWO, [member, member]) == 1.0
    assert merged_inverse_temperature(NUMBERS, [member]) == 1.0
    assert merged_inverse_temperature(TWO, []) == 1.0
    assert held_out_rows(TWO, [], 1.0) is None


@pytest.mark.parametrize("n_folds", [3, 10])
@pytest.mark.parametrize("noise", [0.1, 1.0])
def test_errors_of_numbers_get_as_small_as_those_of_the_mean_of_all(n_folds: int, noise: float) -> None:
    generator = np.random.default_rng(0)
    targets = generator.normal(size=(30_000, 1))
    outputs = generator.normal(size=(1, 30_000, 1)) + noise * generator.normal(size=(NETWORKS, 30_000, 1))
    actual = held_out_rows(NUMBERS, members_of(NUMBERS, outputs, targets, n_folds), 1.0)
    assert actual is not None
    assert actual.error_factors is not None
    errors = np.abs(actual.outputs - actual.targets) * actual.error_factors
    of_all = np.abs(outputs.mean(axis=0) - targets)
    # A quantile of n errors has a standard error of about 2 / sqrt(n) of itself.
    tolerance = 6 / np.sqrt(len(errors))
    assert np.quantile(errors, 0.9) == pytest.approx(np.quantile(of_all, 0.9), rel=tolerance)
    assert (actual.error_factors <= 1.0).all()


def test_networks_that_agree_keep_their_errors() -> None:
    targets = np.random.default_rng(0).normal(size=(900, 1))
    outputs = np.zeros((NETWORKS, 900, 1))
    actual = held_out_rows(NUMBERS, members_of(NUMBERS, outputs, targets, 3), 1.0)
    assert actual is not None
    assert actual.error_factors is not None
    np.testing.assert_allclose(actual.error_factors, 1.0)


def test_errors_get_no_smaller_than_those_of_independent_networks() -> None:
    """Two networks whose errors cancel by chance do not say that all errors do."""
    targets = np.zeros((900, 1))
    signs = np.where(np.arange(NETWORKS) % 2, 1.0, -1.0)[:, None, None]
    actual = held_out_rows(NUMBERS, members_of(NUMBERS, signs * np.ones((NETWORKS, 900, 1)), targets, 10), 1.0)
    assert actual is not None
    assert actual.error_factors is not None
    assert actual.error_factors.min() == pytest.approx(np.sqrt(1 / NETWORKS))
