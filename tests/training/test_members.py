"""Small networks that are trained together: in fact together, with the bits of trainings of their own."""

from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.native.engine import NativeExecutable
from ranvier.training import open_training

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
WEIGHTS = RNG.uniform(0.5, 2.0, size=60)
NETWORK = rv.Network(inputs=3, layers=[rv.Dense(5, "tanh"), rv.Dense(2)])


def refuse(*_: Any) -> Any:
    raise AssertionError("A training was made by itself.")


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["equal rows", "weighted rows"])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
@pytest.mark.parametrize("shuffle", [True, False])
def test_networks_are_trained_together(
    weights: Any, shuffle: bool, dropout: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = rv.Network(inputs=3, layers=[rv.Dense(5, "tanh"), rv.Dropout(dropout), rv.Dense(2)])
    trials: list[dict[str, Any]] = [
        {"seed": seed, "optimizer": rv.Adam(0.01 * (seed + 1)), "schedule": ("constant", "cosine")[seed % 2]}
        for seed in range(9)
    ]
    options: dict[str, Any] = {"epochs": 7, "batch_size": 8, "sample_weight": weights, "shuffle": shuffle}
    alone = [network.fit(X, X[:, :2], engine="native", **options, **trial) for trial in trials]
    monkeypatch.setattr(NativeExecutable, "run", refuse)
    monkeypatch.setattr(open_training.OpenTraining, "train", refuse)
    together = rv.fit_many(network, X, X[:, :2], trials=trials, engine="native", threads=1, **options)
    for one, other in zip(alone, together, strict=True):
        for name in one.parameters:
            assert np.array_equal(one.parameters[name], other.parameters[name])
        for column in ("loss", "learning_rate", "epoch"):
            assert np.array_equal(getattr(one.history, column), getattr(other.history, column))
        assert np.array_equal(one.training_state.engine.slots, other.training_state.engine.slots)  # type: ignore[union-attr]
        assert other.history.total_seconds > 0


def test_going_on_with_one_of_them_has_the_bits_of_going_on_alone() -> None:
    trials = [{"seed": seed} for seed in range(8)]
    together = rv.fit_many(NETWORK, X, X[:, :2], trials=trials, threads=1, epochs=3)[5].fit(X, X[:, :2], epochs=2)
    alone = NETWORK.fit(X, X[:, :2], seed=5, epochs=3).fit(X, X[:, :2], epochs=2)
    assert np.array_equal(together.parameters["layers.0.weight"], alone.parameters["layers.0.weight"])
    assert np.array_equal(together.history.loss, alone.history.loss)


def test_after_ctrl_c_each_network_is_the_one_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    run = NativeExecutable.try_run_members

    def interrupted(self: NativeExecutable, *given: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return run(self, *given)

    trials = [{"seed": seed} for seed in range(20)]
    with monkeypatch.context() as patched:
        patched.setattr(NativeExecutable, "try_run_members", interrupted)
        with pytest.warns(UserWarning, match="Interrupted: 15 networks of 20 had not begun"):
            models = rv.fit_many(NETWORK, X, X[:, :2], trials=trials, engine="native", threads=1, epochs=10**6)
    made = len(models[0].history)
    assert 0 < made < 10**6
    assert [len(model.history) for model in models] == [made] * 5 + [0] * 15
    alone = NETWORK.fit(X, X[:, :2], seed=4, epochs=made)
    assert np.array_equal(alone.parameters["layers.0.weight"], models[4].parameters["layers.0.weight"])
    assert np.array_equal(alone.history.loss, models[4].history.loss)
