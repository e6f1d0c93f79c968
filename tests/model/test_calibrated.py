"""Intervals, sets and thresholds of models: in Python, in estimators, in files, by the command."""

from __future__ import annotations

import importlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn.model_selection import TunedThresholdClassifierCV

import ranvier as rv
from ranvier.errors import InputError
from ranvier.model.calibrated import held_out_by
from tests.cli.helpers import invoke, refused

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(1500, 3))
Y = 2 * X[:, 0] + X[:, 1] ** 2 + 0.5 * GENERATOR.standard_normal(1500)
RARE = np.where(X[:, 0] + 0.7 * GENERATOR.standard_normal(1500) > 1.4, "yes", "no")
QUICK: dict[str, Any] = {
    "recipe": "plain",
    "hidden": (16,),
    "epochs": 15,
    "learning_rate": 0.01,
    "dropout": 0.0,
    "test": 0.0,
    "progress": False,
}


def fraction_inside(bounds: np.ndarray, y: np.ndarray) -> float:
    return float(((bounds[:, 0] <= y) & (y <= bounds[:, 1])).mean())


@pytest.fixture(scope="module")
def numbers() -> rv.Model:
    """A model of the first 900 rows."""
    return rv.train(X[:900], Y[:900], validation=0.3, **QUICK)


@pytest.fixture(scope="module")
def classes() -> rv.Model:
    return rv.train(X[:900], RARE[:900], validation=0.3, **QUICK)


def test_intervals_cover_new_rows(numbers: rv.Model) -> None:
    error = math.sqrt(0.9 * 0.1 * (1 / 600 + 1 / 270))
    assert abs(fraction_inside(numbers.predict_interval(X[900:]), Y[900:]) - 0.9) < 4.5 * error
    narrow, wide = (np.ptp(numbers.predict_interval(X[900:], coverage), axis=1).mean() for coverage in (0.5, 0.95))
    assert narrow < wide


