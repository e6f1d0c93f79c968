"""Parameters that come from outside: a model of them, another model with them, a training that begins with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ranvier as rv

NETWORK = rv.Network(3, [rv.Dense(4, "tanh"), rv.BatchNorm(), rv.Dense(2, "softmax")])
X = np.random.default_rng(0).normal(size=(40, 3))
Y = (X[:, 0] > 0).astype(int)
ENGINES = ("reference", "native")


def trained(engine: str, **options: Any) -> rv.Model:
    return NETWORK.fit(X, Y, **{"epochs": 2, "engine": engine, "progress": False, **options})


@pytest.mark.parametrize("engine", ENGINES)
def test_parameters_go_out_and_in_without_a_change(engine: str, tmp_path: Path) -> None:
    model = trained(engine)
    for other in (
        model.with_parameters(model.parameters),
        rv.Model.from_parameters(NETWORK, model.parameters, engine=engine),
    ):
        assert other.outputs(X).tobytes() == model.with_parameters(model.parameters).outputs(X).tobytes()
        np.testing.assert_array_equal(other.predict(X), model.predict(X))
        other.save(tmp_path / "m.rv")
        np.testing.assert_array_equal(rv.load(tmp_path / "m.rv").outputs(X), other.outputs(X))
    if engine == "native":
        assert other.outputs(X).tobytes() == model.outputs(X).tobytes()


def test_parameters_are_copied() -> None:
    arrays = {name: np.array(values) for name, values in trained("reference").parameters.items()}
    model = rv.Model.from_parameters(NETWORK, arrays, engine="reference")
    before = model.outputs(X)
    arrays["layers.0.weight"][:] = 0.0
    np.testing.assert_array_equal(model.outputs(X), before)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_training_starts_from_the_parameters_of_start(engine: str) -> None:
    table = NETWORK.parameter_table
    first = table.views(table.initial(seed=5, dtype=np.float64))
    expected = trained(engine, seed=5).parameters
    first_model = trained(engine, seed=5, start=first)
    assert all(first_model.parameters[name].tobytes() == values.tobytes() for name, values in expected.items())
    again = trained(engine, start=first_model)
    explicit = trained(engine, start=dict(first_model.parameters))
    assert all(again.parameters[name].tobytes() == values.tobytes() for name, values in explicit.parameters.items())
    assert any(again.parameters[name].tobytes() != values.tobytes() for name, values in first_model.parameters.items())


def test_what_does_not_fit_is_listed() -> None:
    model = trained("reference")
    wrong = {name: np.array(values) for name, values in model.parameters.items()}
    del wrong["layers.0.bias"]
    wrong["layers.0.weight"] = np.zeros((2, 2))
    wrong["layers.9.bias"] = np.zeros(1)
    wrong["layers.2.bias"][0] = np.nan
    calls = (
        lambda: model.with_parameters(wrong),
        lambda: rv.Model.from_parameters(NETWORK, wrong),
        lambda: trained("reference", start=wrong),
    )
    for call in calls:
        with pytest.raises(rv.InputError) as raised:
            call()
        for words in (
            "layers.0.bias of shape (4,) is missing",
            "layers.0.weight has shape (2, 2), (3, 4) was expected",
            "layers.2.bias holds values that are not finite",
            "layers.9.bias is not one of its parameters",
        ):
            assert words in str(raised.value)
