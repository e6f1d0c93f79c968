"""Columns that stand beside predictions never replace what a model says."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.model.predictions import Predictions, predict_file, reserved_names

RNG = np.random.default_rng(0)
FRAME = pl.DataFrame({"a": RNG.normal(size=60), "b": RNG.normal(size=60), "note": [f"row {at}" for at in range(60)]})
TARGETS: dict[str, dict[str, Any]] = {
    "binary": {"y": np.where(FRAME["a"].to_numpy() > 0, "yes", "no")},
    "multiclass": {"y": np.array(["r", "g", "b"])[RNG.integers(0, 3, 60)]},
    "multilabel": {"red": RNG.integers(0, 2, 60), "wet": RNG.integers(0, 2, 60)},
    "regression": {"y": RNG.normal(size=60)},
    "several numbers": {"y": RNG.normal(size=60), "z": RNG.normal(size=60)},
    "quantiles": {"y": RNG.normal(size=60)},
}


def predicted(kind: str, keep: tuple[str, ...] = ("note",), beside: str = "note") -> tuple[rv.Model, Predictions]:
    targets = TARGETS[kind]
    frame = FRAME.with_columns(**{name: pl.Series(values) for name, values in targets.items()})
    options: dict[str, Any] = {"recipe": "plain", "hidden": (4,), "epochs": 1, "engine": "reference", "progress": False}
    loss = rv.loss("quantile", q=[0.1, 0.9]) if kind == "quantiles" else None
    model = rv.train(frame, target=list(targets), loss=loss, ignore=["note"], validation=0.4, **options)
    answers: dict[str, Any] = {}
    if kind in ("regression", "several numbers", "quantiles"):
        answers["interval"] = 0.5
    elif kind != "multilabel":
        answers["label_set"] = 0.5
    return model, predict_file(model, FRAME.rename({"note": beside}), keep=keep, explain=1, **answers)


@pytest.mark.parametrize("kind", TARGETS)
def test_everything_that_predictions_have_is_reserved(kind: str) -> None:
    model, actual = predicted(kind)
    names = {*actual.records()[0], *actual.columns(probabilities=True)}
    assert names - reserved_names(model.target) == {"note"}
    assert actual.records()[7]["note"] == "row 7"


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("binary", "probabilities"),
        ("binary", "explanation"),
        ("binary", "set"),
        ("multiclass", "file"),
        ("multiclass", "probability_g"),
        ("multilabel", "prediction_wet"),
        ("regression", "lower"),
        ("several numbers", "upper_z"),
        ("quantiles", "prediction"),
    ],
)
def test_columns_of_these_names_are_not_kept(kind: str, name: str) -> None:
    with pytest.raises(rv.InputError, match=f'The column "{name}" cannot be kept'):
        predicted(kind, (name,), name)


@pytest.mark.parametrize(("kind", "name"), [("binary", "probability_maybe"), ("regression", "prediction_z")])
def test_columns_of_other_names_are_kept(kind: str, name: str) -> None:
    assert predicted(kind, (name,), name)[1].records()[7][name] == "row 7"
