"""`ranvier train` and `ranvier resume`: what they say, what they leave behind, and how they are stopped."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier
from ranvier.cli.printed_report import _other
from ranvier.cli.train import default_model
from ranvier.data.sources.readers import ENDINGS
from ranvier.settings import ENGINES
from ranvier.storage.run_folder import RunFolder
from ranvier.training.engines import HOMES
from tests.cli.helpers import QUICK, Trained, invoke, started

CONTRACT = [
    "model",
    "run",
    "task",
    "rows",
    "epochs",
    "seconds",
    "engine",
    "recipe",
    "metrics",
    "baseline",
    "parameters",
    "notes",
    "linear_baseline",
    "diagnosis",
]


def test_the_json_object_holds_what_the_design_promises(trained: Trained) -> None:
    assert list(trained.report) == CONTRACT
    assert trained.report["task"] == "multiclass"
    assert trained.report["rows"] == 150
    assert trained.report["epochs"] == 6
    measured = {"accuracy", "log_loss", "brier", "ece", "f1", "auc"}
    assert set(trained.report["metrics"]) == set(trained.report["baseline"]) == measured
    assert set(trained.report["linear_baseline"]) == measured
    assert Path(trained.report["model"]) == trained.model
    assert Path(trained.report["run"]) == trained.run


def test_the_model_and_the_run_are_there(trained: Trained) -> None:
    model = ranvier.load(trained.model)
    assert model.report.metrics == trained.report["metrics"]
    assert (trained.run / "events.jsonl").is_file()


@pytest.mark.parametrize(
    ("data", "other"),
    [("pictures", "OTHER/"), ("rows.tsv", "OTHER.tsv"), ("iris", "OTHER.csv"), ("v1.2/rows.csv.gz", "OTHER.csv.gz")],
)
def test_other_rows_are_named_as_the_training_rows_are(data: str, other: str, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    assert _other(str(tmp_path / data)) == other
    assert _other(None) == "OTHER.csv"


def test_people_are_told_what_was_read_how_good_it_is_and_what_to_do_next(here: Path) -> None:
    result = invoke("train", "iris", *QUICK)
    assert result.exit_code == 0, result.output
    for words in (
        "The iris set of scikit-learn: 150 rows",
        "species, one of 3 classes",
        "105 training, 15 validation (early stopping), 30 test",
        "On 30 test rows, not used in training",
        "Baseline",
        "Precision",
        "Network, ",
        "Dense 12, silu",
        "ranvier predict iris.rv iris --output predictions.csv",
        "ranvier evaluate iris.rv OTHER.csv",
        "ranvier show iris.rv",
    ):
        assert words in result.stdout, words
    assert "6/6" in result.stderr
    assert "6/6" not in result.stdout
    assert max(len(line) for line in result.stdout.splitlines()) <= 80
    assert (here / "iris.rv").is_file()
    assert len(list((here / "runs").iterdir())) == 1


def test_what_is_measured_on_validation_rows_is_said_to_be(here: Path) -> None:
    result = invoke("train", "iris", *QUICK, "--test", "0", "--validation", "0.2", "--model", "m.rv")
    assert "On 30 validation rows, used only to decide when to stop" in result.stdout
    assert "test rows" not in result.stdout
    shown = invoke("show", "m.rv").stdout
    assert "on validation rows" in shown
    assert "test rows" not in shown


def test_the_next_commands_work_for_names_that_a_shell_would_split(here: Path, table: Callable[..., Path]) -> None:
    data = table(name="my flowers.csv")
    result = invoke("train", data.name, "--target", "species", *QUICK)
    assert "ranvier predict 'my flowers-species.rv' 'my flowers.csv'" in result.stdout


def test_a_model_that_replaces_another_is_reported_to(here: Path) -> None:
    assert "replaced" not in invoke("train", "iris", *QUICK).stdout
    assert "iris.rv (existing file replaced)" in invoke("train", "iris", *QUICK).stdout


def test_json_leaves_words_to_standard_error(here: Path) -> None:
    result = invoke("train", "iris", *QUICK, "--json")
    assert json.loads(result.stdout)["task"] == "multiclass"
    assert result.stdout.count("\n") == 1
    assert "test rows, not used in training" in result.stderr


def test_quiet_says_nothing(here: Path) -> None:
    result = invoke("train", "iris", *QUICK, "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    silent = invoke("train", "iris", *QUICK, "--quiet", "--json")
    assert silent.stderr == ""
    assert json.loads(silent.stdout)["rows"] == 150


def test_regression_shows_numbers_and_no_classes(here: Path) -> None:
    result = invoke("train", "diabetes", *QUICK, "--json")
    assert set(json.loads(result.stdout)["metrics"]) == {"r2", "rmse", "mae"}
    assert "progression, a number" in result.stderr
    assert "Precision" not in result.stderr


def test_options_reach_the_training(here: Path, table: Callable[..., Path]) -> None:
    data, other = table(), table(name="other.csv")
    words = ["--target", "species", "--ignore", "garden,sepal_width", "--hidden", "5,4", "--activation", "tanh"]
    words += ["--dropout", "0.1", "--optimizer", "sgd", "--learning-rate", "0.05", "--schedule", "constant"]
    words += ["--batch-size", "16", "--seed", "7", "--validation", other.name, "--test", "0.3", "--epochs", "2"]
    words += ["--class-weight", "balanced", "--weight-decay", "0.001", "--patience", "3", "--engine", "reference"]
    words += ["--clip-norm", "2.5", "--recipe", "plain"]
    result = invoke("train", data.name, *words, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    model = ranvier.load(report["model"])
    assert {column["name"] for column in model.report.columns} == {"sepal_length", "petal_length", "petal_width"}
    assert model.report.split == {"training": 105, "validation": 150, "test": 45}
    assert [layer["outputs"] for layer in model.report.layers] == [5, 5, 4, 4, 3]
    training = model.training
    assert (training.batch_size, training.seed, type(training.optimizer).__name__) == (16, 7, "SGD")
    assert training.optimizer.clip_norm == 2.5


def test_several_targets(here: Path, table: Callable[..., Path]) -> None:
    result = invoke("train", table(), "-t", "sepal_length,sepal_width", "--epochs", "2", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["task"], ranvier.load(report["model"]).report.target) == (
        "regression",
        ["sepal_length", "sepal_width"],
    )


@pytest.mark.parametrize(("data", "model"), [("a/b.jsonl", "b.rv"), (".csv", ".csv.rv"), ("x.y.csv", "x.y.rv")])
def test_the_model_is_named_after_the_data(data: str, model: str) -> None:
    assert default_model(data) == model


@pytest.mark.parametrize("ending", sorted({*ENDINGS, *(".csv.gz", ".idx.gz", ".tar.xz", ".MD", ".text.bz2")}))
def test_the_model_is_named_without_any_ending_that_is_read(ending: str) -> None:
    assert default_model(f"there/notes{ending}") == "notes.rv"


def test_many_classes_are_collapsed(here: Path) -> None:
    from ranvier.display.tables import MAX_CLASSES, MAX_SHOWN_CLASSES, class_table

    def records(count: int) -> list[dict[str, float]]:
        return [{"label": at, "rows": 5, "precision": 0.5, "recall": 0.5, "f1": at / count} for at in range(count)]

    shown, rest = class_table(records(MAX_CLASSES))
    assert (shown.row_count, rest) == (MAX_CLASSES, "")
    shown, rest = class_table(records(100))
    assert shown.row_count == MAX_SHOWN_CLASSES
    assert rest == "These are the 12 of 100 with the lowest F1; the others lie between 0.12 and 0.99."


def wait_for_epochs(run: Path, count: int) -> None:
    """Wait until the run's log holds some epochs."""
    events = run / "events.jsonl"
    limit = time.monotonic() + 60
    while not (events.exists() and events.read_text().count('"epoch"') >= count):
        assert time.monotonic() < limit, "the run did not start"
        time.sleep(0.02)


