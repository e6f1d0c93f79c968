"""`ranvier predict`, `evaluate`, `show` and `doctor`."""

from __future__ import annotations

import csv
import io
import json
import re
import tomllib
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import ranvier
from ranvier.cli import doctor
from ranvier.display.tables import bar, sparkline
from tests.cli.helpers import Trained, invoke, refused, started


def test_predictions_go_to_standard_output_as_csv(trained: Trained) -> None:
    result = invoke("predict", trained.model, trained.data)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "prediction"
    assert lines[1:] == ranvier.load(trained.model).predict(trained.data).tolist()


def test_probabilities_stand_beside_predictions(trained: Trained) -> None:
    rows = list(csv.DictReader(io.StringIO(invoke("predict", trained.model, trained.data, "--probabilities").stdout)))
    names = ["setosa", "versicolor", "virginica"]
    assert list(rows[0]) == ["prediction", *(f"probability_{name}" for name in names)]
    for row in rows:
        fractions = [float(row[f"probability_{name}"]) for name in names]
        assert sum(fractions) == pytest.approx(1.0, abs=3 * 0.5e-6)
        assert names[int(np.argmax(fractions))] == row["prediction"]


def test_predictions_as_json(trained: Trained) -> None:
    result = invoke("predict", trained.model, trained.data, "--json")
    records = json.loads(result.stdout)
    assert len(records) == 150
    assert set(records[0]) == {"prediction", "probabilities"}
    assert set(records[0]["probabilities"]) == {"setosa", "versicolor", "virginica"}


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "CSV"])
def test_predictions_in_files(trained: Trained, here: Path, suffix: str) -> None:
    result = invoke("predict", trained.model, trained.data, "--output", f"answers.{suffix}")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "150 predictions" in result.stderr
    path = here / f"answers.{suffix}"
    readers = {"csv": pl.read_csv, "jsonl": pl.read_ndjson, "parquet": pl.read_parquet}
    frame = readers[suffix.lower()](path)
    assert frame["prediction"].to_list() == ranvier.load(trained.model).predict(trained.data).tolist()
    assert frame.columns == ["prediction"]


def test_predictions_of_several_numbers(here: Path, trained: Trained) -> None:
    words = ["--target", "sepal_length,sepal_width", "--epochs", "2", "--model", "two.rv", "--quiet"]
    assert invoke("train", trained.data, *words).exit_code == 0
    lines = invoke("predict", "two.rv", trained.data).stdout.splitlines()
    assert lines[0] == "prediction_sepal_length,prediction_sepal_width"
    records = json.loads(invoke("predict", "two.rv", trained.data, "--json").stdout)
    assert set(records[0]) == {"prediction"}
    assert set(records[0]["prediction"]) == {"sepal_length", "sepal_width"}


def test_arrays_from_a_file(here: Path) -> None:
    generator = np.random.default_rng(0)
    inputs = generator.normal(size=(120, 3))
    np.savez("points.npz", X=inputs, y=(inputs[:, 0] > 0).astype(int))
    assert invoke("train", "points.npz", "--epochs", "3").stdout.startswith("points.npz: 120 rows\n")
    assert len(invoke("predict", "points.rv", "points.npz").stdout.splitlines()) == 121
    assert json.loads(invoke("evaluate", "points.rv", "points.npz", "--json").stdout)["rows"] == 120


