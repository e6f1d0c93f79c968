"""Every loss written by hand: its value and, below it, its derivative. B rows, N outputs.

y is an output of the network, t its target, z the weighted sum of an output neuron (logit), p = sigmoid(z) or
softmax(z), and l = log p. Row losses have shape (B,). The loss of a batch is the weighted mean over its rows,
L = sum_b w_b L_b / sum_b w_b, and 0 if all weights are 0.

The formulas are independent of the expressions in `network/losses.py`, so that the two check each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.expression import evaluate
from ranvier.network.activations import Activation
from ranvier.network.losses import Loss
from ranvier.network.quantile_levels import LEVEL, levels_by_output
from ranvier.reference import activations
from ranvier.reference.activations import log_softmax, sigmoid, softplus

Array = NDArray[np.float64]
MIN_RATE = 1e-7
MIN_ONE_MINUS_P = 1e-30


def batch_loss(rows: Array, weights: Array | None) -> float:
    """The weighted mean of the row losses; the plain mean if `weights` is None.

    >>> batch_loss(np.array([1.0, 3.0]), None), batch_loss(np.array([1.0, 3.0]), np.array([3.0, 1.0]))
    (2.0, 1.5)
    """
    return float(rows @ normalized_weights(len(rows), weights))


def as_weights(weights: Array | None) -> Array | None:
    """The weights of rows in float64, where there are any."""
    return None if weights is None else np.asarray(weights, np.float64)


def normalized_weights(rows: int, weights: Array | None) -> Array:
    """The weights w_b / sum_b w_b of the rows of a batch, shape (B,)."""
    if weights is None:
        return np.full(rows, 1.0 / max(rows, 1))
    total = weights.sum()
    return np.zeros(rows) if total == 0 else weights / total


def row_losses(loss: Loss, z: Array, y: Array, targets: Array) -> Array:
    """The loss of every row, shape (B,).

    Parameters:
        loss: the record.
        z: the weighted sums of the output layer, (B, N).
        y: the outputs, (B, N).
        targets: (B, N).
    """
    t = smoothed(loss, targets)
    if loss.applied_to == "log_probability":
        return np.asarray((t * value(loss, log_softmax(z), t)).sum(axis=1))
    values = value(loss, z if loss.applied_to == "logit" else y, t)
    if has_gaps(targets):
        present = ~np.isnan(targets)
        total: Array = np.where(present, values, 0.0).sum(axis=1)
        return total / np.maximum(present.sum(axis=1), 1) if loss.reduction == "mean" else total
    return np.asarray(values.mean(axis=1) if loss.reduction == "mean" else values.sum(axis=1))


def output_delta(loss: Loss, activation: Activation, z: Array, y: Array, targets: Array) -> Array:
    """The derivative of each row's loss with respect to the weighted sums of the output layer: dz, (B, N).

    For a loss on the output, dz = (dL/dy) f'(z) with the output activation f. The others are functions of z. For log
    probabilities dl_j / dz_k = (1 if j = k else 0) - p_k, hence with a_j = t_j g'(l_j): dz_k = a_k - p_k sum_j a_j.
    For the categorical cross-entropy that is p - t, where the targets of a row add up to 1, and for the binary one too.
    """
    t = smoothed(loss, targets)
    if loss.applied_to == "log_probability":
        log_p = log_softmax(z)
        a = t * derivative(loss, log_p, t)
        total: Array = a.sum(axis=1, keepdims=True)
        return a - np.exp(log_p) * total
    scale: Any = 1.0 / z.shape[1] if loss.reduction == "mean" else 1.0
    if has_gaps(targets):
        present = ~np.isnan(targets)
        counts = np.maximum(present.sum(axis=1, keepdims=True), 1) if loss.reduction == "mean" else 1.0
        scale = present / counts
        t = np.where(present, t, y)
    if loss.applied_to == "logit":
        return np.asarray(scale * derivative(loss, z, t))
    return activations.backward(activation, z, y, scale * derivative(loss, y, t))


def has_gaps(targets: Array) -> bool:
    """Whether some of several targets are NaN: these outputs of a row do not count, and its mean is over the others."""
    return targets.shape[1] > 1 and bool(np.isnan(targets).any())


def smoothed(loss: Loss, t: Array) -> Array:
    """Smoothed targets: (1 - s) t + s / N for N classes, (1 - s) t + s / 2 for the targets 0 and 1."""
    s = loss.label_smoothing
    if s == 0.0:
        return t
    return (1.0 - s) * t + s / (t.shape[1] if loss.applied_to == "log_probability" else 2)


def value(loss: Loss, x: Array, t: Array) -> Array:
    """The loss of each output, x is y, z or l by `loss.applied_to`; for log probabilities without the factor t.

    A loss of scaled outputs and targets is that of a x + b and a t + b, over its divisor.
    """
    if loss.name not in FORMULAS:
        return evaluate(loss.expression, {loss.applied_to: x, "target": t})
    formula, _ = FORMULAS[loss.name]
    x, t = loss.scale * x + loss.shift, loss.scale * t + loss.shift
    return formula(x, t, **_options(loss, x)) / loss.divisor


def derivative(loss: Loss, x: Array, t: Array) -> Array:
    """The derivative of `value` with respect to x."""
    if loss.name not in FORMULAS:
        return evaluate(loss.derivative, {loss.applied_to: x, "target": t})
    _, derivative = FORMULAS[loss.name]
    x, t = loss.scale * x + loss.shift, loss.scale * t + loss.shift
    return derivative(x, t, **_options(loss, x)) * (loss.scale / loss.divisor)


def _options(loss: Loss, x: Array) -> dict[str, Any]:
    """The options of a loss; several levels as one for each column of x."""
    several = {LEVEL: levels_by_output(loss.levels, x.shape[1])} if loss.levels else {}
    return {**dict(loss.options), **several}


def squared_error(y: Array, t: Array) -> Array:
    return (y - t) ** 2


def squared_error_derivative(y: Array, t: Array) -> Array:
    return 2.0 * (y - t)


def absolute_error(y: Array, t: Array) -> Array:
    return np.abs(y - t)


def absolute_error_derivative(y: Array, t: Array) -> Array:
    """1 or -1, and 0 at y = t."""
    return np.sign(y - t)


def huber(y: Array, t: Array, delta: float) -> Array:
    """A parabola up to the error delta, a straight line beyond."""
    e = np.abs(y - t)
    return np.where(e <= delta, 0.5 * e**2, delta * (e - 0.5 * delta))


def huber_derivative(y: Array, t: Array, delta: float) -> Array:
    return np.clip(y - t, -delta, delta)


def log_cosh(y: Array, t: Array) -> Array:
    """log cosh e = log(1 + (cosh e - 1)) with cosh e - 1 = 2 sinh(e / 2)^2; far out it is |e| - log 2."""
    e = np.abs(y - t)
    return np.where(e < 20.0, np.log1p(2.0 * np.sinh(0.5 * np.minimum(e, 20.0)) ** 2), e - np.log(2.0))


def log_cosh_derivative(y: Array, t: Array) -> Array:
    return np.tanh(y - t)


def poisson(y: Array, t: Array) -> Array:
    """y - t log y; below MIN_RATE the logarithm continues as its tangent."""
    rate = np.maximum(y, MIN_RATE)
    return y - t * (np.log(rate) + (y - rate) / MIN_RATE)


def poisson_derivative(y: Array, t: Array) -> Array:
    return 1.0 - t / np.maximum(y, MIN_RATE)


def quantile(y: Array, t: Array, q: float) -> Array:
    """q (t - y) if y is too low, (1 - q) (y - t) if it is too high."""
    return np.where(y <= t, q * (t - y), (1.0 - q) * (y - t))


def quantile_derivative(y: Array, t: Array, q: float) -> Array:
    """At y = t, the derivative from below."""
    return np.where(y <= t, -q, 1.0 - q)


def binary_cross_entropy(z: Array, t: Array) -> Array:
    """-t log p - (1 - t) log(1 - p), where -log p = softplus(-z) and -log(1 - p) = softplus(z)."""
    return t * softplus(-z) + (1.0 - t) * softplus(z)


def binary_cross_entropy_derivative(z: Array, t: Array) -> Array:
    """p - t, written so that it stays exact where p is close to a target of 1."""
    return (1.0 - t) * sigmoid(z) - t * sigmoid(-z)


def binary_focal(z: Array, t: Array, gamma: float) -> Array:
    """-t q^gamma log p - (1 - t) p^gamma log q, with q = 1 - p: confident predictions get less weight."""
    p, q = sigmoid(z), sigmoid(-z)
    return t * q**gamma * softplus(-z) + (1.0 - t) * p**gamma * softplus(z)


def binary_focal_derivative(z: Array, t: Array, gamma: float) -> Array:
    """With dp/dz = p q, d(log p)/dz = q and d(log q)/dz = -p."""
    p, q = sigmoid(z), sigmoid(-z)
    log_p, log_q = -softplus(-z), -softplus(z)
    return t * q**gamma * (gamma * p * log_p - q) + (1.0 - t) * p**gamma * (p - gamma * q * log_q)


def categorical_cross_entropy(log_p: Array, t: Array) -> Array:
    return -log_p


def categorical_cross_entropy_derivative(log_p: Array, t: Array) -> Array:
    return -np.ones_like(log_p)


def focal(log_p: Array, t: Array, gamma: float) -> Array:
    """-q^gamma log p with q = 1 - p, kept above 0 so that powers of q stay finite."""
    q = np.maximum(-np.expm1(log_p), MIN_ONE_MINUS_P)
    return -(q**gamma) * log_p


def focal_derivative(log_p: Array, t: Array, gamma: float) -> Array:
    """With dq/dl = -p, or 0 where q is at its bound."""
    q = np.maximum(-np.expm1(log_p), MIN_ONE_MINUS_P)
    dq = np.where(q > MIN_ONE_MINUS_P, -np.exp(log_p), 0.0)
    return -gamma * q ** (gamma - 1.0) * dq * log_p - q**gamma


FORMULAS: dict[str, tuple[Callable[..., Array], Callable[..., Array]]] = {
    "squared_error": (squared_error, squared_error_derivative),
    "absolute_error": (absolute_error, absolute_error_derivative),
    "huber": (huber, huber_derivative),
    "log_cosh": (log_cosh, log_cosh_derivative),
    "poisson": (poisson, poisson_derivative),
    "quantile": (quantile, quantile_derivative),
    "binary_cross_entropy": (binary_cross_entropy, binary_cross_entropy_derivative),
    "binary_focal": (binary_focal, binary_focal_derivative),
    "categorical_cross_entropy": (categorical_cross_entropy, categorical_cross_entropy_derivative),
    "focal": (focal, focal_derivative),
}
