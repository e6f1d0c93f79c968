"""A few targets far from all others do not ruin a model, are named, and are measured as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.estimators.regressor import Regressor
from tests.model.trial import bits

X = np.random.default_rng(0).normal(size=(300, 3))
Y = 50.0 + 4.0 * X[:, 0] - 2.0 * X[:, 1]
FRESH = np.random.default_rng(1).normal(size=(200, 3))
TRUTH = 50.0 + 4.0 * FRESH[:, 0] - 2.0 * FRESH[:, 1]
LINEAR: dict[str, Any] = {
    "recipe": "plain",
    "hidden": (),
    "optimizer": "lbfgs",
    "epochs": 20,
    "engine": "reference",
}
QUICK: dict[str, Any] = {"progress": False, **LINEAR}
FAR: dict[str, dict[int, float]] = {
    "one": {7: 1e9},
    "negative": {7: -1e9},
    "beyond float32": {7: 1e120},
    "both": {7: 1e9, 100: -3e8},
    "several": {row: 1e9 + row for row in range(0, 40, 4)},
}


def spoiled(cells: dict[int, float], y: Any = Y) -> Any:
    return np.array([cells.get(row, value) for row, value in enumerate(y.tolist())])


def table(y: Any) -> pl.DataFrame:
    return pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "price": y})


def r2(model: Any) -> float:
    return 1.0 - float(np.mean((model.predict(FRESH) - TRUTH) ** 2) / np.var(TRUTH))


@pytest.mark.parametrize("name", FAR)
@pytest.mark.parametrize("test", [0.0, 0.2])
def test_far_targets_do_not_ruin_a_model(name: str, test: float) -> None:
    model = rv.train(X, spoiled(FAR[name]), test=test, **QUICK)
    assert r2(model) > 0.9
    assert model.report is not None
    (note,) = [note for note in model.report.notes if "far from all other" in note and note.startswith("Target")]
    row = min(FAR[name])
    assert f"{FAR[name][row]:.6g} at row index {row}" in note
    assert ("2 values" in note, "10 values" in note) == (name == "both", name == "several")


@pytest.mark.parametrize("recipe", ["table", "plain"])
def test_far_targets_in_a_file(recipe: str, tmp_path: Path) -> None:
    table(spoiled(FAR["one"])).write_csv(tmp_path / "prices.csv")
    options: dict[str, Any] = QUICK if recipe == "plain" else {"effort": "fast", "epochs": 8, "progress": False}
    model = rv.train(tmp_path / "prices.csv", "price", **options)
    assert r2(model) > 0.6
    assert model.report is not None
    assert any('Target "price": 1e+09 in row 8 lies far' in note for note in model.report.notes)
    model.save(tmp_path / "model.rv")
    assert rv.load(tmp_path / "model.rv").target == model.target
    assert model.target.limits


def test_metrics_are_those_of_the_true_targets() -> None:
    held = (X[:40], spoiled({3: 1e9}, Y[:40]))
    model = rv.train(X, Y, test=held, **QUICK)
    assert model.report is not None
    assert model.report.metrics["mae"] > 1e7
    (note,) = [note for note in model.report.findings if "without" in note]
    assert note.startswith("The metrics are mostly those of the one test row whose target lies far from all others")
    assert float(note.split("r2 ")[1].split(",")[0]) > 0.9
    assert not any("guessing" in note for note in model.report.notes)
    measured = model.evaluate(*held)
    assert measured["mae"] == pytest.approx(model.report.metrics["mae"])
    validated = rv.train(X, Y, test=0, validation=held, **QUICK)
    assert validated.report is not None
    assert validated.report.metrics["mae"] > 1e7
    assert max(validated.history.validation_loss) < 1e3
    assert r2(validated) > 0.9


def test_each_of_several_targets_has_its_own_range() -> None:
    both = np.stack([spoiled(FAR["one"]), -Y], axis=1)
    model = rv.train(X, both, **QUICK)
    assert np.corrcoef(model.predict(FRESH)[:, 0], TRUTH)[0, 1] > 0.99
    assert np.abs(model.predict(FRESH)[:, 1] + TRUTH).max() < 1.0
    assert model.report is not None
    assert sum(note.startswith("Target") for note in model.report.notes) == 1


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson", rv.loss("huber", delta=2.0)])
def test_every_loss(loss: Any) -> None:
    options = {**QUICK, "optimizer": "adam", "epochs": 60, "learning_rate": 0.05}
    model = rv.train(X, spoiled(FAR["one"]), loss=loss, **options)
    assert r2(model) > 0.8


def test_regressor() -> None:
    far = spoiled(FAR["both"])
    fitted = Regressor(**LINEAR).fit(X, far)
    assert r2(fitted) > 0.9
    assert any("1e+09 at row index 7" in note for note in fitted.model_.report.notes)
    fitted.model_.fit(X, far, epochs=2)
    assert r2(fitted) > 0.9
    parts = Regressor(learning_rate=0.05, random_state=0, engine="reference", hidden=())
    for _ in range(30):
        parts.partial_fit(X, far)
    assert r2(parts) > 0.8


def honest() -> dict[str, Any]:
    rng = np.random.default_rng(2)
    return {
        "lognormal": np.exp(X[:, 0] + rng.normal(size=300)),
        "wide lognormal": np.exp(2.5 * X[:, 0]),
        "Pareto": rng.pareto(1.2, 300) + 1.0,
        "counts": rng.poisson(0.05, 300).astype(float),
        "rare": np.where(np.arange(300) % 150 == 0, 1e4, 0.0),
        "constant but one": np.where(np.arange(300) == 5, 1e9, 7.0),
    }


@pytest.mark.parametrize("name", honest())
def test_honest_targets_are_left_alone(name: str) -> None:
    y = honest()[name]
    model = rv.train(X, y, task="regression", **{**QUICK, "epochs": 1})
    assert model.target.limits == ()
    assert "limits" not in model.target.to_dict()
    assert model.report is not None
    assert not any("far from all" in note for note in model.report.notes)


def test_a_resumed_run_gives_the_same_model(tmp_path: Path) -> None:
    table(spoiled(FAR["one"])).write_csv(tmp_path / "prices.csv")
    full = rv.train(tmp_path / "prices.csv", "price", run=tmp_path / "run", **QUICK)
    assert bits(rv.resume(tmp_path / "run", progress=False)) == bits(full)
