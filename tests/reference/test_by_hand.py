"""Networks small enough to follow with pencil and paper, and losses whose gradient has a closed form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranvier.engine import CompileSpec, Span, State
from ranvier.network.layers import Dense
from ranvier.network.losses import loss
from ranvier.network.network import Network
from ranvier.network.optimizers import SGD
from ranvier.reference import ReferenceEngine
from ranvier.reference.engine import ReferenceExecutable
from ranvier.rows import Rows
from tests.helpers import Array

GENERATOR = np.random.default_rng(0)


def ready(layers: Any, loss_name: str, parameters: Array, inputs: int = 2, **options: Any) -> ReferenceExecutable:
    """A network with these parameters, trained by plain gradient descent."""
    spec = CompileSpec(Network(inputs, layers), loss(loss_name, **options), SGD(), 1)
    executable = ReferenceEngine().compile(spec)
    executable.set_state(State(parameters, np.empty((0, parameters.size)), 0))
    return executable


def step(executable: ReferenceExecutable, rows: Rows, learning_rate: float) -> tuple[float, Array]:
    """One step over all rows: the loss before it and the parameters after it."""
    count = len(rows)
    losses = executable.run(rows, Span(np.arange(count), np.array([0, count]), np.array([[learning_rate]])))
    return float(losses[0]), executable.get_state().parameters


def test_one_hidden_layer_by_hand() -> None:
    """Two inputs, two relu neurons, one linear output, squared error.

    Forward: x = (1, 2), W1 = ((1, -1), (0.5, 1)), b1 = (0.5, -3):
        z1 = (1 * 1 + 2 * 0.5 + 0.5, 1 * -1 + 2 * 1 - 3) = (2.5, -2), h = relu(z1) = (2.5, 0)
        W2 = (2, 3), b2 = -1: y = 2.5 * 2 + 0 * 3 - 1 = 4; the target is 3, so the loss is (4 - 3)^2 = 1
    Backward: dy = 2 * (4 - 3) = 2
        dW2 = h dy = (5, 0), db2 = 2, dh = W2 dy = (4, 6), dz1 = (4, 0): the second neuron is off
        dW1 = x' dz1 = ((4, 0), (8, 0)), db1 = (4, 0)
    """
    start = np.array([1.0, -1.0, 0.5, 1.0, 0.5, -3.0, 2.0, 3.0, -1.0])
    derivative = np.array([4.0, 0.0, 8.0, 0.0, 4.0, 0.0, 5.0, 0.0, 2.0])
    executable = ready([Dense(2, "relu"), Dense(1)], "squared_error", start)
    rows = Rows(np.array([[1.0, 2.0]]), np.array([[3.0]]))

    hidden, output = executable.activations(rows.inputs)
    assert hidden.path == "layers.0"
    assert hidden.weighted_sums is not None
    assert hidden.weighted_sums.tolist() == [[2.5, -2.0]]
    assert hidden.outputs.tolist() == [[2.5, 0.0]]
    assert output.outputs.tolist() == executable.outputs(rows.inputs).tolist() == [[4.0]]

    value, gradient = executable.loss_and_gradient(rows)
    assert (value, gradient.tolist()) == (1.0, derivative.tolist())
    before, after = step(executable, rows, 0.125)
    assert (before, after.tolist()) == (1.0, (start - 0.125 * derivative).tolist())


def test_sigmoid_neuron_by_hand() -> None:
    """One sigmoid neuron with z = log 3, so p = 3 / (3 + 1) = 0.75, and the target 1.

    The loss is -log 0.75; dz = p - t = -0.25; with x = (2, -1): dw = (-0.5, 0.25), db = -0.25.
    """
    parameters = np.array([np.log(3.0), np.log(3.0), 0.0])
    executable = ready([Dense(1, "sigmoid")], "binary_cross_entropy", parameters)
    value, gradient = executable.loss_and_gradient(Rows(np.array([[2.0, -1.0]]), np.array([[1.0]])))
    np.testing.assert_allclose(value, -np.log(0.75), rtol=1e-15)
    np.testing.assert_allclose(gradient, [-0.5, 0.25, -0.25], rtol=1e-15)


def test_softmax_layer_by_hand() -> None:
    """Weighted sums (0, log 2, log 5) give p = (1, 2, 5) / 8; the target is the second class.

    The loss is -log(2 / 8); dz = p - t = (1, -6, 5) / 8; x = 1, so the weights and the biases have this gradient.
    """
    parameters = np.array([0.0, np.log(2.0), np.log(5.0), 0.0, 0.0, 0.0])
    executable = ready([Dense(3, "softmax")], "categorical_cross_entropy", parameters, inputs=1)
    value, gradient = executable.loss_and_gradient(Rows(np.array([[1.0]]), np.array([[0.0, 1.0, 0.0]])))
    np.testing.assert_allclose(value, np.log(4.0), rtol=1e-15)
    np.testing.assert_allclose(gradient, np.tile([0.125, -0.75, 0.625], 2), rtol=1e-15)


def test_penalties_by_hand() -> None:
    """w = (2, -3), l1 = 0.5, l2 = 0.1: 0.5 * 5 + 0.1 / 2 * 13 = 3.15; slopes 0.5 + 0.2 and -0.5 - 0.3; none on b."""
    parameters = np.array([2.0, -3.0, 7.0])
    executable = ready([Dense(1, l1=0.5, l2=0.1)], "squared_error", parameters)
    rows = Rows(np.zeros((1, 2)), np.array([[7.0]]))
    value, gradient = executable.loss_and_gradient(rows)
    np.testing.assert_allclose(value, 3.15, rtol=1e-15)
    np.testing.assert_allclose(gradient, [0.7, -0.8, 0.0], rtol=1e-15)
    before, after = step(executable, rows, 1.0)
    assert before == 0.0, "the loss of a step leaves penalties out"
    np.testing.assert_allclose(after, [1.3, -2.2, 7.0], rtol=1e-15)


@pytest.mark.parametrize("weighted", [False, True])
def test_linear_regression_has_its_closed_form(weighted: bool) -> None:
    """L = sum_b w_b mean_j (x_b W + b - t_b)_j^2 / sum_b w_b, hence dW = 2 / N X' diag(w) (X W + b - T) / sum_b w_b."""
    rows, inputs, outputs, l2 = 40, 5, 3, 0.2
    x, t = GENERATOR.normal(size=(rows, inputs)), GENERATOR.normal(size=(rows, outputs))
    weights = GENERATOR.uniform(0.0, 2.0, rows) if weighted else None
    parameters = GENERATOR.normal(size=(inputs + 1) * outputs)
    executable = ready([Dense(outputs, l2=l2)], "squared_error", parameters, inputs=inputs)
    value, gradient = executable.loss_and_gradient(Rows(x, t, weights))

    fraction = np.full(rows, 1 / rows) if weights is None else weights / weights.sum()
    w, b = parameters[:-outputs].reshape(inputs, outputs), parameters[-outputs:]
    error = x @ w + b - t
    dw = 2 / outputs * x.T @ (fraction[:, None] * error) + l2 * w
    db = 2 / outputs * fraction @ error
    np.testing.assert_allclose(value, fraction @ (error**2).mean(axis=1) + l2 / 2 * (w**2).sum(), rtol=1e-13)
    np.testing.assert_allclose(gradient, np.concatenate((dw.ravel(), db)), rtol=1e-12)


