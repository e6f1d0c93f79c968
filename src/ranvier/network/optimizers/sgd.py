"""Gradient descent: plain, with momentum, with Nesterov's momentum. Letters as in base.py; v the velocity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ranvier.errors import InputError
from ranvier.expression import Expression, variable
from ranvier.network.number_rules import HALF_OPEN_UNIT, Rule
from ranvier.network.optimizers.base import Formula, Optimizer
from ranvier.records import record


@record
class SGD(Optimizer):
    """Stochastic gradient descent.

    Formula: w <- w - lr g; with momentum mu: v <- mu v + g, w <- w - lr v; Nesterov: w <- w - lr (g + mu v).

    This is PyTorch's form. Keras and Sutskever et al. use v <- mu v - lr g instead, which differs when the learning
    rate changes.

    Parameters:
        learning_rate: above 0.
        momentum: mu, from 0 up to, but not including, 1.
        nesterov: whether to use Nesterov's momentum; needs momentum > 0.
        weight_decay, clip_value, clip_norm, ema_decay: see `Optimizer`.

    Raises:
        InputError: a value is out of range.

    Source: Robbins and Monro, "A stochastic approximation method", 1951; Polyak, "Some methods of speeding up the
    convergence of iteration methods", 1964; Sutskever, Martens, Dahl and Hinton, "On the importance of initialization
    and momentum in deep learning", ICML 2013.

    >>> SGD(0.1).rule().parameter
    Expression('parameter - learning_rate * gradient')
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    name: ClassVar[str] = "sgd"
    rules: ClassVar[Mapping[str, Rule]] = {"momentum": HALF_OPEN_UNIT}

    def __post_init__(self) -> None:
        Optimizer.__post_init__(self)
        if not isinstance(self.nesterov, bool):
            raise InputError(f"SGD: nesterov is {self.nesterov!r}; it must be True or False.")
        if self.nesterov and not self.momentum:
            raise InputError("SGD: nesterov=True needs momentum, and momentum is 0; give for example momentum=0.9.")

    def _slots(self) -> tuple[tuple[str, float], ...]:
        return (("velocity", 0.0),) if self.momentum else ()

    def _formula(self, parameter: Expression, gradient: Expression) -> Formula:
        if not self._slots():
            return parameter - variable("learning_rate") * gradient, {}
        velocity = self.momentum * variable("velocity") + gradient
        step = gradient + self.momentum * velocity if self.nesterov else velocity
        return parameter - variable("learning_rate") * step, {"velocity": velocity}
