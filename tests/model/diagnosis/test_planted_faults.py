"""Each kind of fault is planted, and found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.data.diagnosis.finding import KINDS, Finding
from ranvier.model.diagnosis.neuron_flags import flat_fraction
from tests.cli.helpers import invoke

ROWS = 300
GENERATOR = np.random.default_rng(3)
QUICK: dict[str, Any] = {"recipe": "plain", "hidden": (16,), "epochs": 30, "learning_rate": 0.01, "progress": False}
X = GENERATOR.normal(size=(ROWS, 4))
LABELS = np.where(X[:, 0] + X[:, 1] + 0.5 * GENERATOR.normal(size=ROWS) > 0, "yes", "no")


def table(**columns: Any) -> pl.DataFrame:
    return pl.DataFrame({**{name: X[:, at] for at, name in enumerate("abcd")}, "y": LABELS, **columns})


def kinds(findings: list[Finding]) -> dict[str, str | None]:
    """Kind -> column."""
    for actual in findings:
        assert actual.kind in KINDS
        assert actual.evidence.endswith("."), actual
        assert actual.meaning.endswith("."), actual
        assert actual.advice.endswith("."), actual
    return {actual.kind: actual.column for actual in findings}


def trained(frame: pl.DataFrame, **options: Any) -> dict[str, str | None]:
    """What `train` finds, and `diagnose` without rows too."""
    model = rv.train(frame, "y", **{**QUICK, **options})
    actual = model.diagnose()
    assert [entry.to_dict() for entry in actual] == model.report.diagnosis
    return kinds(actual)


def network(*layers: Any, epochs: int = 30, data: Any = X, **options: Any) -> rv.Model:
    """A network on the plain rows."""
    described = rv.Network(data.shape[1], [*layers, rv.Dense(1, "sigmoid")])
    return described.fit(data, (LABELS == "yes").astype(int), epochs=epochs, optimizer=rv.Adam(0.01), **options)


def test_clean_rows() -> None:
    assert trained(table()) == {}


def test_a_leaking_column() -> None:
    frame = table(gives_away=np.where(LABELS == "yes", 3, 7))
    assert trained(frame) == {"leaking_column": "gives_away"}


def test_an_identifier() -> None:
    assert trained(table(customer=GENERATOR.permutation(ROWS) + 5000), kinds={"customer": "number"})["identifier"] == (
        "customer"
    )


def test_duplicates_across_parts() -> None:
    frame = table()
    assert "duplicates" in trained(pl.concat([frame, frame[:60]]))
    assert "duplicates" in kinds(rv.train(frame, "y", **QUICK).diagnose(pl.concat([frame, frame[:60]])))


def test_conflicting_labels() -> None:
    frame = table()
    other = frame[:30].with_columns(pl.Series("y", np.where(LABELS[:30] == "yes", "no", "yes")))
    assert "conflicting_labels" in trained(pl.concat([frame, other]), test=0.0, validation=0.0)


def test_class_imbalance() -> None:
    rare = np.where(X[:, 0] > 1.9, "yes", "no")
    assert "class_imbalance" in trained(table(y=rare))


def test_overfitting() -> None:
    noise = table(y=GENERATOR.permutation(LABELS))
    options = {"hidden": (256, 256), "epochs": 300, "patience": 300, "validation": 0.0, "dropout": 0.0}
    assert "overfitting" in trained(noise, **options)


def test_underfitting() -> None:
    assert "underfitting" in kinds(network(rv.Dense(16, "tanh"), epochs=5).diagnose())
    assert "underfitting" not in kinds(network(rv.Dense(16, "tanh"), epochs=200).diagnose())
    assert "underfitting" in trained(table(), epochs=6, learning_rate=0.003, patience=99, schedule="constant")


def test_the_learning_curve_on_request() -> None:
    model = network(rv.Dense(16, "tanh"), epochs=20)
    (actual,) = (entry for entry in model.diagnose(X, LABELS == "yes", learning_curve=True) if "curve" in entry.kind)
    assert "More rows would" in actual.advice
    assert "learning_curve" not in kinds(model.diagnose(X, LABELS == "yes"))


def test_dead_neurons() -> None:
    model = network(rv.Dense(16, "relu"))
    broken = model.with_parameters({**model.parameters, "layers.0.bias": np.where(np.arange(16) < 8, -1e3, 0.0)})
    assert kinds(broken.diagnose(X))["dead_neurons"] == "layers.0"
    assert "dead_neurons" not in kinds(model.diagnose(X))


def test_saturated_neurons() -> None:
    model = network(rv.Dense(16, "tanh"))
    weights = model.parameters["layers.0.weight"] * 1e4
    assert "saturated_neurons" in kinds(
        model.with_parameters({**model.parameters, "layers.0.weight": weights}).diagnose(X)
    )
    assert "saturated_neurons" not in kinds(model.diagnose(X))


@pytest.mark.parametrize(("activation", "flat_below"), [("relu", 0.0), ("silu", -6.5), ("elu", -5.0), ("gelu", -3.0)])
def test_neurons_that_are_on_for_few_rows_have_no_fault(activation: str, flat_below: float) -> None:
    model = network(rv.Dense(16, activation))
    sums = np.asarray(model.activations(X)[0].weighted_sums)
    bias = model.parameters["layers.0.bias"] + flat_below - np.quantile(sums, 0.97, axis=0)
    few = model.with_parameters({**model.parameters, "layers.0.bias": bias})
    flat = flat_fraction(model.network.layers[0], np.asarray(few.activations(X)[0].weighted_sums))
    assert flat is not None
    assert (flat > 0.95).sum() > 8
    assert not {"saturated_neurons", "dead_neurons"} & kinds(few.diagnose(X)).keys()
    off = model.with_parameters({**model.parameters, "layers.0.bias": bias - 1e3})
    assert {"saturated_neurons", "dead_neurons"} & kinds(off.diagnose(X)).keys()


def test_constant_neurons() -> None:
    model = network(rv.Dense(16, "tanh"))
    weights = model.parameters["layers.0.weight"] * (np.arange(16) >= 5)
    assert "constant_neurons" in kinds(
        model.with_parameters({**model.parameters, "layers.0.weight": weights}).diagnose(X)
    )


def test_duplicate_neurons() -> None:
    model = network(rv.Dense(16, "tanh"))
    weights = np.array(model.parameters["layers.0.weight"])
    weights[:, 8:] = 1.001 * weights[:, :8]
    assert "duplicate_neurons" in kinds(
        model.with_parameters({**model.parameters, "layers.0.weight": weights}).diagnose(X)
    )
    assert "duplicate_neurons" not in kinds(model.diagnose(X))


def test_unscaled_inputs() -> None:
    data = X * np.array([1.0, 1.0, 1.0, 5000.0])
    assert kinds(network(rv.Dense(16, "tanh"), data=data).diagnose(data))["unscaled_inputs"] == "x3"
    assert "unscaled_inputs" not in kinds(network(rv.BatchNorm(), rv.Dense(16, "tanh"), data=data).diagnose(data))


def test_drift_between_training_and_given_rows() -> None:
    model = rv.train(table(), "y", **QUICK)
    moved = table().with_columns(pl.col("c") + 2.0)
    assert kinds(model.diagnose(moved))["drift"] == "c"
    assert "drift" not in kinds(model.diagnose(table()))
    later = table().with_columns(
        pl.Series("c", np.where(np.arange(ROWS) > 240, X[:, 2] + 4, X[:, 2])), pl.int_range(ROWS).alias("day")
    )
    assert trained(later, split="time:day", ignore=["day"])["drift"] == "c"


def test_drift_of_categories_and_missing_cells() -> None:
    towns = np.array(["Ulm", "Bonn", "Kiel"], object)[GENERATOR.integers(0, 3, ROWS)]
    model = rv.train(table(town=towns), "y", **QUICK)
    assert kinds(model.diagnose(table(town=["Ulm"] * ROWS)))["drift"] == "town"
    absent = table(town=towns, a=[None if row % 2 else float(X[row, 0]) for row in range(ROWS)])
    assert kinds(model.diagnose(absent))["drift"] == "a"


def test_no_better_than_guessing() -> None:
    assert "no_better_than_guessing" in trained(table(y=GENERATOR.permutation(LABELS)))


def test_worse_than_linear() -> None:
    actual = trained(table(), epochs=1, learning_rate=1e-6)
    assert "worse_than_linear" in actual
    broken = rv.Network(4, [rv.Dense(8, "tanh"), rv.Dense(1, "sigmoid")]).fit(X, LABELS == "yes", epochs=1)
    zeros = {name: 0 * values for name, values in broken.parameters.items()}
    assert "worse_than_linear" in kinds(broken.with_parameters(zeros).diagnose(X, LABELS == "yes"))


def test_findings_are_kept_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    table(gives_away=np.where(LABELS == "yes", 3, 7)).write_csv("rows.csv")
    words = ("--recipe", "plain", "--epochs", "3", "--target", "y", "--model", "m.rv")
    result = invoke("train", "rows.csv", *words)
    assert "gives_away" in result.stdout
    shown = invoke("show", "m.rv").stdout
    assert "Diagnosis" in shown
    assert "Leave it out" in " ".join(shown.split())
    table(gives_away=np.where(LABELS == "yes", 3, 7)).with_columns(pl.col("a") + 9).write_csv("new.csv")
    assert "distributed otherwise" in " ".join(invoke("show", "m.rv", "--diagnose", "new.csv").stdout.split())
    actual = json.loads(invoke("show", "m.rv", "--diagnose", "new.csv", "--json").stdout)["diagnosis"]
    assert {"leaking_column", "drift"} <= {entry["kind"] for entry in actual}
    assert set(actual[0]) == {"kind", "column", "evidence", "meaning", "advice"}


@pytest.mark.parametrize("form", ["one-hot", "probabilities", "numbers of classes"])
def test_rows_of_class_probabilities_are_targets_as_for_fit(form: str) -> None:
    labels = (X[:, 0] > 0.0).astype(int)
    labels[:3] = 2
    rows = np.eye(3)[labels]
    y = {"one-hot": rows, "probabilities": 0.9 * rows + 0.1 / 3, "numbers of classes": labels}[form]
    network = rv.Network(4, [rv.Dense(16, "relu"), rv.Dense(3, "softmax")])
    model = network.fit(X, y, epochs=5, engine="reference")
    actual = model.diagnose(X, y)
    expected = network.fit(X, labels, epochs=5, engine="reference").diagnose(X, labels)
    assert kinds(actual).keys() == kinds(expected).keys()
    assert "class_imbalance" in kinds(actual)