def test_gradient_descent_finds_the_least_squares_solution() -> None:
    x = GENERATOR.normal(size=(30, 3))
    t = x @ np.array([[1.0], [-2.0], [0.5]]) + 3.0 + 0.1 * GENERATOR.normal(size=(30, 1))
    executable = ready([Dense(1)], "squared_error", np.zeros(4), inputs=3)
    order, starts = np.tile(np.arange(30), 800), np.arange(801) * 30
    executable.run(Rows(x, t), Span(order, starts, np.full((800, 1), 0.2)))
    solution, *_ = np.linalg.lstsq(np.hstack((x, np.ones((30, 1)))), t, rcond=None)
    np.testing.assert_allclose(executable.get_state().parameters, solution.ravel(), rtol=1e-10)


def test_batch_loss_is_the_weighted_mean_of_its_rows() -> None:
    """Errors 1 and 3 have losses 1 and 9; with weights 3 and 1 that is (3 * 1 + 1 * 9) / 4 = 3."""
    executable = ready([Dense(1)], "squared_error", np.array([1.0, 0.0]), inputs=1)
    rows = Rows(np.array([[1.0], [3.0]]), np.zeros((2, 1)), np.array([3.0, 1.0]))
    assert executable.evaluate(rows)[0] == 3.0
    assert executable.loss_and_gradient(rows)[0] == 3.0
    assert step(executable, rows, 0.0)[0] == 3.0
    assert executable.evaluate(Rows(rows.inputs, rows.targets))[0] == 5.0


@pytest.mark.parametrize(("reduction", "expected"), [("mean", 2.5), ("sum", 5.0)])
def test_reduction_over_the_outputs_of_a_row(reduction: str, expected: float) -> None:
    """Errors 1 and 2 on one row: (1 + 4) / 2 or 1 + 4."""
    executable = ready([Dense(2)], "squared_error", np.array([1.0, 2.0, 0.0, 0.0]), inputs=1, reduction=reduction)
    assert executable.evaluate(Rows(np.ones((1, 1)), np.zeros((1, 2))))[0] == expected


def test_label_smoothing_by_hand() -> None:
    """Softmax, N = 4, s = 0.2: the targets become 0.85 and 0.05; sigmoid: 0.9 and 0.1."""
    even = np.zeros(4)
    softmax = ready([Dense(4, "softmax", bias=False)], "categorical_cross_entropy", even, 1, label_smoothing=0.2)
    _, gradient = softmax.loss_and_gradient(Rows(np.ones((1, 1)), np.eye(4)[:1]))
    np.testing.assert_allclose(gradient, 0.25 - np.array([0.85, 0.05, 0.05, 0.05]), rtol=1e-14)
    sigmoid = ready([Dense(2, "sigmoid", bias=False)], "binary_cross_entropy", even[:2], 1, label_smoothing=0.2)
    _, gradient = sigmoid.loss_and_gradient(Rows(np.ones((1, 1)), np.array([[1.0, 0.0]])))
    np.testing.assert_allclose(gradient, (0.5 - np.array([0.9, 0.1])) / 2, rtol=1e-14)
