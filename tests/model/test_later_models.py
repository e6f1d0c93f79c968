"""Models of `fit_many` that nobody looked at yet: they take little memory, and are models whatever is done first."""

from __future__ import annotations

import copy
import gc
import pickle
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import ranvier as rv

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = np.array(["a", "b", "c"])[(X.sum(1) > 0).astype(int) + (X[:, 0] > 1)]
OTHER = rv.Network(inputs=3, layers=[rv.Dense(7, "relu"), rv.Dense(3, "softmax")])
SMALL: dict[str, Any] = {"epochs": 3, "batch_size": 30, "progress": False, "threads": 1}


@pytest.mark.parametrize(
    "look",
    [
        lambda model: model,
        lambda model: pickle.loads(pickle.dumps(model)),
        copy.copy,
        copy.deepcopy,
        lambda model: setattr(model, "report", rv.TrainReport(task="binary")) or model,
        lambda model: model.with_parameters(dict(model.parameters)),
        lambda model: model if repr(model).startswith("<ranvier.Model 3-7-3, multiclass") else None,
    ],
)
def test_models_that_nobody_looked_at_are_models(look: Any) -> None:
    models = rv.fit_many(OTHER, X, Y, trials=[{"seed": seed, "validation": 0.2} for seed in range(8)], **SMALL)
    model = look(models[3])
    assert isinstance(model, rv.Model)
    assert not hasattr(model, "nothing")
    alone = OTHER.fit(X, Y, seed=3, validation=0.2, **SMALL)
    np.testing.assert_array_equal(model.outputs(X), alone.outputs(X))
    assert type(model) is rv.Model
    assert len(models[5].history) == 3


def test_two_threads_may_look_at_a_model_first() -> None:
    models = rv.fit_many(OTHER, X, Y, trials=[{"seed": seed} for seed in range(40)], **SMALL)
    with ThreadPoolExecutor(4) as pool:
        sums = list(pool.map(lambda model: model.parameters["layers.0.weight"].sum(), [*models, *models, *models]))
    assert sums[:40] == sums[40:80] == sums[80:]


def test_many_small_networks_take_little_more_memory_than_their_states() -> None:
    network = rv.Network(8, [rv.Dense(8, "relu"), rv.Dense(8, "relu"), rv.Dense(1)])
    rows, count = RNG.normal(size=(20, 8)), 256
    trials = [{"seed": seed} for seed in range(count)]
    rv.fit_many(network, rows, rows[:, 0], trials=trials[:64], **SMALL)  # what is made once
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    models = rv.fit_many(network, rows, rows[:, 0], trials=trials, **SMALL)
    gc.collect()
    bytes_per_model = (tracemalloc.get_traced_memory()[0] - before) / count
    tracemalloc.stop()
    state = models[0].training_state
    assert state is not None
    needed = sum(array.nbytes for array in state.arrays().values()) + models[0].history.loss.nbytes
    assert bytes_per_model < 1.3 * needed, "0.1 for what blocks of 32 have in common"
