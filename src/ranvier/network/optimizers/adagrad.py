"""Optimizers that divide by the magnitude of past gradients: Adagrad, Adadelta, RMSprop. Letters as in base.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ranvier.expression import Expression, sqrt, variable
from ranvier.network.number_rules import HALF_OPEN_UNIT, NON_NEGATIVE, POSITIVE, Rule
from ranvier.network.optimizers.base import Formula, Optimizer, ema
from ranvier.records import record


@record
class Adagrad(Optimizer):
    """Every parameter has its own learning rate, which decreases with the sum of its squared gradients.

    Formula: s <- s + g^2, w <- w - lr g / (sqrt(s) + epsilon).

    Parameters:
        learning_rate: above 0.
        epsilon: keeps the division finite; above 0. (PyTorch 1e-10; Keras 1e-7 inside the root.)
        initial_accumulator: s before the first step, at least 0. (PyTorch 0, Keras 0.1.)
        weight_decay, clip_value, clip_norm, ema_decay: see `Optimizer`.

    Raises:
        InputError: a value is out of range.

    Source: Duchi, Hazan and Singer, "Adaptive subgradient methods for online learning and stochastic optimization",
    JMLR 2011.

    >>> Adagrad(0.1).rule().slots
    (('squares', 0.0),)
    """

    learning_rate: float = 0.01
    epsilon: float = 1e-10
    initial_accumulator: float = 0.0
    name: ClassVar[str] = "adagrad"
    rules: ClassVar[Mapping[str, Rule]] = {"epsilon": POSITIVE, "initial_accumulator": NON_NEGATIVE}

    def _slots(self) -> tuple[tuple[str, float], ...]:
        return (("squares", float(self.initial_accumulator)),)

    def _formula(self, parameter: Expression, gradient: Expression) -> Formula:
        squares = variable("squares") + gradient * gradient
        step = gradient / (sqrt(squares) + self.epsilon)
        return parameter - variable("learning_rate") * step, {"squares": squares}


@record
class Adadelta(Optimizer):
    """Steps have the magnitude of past steps, so the learning rate needs no tuning.

    Formula: s <- rho s + (1 - rho) g^2, d = sqrt(q + epsilon) / sqrt(s + epsilon) g, q <- rho q + (1 - rho) d^2,
    w <- w - lr d. Epsilon is inside the roots, where it determines the size of the first steps.

    Parameters:
        learning_rate: above 0; 1 in the paper. (PyTorch 1, Keras 0.001.)
        rho: from 0 up to, but not including, 1; 0.95 in the paper. (PyTorch 0.9.)
        epsilon: above 0; 1e-6 in the paper. (Keras 1e-7.)
        weight_decay, clip_value, clip_norm, ema_decay: see `Optimizer`.

    Raises:
        InputError: a value is out of range.

    Source: Zeiler, "ADADELTA: an adaptive learning rate method", 2012.

    >>> Adadelta().rule().slots
    (('squares', 0.0), ('steps', 0.0))
    """

    learning_rate: float = 1.0
    rho: float = 0.95
    epsilon: float = 1e-6
    name: ClassVar[str] = "adadelta"
    rules: ClassVar[Mapping[str, Rule]] = {"rho": HALF_OPEN_UNIT, "epsilon": POSITIVE}

    def _slots(self) -> tuple[tuple[str, float], ...]:
        return (("squares", 0.0), ("steps", 0.0))

    def _formula(self, parameter: Expression, gradient: Expression) -> Formula:
        squares = ema(self.rho, variable("squares"), gradient * gradient)
        step = sqrt(variable("steps") + self.epsilon) / sqrt(squares + self.epsilon) * gradient
        steps = ema(self.rho, variable("steps"), step * step)
        return parameter - variable("learning_rate") * step, {"squares": squares, "steps": steps}


@record
class RMSprop(Optimizer):
    """The gradient is divided by the root of a moving average of its square.

    Formula: s <- rho s + (1 - rho) g^2, d = g / (sqrt(s) + epsilon), w <- w - lr d; with momentum mu: v <- mu v + d,
    w <- w - lr v.

    Parameters:
        learning_rate: above 0; 0.001 in the lecture. (PyTorch 0.01.)
        rho: from 0 up to, but not including, 1; 0.9 in the lecture. (PyTorch calls it alpha: 0.99.)
        epsilon: keeps the division finite; above 0. (Keras 1e-7 inside the root.)
        momentum: mu, from 0 up to, but not including, 1.
        weight_decay, clip_value, clip_norm, ema_decay: see `Optimizer`.

    Raises:
        InputError: a value is out of range.

    Source: Tieleman and Hinton, "Lecture 6.5: rmsprop", Neural Networks for Machine Learning, 2012.

    >>> RMSprop().rule().slots
    (('squares', 0.0),)
    """

    learning_rate: float = 0.001
    rho: float = 0.9
    epsilon: float = 1e-8
    momentum: float = 0.0
    name: ClassVar[str] = "rmsprop"
    rules: ClassVar[Mapping[str, Rule]] = {"rho": HALF_OPEN_UNIT, "epsilon": POSITIVE, "momentum": HALF_OPEN_UNIT}

    def _slots(self) -> tuple[tuple[str, float], ...]:
        return (("squares", 0.0), ("velocity", 0.0)) if self.momentum else (("squares", 0.0),)

    def _formula(self, parameter: Expression, gradient: Expression) -> Formula:
        squares = ema(self.rho, variable("squares"), gradient * gradient)
        step, updates = gradient / (sqrt(squares) + self.epsilon), {"squares": squares}
        if len(self._slots()) > 1:
            step = self.momentum * variable("velocity") + step
            updates["velocity"] = step
        return parameter - variable("learning_rate") * step, updates
