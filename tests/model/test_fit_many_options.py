"""Every option that networks of a population may differ in, on dense and sparse rows, for classes and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse

import ranvier as rv

RNG = np.random.default_rng(0)
X = np.where(RNG.uniform(size=(60, 6)) < 0.5, RNG.normal(size=(60, 6)), 0.0)
NUMBERS = X[:, :1] * X[:, 1:2] + RNG.normal(scale=0.1, size=(60, 1))
LABELS = np.array(["no", "yes"])[(NUMBERS[:, 0] > 0).astype(int)]
WEIGHTS = RNG.uniform(0.5, 2.0, size=60)
ROWS = np.arange(60) % 3 != 0
SEEDS = range(9)


def network(outputs: int, dropout: float = 0.1, **options: Any) -> rv.Network:
    last = rv.Dense(2, "softmax") if outputs == 2 else rv.Dense(1)
    return rv.Network(inputs=6, layers=[rv.Dense(5, "tanh", **options), rv.Dropout(dropout), last])


def loss(outputs: int) -> rv.Loss:
    smoothed: rv.Loss = rv.loss("categorical_cross_entropy", label_smoothing=0.2) if outputs == 2 else rv.loss("huber")
    return smoothed


OPTIONS: dict[str, Any] = {
    "learning rate": lambda outputs: {"optimizer": rv.Adam(0.05)},
    "betas": lambda outputs: {"optimizer": rv.Adam(0.05, beta1=0.5, beta2=0.9)},
    "weight decay": lambda outputs: {"optimizer": rv.AdamW(0.05, weight_decay=0.1)},
    "schedule": lambda outputs: {"schedule": "cosine"},
    "l1 penalty": lambda outputs: {"network": network(outputs, l1=0.1)},
    "l2 penalty": lambda outputs: {"network": network(outputs, l2=0.1)},
    "dropout rate": lambda outputs: {"network": network(outputs, 0.5)},
    "no dropout": lambda outputs: {"network": network(outputs, 0.0)},
    "loss": lambda outputs: {"loss": loss(outputs)},
    "row weights": lambda outputs: {"sample_weight": WEIGHTS},
    "row subset": lambda outputs: {"rows": ROWS},
    "validation rows": lambda outputs: {"rows": ROWS, "validation_rows": ~ROWS},
    "early stopping": lambda outputs: {"validation": 0.3, "callbacks": [rv.EarlyStopping(patience=1)]},
    "best weights": lambda outputs: {
        "validation": 0.3,
        "callbacks": [rv.EarlyStopping(patience=9)],
        "optimizer": rv.Adam(0.3),
    },
}


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("outputs", [2, 1], ids=["classes", "numbers"])
@pytest.mark.parametrize("option", OPTIONS)
def test_a_population_in_which_an_option_differs(option: str, outputs: int, sparse: bool) -> None:
    inputs: Any = scipy.sparse.csr_array(X) if sparse else X
    y: Any = LABELS if outputs == 2 else NUMBERS
    listed_trials, plain = OPTIONS[option](outputs), network(outputs)
    trials = [{"seed": seed, **(listed_trials if seed % 2 else {})} for seed in SEEDS]
    models = rv.fit_many(plain, inputs, y, trials=trials, epochs=5, batch_size=16, threads=2)
    for seed in (3, 4):
        options = {"epochs": 5, "batch_size": 16, **trials[seed]}
        rows = options.pop("rows", np.ones(60, bool))
        held = options.pop("validation_rows", None)
        if held is not None:
            options["validation"] = inputs[held], y[held]
        alone = options.pop("network", plain).fit(inputs[rows], y[rows], **options)
        for name, values in alone.parameters.items():
            assert np.array_equal(values, models[seed].parameters[name])
        assert np.array_equal(alone.history.loss, models[seed].history.loss)
        assert np.array_equal(alone.history.validation_loss, models[seed].history.validation_loss, equal_nan=True)
    usual = plain.fit(inputs, y, epochs=5, batch_size=16, seed=3)
    assert any(not np.array_equal(usual.parameters[name], values) for name, values in models[3].parameters.items())
