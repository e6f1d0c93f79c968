"""No false alarm on the clean sets of scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets

import ranvier as rv

CLEAN = ("iris", "wine", "breast_cancer", "digits", "diabetes")
LOADERS = {name: getattr(datasets, f"load_{name}") for name in CLEAN}


@pytest.mark.parametrize("name", CLEAN)
def test_the_usual_recipe_finds_nothing(name: str) -> None:
    model = rv.train(name, effort="fast", progress=False)
    assert [entry["kind"] for entry in model.report.diagnosis] == []
    assert model.diagnose(name) == []


@pytest.mark.parametrize("name", CLEAN)
def test_a_network_on_scaled_arrays_finds_nothing(name: str) -> None:
    X, y = LOADERS[name](return_X_y=True)
    X = (X - X.mean(axis=0)) / np.maximum(X.std(axis=0), 1e-9)
    last = rv.Dense(1) if name == "diabetes" else rv.Dense(len(np.unique(y)), "softmax")
    network = rv.Network(X.shape[1], [rv.Dense(32, "relu"), last])
    stop = rv.EarlyStopping(patience=10)
    model = network.fit(X, y, epochs=100, validation=0.2, callbacks=[stop], optimizer=rv.AdamW(0.003))
    assert model.diagnose(X, y) == []


def test_networks_trained_to_the_end_have_no_fault() -> None:
    assert rv.train("digits", members=2, progress=False).report.diagnosis == []
