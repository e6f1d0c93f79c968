"""With the precision float64 no row is rounded to float32 on its way, and evaluation never rounds targets."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.rows import CSR

HUGE = [1e8, 1e8 + 1]
PARTS: dict[str, Any] = {"epochs": 2, "engine": "reference", "precision": "float64"}
SHIFTED = np.array([[2.0**30, 1.0], [2.0**30 + 1, 2.0], [2.0**30 + 2, 5.0], [2.0**30 + 3, 4.0]])


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_evaluation_measures_against_the_true_targets(precision: str) -> None:
    network = rv.Network(1, [rv.Dense(1)])
    model = network.fit([[0.0], [0.0]], HUGE, epochs=1, engine="reference", precision=precision)
    parameters = {"layers.0.weight": np.zeros((1, 1)), "layers.0.bias": np.array([1e8])}
    assert model.with_parameters(parameters).evaluate([[0.0], [0.0]], HUGE)["rmse"] == pytest.approx(np.sqrt(0.5))


def test_targets_stay_float64() -> None:
    network = rv.Network(1, [rv.Dense(1)])
    start = {"layers.0.weight": np.zeros((1, 1)), "layers.0.bias": np.array([1e8])}
    model = network.fit([[0.0]] * 2, HUGE, start=start, optimizer=rv.SGD(1e-12), batch_size=2, **PARTS)
    assert model.history[0].loss == pytest.approx(0.5)
    assert model.fit([[0.0]] * 2, HUGE, epochs=1).history[-1].loss == pytest.approx(0.5)
    held = network.fit([[0.0]], HUGE[:1], start=start, validation=([[0.0]], HUGE[1:]), optimizer=rv.SGD(1e-12), **PARTS)
    assert held.history[0].validation_loss == pytest.approx(1.0)
    slopes = held.with_parameters(start).gradients([[0.0]], HUGE[1:])
    assert slopes["layers.0.bias"] == pytest.approx(-2.0)


TABLES: dict[str, Any] = {
    "array": SHIFTED[np.arange(40) % 4],
    "numbers": {"x": [*(2.0**30 + np.arange(40.0))]},
    "dates": {"day": [date(1800, 1, 1) + timedelta(days=3 * row) for row in range(40)]},
    "spline": {"x": [*np.linspace(0, 1, 40)]},
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("recipe", ["plain", "table"])
def test_tables_and_arrays_are_encoded_in_float64(name: str, recipe: str) -> None:
    data, y = TABLES[name], np.arange(40.0)
    options: dict[str, Any] = {"effort": "fast"} if recipe == "table" else {}
    model = rv.train(data, y, recipe=recipe, test=0.0, hidden=(2,), task="regression", **options, **PARTS)
    inputs = model.inputs(data).dense
    assert inputs.dtype == np.float64
    assert (inputs != inputs.astype(np.float32)).any()
    row = {name: [column[7]] for name, column in data.items()} if isinstance(data, dict) else data[7:8]
    np.testing.assert_array_equal(model.inputs(row).dense, inputs[7:8])
    assert model.target.transform([0.1], dtype=np.float64).dtype == np.float64
    options |= {**PARTS, "precision": "float32"}
    single = rv.train(data, y, recipe=recipe, test=0.0, task="regression", **options)
    assert single.inputs(data).dense.dtype == np.float32
    np.testing.assert_array_equal(single.inputs(data).dense, inputs.astype(np.float32))


def test_sparse_rows_are_encoded_in_float64() -> None:
    scipy = pytest.importorskip("scipy.sparse")
    X = scipy.csr_array(np.eye(20) / 3)
    model = rv.Regressor(random_state=0, hidden=(2,), **PARTS).fit(X, np.arange(20.0)).model_
    csr = model.inputs(X).csr
    assert isinstance(csr, CSR)
    assert csr.data.dtype == np.float64
    assert set(csr.data.tolist()) == {1 / 3}


def test_a_saved_model_encodes_as_before(tmp_path: Any) -> None:
    data = TABLES["numbers"]
    model = rv.train(data, np.arange(40.0), recipe="plain", test=0.0, hidden=(2,), task="regression", **PARTS)
    model.save(tmp_path / "model.rv")
    np.testing.assert_array_equal(rv.load(tmp_path / "model.rv").outputs(data), model.outputs(data))