def test_cross_conformal_intervals_of_an_ensemble() -> None:
    model = rv.train(X[:900], Y[:900], hidden=(16,), epochs=4, test=0.0, progress=False)
    assert model.conformal is not None
    assert model.conformal.folds
    assert model.conformal.rows > 400
    error = math.sqrt(0.9 * 0.1 * (1 / 600 + 1 / model.conformal.rows))
    assert abs(fraction_inside(model.predict_interval(X[900:]), Y[900:]) - 0.9) < 4.5 * error + 0.015


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"callbacks": [rv.EarlyStopping(patience=1)], "optimizer": rv.SGD(0.3)},
        {"optimizer": rv.Adam(0.01, ema_decay=0.9), "callbacks": [rv.EarlyStopping(patience=2)]},
        {"optimizer": rv.LBFGS()},
        {"loss": "huber"},
    ],
)
def test_what_validation_showed_of_the_kept_weights_is_not_computed_again(
    engine: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []

    def compared(compared_model: rv.Model, rows: Any, outputs: Any = None) -> Any:
        assert outputs is not None
        assert outputs.tobytes() == compared_model.outputs_of(rows.inputs).tobytes()
        counts.append(1)
        return held_out_by(compared_model, rows, outputs)

    monkeypatch.setattr(importlib.import_module("ranvier.model.fit"), "held_out_by", compared)
    monkeypatch.setattr(importlib.import_module("ranvier.model.model"), "held_out_by", compared)
    network = rv.Network(3, [rv.Dense(8, "tanh"), rv.Dense(1)])
    model = network.fit(X[:200], Y[:200], validation=0.3, epochs=4, engine=engine, progress=False, **options)
    model.fit(X[:200], Y[:200], validation=0.3, epochs=2, progress=False)
    assert len(counts) == 2


def test_sets_cover_new_rows(classes: rv.Model) -> None:
    sets = classes.predict_set(X[900:], coverage=0.95)
    covered = np.mean([label in actual for label, actual in zip(RARE[900:], sets, strict=True)])
    assert covered > 0.95 - 4.5 * math.sqrt(0.95 * 0.05 * (1 / 600 + 1 / 270))
    assert [actual[0] for actual in sets] == classes.predict(X[900:]).tolist()


def test_they_are_kept_in_the_file(numbers: rv.Model, classes: rv.Model, tmp_path: Path) -> None:
    numbers.save(tmp_path / "n.rv")
    classes.save(tmp_path / "c.rv")
    np.testing.assert_array_equal(rv.load(tmp_path / "n.rv").predict_interval(X), numbers.predict_interval(X))
    assert rv.load(tmp_path / "c.rv").predict_set(X) == classes.predict_set(X)


def test_without_calibration_rows_the_error_says_what_to_do() -> None:
    network = rv.Network(3, [rv.Dense(1)])
    model = network.fit(X, Y, epochs=1, engine="reference")
    with pytest.raises(InputError, match="train it with validation rows"):
        model.predict_interval(X)
    model.fit(X, Y, epochs=1, validation=0.5)
    assert model.predict_interval(X).shape == (1500, 2)
    with pytest.raises(InputError, match="parameters were changed"):
        model.with_parameters(model.parameters).predict_interval(X)
    model.fit(X, Y, epochs=1)
    assert model.conformal is None, "its rows may have been trained on"


def test_the_wrong_question_names_the_right_one(numbers: rv.Model, classes: rv.Model) -> None:
    with pytest.raises(InputError, match=r"use model\.predict_set"):
        classes.predict_interval(X)
    with pytest.raises(InputError, match=r"use model\.predict_interval"):
        numbers.predict_set(X)


def test_estimators_have_them() -> None:
    regressor = rv.Regressor((16,), epochs=10, recipe="plain", validation=0.3, random_state=0).fit(X, Y)
    assert fraction_inside(regressor.predict_interval(X, 0.9), Y) > 0.85
    classifier = rv.Classifier((16,), epochs=10, recipe="plain", validation=0.3, random_state=0).fit(X, RARE)
    assert {label for actual in classifier.predict_set(X, 0.99) for label in actual} == {"no", "yes"}


def test_the_plain_recipe_has_a_temperature(classes: rv.Model) -> None:
    assert classes.report.temperature != 1.0
    before = classes.report.temperature
    sure = rv.train(X[:900], RARE[:900], validation=0.3, **{**QUICK, "epochs": 60, "patience": 60})
    assert sure.report.temperature != before


def test_a_threshold_moves_the_answers(classes: rv.Model) -> None:
    p = classes.probabilities(X)[:, 1]
    for threshold in (0.1, 0.5, 0.8):
        assert ((classes.predict(X, threshold=threshold) == "yes") == (p >= threshold)).all()
    with pytest.raises(InputError, match="give a probability"):
        classes.predict(X, threshold=1.5)
    with pytest.raises(InputError, match="give a probability"):
        classes.predict(X, threshold="f1")  # type: ignore[arg-type]


def test_a_threshold_is_chosen_and_kept(tmp_path: Path) -> None:
    model = rv.train(X[:900], RARE[:900], validation=0.3, threshold="f1", **QUICK)
    plain = rv.train(X[:900], RARE[:900], validation=0.3, **QUICK)
    assert model.task.threshold != 0.5
    assert any("Threshold:" in note for note in model.report.notes)
    model.save(tmp_path / "m.rv")
    again = rv.load(tmp_path / "m.rv")
    assert again.task.threshold == model.task.threshold
    assert (again.predict(X) == plain.predict(X, threshold=model.task.threshold)).all()
    assert again.evaluate(X[900:], RARE[900:])["f1"] > plain.evaluate(X[900:], RARE[900:])["f1"]
    cheap = rv.Classifier((16,), epochs=5, recipe="plain", random_state=0, threshold="cost:9:1").fit(X, RARE)
    assert cheap.model_.task.threshold == pytest.approx(0.1)
    assert (cheap.predict(X) == "yes").sum() == (cheap.predict_proba(X)[:, 1] >= cheap.model_.task.threshold).sum()


def test_a_threshold_is_refused_where_it_means_nothing() -> None:
    with pytest.raises(InputError, match="two classes, and the task is regression"):
        rv.train(X, Y, threshold=0.3, **QUICK)
    with pytest.raises(InputError, match="threshold is 'recall'"):
        rv.train(X, RARE, threshold="recall", **QUICK)


def test_scikit_learns_threshold_tuner_takes_the_classifier() -> None:
    classifier = rv.Classifier((8,), epochs=4, recipe="plain", random_state=0, engine="reference")
    tuned = TunedThresholdClassifierCV(classifier, scoring="f1", cv=2).fit(X[:600], (RARE[:600] == "yes").astype(int))
    assert 0.0 < tuned.best_threshold_ < 0.6
    assert set(tuned.predict(X)) == {0, 1}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    table = pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": Y, "rare": RARE})
    table[:900].drop("rare").write_csv("numbers.csv")
    table[:900].drop("y").write_csv("classes.csv")
    return tmp_path


WORDS = ("--recipe", "plain", "--hidden", "16", "--epochs", "8", "--validation", "0.3", "--quiet")


def test_the_command_writes_bounds_and_sets(files: Path) -> None:
    assert invoke("train", "numbers.csv", "--target", "y", "--model", "n.rv", *WORDS).exit_code == 0
    lines = invoke("predict", "n.rv", "numbers.csv", "--interval", "0.8").stdout.splitlines()
    assert lines[0] == "prediction,lower,upper"
    records = json.loads(invoke("predict", "n.rv", "numbers.csv", "--interval", "0.8", "--json").stdout)
    np.testing.assert_allclose(
        [records[0]["lower"], records[0]["upper"]], np.array(lines[1].split(",")[1:], float), 1e-6
    )
    assert records[0]["lower"] < records[0]["prediction"] < records[0]["upper"]
    assert "use model.predict_interval" in refused("predict", "n.rv", "numbers.csv", "--set", "0.9")

    assert invoke("train", "classes.csv", "--target", "rare", "--model", "c.rv", *WORDS).exit_code == 0
    table = pl.read_csv(invoke("predict", "c.rv", "classes.csv", "--set", "0.99").stdout.encode())
    assert set(table["set"]) <= {"no", "yes", "no | yes", "yes | no"}
    records = json.loads(invoke("predict", "c.rv", "classes.csv", "--set", "0.99", "--json").stdout)
    assert [" | ".join(record["set"]) for record in records] == table["set"].to_list()


def test_the_command_takes_a_threshold(files: Path) -> None:
    words = ("train", "classes.csv", "--target", "rare", "--model", "t.rv", *WORDS, "--threshold", "cost:9:1")
    assert invoke(*words).exit_code == 0
    assert rv.load("t.rv").task.threshold == pytest.approx(0.1)
    rare = invoke("predict", "t.rv", "classes.csv").stdout.count("yes")
    usual = invoke("predict", "t.rv", "classes.csv", "--threshold", "0.5").stdout.count("yes")
    assert rare > usual
