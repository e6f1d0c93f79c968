"""What the defaults reach on real data: floors stated beforehand, on rows that training never saw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ranvier as rv

SEED = 0


def test_digits() -> None:
    report = rv.train("digits", seed=SEED).report
    assert report.metrics["accuracy"] >= 0.97
    assert report.baseline["accuracy"] < 0.15


def test_iris() -> None:
    assert rv.train("iris", seed=SEED).report.metrics["accuracy"] >= 0.93


@pytest.mark.real_data
def test_adult(real_data: Path) -> None:
    folder = real_data / "tabular" / "adult"
    model = rv.train(folder / "train.csv", "income", seed=SEED, recipe="plain", epochs=60, patience=10)
    assert model.task.kind == "binary"
    assert model.evaluate(folder / "test.csv")["accuracy"] >= 0.85


@pytest.mark.real_data
def test_california_housing(real_data: Path) -> None:
    path = real_data / "tabular" / "california_housing" / "data.csv"
    model = rv.train(path, "median_house_value", seed=SEED, recipe="plain", epochs=100, patience=20)
    assert model.task.kind == "regression"
    assert model.report.metrics["r2"] >= 0.78


@pytest.mark.real_data
def test_a_class_that_cannot_be_learned_stays_unlearned(real_data: Path) -> None:
    """Shuffled labels give no better than guessing: no test row is trained on."""
    import polars as pl

    frame = pl.read_csv(real_data / "tabular" / "letter" / "data.csv").head(2000)
    target = frame.columns[0] if frame.columns[0].lower() == "letter" else frame.columns[-1]
    order = np.random.default_rng(SEED).permutation(len(frame))
    shuffled = frame.with_columns(frame[target][order.tolist()].alias(target))
    accuracy = rv.train(shuffled, target, recipe="plain", epochs=15, seed=SEED).report.metrics["accuracy"]
    assert accuracy < 1 / 26 + 5 * np.sqrt(1 / 26 / 400)
