"""Every activation written by hand: its value and, below it, its derivative. B rows, N columns.

The formulas are independent of the expressions in `network/activations.py`, so that the two check each other.
x is the weighted sum of a neuron, y = f(x) its output, and f'(x) the derivative; dx and dy are the derivatives of the
loss with respect to x and y. At a kink the derivative is that of one side: 0 for relu, relu6, hard_tanh and
hard_sigmoid, and 1 (elu and leaky_relu) or the scale (selu) where their two branches meet at 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.expression import Expression, evaluate
from ranvier.network.activations import Activation

Array = NDArray[np.float64]
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def forward(activation: Activation, x: Array) -> Array:
    """y = f(x), element by element; softmax row by row.

    >>> from ranvier.network.activations import activation
    >>> forward(activation("relu"), np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    if activation.name == "softmax":
        return softmax(x)
    if activation.name in FORMULAS:
        value, _ = FORMULAS[activation.name]
        return value(x, **dict(activation.options))
    return custom(activation.expression, x)


def derivative(activation: Activation, x: Array) -> Array:
    """f'(x), element by element; softmax has none, because each output depends on the whole row.

    >>> from ranvier.network.activations import activation
    >>> derivative(activation("relu"), np.array([-1.0, 2.0]))
    array([0., 1.])
    """
    if activation.name in FORMULAS:
        _, derivative = FORMULAS[activation.name]
        return derivative(x, **dict(activation.options))
    return custom(activation.derivative, x)


def backward(activation: Activation, x: Array, y: Array, dy: Array, from_output: bool = False) -> Array:
    """dx from dy by the chain rule: dx = dy f'(x).

    Parameters:
        from_output: whether f' is computed from y where possible, which differs if y is rounded.
    """
    if activation.name == "softmax":
        return softmax_backward(y, dy)
    if from_output and activation.name in DERIVATIVE_FROM_OUTPUT:
        return dy * DERIVATIVE_FROM_OUTPUT[activation.name](y)
    return dy * derivative(activation, x)


def custom(expression: Expression | None, x: Array) -> Array:
    """A user-defined activation or its derivative: its expression is evaluated."""
    if expression is None:
        raise InputError("Only softmax has no expression; make a custom activation with rv.activation(name, function).")
    return evaluate(expression, {"x": x})


def softmax(x: Array) -> Array:
    """y_j = exp(x_j) / sum_i exp(x_i) over each row; subtracting the maximum of x avoids overflow."""
    numerator: Array = np.exp(x - x.max(axis=1, keepdims=True))
    total: Array = numerator.sum(axis=1, keepdims=True)
    return numerator / total


def softmax_backward(y: Array, dy: Array) -> Array:
    """dy_j / dx_i = y_j (1 if i = j else 0) - y_j y_i, hence dx_i = y_i (dy_i - sum_j dy_j y_j)."""
    inner: Array = (dy * y).sum(axis=1, keepdims=True)
    return y * (dy - inner)


def log_softmax(x: Array) -> Array:
    """log y_j = x_j - log sum_i exp(x_i), which stays finite where y_j itself rounds to 0."""
    shifted: Array = x - x.max(axis=1, keepdims=True)
    total: Array = np.exp(shifted).sum(axis=1, keepdims=True)
    return shifted - np.log(total)


def identity(x: Array) -> Array:
    return x


def identity_derivative(x: Array) -> Array:
    return np.ones_like(x)


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x)), written with exp(-|x|), which cannot overflow."""
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1.0, small) / (1.0 + small)


def sigmoid_derivative(x: Array) -> Array:
    """y (1 - y), where 1 - sigmoid(x) = sigmoid(-x)."""
    return sigmoid(x) * sigmoid(-x)


def tanh(x: Array) -> Array:
    return np.tanh(x)


def tanh_derivative(x: Array) -> Array:
    """1 - y^2, factored so that it stays exact where y is close to 1 or -1."""
    y = np.tanh(x)
    return (1.0 - y) * (1.0 + y)


def relu(x: Array) -> Array:
    return np.maximum(x, 0.0)


def relu_derivative(x: Array) -> Array:
    return np.where(x > 0, 1.0, 0.0)


def leaky_relu(x: Array, slope: float) -> Array:
    return np.where(x >= 0, x, slope * x)


def leaky_relu_derivative(x: Array, slope: float) -> Array:
    return np.where(x >= 0, 1.0, slope)


def elu(x: Array, alpha: float) -> Array:
    """x above 0, alpha (exp(x) - 1) below."""
    return np.where(x >= 0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def elu_derivative(x: Array, alpha: float) -> Array:
    return np.where(x >= 0, 1.0, alpha * np.exp(np.minimum(x, 0.0)))


def selu(x: Array) -> Array:
    """A scaled elu that preserves mean 0 and variance 1 from layer to layer."""
    return SELU_SCALE * elu(x, SELU_ALPHA)


def selu_derivative(x: Array) -> Array:
    return SELU_SCALE * elu_derivative(x, SELU_ALPHA)


def normal_distribution(x: Array) -> Array:
    """The cumulative distribution function of the standard normal distribution."""
    from scipy.special import erfc

    return np.asarray(0.5 * erfc(-x / math.sqrt(2.0)), np.float64)


def normal_density(x: Array) -> Array:
    return np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)


def gelu(x: Array) -> Array:
    """x times the cumulative distribution function of the standard normal distribution."""
    return x * normal_distribution(x)


def gelu_derivative(x: Array) -> Array:
    return normal_distribution(x) + x * normal_density(x)


def silu(x: Array) -> Array:
    return x * sigmoid(x)


def silu_derivative(x: Array) -> Array:
    return sigmoid(x) + x * sigmoid_derivative(x)


def softplus(x: Array) -> Array:
    """log(1 + exp(x)), written so that nothing overflows."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def softplus_derivative(x: Array) -> Array:
    return sigmoid(x)


