"""Intervals and sets hold the true answer as often as they say: by the binomial law, by group, and over time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.data import TargetEncoder
from ranvier.errors import InputError
from ranvier.network.task import Task
from ranvier.training.conformal import (
    MAX_SCORES,
    Conformal,
    _weighted_quantiles,
    class_sets,
    conformal_of,
    intervals,
    quantile_pairs,
)
from ranvier.training.held_out import HeldOut

Array = np.ndarray[Any, np.dtype[np.float64]]
NUMBER = TargetEncoder(Task("regression", 1, target_names=("y",)), (3.0,), (2.0,))
LETTERS = TargetEncoder(Task("multiclass", 3, ("a", "b", "c"), ("letter",)))
SIGMAS = 4.5
"""A binomial count lies farther from its mean in one of 150,000 cases."""


def encoded(y: Array) -> Array:
    return ((y - 3.0) / 2.0)[:, None]


def calibrated(predicted: Array, y: Array, weights: Array | None = None, encoder: TargetEncoder = NUMBER) -> Conformal:
    actual = conformal_of(encoder, HeldOut(encoded(predicted), encoded(y), weights))
    assert actual is not None
    return actual


def inside(conformal: Conformal, predicted: Array, y: Array, coverage: float) -> Array:
    bounds = intervals(conformal, NUMBER, encoded(predicted), coverage)
    return (bounds[:, 0] <= y) & (y <= bounds[:, 1])


def within(fraction: float, coverage: float, rows: int, calibration_rows: int) -> bool:
    """Whether a share is one that the binomial law gives, for calibration rows that are drawn too."""
    error = math.sqrt(coverage * (1 - coverage) * (1 / rows + 1 / calibration_rows))
    return abs(fraction - coverage) <= SIGMAS * error


def drawn(rows: int, seed: int) -> tuple[Array, Array]:
    """Predictions and targets whose errors grow with the prediction."""
    generator = np.random.default_rng(seed)
    predicted = generator.uniform(1.0, 9.0, rows)
    return predicted, predicted + 0.3 * predicted * generator.standard_normal(rows)


def test_errors_count_as_large_as_their_factors_say() -> None:
    predicted, y = drawn(99, 0)  # too few rows for a scale
    y[0] = np.nan
    factors = np.linspace(0.5, 1.0, 99)[:, None]
    actual = conformal_of(NUMBER, HeldOut(encoded(predicted), encoded(y), None, True, factors))
    assert actual is not None
    expected = np.sort(np.abs(y - predicted)[1:] * factors[1:, 0])
    np.testing.assert_allclose(actual.scores[:, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("coverage", [0.5, 0.9, 0.95])
@pytest.mark.parametrize("rows", [39, 400, 3 * MAX_SCORES])
def test_coverage_is_the_one_asked_for(coverage: float, rows: int) -> None:
    repeats = 40 if rows < 1000 else 4
    fractions = [
        inside(calibrated(*drawn(rows, seed)), *drawn(500, 1000 + seed), coverage).mean() for seed in range(repeats)
    ]
    fraction = float(np.mean(fractions))
    # A scale is learned from the same rows, which costs a little where they are few.
    assert within(fraction, coverage, repeats * 500, repeats * rows)
    assert not within(fraction - 0.15, coverage, repeats * 500, repeats * rows)


def test_coverage_by_group_holds_where_errors_are_scaled() -> None:
    conformal, (predicted, y) = calibrated(*drawn(4000, 0)), drawn(6000, 1)
    assert len(conformal.knots)
    for low, high in ((1.0, 3.0), (3.0, 6.0), (6.0, 9.0)):
        group = (predicted >= low) & (predicted < high)
        fraction = inside(conformal, predicted, y, 0.9)[group].mean()
        assert abs(fraction - 0.9) < 0.04, (low, fraction)
    plain = Conformal(
        "residuals", 4000, False, np.sort(np.abs(y - predicted))[:, None], np.empty((0, 1)), np.empty((0, 1))
    )
    small = inside(plain, predicted, y, 0.9)[predicted < 3.0].mean()
    large = inside(plain, predicted, y, 0.9)[predicted > 6.0].mean()
    assert small > 0.98, "one width for all rows covers small predictions too often"
    assert large < 0.86, "and large ones too rarely"


def test_a_scale_makes_intervals_narrower_and_is_left_out_where_it_does_not() -> None:
    predicted, y = drawn(4000, 0)
    scaled = intervals(calibrated(predicted, y), NUMBER, encoded(predicted), 0.9)
    constant = np.quantile(np.abs(y - predicted), 0.9) * 2
    assert np.ptp(scaled, axis=1).mean() < 0.9 * constant
    alike = predicted + np.random.default_rng(5).standard_normal(4000)
    assert len(calibrated(predicted, alike).knots) == 0
    assert len(calibrated(predicted[:100], y[:100]).knots) == 0, "too few rows to tell"
    assert len(calibrated(predicted, predicted).knots) == 0, "no errors"


def test_coverage_over_time_holds_until_the_source_changes() -> None:
    conformal = calibrated(*drawn(2000, 0))
    for week in range(5):
        fraction = inside(conformal, *drawn(400, 10 + week), 0.9).mean()
        assert within(float(fraction), 0.9, 400, 2000)
    predicted, y = drawn(400, 20)
    drifted = inside(conformal, predicted, y + 3.0, 0.9).mean()
    assert not within(float(drifted), 0.9, 400, 2000)


def test_sets_cover_and_are_never_empty() -> None:
    generator = np.random.default_rng(0)

    def rows(count: int) -> tuple[Array, Array]:
        logits = 1.5 * generator.standard_normal((count, 3))
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        return p, np.array([generator.choice(3, p=row) for row in p])

    held, labels = rows(2000)
    conformal = conformal_of(LETTERS, HeldOut(held, np.eye(3)[labels]))
    assert conformal is not None
    assert conformal.kind == "classes"
    new, true = rows(4000)
    for coverage in (0.8, 0.9, 0.97):
        sets = class_sets(conformal, new, coverage)
        fraction = np.mean([label in actual for label, actual in zip(true, sets, strict=True)])
        assert within(float(fraction), coverage, 4000, 2000)
    assert min(map(len, sets)) >= 1
    assert all((np.diff(row[actual]) <= 0).all() for row, actual in zip(new, sets, strict=True)), "most probable first"


def test_sets_of_a_model_that_is_nearly_always_right_have_one_label() -> None:
    held = np.tile([[0.98, 0.01, 0.01]], (300, 1))
    conformal = conformal_of(LETTERS, HeldOut(held, np.tile([[1.0, 0.0, 0.0]], (300, 1))))
    assert conformal is not None
    assert [len(actual) for actual in class_sets(conformal, np.array([[0.4, 0.35, 0.25]]), 0.9)] == [1]


def test_quantiles_are_moved_until_they_cover() -> None:
    levels = (0.1, 0.5, 0.9)
    names = ("y at 0.1", "y at 0.5", "y at 0.9")
    target = TargetEncoder(Task("regression", 3, target_names=names), (0.0,) * 3, (1.0,) * 3, levels)
    generator = np.random.default_rng(0)

    def rows(count: int) -> tuple[Array, Array]:
        size = generator.uniform(0.5, 4.0, count)
        return np.stack([-0.5 * size, 0 * size, 0.5 * size], axis=1), size * generator.standard_normal(count)

    held, y = rows(3000)
    conformal = conformal_of(target, HeldOut(held, np.repeat(y[:, None], 3, axis=1)))
    assert conformal is not None
    assert conformal.kind == "quantiles"
    new, true = rows(5000)
    for coverage in (0.8, 0.9):
        bounds = intervals(conformal, target, new, coverage)
        assert within(float(((bounds[:, 0] <= true) & (true <= bounds[:, 1])).mean()), coverage, 5000, 3000)
    raw = (new[:, 0] <= true) & (true <= new[:, 2])
    assert not within(float(raw.mean()), 0.8, 5000, 3000), "the quantiles alone do not"


def test_weights_count_as_repeated_rows() -> None:
    predicted, y = drawn(60, 3)
    weights = np.tile([0.0, 1.0, 2.0], 20)
    repeated = np.repeat(np.arange(60), weights.astype(int))
    weighted, plain = calibrated(predicted, y, weights), calibrated(predicted[repeated], y[repeated])
    assert weighted.rows == 40
    assert abs(float(weighted.quantile(0.8)[0]) - float(plain.quantile(0.8)[0])) <= np.ptp(plain.scores) / 10


def test_rows_without_a_target_do_not_count() -> None:
    predicted, y = drawn(60, 3)
    y[:5] = np.nan
    assert calibrated(predicted, y).rows == 55


def test_several_targets_have_an_interval_each() -> None:
    target = TargetEncoder(Task("regression", 2, target_names=("a", "b")), (0.0, 0.0), (1.0, 1.0))
    generator = np.random.default_rng(0)
    outputs = generator.standard_normal((500, 2))
    conformal = conformal_of(target, HeldOut(outputs, outputs + [1.0, 10.0] * generator.standard_normal((500, 2))))
    assert conformal is not None
    bounds = intervals(conformal, target, outputs, 0.9)
    assert bounds.shape == (500, 2, 2)
    widths = np.ptp(bounds, axis=2).mean(axis=0)
    assert 8 < widths[1] / widths[0] < 12.5


def test_what_cannot_be_calibrated() -> None:
    assert conformal_of(NUMBER, None) is None
    assert conformal_of(NUMBER, HeldOut(np.zeros((9, 1)), np.zeros((9, 1)))) is None
    labels = TargetEncoder(Task("multilabel", 2, target_names=("a", "b")))
    assert conformal_of(labels, HeldOut(np.zeros((99, 2)), np.zeros((99, 2)))) is None


@pytest.mark.parametrize("coverage", [0.0, 1.0, -0.1, "0.9", True, math.nan])
def test_coverage_must_be_a_fraction(coverage: Any) -> None:
    with pytest.raises(InputError, match="fraction between 0 and 1"):
        calibrated(*drawn(50, 0)).quantile(coverage)


def test_more_coverage_than_the_rows_can_tell_is_refused() -> None:
    conformal = calibrated(*drawn(50, 0))
    with pytest.raises(InputError, match=r"50 rows, which are enough for at most 0\.98"):
        conformal.quantile(0.99)
    assert conformal.quantile(0.98) == conformal.scores[-1]


@given(st.integers(10, 300), st.floats(0.05, 0.9))
def test_the_quantile_is_the_kth_smallest_score(rows: int, coverage: float) -> None:
    scores = np.sort(np.random.default_rng(rows).random((rows, 1)), axis=0)
    conformal = Conformal("residuals", rows, False, scores, scores[:0], scores[:0])
    k = math.ceil((rows + 1) * coverage - 1e-9)
    assert conformal.quantile(coverage)[0] == scores[k - 1, 0]


def test_many_rows_keep_their_quantiles() -> None:
    conformal = calibrated(*drawn(5 * MAX_SCORES, 0))
    assert len(conformal.scores) == MAX_SCORES
    assert conformal.rows == 5 * MAX_SCORES
    again = Conformal.from_dict(conformal.to_dict(), conformal.arrays())
    assert again.quantile(0.9) == conformal.quantile(0.9)
    with pytest.raises(InputError, match="damaged"):
        Conformal.from_dict({**conformal.to_dict(), "kind": "other"}, conformal.arrays())


def test_pairs_of_quantiles() -> None:
    assert quantile_pairs((0.05, 0.95)) == [(0, 1)]
    assert quantile_pairs((0.5,)) == [(0, 0)]


@pytest.mark.parametrize("weight", [0.1, 0.7, 3.0])
@pytest.mark.parametrize("rows", [5, 12, 33])
def test_equal_weights_are_none(rows: int, weight: float) -> None:
    """Sums of the weights are rounded; a quantile must not move to the next value for that."""
    values, levels = np.random.default_rng(rows).normal(size=rows), np.arange(1, rows + 1) / rows
    weighted = _weighted_quantiles(values, np.full(rows, weight), levels)
    np.testing.assert_array_equal(weighted, np.sort(values))
    np.testing.assert_array_equal(weighted, _weighted_quantiles(values, None, levels))
