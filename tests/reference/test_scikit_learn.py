"""Steps of scikit-learn's MLPs from the same weights, where the definitions coincide: full batches, plain SGD.

scikit-learn halves the squared error and divides its L2 penalty by the number of rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.neural_network import MLPClassifier, MLPRegressor

from ranvier.engine import CompileSpec, Span, State
from ranvier.network.layers import Dense
from ranvier.network.losses import loss
from ranvier.network.network import Network
from ranvier.network.optimizers import SGD
from ranvier.reference import ReferenceEngine
from ranvier.rows import Rows
from tests.helpers import Array

STEPS, HIDDEN, RATE = 5, (7, 4), 0.05
NAMES = {"logistic": "sigmoid", "tanh": "tanh", "relu": "relu", "identity": "identity"}
SETTINGS: dict[str, Any] = {
    "hidden_layer_sizes": HIDDEN,
    "solver": "sgd",
    "momentum": 0.0,
    "learning_rate_init": RATE,
    "shuffle": False,
}


def standardized(x: Array) -> Array:
    return np.asarray((x - x.mean(axis=0)) / x.std(axis=0))


def iris() -> tuple[Array, Array]:
    x, y = load_iris(return_X_y=True)
    return standardized(x), y


def flat(estimator: Any) -> Array:
    """The weights and biases in the order of the parameter table."""
    pieces = [piece.ravel() for pair in zip(estimator.coefs_, estimator.intercepts_, strict=True) for piece in pair]
    return np.concatenate(pieces)


def follow(estimator: Any, x: Array, y: Array, **options: Any) -> tuple[Array, list[float], list[Array]]:
    """From weights of our own, after a step that makes room for them: the start, the losses, the parameters after."""
    estimator.partial_fit(x, y, **options)
    generator = np.random.default_rng(12)
    for piece in (*estimator.coefs_, *estimator.intercepts_):
        piece[:] = generator.normal(scale=0.5, size=piece.shape)
    start, losses, points = flat(estimator), [], []
    for _ in range(STEPS):
        estimator.partial_fit(x, y)
        losses.append(float(estimator.loss_))
        points.append(flat(estimator))
    return start, losses, points


def ours(
    described: Network, loss_name: str, x: Array, t: Array, start: Array, rate: float
) -> tuple[Array, list[Array]]:
    executable = ReferenceEngine().compile(CompileSpec(described, loss(loss_name), SGD(rate), len(x)))
    executable.set_state(State(start, np.empty((0, start.size)), 0))
    span = Span(np.arange(len(x)), np.array([0, len(x)]), np.array([[rate]]))
    losses, points = [], []
    for _ in range(STEPS):
        losses.append(executable.run(Rows(x, t), span)[0])
        points.append(executable.get_state().parameters)
    return np.array(losses), points


def layers(name: str, outputs: int, last: str, l2: float = 0.0) -> list[Dense]:
    return [*(Dense(units, NAMES[name], l2=l2) for units in HIDDEN), Dense(outputs, last, l2=l2)]


@pytest.mark.parametrize("name", NAMES)
def test_classifier_of_several_classes(name: str) -> None:
    x, y = iris()
    estimator = MLPClassifier(activation=name, alpha=0.0, batch_size=len(x), **SETTINGS)
    start, losses, points = follow(estimator, x, y, classes=[0, 1, 2])
    network = Network(4, layers(name, 3, "softmax"))
    actual, ends = ours(network, "categorical_cross_entropy", x, np.eye(3)[y], start, RATE)
    np.testing.assert_allclose(actual, losses, rtol=1e-12)
    np.testing.assert_allclose(ends, points, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_classifier_of_two_classes_with_l2(name: str) -> None:
    x, y = iris()
    y = (y == 1).astype(int)
    estimator = MLPClassifier(activation=name, alpha=3.0, batch_size=len(x), **SETTINGS)
    start, _, points = follow(estimator, x, y, classes=[0, 1])
    network = Network(4, layers(name, 1, "sigmoid", l2=3.0 / len(x)))
    _, ends = ours(network, "binary_cross_entropy", x, y[:, None].astype(float), start, RATE)
    np.testing.assert_allclose(ends, points, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_regressor(name: str) -> None:
    x, y = load_diabetes(return_X_y=True)
    x, y = standardized(x), standardized(y)
    estimator = MLPRegressor(activation=name, alpha=0.0, batch_size=len(x), **SETTINGS)
    start, losses, points = follow(estimator, x, y)
    actual, ends = ours(Network(10, layers(name, 1, "identity")), "squared_error", x, y[:, None], start, RATE / 2)
    np.testing.assert_allclose(actual / 2, losses, rtol=1e-12)
    np.testing.assert_allclose(ends, points, rtol=1e-10, atol=1e-12)


def test_another_learning_rate_is_noticed() -> None:
    x, y = iris()
    estimator = MLPClassifier(activation="tanh", alpha=0.0, batch_size=len(x), **SETTINGS)
    start, _, points = follow(estimator, x, y, classes=[0, 1, 2])
    network = Network(4, layers("tanh", 3, "softmax"))
    _, ends = ours(network, "categorical_cross_entropy", x, np.eye(3)[y], start, RATE * 1.0001)
    assert not np.allclose(ends, points, rtol=1e-10, atol=1e-12)