@pytest.mark.parametrize("command", [("evaluate",), ("show", "--importances"), ("show", "--diagnose")])
def test_arrays_with_parts_are_measured_on_their_test_rows(here: Path, command: tuple[str, ...]) -> None:
    inputs = np.random.default_rng(0).integers(0, 9, (60, 3)).astype(float)
    labels = (inputs[:, 0] > 4).astype(int)
    parts = {"x_train": inputs[:40], "y_train": labels[:40], "x_test": inputs[40:], "y_test": labels[40:]}
    np.savez("points.npz", **parts)
    trained = json.loads(invoke("train", "points.npz", "--recipe", "plain", "--epochs", "2", "--json").stdout)
    shown = invoke(command[0], "points.rv", *command[1:], "points.npz")
    assert shown.exit_code == 0
    assert "Measured on the 20 test rows, not on the others." in " ".join((shown.stdout + shown.stderr).split())
    if command == ("evaluate",):
        measured = json.loads(invoke("evaluate", "points.rv", "points.npz", "--json").stdout)
        assert measured["rows"] == 20
        assert measured["metrics"]["accuracy"] == pytest.approx(trained["metrics"]["accuracy"])


def test_a_model_of_plain_arrays(here: Path) -> None:
    inputs = np.random.default_rng(0).normal(size=(60, 3))
    labels = (inputs[:, 0] > 0).astype(int)
    network = ranvier.Network(3, [ranvier.Dense(4, "tanh"), ranvier.Dense(1, "sigmoid")])
    network.fit(inputs, labels, epochs=2, progress=False).save("plain.rv")
    np.savez("points.npz", X=inputs, y=labels)
    assert json.loads(invoke("evaluate", "plain.rv", "points.npz", "--json").stdout)["rows"] == 60
    assert len(invoke("predict", "plain.rv", "points.npz").stdout.splitlines()) == 61
    assert invoke("show", "plain.rv").exit_code == 0
    assert invoke("show", "plain.rv", "--layer", "0", "--neuron", "0").exit_code == 0
    assert "arrays without names" in invoke("predict", "plain.rv", "iris").stderr


def test_numbers_are_written_as_people_read_them(here: Path) -> None:
    """Commas between thousands, and no minus before a zero."""
    network = ranvier.Network(1234, [ranvier.Dense(1, initializer="zeros")])
    optimizer = ranvier.SGD(1e-9)
    inputs = np.full((2, 1234), 1.0)
    model = network.fit(inputs, [-1.0, -1.0], epochs=1001, batch_size=1001, optimizer=optimizer, engine="reference")
    assert -5e-5 < min(array.min() for array in model.parameters.values()) < 0
    model.save("small.rv")
    shown = invoke("show", "small.rv").stdout
    for words in ("1,235 parameters", "1,234 × 1", "1,001 epochs", "batch size 1,001", " 0.0000"):
        assert words in shown
    for words in ([], ["--layer", "0"], ["--layer", "0", "--neuron", "0"]):
        shown = invoke("show", "small.rv", *words).stdout
        assert "-0.0000" not in shown
        assert "0.0000" in shown
    assert "and 1,210 smaller weights" in shown


def test_a_reader_that_goes_away_is_no_error(trained: Trained, here: Path) -> None:
    with started("predict", trained.model, trained.data, "--json", folder=here) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
    assert (process.returncode, errors) == (0, "")


def test_evaluate(trained: Trained) -> None:
    result = invoke("evaluate", trained.model, trained.data)
    assert result.exit_code == 0, result.output
    for words in ("Accuracy", "Baseline", "33.3 %", "setosa", "Recall"):
        assert words in result.stdout
    actual = json.loads(invoke("evaluate", trained.model, trained.data, "--json").stdout)
    assert actual["rows"] == 150
    assert actual["metrics"] == pytest.approx(ranvier.load(trained.model).evaluate(trained.data))
    assert actual["baseline"]["accuracy"] == pytest.approx(1 / 3)
    assert sum(record["rows"] for record in actual["per_class"]) == 150


def test_show_the_whole_model(trained: Trained) -> None:
    result = invoke("show", trained.model)
    assert result.exit_code == 0, result.output
    for words in (
        "Predicts species, one of 3 classes: setosa, versicolor, virginica.",
        "garden",
        "category",
        "layers.0.weight",
        "Dense 12, silu",
        "Training, 6 epochs",
        "AdamW, learning rate",
        "Validation loss",
    ):
        assert words in result.stdout, words
    assert max(len(line) for line in result.stdout.splitlines()) <= 80