@pytest.mark.skipif(os.name == "nt", reason="signals are sent the POSIX way")
def test_ctrl_c_keeps_the_model_so_far_and_says_how_to_go_on(here: Path) -> None:
    words = ["train", "iris", "--run", "run", "--epochs", "10000000", "--patience", "10000000", "--json"]
    words += ["--recipe", "plain"]
    with started(*words, folder=here) as process:
        wait_for_epochs(here / "run", 3)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    report = json.loads(output)
    assert ranvier.load(report["model"]).report.interrupted
    assert report["epochs"] >= 2
    assert "ranvier resume run" in errors
    assert "Traceback" not in errors
    model = ranvier.load(here / "iris.rv")
    assert model.predict({name: [5.0] for name in model.encoder.feature_names}).shape == (1,)


def test_a_resumed_run_gives_the_bits_of_one_that_never_stopped(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    choices = ["--epochs", "60", "--patience", "60", "--hidden", "24", "--batch-size", "8", "--json"]
    choices += ["--recipe", "plain"]
    full = invoke("train", "iris", "--model", "whole.rv", "--run", "whole", *choices)
    assert full.exit_code == 0, full.output
    append = RunFolder.append

    def append_then_interrupt(folder: RunFolder, event: dict[str, Any]) -> None:
        """Write to the run's log; Ctrl-C is pressed as soon as the second epoch stands in it."""
        append(folder, event)
        if (event["kind"], event.get("epoch")) == ("epoch", 2):
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "append", append_then_interrupt)
        stopped = invoke("train", "iris", "--model", "parts.rv", "--run", "parts", *choices)
    assert stopped.exit_code == 130, stopped.output
    assert json.loads(stopped.stdout)["epochs"] == 2
    result = invoke("resume", "parts", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["epochs"], ranvier.load(report["model"]).report.interrupted) == (60, False)
    first, second = ranvier.load("whole.rv").parameters, ranvier.load("parts.rv").parameters
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_resume_says_what_it_did(trained: Trained) -> None:
    result = invoke("resume", trained.run)
    assert result.exit_code == 0, result.output
    assert re.search(r"On 30 test rows, not used in training", result.stdout)


def test_the_help_says_which_engines_there_are() -> None:
    text = " ".join(invoke("train", "--help").stdout.split())
    there = [name for name in ENGINES if name in ("auto", *HOMES)]
    absent = [f"; {name} is not in this version yet" for name in ENGINES if name not in there]
    assert f"Compute engine: {', '.join(there)}{''.join(absent)}." in text


def test_two_targets_of_one_file_have_two_models(here: Path, table: Callable[..., Path]) -> None:
    data = table()
    for target in ("species", "garden"):
        assert invoke("train", data.name, "--target", target, *QUICK, "--quiet").exit_code == 0
    assert {path.name for path in here.glob("*.rv")} == {"flowers-species.rv", "flowers-garden.rv"}


@pytest.mark.parametrize(
    ("targets", "model"), [(["a/b: c?"], "x-a-b-c.rv"), (["größe"], "x-größe.rv"), (["?"], "x.rv")]
)
def test_the_model_is_named_after_the_targets(targets: list[str], model: str) -> None:
    assert default_model("x.csv", targets) == model
    assert len(default_model("x.csv", ["y" * 500])) < 120
