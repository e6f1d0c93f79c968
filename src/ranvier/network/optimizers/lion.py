"""Lion: steps along the sign of a momentum. Letters as in base.py; m the momentum, b1 and b2 (beta1, beta2) decays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from ranvier.expression import Expression, sign, variable
from ranvier.network.number_rules import HALF_OPEN_UNIT, Rule
from ranvier.network.optimizers.base import Formula, Optimizer, ema
from ranvier.records import record


@record
class Lion(Optimizer):
    """Every parameter changes by the same amount, in the direction of the sign of its momentum.

    Formula: w <- w - lr sign(b1 m + (1 - b1) g), m <- b2 m + (1 - b2) g.

    Parameters:
        learning_rate: above 0; the paper recommends values 3 to 10 times smaller than for Adam, and a weight decay that
            is larger by the same factor.
        beta1, beta2: from 0 up to, but not including, 1.
        weight_decay, clip_value, clip_norm, ema_decay: see `Optimizer`.

    Raises:
        InputError: a value is out of range.

    Source: Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023.

    >>> Lion().rule().slots
    (('momentum', 0.0),)
    """

    learning_rate: float = 0.0001
    beta1: float = 0.9
    beta2: float = 0.99
    name: ClassVar[str] = "lion"
    rules: ClassVar[Mapping[str, Rule]] = {"beta1": HALF_OPEN_UNIT, "beta2": HALF_OPEN_UNIT}

    def _slots(self) -> tuple[tuple[str, float], ...]:
        return (("momentum", 0.0),)

    def _formula(self, parameter: Expression, gradient: Expression) -> Formula:
        momentum = variable("momentum")
        step = sign(ema(self.beta1, momentum, gradient))
        return parameter - variable("learning_rate") * step, {"momentum": ema(self.beta2, momentum, gradient)}
