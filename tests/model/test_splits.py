"""`split`, `group` and `positive` through `train`: in the report, in the run folder, in resume, on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.storage.run_folder import RunFolder
from tests.cli.helpers import invoke

RANDOM = np.random.default_rng(8)
ROWS = 150
FAST: dict[str, Any] = {"engine": "reference", "epochs": 2, "progress": False, "hidden": (4,)}


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    x = RANDOM.normal(size=ROWS)
    group = RANDOM.integers(0, 20, ROWS)
    frame = pl.DataFrame({"x": x, "z": x**2, "day": RANDOM.permutation(ROWS), "patient": group})
    frame = frame.with_columns(pl.Series("ill", np.where(x + group / 10 > 1, "yes", "no")))
    path = tmp_path_factory.mktemp("rows") / "rows.csv"
    frame.write_csv(path)
    return path


@pytest.mark.parametrize("recipe", ["plain", "table"])
def test_time_reaches_every_recipe(path: Path, recipe: str) -> None:
    model = rv.train(path, "ill", recipe=recipe, split="time:day", ignore=["day"], **FAST)
    assert model.report.split == {"training": 105, "validation": 15, "test": 30}
    assert any("test 120 to 149" in note for note in model.report.notes)


@pytest.mark.parametrize("recipe", ["plain", "table"])
def test_groups_reach_every_recipe(path: Path, recipe: str) -> None:
    model = rv.train(path, "ill", recipe=recipe, group="patient", **FAST)
    assert "patient" not in [column["name"] for column in model.report.columns]
    assert model.report.split["validation"] > 0 or recipe == "table"
    assert any('the same "patient" stay together' in note for note in model.report.notes)
    model.predict({"x": [0.5], "z": [0.25], "day": [7]})


def test_the_positive_class_is_in_the_report_and_decides_f1(path: Path) -> None:
    usual, other = (rv.train(path, "ill", recipe="plain", positive=label, **FAST) for label in (None, "no"))
    assert (usual.report.positive, other.report.positive) == ("yes", "no")
    assert any('recall and AUC are about, is "no"' in note for note in other.report.notes)
    for model in (usual, other):
        scores = {record["label"]: record["f1"] for record in model.report.per_class}
        assert model.report.metrics["f1"] == pytest.approx(scores[model.report.positive])
    frame = pl.read_csv(path)
    fraction = other.probabilities(frame)
    assert other.task.classes == ("yes", "no")
    np.testing.assert_array_equal(other.predict(frame) == "no", fraction[:, 1] >= 0.5)


def test_a_run_keeps_how_rows_were_divided(path: Path, tmp_path: Path) -> None:
    options = {"group": "patient", "positive": "no", "run": tmp_path / "run"}
    model = rv.train(path, "ill", recipe="plain", **options, **FAST)
    stored = RunFolder.open(tmp_path / "run").read_description()["options"]
    assert (stored["group"], stored["positive"], stored["split"]) == ("patient", "no", None)
    again = rv.resume(tmp_path / "run", progress=False)
    assert (again.report.split, again.report.positive) == (model.report.split, "no")


def test_the_command_has_the_same_options(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["--target", "ill", "--recipe", "plain", "--epochs", "2", "--hidden", "4", "--engine", "reference"]
    words += ["--split", "time:day", "--positive", "no", "--json"]
    result = invoke("train", path, *words)
    assert result.exit_code == 0, result.output
    notes = json.loads(result.stdout)["notes"]
    assert any('"no"' in note for note in notes)
    assert any('divided by "day"' in note for note in notes)
    grouped = invoke("train", path, *words[:-5], "--group", "patient", "--test", str(path), "--quiet")
    assert grouped.exit_code == 0, grouped.output
