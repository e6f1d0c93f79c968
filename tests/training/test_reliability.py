"""The reliability curve, the expected calibration error and the Brier score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

import ranvier as rv
from ranvier.errors import InputError
from ranvier.network.task import Task
from ranvier.training.metrics import all_metrics
from ranvier.training.reliability import brier_score, reliability

GENERATOR = np.random.default_rng(0)
BINARY = Task("binary", 1, ("no", "yes"))
CLASSES = Task("multiclass", 3, ("a", "b", "c"))
P = GENERATOR.dirichlet([1.0, 1.0, 1.0], 4000)
TRUE = np.array([GENERATOR.choice(3, p=row) for row in P])


def test_probabilities_that_are_right_have_a_small_error_and_wrong_ones_a_large_one() -> None:
    assert reliability(CLASSES, P, np.eye(3)[TRUE]).expected_calibration_error < 0.03
    sharp = P**4 / (P**4).sum(axis=1, keepdims=True)
    assert reliability(CLASSES, sharp, np.eye(3)[TRUE]).expected_calibration_error > 0.15


def test_the_formula() -> None:
    curve = reliability(CLASSES, P, np.eye(3)[TRUE], bins=7)
    top = P.max(axis=1)
    right = P.argmax(axis=1) == TRUE
    expected = 0.0
    for entry in curve.bins:
        inside = (top >= entry.low) & ((top < entry.high) | (entry.high == 1.0))
        assert entry.rows == inside.sum()
        if entry.rows:
            assert entry.probability == pytest.approx(top[inside].mean())
            assert entry.right == pytest.approx(right[inside].mean())
            expected += inside.mean() * abs(right[inside].mean() - top[inside].mean())
    assert curve.expected_calibration_error == pytest.approx(expected)
    assert [curve.bins[0].low, curve.bins[-1].high] == [0.0, 1.0]


def test_the_brier_score_is_that_of_scikit_learn() -> None:
    p, y = P[:, :1], (TRUE == 0).astype(float)[:, None]
    weights = GENERATOR.random(4000)
    assert brier_score(BINARY, p, y, weights) == pytest.approx(
        brier_score_loss(y[:, 0], p[:, 0], sample_weight=weights)
    )
    assert brier_score(CLASSES, P, np.eye(3)[TRUE]) == pytest.approx(brier_score_loss(TRUE, P, labels=[0, 1, 2]))
    numbers = TRUE.astype(np.int32)[:, None]
    assert brier_score(CLASSES, P, numbers) == pytest.approx(brier_score(CLASSES, P, np.eye(3)[TRUE]))


def test_weights_count_as_repeated_rows() -> None:
    weights = np.arange(4000) % 3
    repeated = np.repeat(np.arange(4000), weights)
    weighted = reliability(CLASSES, P, np.eye(3)[TRUE], weights.astype(float))
    plain = reliability(CLASSES, P[repeated], np.eye(3)[TRUE][repeated])
    assert weighted.expected_calibration_error == pytest.approx(plain.expected_calibration_error)
    assert weighted.log_loss == pytest.approx(plain.log_loss)


def test_a_threshold_does_not_change_it() -> None:
    moved = Task("binary", 1, ("no", "yes"), threshold=0.9)
    p, y = P[:, :1], (TRUE == 0).astype(float)[:, None]
    assert reliability(moved, p, y) == reliability(BINARY, p, y)
    assert all_metrics(moved, p, y)["accuracy"] != all_metrics(BINARY, p, y)["accuracy"]


def test_a_model_gives_its_curve() -> None:
    model = rv.train("wine", recipe="plain", epochs=5, progress=False)
    curve = model.calibration("wine", bins=4)
    assert isinstance(curve, rv.Reliability)
    assert curve.expected_calibration_error != model.evaluate("wine")["ece"]
    assert model.calibration("wine").expected_calibration_error == pytest.approx(model.evaluate("wine")["ece"])


@pytest.mark.parametrize("bins", [0, -1, 2.5, True, "15"])
def test_bins_must_be_a_count(bins: Any) -> None:
    with pytest.raises(InputError, match="bins is"):
        reliability(CLASSES, P, np.eye(3)[TRUE], bins=bins)


def test_what_has_no_curve() -> None:
    with pytest.raises(InputError, match="Only classes"):
        reliability(Task("regression", 1), P[:, :1], P[:, :1])
    with pytest.raises(InputError, match="no rows"):
        reliability(CLASSES, P[:0], P[:0])
