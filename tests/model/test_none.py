"""None takes the default of an option, everywhere."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.model.fit_options import FitOptions
from ranvier.recipes.options import TrainOptions

X = np.arange(24.0).reshape(12, 2) / 24
Y = [0, 1] * 6
NETWORK = rv.Network(inputs=2, layers=[rv.Dense(2, "softmax")])
OF_FIT = [entry.name for entry in dataclasses.fields(FitOptions) if entry.name != "engine"]  # type: ignore[arg-type]
OF_TRAIN = [
    entry.name
    for entry in dataclasses.fields(TrainOptions)  # type: ignore[arg-type]
    if entry.name not in ("target", "validation", "test", "engine")
]
QUICK: dict[str, Any] = {"engine": "reference"}


@pytest.mark.parametrize("name", [*OF_FIT, "progress"])
def test_an_option_of_fit(name: str) -> None:
    default, none = (rv.fit(NETWORK, X, Y, **QUICK, **options) for options in ({}, {name: None}))
    assert all(np.array_equal(none.parameters[key], values) for key, values in default.parameters.items())


@pytest.mark.parametrize("name", OF_TRAIN)
def test_an_option_of_train(name: str) -> None:
    assert getattr(TrainOptions(**{name: None}), name) == getattr(TrainOptions(), name)


@pytest.mark.parametrize("name", ["recipe", "effort", "precision", "seed", "schedule", "optimizer", "callbacks"])
def test_a_model_of_train(name: str) -> None:
    options = {"recipe": "plain", "epochs": 2, "hidden": [3], **QUICK, name: None}
    assert rv.train(X, np.array(Y), **options).task.kind == "binary"


@pytest.mark.parametrize("name", ["engine", "recipe", "effort", "precision", "schedule", "optimizer", "kinds"])
def test_a_parameter_of_an_estimator(name: str) -> None:
    options = {"recipe": "plain", "epochs": 2, "hidden": [3], **QUICK, name: None}
    assert rv.Classifier(**options).fit(X, Y).predict(X).shape == (12,)


def test_a_layer_without_an_activation() -> None:
    assert rv.Dense(3, None) == rv.Dense(3)