def test_show_as_json(trained: Trained) -> None:
    actual = json.loads(invoke("show", trained.model, "--json").stdout)
    assert actual["task"]["classes"] == ["setosa", "versicolor", "virginica"]
    assert len(actual["history"]) == 6
    weight = ranvier.load(trained.model).parameters["layers.0.weight"]
    entry = next(entry for entry in actual["statistics"] if entry["name"] == "layers.0.weight")
    assert entry["shape"] == list(weight.shape)
    assert entry["maximum"] == pytest.approx(float(weight.max()))


def test_show_a_neuron(trained: Trained) -> None:
    result = invoke("show", trained.model, "--layer", "0", "--neuron", "3")
    assert "silu(x) = x * sigmoid(x)" in result.stdout
    assert "petal_length" in result.stdout
    actual = json.loads(invoke("show", trained.model, "--layer", "layers.0", "--neuron", "3", "--json").stdout)
    model = ranvier.load(trained.model)
    names = model.encoder.feature_names
    weight = model.parameters["layers.0.weight"][:, 3]
    assert {entry["input"]: entry["weight"] for entry in actual["weights"]} == pytest.approx(
        dict(zip(names, weight.tolist(), strict=True))
    )
    sizes = [abs(entry["weight"]) for entry in actual["weights"]]
    assert sizes == sorted(sizes, reverse=True)
    assert actual["bias"] == pytest.approx(float(model.parameters["layers.0.bias"][3]))


def test_show_the_inputs_of_a_group(here: Path) -> None:
    """A neuron's weights are named after the neurons of its own group."""
    network = ranvier.Network(3, [ranvier.Dense(6, "tanh"), ranvier.Dense(4, "relu", groups=2), ranvier.Dense(1)])
    inputs = np.random.default_rng(0).normal(size=(60, 3))
    model = network.fit(inputs, inputs[:, 0], epochs=2, progress=False)
    model.save("groups.rv")
    assert "Dense 4, relu, 2 groups" in invoke("show", "groups.rv").stdout
    weight = model.parameters["layers.1.weight"]
    neurons = json.loads(invoke("show", "groups.rv", "--layer", "1", "--json").stdout)["neurons"]
    for at, group in enumerate((0, 0, 1, 1)):
        names = [f"layers.0 neuron {3 * group + number}" for number in range(3)]
        actual = json.loads(invoke("show", "groups.rv", "--layer", "1", "--neuron", at, "--json").stdout)
        assert {entry["input"]: entry["weight"] for entry in actual["weights"]} == pytest.approx(
            dict(zip(names, weight[:, at].tolist(), strict=True))
        )
        assert neurons[at]["strongest_input"] == names[int(np.abs(weight[:, at]).argmax())]


def test_show_a_layer(trained: Trained) -> None:
    assert "12 neurons" in invoke("show", trained.model, "--layer", "0").stdout
    actual = json.loads(invoke("show", trained.model, "--layer", "2", "--json").stdout)
    assert [neuron["stands_for"] for neuron in actual["neurons"]] == ["setosa", "versicolor", "virginica"]
    assert actual["neurons"][0]["strongest_input"].startswith("layers.0 neuron ")


def test_doctor() -> None:
    result = invoke("doctor")
    assert result.exit_code == 0, result.output
    assert "a tiny network learns" in result.stdout
    actual = json.loads(invoke("doctor", "--json").stdout)
    assert actual["healthy"] is True
    names = {check["name"] for check in actual["checks"]}
    assert names >= {"Python", "Ranvier", "numpy", "llvmlite", "Processor", "Memory", "Settings", "Engine reference"}


def test_doctor_loads_everything_that_ranvier_depends_on() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {re.split("[>=]", entry)[0] for entry in project["dependencies"]} == set(doctor.LIBRARIES)