def mish(x: Array) -> Array:
    return x * np.tanh(softplus(x))


def mish_derivative(x: Array) -> Array:
    """The product rule, then the chain rule through tanh(softplus(x))."""
    inner = softplus(x)
    return np.tanh(inner) + x * tanh_derivative(inner) * sigmoid(x)


def softsign(x: Array) -> Array:
    return x / (1.0 + np.abs(x))


def softsign_derivative(x: Array) -> Array:
    return 1.0 / (1.0 + np.abs(x)) ** 2


def hard_sigmoid(x: Array) -> Array:
    """x / 6 + 1/2, clipped to the range from 0 to 1."""
    return np.clip(x / 6.0 + 0.5, 0.0, 1.0)


def hard_sigmoid_derivative(x: Array) -> Array:
    return np.where((x > -3) & (x < 3), 1.0 / 6.0, 0.0)


def hard_tanh(x: Array) -> Array:
    return np.clip(x, -1.0, 1.0)


def hard_tanh_derivative(x: Array) -> Array:
    return np.where((x > -1) & (x < 1), 1.0, 0.0)


def relu6(x: Array) -> Array:
    return np.clip(x, 0.0, 6.0)


def relu6_derivative(x: Array) -> Array:
    return np.where((x > 0) & (x < 6), 1.0, 0.0)


def exponential(x: Array) -> Array:
    return np.exp(x)


def exponential_derivative(x: Array) -> Array:
    return np.exp(x)


FORMULAS: dict[str, tuple[Callable[..., Array], Callable[..., Array]]] = {
    "identity": (identity, identity_derivative),
    "sigmoid": (sigmoid, sigmoid_derivative),
    "tanh": (tanh, tanh_derivative),
    "relu": (relu, relu_derivative),
    "leaky_relu": (leaky_relu, leaky_relu_derivative),
    "elu": (elu, elu_derivative),
    "selu": (selu, selu_derivative),
    "gelu": (gelu, gelu_derivative),
    "silu": (silu, silu_derivative),
    "mish": (mish, mish_derivative),
    "softplus": (softplus, softplus_derivative),
    "softsign": (softsign, softsign_derivative),
    "hard_sigmoid": (hard_sigmoid, hard_sigmoid_derivative),
    "hard_tanh": (hard_tanh, hard_tanh_derivative),
    "relu6": (relu6, relu6_derivative),
    "exponential": (exponential, exponential_derivative),
}
DERIVATIVE_FROM_OUTPUT: dict[str, Callable[[Array], Array]] = {
    "relu": lambda y: np.asarray(y > 0.0, np.float64),
    "sigmoid": lambda y: y * (1.0 - y),
    "tanh": lambda y: (1.0 - y) * (1.0 + y),
}
"""The derivatives as functions of the output y."""
