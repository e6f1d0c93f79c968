"""Where networks begin: at the weighted shares of the classes, which decide where weights are far apart."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as rv
from ranvier.network.task import Task
from ranvier.recipes.class_prior import class_prior_state
from ranvier.rows import Rows
from ranvier.training.state import initial_state

CLASSES = Task("multiclass", 3, ("a", "b", "c"))
LABELS = Task("multilabel", 2, target_names=("x", "y"))


def biases(network: rv.Network, task: Task, targets: list[list[float]], weights: list[float] | None) -> np.ndarray:
    """The biases of the output layer at the beginning; none where the usual beginning is taken."""
    row_weights = None if weights is None else np.array(weights)
    state = class_prior_state(
        network, rv.SGD(0.1), task, Rows(np.zeros((len(targets), 2)), np.array(targets), row_weights), seed=3
    )
    if state is None:
        return np.zeros(0)
    usual = initial_state(network, rv.SGD(0.1), 3).engine.parameters
    views = network.parameter_table.views(state.engine.parameters)
    actual = views["layers.1.bias"].copy()
    views["layers.1.bias"][:] = 0.0
    assert (state.engine.parameters == usual).all()
    return actual


def test_softmax_starts_at_the_weighted_fractions() -> None:
    network = rv.Network(2, [rv.Dense(4, "relu"), rv.Dense(3, "softmax")])
    rows = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    actual = np.exp(biases(network, CLASSES, rows, [3.0, 1.0, 2.0, 0.0]))
    np.testing.assert_allclose(actual, [0.5, 0.5, 0.2], rtol=1e-12)


def test_sigmoids_start_at_the_weighted_fraction_of_each_label() -> None:
    network = rv.Network(2, [rv.Dense(4, "relu"), rv.Dense(2, "sigmoid")])
    actual = biases(network, LABELS, [[1.0, 1.0], [0.0, 1.0], [0.0, 1.0]], [2.0, 1.0, 5.0])
    np.testing.assert_allclose(1.0 / (1.0 + np.exp(-actual)), [0.25, 0.75], rtol=1e-12)


def test_others_begin_as_usual() -> None:
    network = rv.Network(2, [rv.Dense(4, "relu"), rv.Dense(2, "sigmoid")])
    assert not biases(network, LABELS, [[1.0, 0.0]], None).size
    assert not biases(network, LABELS, [[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0]).size
    assert not biases(rv.Network(2, [rv.Dense(4), rv.Dense(2)]), Task("regression", 2), [[1.0, 0.0]], [2.0]).size
    without = rv.Network(2, [rv.Dense(4), rv.Dense(2, "sigmoid", bias=False)])
    assert not biases(without, LABELS, [[1.0, 0.0]], [2.0]).size


@pytest.mark.parametrize("seed", range(4))
def test_classes_that_hardly_count_are_hardly_guessed(seed: int) -> None:
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(60, 2)), np.arange(60) % 3
    options = {"recipe": "table", "effort": "fast", "test": 0.0, "progress": False, "engine": "reference"}
    model = rv.train(X, y, class_weight={0: 1000.0, 1: 1e-4, 2: 1e-4}, seed=seed, epochs=5, **options)
    assert (model.predict(X) == 0).all()
