"""Shared by the tests of all engines: lists of all activations, losses, ..., data for them, numeric derivatives.

A new entry of ACTIVATIONS, LOSSES, LAYERS or OPTIMIZERS is added to these lists automatically. B rows, K inputs, N
outputs, P parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.expression import sigmoid
from ranvier.network.activations import ACTIVATIONS, Activation, activation
from ranvier.network.layers import BatchNorm, Dense, Dropout, Layer, LayerNorm, LearnedScale, Rescale, Residual
from ranvier.network.losses import LOSSES, Loss, loss
from ranvier.network.optimizers import OPTIMIZERS, Optimizer, optimizer

Array = NDArray[np.float64]
EPSILON = float(np.finfo(np.float64).eps)

ALL_ACTIVATIONS: dict[str, Activation] = {
    **ACTIVATIONS,
    "leaky_relu slope 0.3": activation("leaky_relu", slope=0.3),
    "elu alpha 2": activation("elu", alpha=2.0),
    "own": activation("own", lambda x: x * sigmoid(1.7 * x)),
}
ELEMENTWISE = {name: record for name, record in ALL_ACTIVATIONS.items() if record.expression is not None}

ALL_LOSSES: dict[str, Loss] = {
    **LOSSES,
    "squared_error summed": loss("squared_error", reduction="sum"),
    "huber delta 0.4": loss("huber", delta=0.4),
    "quantile q 0.8": loss("quantile", q=0.8),
    "binary_cross_entropy smoothed": loss("binary_cross_entropy", label_smoothing=0.2, reduction="sum"),
    "categorical_cross_entropy smoothed": loss("categorical_cross_entropy", label_smoothing=0.1),
    "focal gamma 0.7": loss("focal", gamma=0.7, label_smoothing=0.1),
    "focal gamma 0": loss("focal", gamma=0.0),
    "binary_focal gamma 0.7": loss("binary_focal", gamma=0.7),
    "own on output": loss("fourth power", lambda y, t: (y - t) ** 4),
    "own on logit": loss("squared logit", lambda z, t: (z - t) * z, applied_to="logit"),
    "own on log_probability": loss("squared logarithm", lambda log_p: log_p * log_p, applied_to="log_probability"),
}

_RULES = [name for name, kind in OPTIMIZERS.items() if not kind.full_batch]
ALL_OPTIMIZERS: dict[str, Optimizer] = {
    **{name: optimizer(name, learning_rate=0.05) for name in _RULES},
    **{
        f"{name} with all extras": optimizer(
            name, learning_rate=0.05, weight_decay=0.3, clip_value=0.7, clip_norm=1.1, ema_decay=0.4
        )
        for name in _RULES
    },
    "sgd momentum": optimizer("sgd", momentum=0.8),
    "sgd nesterov": optimizer("sgd", momentum=0.8, nesterov=True),
    "rmsprop momentum": optimizer("rmsprop", momentum=0.5),
    "adagrad started": optimizer("adagrad", initial_accumulator=0.2),
    "own": optimizer(
        "own",
        update=lambda parameter, gradient, learning_rate, step, m: (
            parameter - learning_rate * m / step - 0.1 * learning_rate * gradient,
            0.9 * m + gradient,
        ),
        slots={"m": 0.5},
        weight_decay=0.1,
        clip_value=0.6,
        ema_decay=0.9,
    ),
}

LAYER_EXAMPLES: dict[str, Callable[[Dense], list[Layer]]] = {
    "dense": lambda hidden: [hidden],
    "dense in groups": lambda hidden: [replace(hidden, units=6, groups=2), replace(hidden, units=6, groups=3)],
    "dropout": lambda hidden: [hidden, Dropout(0.4)],
    "layer_norm": lambda hidden: [hidden, LayerNorm()],
    "batch_norm": lambda hidden: [hidden, BatchNorm()],
    "learned_scale": lambda hidden: [LearnedScale(), hidden, LearnedScale()],
    "rescale": lambda hidden: [Rescale(1 / 3), hidden, Rescale(0.7)],
    "rescale offset": lambda hidden: [Rescale(1 / 3, -0.4), hidden, Rescale(0.7, 0.1)],
    "residual": lambda hidden: [hidden, Residual([hidden, Dense(hidden.units, bias=False)])],
}
"""Examples of every kind of layer with a hidden Dense; `test_every_layer_kind_has_an_example` keeps them complete."""

KINKS: dict[str, tuple[float, ...]] = {
    "relu": (0.0,),
    "leaky_relu": (0.0,),
    "elu": (0.0,),
    "selu": (0.0,),
    "softsign": (0.0,),
    "hard_sigmoid": (-3.0, 3.0),
    "hard_tanh": (-1.0, 1.0),
    "relu6": (0.0, 6.0),
}
"""Weighted sums where an activation is not smooth: finite differences across them are not derivatives."""


def output_activations(loss: Loss) -> dict[str, Activation]:
    """The activations that the output layer may have with a loss."""
    name = {"logit": "sigmoid", "log_probability": "softmax"}.get(loss.applied_to)
    return ALL_ACTIVATIONS if name is None else {name: ACTIVATIONS[name]}


def targets_for(loss: Loss, rows: int, outputs: int, generator: np.random.Generator) -> Array:
    """Valid targets of a loss: classes as 0 and 1, non-negative rates, or any numbers."""
    if loss.applied_to == "log_probability":
        return np.eye(outputs)[generator.integers(outputs, size=rows)]
    if loss.applied_to == "logit":
        return generator.integers(2, size=(rows, outputs)).astype(np.float64)
    targets = generator.normal(size=(rows, outputs))
    return np.abs(targets) if loss.name == "poisson" else targets


def is_near_loss_kink(loss: Loss, outputs: Array, targets: Array, margin: float) -> bool:
    """Whether an output is near a kink or a strong curvature of the loss, where finite differences are inaccurate."""
    if loss.applied_to != "output":
        return False
    error = np.abs(outputs - targets)
    if loss.name == "poisson":
        return bool(((outputs > -margin) & (outputs < 0.15) & (outputs != 0.0)).any())
    if loss.name == "huber":
        return bool((np.abs(error - dict(loss.options)["delta"]) < margin).any())
    return loss.name in ("absolute_error", "quantile") and bool((error < margin).any())


@dataclass(frozen=True, slots=True)
class NumericDerivative:
    """A numeric derivative: `value`, and `error`, a bound of its rounding and truncation error."""

    value: float
    error: float


def numeric_derivative(
    function: Callable[[Array], float], at: Array, along: Array, step: float = EPSILON**0.2
) -> NumericDerivative:
    """The derivative of a function at a point along a direction, by central differences of fourth order.

    With values at distances h and 2h the formula (8 D1 - D2) / 12 h has an error of order h^4. That error is estimated
    by repeating it with 2h, where it is 16 times as large, and rounding adds the machine epsilon times the size of the
    values over h; h = epsilon^(1/5) balances the two.
    """
    values = {k: function(at + k * step * along) for k in (-4, -2, -1, 1, 2, 4)}

    def difference(k: int) -> float:
        near, far = values[k] - values[-k], values[2 * k] - values[-2 * k]
        return (8.0 * near - far) / (12.0 * k * step)

    rounding = 20.0 * EPSILON * max(1.0, *(abs(value) for value in values.values())) / step
    return NumericDerivative(
        difference(1), abs(difference(1) - difference(2)) + rounding + 20.0 * EPSILON * abs(difference(1))
    )


def assert_is_gradient(
    function: Callable[[Array], float], at: Array, gradient: Array, directions: int | None = None, seed: int = 0
) -> None:
    """Compare a gradient with finite differences, entry by entry or along random directions.

    Parameters:
        function: (P,) -> number.
        at: (P,), the point, not near a kink.
        gradient: (P,), the gradient to check.
        directions: how many random directions to check; None checks every entry.
        seed: of the directions.
    """
    count = at.size
    if directions is None:
        vectors = np.eye(count)
    else:
        vectors = np.random.default_rng(seed).normal(size=(directions, count)) / np.sqrt(count)
    scale = max(float(np.abs(gradient).max()), 1e-3)
    for number, along in enumerate(vectors):
        expected = numeric_derivative(function, at, along)
        actual = float(gradient @ along)
        assert expected.error < 1e-4 * scale, f"direction {number}: the finite difference is too inaccurate, {expected}"
        assert abs(actual - expected.value) <= expected.error, f"direction {number}: {actual} is not {expected}"


def assert_ulps(actual: Any, expected: Any, count: float, *scales: Any) -> None:
    """Check that numbers agree to `count` units in the last place of the largest of 1, themselves and `scales`."""
    scale = np.maximum(np.maximum(np.abs(actual), np.abs(expected)), 1.0)
    for other in scales:
        scale = np.maximum(scale, np.abs(other))
    distance = np.abs(np.asarray(actual) - np.asarray(expected)) / (EPSILON * scale)
    if distance.size == 0:
        return
    worst = np.unravel_index(int(np.argmax(distance)), distance.shape)
    assert np.all(distance <= count), f"{distance[worst]:.1f} ulps apart at {worst}"