def test_doctor_finds_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANVIER_THREADS", "many")
    result = invoke("doctor", "--json")
    assert result.exit_code == 1
    actual = json.loads(result.stdout)
    assert actual["healthy"] is False
    assert any(check["verdict"] == "error" and "RANVIER_THREADS" in check["text"] for check in actual["checks"])


def test_bars_and_curves_fill_their_width() -> None:
    assert [len(bar(fraction, 10)) for fraction in (0.0, 0.001, 0.5, 1.0, 7.0)] == [0, 1, 5, 10, 10]
    assert len(sparkline(list(range(1000)), 40)) == 40
    assert sparkline([float("nan")], 10) == ""
    assert sparkline([1.0, 1.0], 10) == "▁▁"


def test_columns_are_kept_beside_predictions(trained: Trained, here: Path) -> None:
    lines = invoke("predict", trained.model, trained.data, "--keep", "garden", "--keep", "species").stdout.splitlines()
    assert lines[0] == "garden,species,prediction"
    assert lines[1].startswith("north,setosa,")
    records = json.loads(invoke("predict", trained.model, trained.data, "--keep", "garden", "--json").stdout)
    assert list(records[0]) == ["garden", "prediction", "probabilities"]
    assert 'Did you mean "garden"' in refused("predict", trained.model, trained.data, "--keep", "gardn")
    numbers = invoke("predict", trained.model, trained.data, "--probabilities").stdout.splitlines()[1].split(",")[1:]
    assert all(len(number) <= 8 for number in numbers)


def test_importances_of_columns_as_bars_and_as_json(trained: Trained) -> None:
    shown = invoke("show", trained.model, "--importances", trained.data, "--repeats", "2")
    assert shown.exit_code == 0, shown.output
    assert "Importances on 150 rows" in shown.stdout
    for name in ("sepal_length", "petal_width", "garden"):
        assert any(line.startswith(name) for line in shown.stdout.splitlines())
    words = ("--importances", trained.data, "--metric", "log_loss", "--correlated", "--json")
    actual = json.loads(invoke("show", trained.model, *words).stdout)["importances"]
    assert (actual["metric"], actual["rows"], actual["repeats"]) == ("log_loss", 150, 5)
    values = [entry["importance"] for entry in actual["columns"]]
    assert values == sorted(values, reverse=True)
    assert ["petal_length", "petal_width"] in [entry["columns"][-2:] for entry in actual["columns"]]
    expected = ranvier.load(trained.model).importances(trained.data, metric="log_loss", groups="correlated")
    assert values == [entry.importance for entry in expected]


@pytest.mark.parametrize(
    "words", [("--repeats", "2"), ("--metric", "auc"), ("--correlated",), ("--importances", "iris", "--plan")]
)
def test_options_of_importances_that_do_not_go_together(trained: Trained, words: tuple[str, ...]) -> None:
    assert invoke("show", trained.model, *words).exit_code == 2


def test_predictions_are_explained_in_words_and_as_json(trained: Trained, here: Path) -> None:
    shown = invoke("predict", trained.model, trained.data, "--explain", "2").stdout
    assert shown.count("logit of ") == 150
    assert shown.startswith("Row 1: ")
    assert "all others" in shown
    records = json.loads(invoke("predict", trained.model, trained.data, "--explain", "2", "--json").stdout)
    assert [len(entry["explanation"]["columns"]) for entry in records] == [2] * 150
    expected = ranvier.load(trained.model).attributions(trained.data)
    first = records[7]["explanation"]
    assert [(entry["column"], entry["value"]) for entry in first["columns"]] == expected.largest(7, 2)
    assert (first["explained"], first["output"]) == (records[7]["prediction"], float(expected.outputs[7]))
    words = ("predict", trained.model, trained.data, "--explain", "3", "--output")
    assert invoke(*words, here / "why.jsonl").exit_code == 0
    lines = (here / "why.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(json.loads(lines[0])["explanation"]["columns"]) == 3
    assert "end its name in .jsonl" in refused(*words, here / "why.csv")
