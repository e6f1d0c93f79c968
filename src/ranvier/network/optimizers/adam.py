"""Adam and its relatives: AdamW, NAdam, Adamax, AMSGrad.

Letters as in base.py; m and s are moving averages of the gradient and of its square, b1 and b2 (beta1, beta2) their
decays. The bias corrections 1 / (1 - b^t) are scalars of the rule, computed in float64 for every precision.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import field
from typing import ClassVar

import numpy as np

from ranvier.expression import Expression, absolute, maximum, sqrt, variable
from ranvier.network.number_rules import HALF_OPEN_UNIT, NON_NEGATIVE, POSITIVE, Rule
from ranvier.network.optimizers.base import Formula, Numbers, Optimizer, Steps, bias_correction, ema
from ranvier.portable_math import power
from ranvier.records import record

NEGLIGIBLE = 1e-30


@record
class MomentOptimizer(Optimizer):
    """Base of the optimizers with moving averages of the gradient (slot "first") and of its square ("second")."""

    learning_rate: float = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    rules: ClassVar[Mapping[str, Rule]] = {"beta1": HALF_OPEN_UNIT, "beta2": HALF_OPEN_UNIT, "epsilon": POSITIVE}

    def _slots(self) -> tuple[tuple[str, float], ...]:
        return (("first", 0.0), ("second", 0.0))


@record
class Adam(MomentOptimizer):
    """Momentum divided by the root of a moving average of the squared gradient, both with bias correction.

    Formula: m <- b1 m + (1 - b1) g, s <- b2 s + (1 - b2) g^2,
    w <- w - lr (m / (1 - b1^t)) / (sqrt(s / (1 - b2^t)) + epsilon).

    As in the paper's algorithm 1 and in PyTorch; Keras adds its epsilon (1e-7) to the root of the uncorrected s.

    Parameters:
        learning_rate: above 0.
        beta1, beta2: from 0 up to, but not including, 1.
        epsilon: keeps the division finite; above 0.
        weight_decay, clip_value, clip_norm, ema_decay: see `Optimizer`.

    Raises:
        InputError: a value is out of range.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015.

    >>> Adam(1e-3).rule().scalars
    ('learning_rate', 'first_correction', 'second_correction')
    """

    name: ClassVar[str] = "adam"

    def _corrections(self, steps: Steps) -> dict[str, Numbers]:
        """The second correction is the square root, which multiplies sqrt(s)."""
        return {
            "first_correction": bias_correction(self.beta1, steps),
            "second_correction": np.sqrt(bias_correction(self.beta2, steps)),
        }

    def _formula(self, parameter: Expression, gradient: Expression) -> Formula:
        first = ema(self.beta1, variable("first"), gradient)
        second = ema(self.beta2, variable("second"), gradient * gradient)
        size = sqrt(second) * variable("second_correction") + self.epsilon
        step = first * variable("first_correction") / size
        return parameter - variable("learning_rate") * step, {"first": first, "second": second}


@record
class AdamW(Adam):
    """Adam with decoupled weight decay: w <- w - lr d w, then Adam's step.

    It is Adam with another default: all optimizers here apply `weight_decay` in this way.

    Parameters:
        learning_rate, beta1, beta2, epsilon: as in Adam.
        weight_decay: d, at least 0. (PyTorch 0.01, Keras 0.004.)
        clip_value, clip_norm, ema_decay: see `Optimizer`.

    Raises:
        InputError: a value is out of range.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019.

    >>> AdamW().weight_decay
    0.01
    """

    weight_decay: float = field(default=0.01, kw_only=True)
    name: ClassVar[str] = "adamw"


@record
class NAdam(MomentOptimizer):
    """Adam with Nesterov's momentum, which increases during the first steps.

    Formula: mu_t = b1 (1 - 0.96^(t psi) / 2), M_t = mu_1 mu_2 ... mu_t, m and s as in Adam,
    w <- w - lr ((1 - mu_t) / (1 - M_t) g + mu_(t+1) / (1 - M_(t+1)) m) / (sqrt(s / (1 - b2^t)) + epsilon).

    As in PyTorch. Keras differs in the position of epsilon.

    Parameters:
        learning_rate: above 0; 0.002 in PyTorch. (Keras 0.001.)
        beta1, beta2: from 0 up to, but not including, 1.
        epsilon: keeps the division finite; above 0.
        momentum_decay: psi, at least 0.
        weight_decay, clip_value, clip_norm, ema_decay: see `Optimizer`.

    Raises:
        InputError: a value is out of range.

    Source: Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.

    >>> NAdam().rule().scalars
    ('learning_rate', 'gradient_factor', 'momentum_factor', 'second_correction')
    """

    learning_rate: float = 0.002
    momentum_decay: float = 0.004
    name: ClassVar[str] = "nadam"
    rules: ClassVar[Mapping[str, Rule]] = {**MomentOptimizer.rules, "momentum_decay": NON_NEGATIVE}

    def _momentum(self, steps: Steps) -> Numbers:
        """mu_t."""
        return np.asarray(self.beta1 * (1.0 - 0.5 * power(0.96, steps * self.momentum_decay)), np.float64)

    def _corrections(self, steps: Steps) -> dict[str, Numbers]:
        """The product M_t is at most b1^t; once that is below NEGLIGIBLE, 1 - M_t is 1 in float64 for good."""
        max_factors = math.ceil(math.log(NEGLIGIBLE) / math.log(self.beta1)) if self.beta1 else 1
        counted = np.minimum(steps, max_factors)
        products = np.cumprod(self._momentum(np.arange(1, counted.max(initial=1) + 1)))
        product, now, following = products[counted - 1], self._momentum(steps), self._momentum(steps + 1)
        return {
            "gradient_factor": (1.0 - now) / (1.0 - product),
            "momentum_factor": following / (1.0 - product * following),
            "second_correction": np.sqrt(bias_correction(self.beta2, steps)),
        }

    def _formula(self, parameter: Expression, gradient: Expression) -> Formula:
        first = ema(self.beta1, variable("first"), gradient)
        second = ema(self.beta2, variable("second"), gradient * gradient)
        size = sqrt(second) * variable("second_correction") + self.epsilon
        step = (variable("gradient_factor") * gradient + variable("momentum_factor") * first) / size
        return parameter - variable("learning_rate") * step, {"first": first, "second": second}


@record
class Adamax(MomentOptimizer):
    """Adam with a decaying maximum of the gradient's absolute value in place of the root mean square.

    Formula: m <- b1 m + (1 - b1) g, u <- max(b2 u, |g| + epsilon), w <- w - lr m / (1 - b1^t) / u.

    Epsilon is used as in PyTorch; the paper has none, and Keras adds it to u.

    Parameters:
        learning_rate: above 0; 0.002 in the paper. (Keras 0.001.)
        beta1, beta2: from 0 up to, but not including, 1.
        epsilon: keeps the division finite; above 0.
        weight_decay, clip_value, clip_norm, ema_decay: see `Optimizer`.

    Raises:
        InputError: a value is out of range.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization", ICLR 2015, section 7.1.

    >>> Adamax().rule().slots
    (('first', 0.0), ('largest', 0.0))
    """

    learning_rate: float = 0.002
    name: ClassVar[str] = "adamax"

    def _slots(self) -> tuple[tuple[str, float], ...]:
        return (("first", 0.0), ("largest", 0.0))

    def _corrections(self, steps: Steps) -> dict[str, Numbers]:
        return {"first_correction": bias_correction(self.beta1, steps)}

    def _formula(self, parameter: Expression, gradient: Expression) -> Formula:
        first = ema(self.beta1, variable("first"), gradient)
        largest = maximum(self.beta2 * variable("largest"), absolute(gradient) + self.epsilon)
        step = first * variable("first_correction") / largest
        return parameter - variable("learning_rate") * step, {"first": first, "largest": largest}


@record
class AMSGrad(Adam):
    """Adam with the maximum of all moving averages of the squared gradient, so that the step size never increases.

    Formula: m and s as in Adam, h <- max(h, s),
    w <- w - lr (m / (1 - b1^t)) / (sqrt(h / (1 - b2^t)) + epsilon).

    With Adam's bias corrections, as in PyTorch and Keras; the paper has none.

    Parameters:
        learning_rate, beta1, beta2, epsilon: as in Adam.
        weight_decay, clip_value, clip_norm, ema_decay: see `Optimizer`.

    Raises:
        InputError: a value is out of range.

    Source: Reddi, Kale and Kumar, "On the convergence of Adam and beyond", ICLR 2018.

    >>> AMSGrad().rule().slots
    (('first', 0.0), ('second', 0.0), ('largest', 0.0))
    """

    name: ClassVar[str] = "amsgrad"

    def _slots(self) -> tuple[tuple[str, float], ...]:
        return (("first", 0.0), ("second", 0.0), ("largest", 0.0))

    def _formula(self, parameter: Expression, gradient: Expression) -> Formula:
        first = ema(self.beta1, variable("first"), gradient)
        second = ema(self.beta2, variable("second"), gradient * gradient)
        largest = maximum(variable("largest"), second)
        size = sqrt(largest) * variable("second_correction") + self.epsilon
        step = first * variable("first_correction") / size
        updated = parameter - variable("learning_rate") * step
        return updated, {"first": first, "second": second, "largest": largest}
