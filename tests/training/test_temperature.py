"""How sure a network should be: the factor that was applied is found again, and little data leave it alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.errors import InputError
from ranvier.network.task import Task
from ranvier.training.temperature import (
    BISECTION_STEPS,
    MAX_FACTOR,
    MAX_ROWS,
    MIN_FACTOR,
    MIN_ROWS,
    calibrated_d2,
    inverse_temperature,
)

TASKS = {
    "binary": Task("binary", 1, ("no", "yes"), ("y",)),
    "classes": Task("multiclass", 3, ("a", "b", "c"), ("y",)),
    "multilabel": Task("multilabel", 3, target_names=("a", "b", "c")),
}
STEP = float(np.exp2(np.log2(MAX_FACTOR / MIN_FACTOR) / 2**BISECTION_STEPS))


def probabilities(task: Task, sums: np.ndarray) -> np.ndarray:
    if task.kind != "multiclass":
        return np.asarray(1 / (1 + np.exp(-sums)))
    fractions = np.exp(sums - sums.max(axis=1, keepdims=True))
    return np.asarray(fractions / fractions.sum(axis=1, keepdims=True))


def best_by_search(task: Task, sums: np.ndarray, targets: np.ndarray, prior: float = 1.0) -> float:
    """The factor of the smallest sum of log losses and (log2 s)^2 / 2, among many."""
    exponents = np.linspace(-2.0, 2.0, 40_001)

    def total(exponent: float) -> float:
        chances = np.clip(probabilities(task, 2.0**exponent * sums), 1e-300, 1.0)
        losses = targets * np.log(chances)
        if task.kind != "multiclass":
            losses = losses + (1 - targets) * np.log(np.clip(1 - chances, 1e-300, 1.0))
        return float(-losses.sum() + prior * exponent**2 / 2)

    coarse = min(exponents[::200], key=total)
    return float(2.0 ** min(exponents[np.abs(exponents - coarse) <= 0.02], key=total))


@pytest.mark.parametrize("kind", TASKS)
@settings(max_examples=10, deadline=None)
@given(factor=st.floats(0.4, 2.5), seed=st.integers(0, 99))
def test_the_factor_that_spoilt_probabilities_is_found(kind: str, factor: float, seed: int) -> None:
    task = TASKS[kind]
    sums = np.random.default_rng(seed).normal(size=(300, task.outputs))
    truth = probabilities(task, sums)
    actual = inverse_temperature(task, probabilities(task, sums / factor), truth)
    assert actual == pytest.approx(best_by_search(task, sums / factor, truth), rel=2 * (STEP - 1))
    many = inverse_temperature(task, probabilities(task, sums / factor), truth, n_rows=10**9)
    assert many == pytest.approx(factor, rel=2 * (STEP - 1))


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("rows", [100, 1_000])
def test_rows_that_are_all_right_do_not_make_a_network_as_sure_as_can_be(kind: str, rows: int) -> None:
    task = TASKS[kind]
    sums = np.tile(np.eye(task.outputs)[:1] * 8.0 - 4.0, (rows, 1))
    targets = (sums > 0).astype(np.float64)
    factor = inverse_temperature(task, probabilities(task, sums), targets)
    assert factor == pytest.approx(best_by_search(task, sums, targets), rel=2 * (STEP - 1))
    assert 1.0 < factor < MAX_FACTOR


@pytest.mark.parametrize("kind", TASKS)
def test_one_mistake_among_rows_that_are_right_does_not_take_the_confidence_away(kind: str) -> None:
    """One more mistake in 500 rows as sure as these is what their probabilities let expect."""
    task = TASKS[kind]
    logit = np.log(499.0 if task.kind != "multiclass" else 2 * 499.0)
    sums = np.tile((2 * np.eye(task.outputs)[:1] - 1) * logit / (1 if task.kind != "multiclass" else 2), (500, 1))
    targets = (sums > 0).astype(np.float64)
    targets[0] = np.roll(targets[0], 1) if task.kind == "multiclass" else 1 - targets[0]
    assert inverse_temperature(task, probabilities(task, sums), targets) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_the_size_of_all_weights_together_does_not_count(size: float) -> None:
    sums = np.random.default_rng(0).normal(size=(200, 1))
    outputs, targets = probabilities(TASKS["binary"], 3 * sums), (sums > 0.5).astype(np.float64)
    plain = inverse_temperature(TASKS["binary"], outputs, targets)
    assert inverse_temperature(TASKS["binary"], outputs, targets, np.full(200, size)) == pytest.approx(plain)
    unused = np.r_[np.full(200, size), np.zeros(300)]
    more = np.concatenate([outputs, np.full((300, 1), 0.01)]), np.concatenate([targets, np.ones((300, 1))])
    assert inverse_temperature(TASKS["binary"], *more, unused) == pytest.approx(plain)


def test_weights_count() -> None:
    outputs = np.tile([[0.9]], (200, 1))
    targets = np.array([[1.0], [0.0]] * 100)
    timid = inverse_temperature(TASKS["binary"], outputs, targets, np.array([99.0, 1.0] * 100))
    bold = inverse_temperature(TASKS["binary"], outputs, targets, np.array([1.0, 1.0] * 100))
    assert timid > 1.0 > bold


def test_it_stays_within_its_bounds() -> None:
    right, wrong = np.tile([[0.6]], (200, 1)), np.tile([[0.4]], (200, 1))
    assert inverse_temperature(TASKS["binary"], right, np.ones((200, 1))) == pytest.approx(
        MAX_FACTOR, rel=2 * (STEP - 1)
    )
    assert inverse_temperature(TASKS["binary"], wrong, np.ones((200, 1))) == pytest.approx(
        MIN_FACTOR, rel=2 * (STEP - 1)
    )
    certain = np.tile([[1.0]], (200, 1))
    assert MIN_FACTOR <= inverse_temperature(TASKS["binary"], certain, np.zeros((200, 1))) <= MAX_FACTOR


def test_few_rows_and_regression_leave_it_alone() -> None:
    few = MIN_ROWS - 1
    assert inverse_temperature(TASKS["binary"], np.full((few, 1), 0.9), np.zeros((few, 1))) == 1.0
    assert inverse_temperature(Task("regression", 1, target_names=("y",)), np.zeros((200, 1)), np.ones((200, 1))) == 1.0


@pytest.mark.parametrize("kind", TASKS)
@settings(max_examples=25, deadline=None)
@given(factor=st.floats(0.6, 1.6), seed=st.integers(0, 99))
def test_being_too_sure_explains_no_less(kind: str, factor: float, seed: int) -> None:
    task = TASKS[kind]
    generator = np.random.default_rng(seed)
    sums = generator.normal(size=(300, task.outputs))
    truth = probabilities(task, sums)
    fair, spoilt = (calibrated_d2(task, probabilities(task, sums / s), truth) for s in (1.0, factor))
    assert spoilt == pytest.approx(fair, abs=STEP - 1)
    worse = calibrated_d2(task, probabilities(task, sums + generator.normal(size=sums.shape)), truth)
    assert worse < fair


def test_d2_is_0_for_the_class_prior_and_1_for_the_truth() -> None:
    targets = np.eye(3)[np.arange(300) % 3]
    fractions = np.full((300, 3), 1 / 3)
    assert calibrated_d2(TASKS["classes"], fractions, targets) == pytest.approx(0.0, abs=1e-9)
    assert calibrated_d2(TASKS["classes"], targets, targets) == pytest.approx(1.0, abs=1e-6)
    counted = calibrated_d2(TASKS["classes"], fractions, targets, np.tile([2.0, 1.0, 1.0], 100))
    assert counted == pytest.approx(1 - np.log(3) / (1.5 * np.log(2)), abs=1e-9)


@pytest.mark.parametrize("kind", ["binary", "classes"])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_order_of_many_rows_decides_nothing(kind: str, weighted: bool) -> None:
    task, count = TASKS[kind], 3 * MAX_ROWS
    generator = np.random.default_rng(0)
    sums = generator.normal(size=(count, task.outputs))
    chances = probabilities(task, sums)
    classes = np.eye(3)[(chances.cumsum(axis=1) < generator.uniform(size=(count, 1))).sum(axis=1).clip(max=2)]
    truth = (generator.uniform(size=(count, 1)) < chances).astype(float) if kind == "binary" else classes
    weights = np.where(truth[:, 0] == 1.0, 2.0, 1.0) if weighted else None
    order = np.argsort(truth @ np.arange(truth.shape[1], 0, -1), kind="stable")  # one class after the other
    for measure in (calibrated_d2, inverse_temperature):
        shuffled = measure(task, chances, truth, weights)
        by_class = measure(task, chances[order], truth[order], None if weights is None else weights[order])
        # Both are measured on MAX_ROWS of the rows, whose errors are a few times 1 / sqrt(MAX_ROWS).
        assert by_class == pytest.approx(shuffled, abs=10 / np.sqrt(MAX_ROWS))


def test_a_regression_has_nothing_to_be_unsure_of() -> None:
    with pytest.raises(InputError, match="no probabilities"):
        calibrated_d2(Task("regression", 1, target_names=("y",)), np.zeros((200, 1)), np.ones((200, 1)))
