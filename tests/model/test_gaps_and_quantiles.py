"""Targets with gaps and several quantiles through `train` and the estimators."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.errors import InputError
from tests.cli.helpers import invoke

RANDOM = np.random.default_rng(0)
ROWS = 240
X = RANDOM.normal(size=(ROWS, 3))
Y = np.stack([X @ [1.0, 2.0, 0.0], X @ [0.0, 1.0, -1.0]], axis=1) + 0.3 * RANDOM.normal(size=(ROWS, 2))
GAPS = np.where(RANDOM.random((ROWS, 2)) < 0.3, np.nan, Y)
EMPTY = int(np.isnan(GAPS).all(axis=1).sum())
COLUMNS = {f"x{at}": X[:, at] for at in range(3)}
LEVELS = [0.1, 0.5, 0.9]
RECIPES: dict[str, dict[str, Any]] = {
    "plain": {"recipe": "plain", "epochs": 80, "hidden": (8,), "learning_rate": 0.02},
    "table": {"recipe": "table", "effort": "fast", "epochs": 30, "hidden": (8,), "learning_rate": 0.02},
}


def frame(targets: np.ndarray[Any, Any]) -> pl.DataFrame:
    return pl.DataFrame({**COLUMNS, "a": targets[:, 0], "b": targets[:, 1]}, nan_to_null=True)


@pytest.mark.parametrize("recipe", RECIPES)
def test_numbers_with_gaps(recipe: str, tmp_path: Path) -> None:
    frame(GAPS).write_csv(tmp_path / "gaps.csv")
    model = rv.train(str(tmp_path / "gaps.csv"), ["a", "b"], **RECIPES[recipe])
    assert model.report.rows == ROWS - EMPTY
    gaps = np.isnan(GAPS).sum(axis=0) - EMPTY
    assert f'Missing beside other targets, and not counted there: "a" in {gaps[0]} rows, "b" in {gaps[1]} rows.' in (
        model.report.notes
    )
    assert model.report.metrics["r2"] > 0.7 > model.report.baseline["r2"]  # type: ignore[operator]
    measured = model.evaluate(str(tmp_path / "gaps.csv"))
    predicted = model.predict(X)
    assert measured["mae"] == pytest.approx(np.nanmean(np.abs(GAPS - predicted), axis=0).mean())


@pytest.mark.parametrize("recipe", RECIPES)
def test_labels_with_gaps_are_calibrated(recipe: str) -> None:
    labels = np.where(np.isnan(GAPS), np.nan, GAPS > 0)
    model = rv.train(frame(labels), ["a", "b"], **RECIPES[recipe])
    assert model.report.task == "multilabel"
    assert model.report.metrics["log_loss"] < 0.6 < model.report.baseline["log_loss"]  # type: ignore[operator]


def test_estimators_take_gaps_and_refuse_rows_without_any_target() -> None:
    has_target = ~np.isnan(GAPS).all(axis=1)
    fitted = rv.Regressor(**RECIPES["plain"], random_state=0).fit(X[has_target], GAPS[has_target])
    trained = rv.train(frame(GAPS), ["a", "b"], test=0.0, **RECIPES["plain"])
    np.testing.assert_array_equal(fitted.model_.parameters["layers.0.weight"], trained.parameters["layers.0.weight"])
    row = int((~has_target).argmax())
    with pytest.raises(InputError, match=f"row index {row}"):
        rv.Regressor(**RECIPES["plain"]).fit(X, GAPS)
    left_out = rv.Regressor(**RECIPES["plain"], random_state=0, skip_bad_rows=True).fit(X, GAPS)
    np.testing.assert_array_equal(left_out.predict(X), fitted.predict(X))
    with pytest.raises(InputError, match="every target must be a finite number"):
        rv.Regressor(**RECIPES["plain"]).fit(X, np.where(np.isnan(GAPS), np.inf, GAPS))


def test_a_target_that_is_nowhere() -> None:
    none = np.column_stack([GAPS[:, 0], np.full(ROWS, np.nan)])
    for targets in (frame(none), frame(none).with_columns(b=pl.lit(None))):
        with pytest.raises(InputError, match='column "b" is missing'):
            rv.train(targets, ["a", "b"], **RECIPES["plain"])


@pytest.mark.parametrize("recipe", RECIPES)
def test_quantiles_of_a_target(recipe: str, tmp_path: Path) -> None:
    table = pl.DataFrame({**COLUMNS, "a": Y[:, 0]})
    table.write_csv(tmp_path / "rows.csv")
    loss = rv.loss("quantile", q=LEVELS)
    model = rv.train(str(tmp_path / "rows.csv"), "a", loss=loss, model=tmp_path / "q.rv", **RECIPES[recipe])
    assert model.report.target == ["a"]
    assert (
        list(model.report.metrics) == list(model.report.baseline) == ["r2", "rmse", "mae", "pinball_loss", "coverage"]
    )
    assert model.report.metrics["pinball_loss"] < model.report.baseline["pinball_loss"]  # type: ignore[operator]
    predicted = model.predict(table)
    assert predicted.shape == (ROWS, 3)
    assert (np.diff(predicted, axis=1) >= 0).all()
    error = Y[:, :1] - predicted
    pinball = np.maximum(np.array(LEVELS) * error, (np.array(LEVELS) - 1) * error).mean()
    covered = ((Y[:, 0] >= predicted[:, 0]) & (Y[:, 0] <= predicted[:, 2])).mean()
    answer = json.loads(invoke("evaluate", tmp_path / "q.rv", tmp_path / "rows.csv", "--json").stdout)
    for measured in (model.evaluate(table), answer["metrics"], rv.load(tmp_path / "q.rv").evaluate(table)):
        assert measured["pinball_loss"] == pytest.approx(pinball, rel=1e-5)
        assert measured["coverage"] == pytest.approx(covered)
    assert answer["baseline"]["coverage"] == pytest.approx(0.8, abs=0.02)
    fitted = rv.Regressor(loss=loss, random_state=0, **RECIPES[recipe]).fit(X, Y[:, 0])
    trained = rv.train(table, "a", loss=loss, test=0.0, **RECIPES[recipe])
    np.testing.assert_allclose(fitted.predict(X), trained.predict(table))
    assert fitted.score(X, Y[:, 0]) == pytest.approx(trained.evaluate(table)["r2"])


@pytest.mark.parametrize("recipe", RECIPES)
def test_quantiles_of_targets_with_gaps(recipe: str) -> None:
    model = rv.train(frame(GAPS), ["a", "b"], loss=rv.loss("quantile", q=[0.2, 0.8]), **RECIPES[recipe])
    assert model.task.target_names == ("a at 0.2", "a at 0.8", "b at 0.2", "b at 0.8")
    assert model.report.target == ["a", "b"]
    assert 0.3 < model.evaluate(frame(GAPS))["coverage"] < 0.95


def test_a_single_quantile_is_measured_as_one() -> None:
    table = pl.DataFrame({**COLUMNS, "a": Y[:, 0]})
    model = rv.train(table, "a", loss=rv.loss("quantile", q=0.9), **RECIPES["plain"])
    measured = model.evaluate(table)
    assert measured["coverage"] == pytest.approx(float((Y[:, 0] <= model.predict(table)).mean()))
    assert "pinball_loss" not in rv.train(table, "a", **RECIPES["plain"]).report.metrics


def test_quantiles_go_on_and_are_of_numbers() -> None:
    loss = rv.loss("quantile", q=LEVELS)
    fitted = rv.Regressor(loss=loss, warm_start=True, **RECIPES["plain"]).fit(X, Y[:, 0])
    assert fitted.fit(X, Y[:, 0]).predict(X).shape == (ROWS, 3)
    part = rv.Regressor(loss=loss).partial_fit(X, Y[:, 0])
    assert part.partial_fit(X, Y[:, 0]).predict(X).shape == (ROWS, 3)
    with pytest.raises(InputError, match="quantile"):
        rv.train({**COLUMNS, "a": ["no", "yes"] * (ROWS // 2)}, "a", loss=loss, **RECIPES["plain"])
