"""Going on with a model: another learning rate keeps the optimizer's memory; names of several targets are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ranvier as rv

X = np.random.default_rng(0).standard_normal((40, 3))
Y = X @ [1.0, -2.0, 0.5]


def net(**options: object) -> rv.Network:
    return rv.Network(3, [rv.Dense(5, "tanh", **options), rv.Dense(1)])  # type: ignore[arg-type]


KEPT: dict[str, tuple[rv.Optimizer, rv.Optimizer]] = {
    "adam": (rv.Adam(0.02), rv.Adam(0.002, weight_decay=0.01)),
    "momentum": (rv.SGD(0.02, momentum=0.9), rv.SGD(0.02, momentum=0.5)),
    "average": (rv.AdamW(0.02, ema_decay=0.9), rv.AdamW(0.01, ema_decay=0.5)),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_changed_learning_rate_keeps_the_memory(name: str) -> None:
    first, second = KEPT[name]
    model = net().fit(X, Y, epochs=3, optimizer=first, engine="reference")
    before = model._state
    assert before is not None
    slots, step = np.array(before.engine.slots), before.engine.step
    assert slots.any()
    state = model._state_to_continue(replace(model.training, optimizer=second))
    np.testing.assert_array_equal(state.engine.slots, slots)
    assert state.engine.step == step
    model.fit(X, Y, epochs=1, optimizer=second)
    assert model.training.optimizer == second


@pytest.mark.parametrize("other", [rv.SGD(0.02), rv.Adam(0.02, ema_decay=0.9), rv.AdamW(0.02), rv.LBFGS()])
def test_another_kind_begins_with_none(other: rv.Optimizer) -> None:
    model = net().fit(X, Y, epochs=2, optimizer=rv.Adam(0.02), engine="reference")
    assert not other.takes_state_of(model.training.optimizer)
    assert np.isfinite(model.fit(X, Y, epochs=1, optimizer=other).history.loss).all()


def test_lbfgs_remembers_by_its_history_size() -> None:
    assert rv.LBFGS(0.5).takes_state_of(rv.LBFGS(1.0))
    assert not rv.LBFGS(history_size=3).takes_state_of(rv.LBFGS())


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_lbfgs_with_frozen_layers_factors_and_constraints(engine: str) -> None:
    free = net(learning_rate_factor=0.1).fit(X, Y, epochs=60, optimizer="lbfgs", engine=engine, precision="float64")
    assert free.history.loss[-1] < 1e-2 * free.history.loss[0]
    frozen = net(trainable=False).fit(X, Y, epochs=10, optimizer="lbfgs", engine=engine, precision="float64")
    begin = frozen.network.parameter_table.initial(0)
    np.testing.assert_array_equal(frozen.parameters["layers.0.weight"].ravel(), begin[:15])
    assert frozen.history.loss[-1] < frozen.history.loss[0]
    held = net(constraint=rv.MaxNorm(0.2)).fit(X, Y, epochs=5, optimizer="lbfgs", engine=engine, precision="float64")
    assert np.linalg.norm(held.parameters["layers.0.weight"], axis=0).max() <= 0.2 * (1 + 1e-9)


def test_a_network_of_frozen_layers_is_refused_and_still_predicts() -> None:
    network = rv.Network(3, [rv.Dense(1, trainable=False)])
    with pytest.raises(rv.InputError, match="nothing to train"):
        network.fit(X, Y, epochs=1)
    model = rv.Model.from_parameters(network, {"layers.0.weight": np.ones((3, 1)), "layers.0.bias": [0.0]})
    np.testing.assert_allclose(model.predict(X), X.sum(axis=1), rtol=1e-5, atol=1e-6)


def test_layers_are_frozen_and_thawed_between_fits() -> None:
    model = net().fit(X, Y, epochs=1, engine="reference")
    frozen = net(trainable=False).fit(X, Y, epochs=2, start=model, engine="reference")
    np.testing.assert_array_equal(frozen.parameters["layers.0.weight"], model.parameters["layers.0.weight"])
    assert (frozen.parameters["layers.1.weight"] != model.parameters["layers.1.weight"]).any()
    thawed = net().fit(X, Y, epochs=2, start=frozen, engine="reference")
    assert (thawed.parameters["layers.0.weight"] != model.parameters["layers.0.weight"]).any()


def test_start_fulfils_the_constraint(tmp_path: Path) -> None:
    model = net().fit(X, Y, epochs=1, engine="reference")
    held = net(constraint="non_negative").fit(X, Y, epochs=1, start=model, engine="reference")
    assert held.parameters["layers.0.weight"].min() >= 0
    held.save(tmp_path / "held.rv")
    assert rv.load(tmp_path / "held.rv").network == held.network


def test_input_gradients_of_models() -> None:
    model = rv.Network(3, [rv.Dense(5, "tanh"), rv.Dense(3, "softmax")]).fit(X, np.arange(40) % 3, epochs=2)
    every = model.input_gradients(X)
    assert every.shape == (40, 3, 3)
    np.testing.assert_allclose(every.sum(axis=1), 0, atol=1e-6)
    np.testing.assert_array_equal(model.input_gradients(X, output=2), every[:, 2])
    logits = model.input_gradients(X, logits=True)
    p = model.outputs(X)
    through = logits - (p[:, :, None] * logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(p[:, :, None] * through, every, atol=1e-6)
    for wrong in (3, -1, 1.5, "a", True):
        with pytest.raises(rv.InputError, match="no output"):
            model.input_gradients(X, output=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_names_of_several_targets(library: str, tmp_path: Path) -> None:
    frames = pytest.importorskip(library)
    y = frames.DataFrame({"height": Y, "weight": -Y})
    model = rv.Network(3, [rv.Dense(2)]).fit(X, y, epochs=1, validation=(X, y))
    assert model.task.target_names == ("height", "weight")
    model.save(tmp_path / "two.rv")
    loaded = rv.load(tmp_path / "two.rv")
    assert loaded.task.target_names == ("height", "weight")
    assert "height" in str(loaded.summary())
    assert loaded.evaluate(X, y) == model.evaluate(X, y)
