"""The report of train: plain JSON, and metrics of the test rows, computed here once more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.data import prepare
from ranvier.model.model import Model
from ranvier.network.summary import layer_label
from ranvier.storage.json_text import to_text
from ranvier.training.report import SUMMARY, TrainReport
from tests.model.trial import frame, train

KEYS = {
    "model",
    "run",
    "origin",
    "task",
    "target",
    "classes",
    "rows",
    "split",
    "epochs",
    "best_epoch",
    "seconds",
    "engine",
    "metrics",
    "baseline",
    "parameters",
    "layers",
    "columns",
    "notes",
    "per_class",
    "most_confused_pair",
    "stop_reason",
    "interrupted",
}


def tables() -> dict[str, tuple[Any, Any]]:
    """Data of every task and the target."""
    table = frame(80)
    numbers = table.with_columns(
        price=pl.col("age").fill_null(30.0) * 2.0 + 0.5,
        other=pl.Series(np.random.default_rng(0).normal(size=80)),
        red=pl.col("age").fill_null(30.0).cast(pl.Int64) % 2,
        green=pl.col("city") == "Oslo",
    ).with_columns(pl.col("green").cast(pl.Int64))
    return {
        "binary": (table, "income"),
        "multiclass": (table, "city"),
        "regression": (numbers, "price"),
        "two numbers": (numbers, ["price", "other"]),
        "multilabel": (numbers, ["red", "green"]),
        "bools": (table.with_columns(rich=pl.col("income") == "high").drop("income"), "rich"),
        "arrays": ("iris", None),
    }


@pytest.fixture(scope="module", params=tables())
def trained(request: Any) -> tuple[Model, Any, Any]:
    data, target = tables()[request.param]
    return train(data, target, seed=3), data, target


def test_it_is_json_with_all_that_was_promised(trained: tuple[Model, Any, Any]) -> None:
    report = trained[0].report
    assert set(report.to_dict()) >= KEYS
    assert set(report.summary()) == set(SUMMARY)
    assert TrainReport.from_dict(json.loads(to_text(report.to_dict(), "report"))) == report
    assert report.split["training"] + report.split["validation"] + report.split["test"] == report.rows
    assert report.evaluated_on == "test"
    assert report.parameters == sum(layer["parameters"] for layer in report.layers)
    assert (report.epochs, report.engine, report.interrupted) == (4, "reference", False)
    assert report.stop_reason == "All 4 epochs are done."


def test_the_metrics_are_those_of_the_test_rows(trained: tuple[Model, Any, Any]) -> None:
    model, data, target = trained
    prepared = prepare(data, target, seed=3)
    assert prepared.test is not None
    assert prepared.test_rows is not None
    report, task = model.report, model.task
    outputs, targets = model.outputs_of(prepared.test.inputs), prepared.test.targets
    if task.kind == "regression":
        error = prepared.target.values(outputs) - prepared.target.values(targets)
        training, held = prepared.target.values(prepared.train.targets), prepared.target.values(targets)
        always = held - training.mean(axis=0)
        assert report.metrics["mae"] == pytest.approx(np.abs(error).mean())
        assert report.baseline["mae"] == pytest.approx(np.abs(always).mean())
        assert report.per_class == []
    elif task.kind == "multilabel":
        right = ((outputs >= 0.5) == (targets > 0.5)).all(axis=1)
        assert report.metrics["accuracy"] == right.mean()
        assert [row["label"] for row in report.per_class] == ["red", "green"]
    else:
        assert report.metrics["accuracy"] == np.mean(prepared.target.decode(outputs) == prepared.test_labels)
        labels = np.array(prepared.target.decode(prepared.train.targets))
        commonest = max(task.classes, key=lambda label: np.count_nonzero(labels == label))
        assert report.baseline["accuracy"] == np.mean(prepared.test_labels == commonest)
        assert sum(row["rows"] for row in report.per_class) == report.split["test"]
    assert report.metrics.keys() == report.baseline.keys()
    if isinstance(data, pl.DataFrame):
        rows = data[prepared.test_rows.tolist()]
        assert model.evaluate(rows) == pytest.approx(report.metrics, rel=1e-5)


def test_without_test_rows_those_of_validation_are_measured_and_without_both_none() -> None:
    table = frame(40)
    report = train(table, test=0.0, validation=0.25).report
    assert report.split == {"training": 30, "validation": 10, "test": 0}
    assert report.evaluated_on == "validation"
    assert report.metrics["accuracy"] >= 0.0
    assert sum(row["rows"] for row in report.per_class) == 10
    earlier = {name: value for name, value in report.to_dict().items() if name != "evaluated_on"}
    assert TrainReport.from_dict(earlier) == report
    report = train(table, test=0.0, validation=0.0).report
    assert (report.metrics, report.baseline, report.per_class, report.most_confused_pair) == ({}, {}, [], None)
    assert report.best_epoch >= 1


def test_outputs_that_are_no_numbers_keep_the_model_and_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Model, "outputs_of", lambda self, inputs: np.full((len(inputs), 1), np.nan))
    report = train(frame(), model=tmp_path / "m.rv").report
    assert report.metrics == report.baseline == {}
    assert "NaN or infinity for 12 of 12 rows" in report.notes[-1]
    assert rv.load(tmp_path / "m.rv").report == report


def test_layers_in_words() -> None:
    network = rv.Network(
        3, [rv.Dense(4, "relu"), rv.Dropout(0.25), rv.BatchNorm(), rv.Residual([rv.Dense(4)]), rv.Dense(1)]
    )
    assert [tuple(row.to_dict().values()) for row in network.summary().layers] == [
        ("layers.0", "Dense 4, relu", 4, 16),
        ("layers.1", "Dropout 0.25", 4, 0),
        ("layers.2", "BatchNorm", 4, 8),
        ("layers.3", "Residual", 4, 0),
        ("layers.3.layers.0", "Dense 4, identity", 4, 20),
        ("layers.4", "Dense 1, identity", 1, 5),
    ]
    assert layer_label(rv.LayerNorm()) == "LayerNorm"


def test_weights_of_test_rows_count_in_the_report() -> None:
    table = frame(80)
    weights = np.arange(80) % 4 + 0.5
    model = train(table, seed=3, sample_weight=weights)
    rows = prepare(table, "income", seed=3).test_rows
    assert rows is not None
    held_out = table[rows.tolist()]
    assert model.evaluate(held_out, sample_weight=weights[rows]) == pytest.approx(model.report.metrics, rel=1e-5)
    assert model.evaluate(held_out)["log_loss"] != pytest.approx(model.report.metrics["log_loss"], rel=1e-5)
