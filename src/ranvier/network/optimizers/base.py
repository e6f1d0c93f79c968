"""What all optimizers share: the record of an update rule, the common fields, clipping, weight decay and averaging.

Letters: w a trainable number, g its gradient, t the step counted from 1, lr the learning rate of that step. A rule is
elementwise: each number of the P trainable ones is updated from its own gradient and its own slots.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ranvier.expression import Expression, constant, maximum, minimum, simplify, substitute, variable, variables
from ranvier.network.number_rules import NON_NEGATIVE, OPEN_UNIT_OR_NONE, POSITIVE, POSITIVE_OR_NONE, Rule, check_fields
from ranvier.records import record

Steps = NDArray[np.int64]
Numbers = NDArray[np.float64]
Formula = tuple[Expression, dict[str, Expression]]

AVERAGE = "average"
AVERAGE_RATE = "average_rate"
LEARNING_RATE = "learning_rate"


@record
class UpdateRule:
    """One step of an optimizer for one trainable number, as expressions.

    Fields:
        slots: (name, initial value) of the numbers that are remembered beside each trainable number; an initial value
            of None means: a copy of the trainable number.
        scalars: names of the per-step numbers that are the same for all; the first is "learning_rate".
        parameter: the new value of the trainable number.
        updates: the new value of each slot, in the order of `slots`.

    All expressions read the values before the step; their variables are "parameter", "gradient", "decay" (the weight
    decay where the number is decayed, else 0), the scalars and the slots.
    """

    slots: tuple[tuple[str, float | None], ...]
    scalars: tuple[str, ...]
    parameter: Expression
    updates: tuple[Expression, ...]


@record(kw_only=True)
class Optimizer:
    """Base of all optimizers: the fields that each of them has.

    Parameters:
        learning_rate: the step size; above 0. The schedule multiplies it.
        weight_decay: decoupled weight decay d: w <- w - lr d w before the step, on weights but not on biases
            (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019). It does not pass through the
            moments; use a layer's `l2` for a penalty in the loss.
        clip_value: every gradient is limited to the range from -clip_value to clip_value; None does not limit.
        clip_norm: if the norm of all gradients together is larger, they are scaled down to this norm (Pascanu, Mikolov
            and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013); None does not limit.
        ema_decay: decay d of the exponential moving average (EMA) of the parameters, for example 0.999. Step t counts
            with min(d, (1 + t) / (10 + t)), so that the start is soon forgotten. Predictions use
            the average. None keeps no average.
    """

    name: ClassVar[str] = ""
    full_batch: ClassVar[bool] = False
    rules: ClassVar[Mapping[str, Rule]] = {}

    learning_rate: float = field(default=0.01, kw_only=False)
    weight_decay: float = 0.0
    clip_value: float | None = None
    clip_norm: float | None = None
    ema_decay: float | None = None

    def __post_init__(self) -> None:
        check_fields(self, {**_COMMON_RULES, **self.rules})

    def rule(self) -> UpdateRule:
        """The update as expressions.

        Gradients that arrive here are clipped by norm already; the rule clips by value, decays the weight, moves it,
        and brings the slot "average" up to date.
        """
        return _rule(self)

    def open_rule(self) -> tuple[UpdateRule, dict[str, float]]:
        """The update with the optimizer's own numbers left open, for code that serves several settings of them.

        Numbers that are 0 are not left open, since they leave out terms and slots.

        Returns the rule with these numbers as variables, named like their fields, and name -> value: bound to these
        values (see `bind`), it is `rule()`.

        >>> from ranvier.network.optimizers.sgd import SGD
        >>> rule, numbers = SGD(0.1, momentum=0.9).open_rule()
        >>> rule.updates, numbers
        ((Expression('momentum * velocity + gradient'),), {'momentum': 0.9})
        """
        return _open_rule(self)

    def scalar_values(self, steps: Steps, learning_rates: Numbers) -> Numbers:
        """The per-step numbers of the rule, in float64: a pure function of the step, so that resuming is exact.

        Parameters:
            steps: the steps, counted from 1, int64.
            learning_rates: the learning rate of each of them, schedule included.

        Returns a float64 array of shape (len(steps), number of scalars), columns in the order of the rule's `scalars`.
        """
        columns = self._columns(np.asarray(steps, np.int64), np.asarray(learning_rates, np.float64))
        return np.stack(tuple(columns.values()), axis=1)

    def to_dict(self) -> dict[str, Any]:
        """The optimizer as plain JSON values."""
        return {"name": self.name, **{entry.name: getattr(self, entry.name) for entry in fields(self)}}

    def _columns(self, steps: Steps, learning_rates: Numbers) -> dict[str, Numbers]:
        """Every scalar by name, the learning rate first."""
        columns = {LEARNING_RATE: learning_rates, **self._corrections(steps)}
        if self.ema_decay is not None:
            columns[AVERAGE_RATE] = np.minimum(self.ema_decay, (1.0 + steps) / (10.0 + steps))
        return columns

    def _corrections(self, steps: Steps) -> dict[str, Numbers]:
        """The scalars beside the learning rate."""
        return {}

    def _slots(self) -> tuple[tuple[str, float], ...]:
        """The slots that the formula uses, with their initial values."""
        return ()

    def _formula(self, parameter: Expression, gradient: Expression) -> Formula:
        """The new parameter and the new value of each slot."""
        raise NotImplementedError


def bind(rule: UpdateRule, values: Mapping[str, float]) -> UpdateRule:
    """The rule with constants in place of some of its variables, as `Optimizer.rule` writes it.

    >>> from ranvier.network.optimizers.adam import Adam
    >>> bind(*Adam(1e-3).open_rule()) == Adam(1e-3).rule()
    True
    """
    constants = {name: constant(value) for name, value in values.items()}
    parameter, *updates = (simplify(substitute(one, constants)) for one in (rule.parameter, *rule.updates))
    return UpdateRule(rule.slots, rule.scalars, parameter, tuple(updates))


@lru_cache(64)
def _rule(optimizer: Optimizer) -> UpdateRule:
    return bind(_traced(optimizer, optimizer), {})


@lru_cache(64)
def _open_rule(optimizer: Optimizer) -> tuple[UpdateRule, dict[str, float]]:
    numbers = {name: getattr(optimizer, name) for name in ("clip_value", *optimizer.rules)}
    values = {name: float(value) for name, value in numbers.items() if value}
    rule = _traced(optimizer, _Open(optimizer, tuple(values)))
    used = variables(rule.parameter, *rule.updates)
    return rule, {name: value for name, value in values.items() if name in used}


class _Open:
    """An optimizer some of whose numbers are variables, for its formula to read."""

    def __init__(self, optimizer: Optimizer, names: tuple[str, ...]) -> None:
        self._optimizer, self._names = optimizer, names

    def __getattr__(self, name: str) -> Any:
        return variable(name) if name in self._names else getattr(self._optimizer, name)


def _traced(optimizer: Optimizer, numbers: Any) -> UpdateRule:
    """The rule before it is simplified; `numbers` has the optimizer's fields, as numbers or variables."""
    gradient, parameter = variable("gradient"), variable("parameter")
    if optimizer.clip_value is not None:
        gradient = minimum(maximum(gradient, -numbers.clip_value), numbers.clip_value)
    if optimizer.weight_decay:
        parameter = parameter - variable(LEARNING_RATE) * variable("decay") * parameter
    moved, updates = type(optimizer)._formula(numbers, parameter, gradient)
    slots: list[tuple[str, float | None]] = list(optimizer._slots())
    if optimizer.ema_decay is not None:
        rate = variable(AVERAGE_RATE)
        slots.append((AVERAGE, None))
        updates = {**updates, AVERAGE: rate * variable(AVERAGE) + (1.0 - rate) * moved}
    scalars = tuple(optimizer._columns(np.ones(1, np.int64), np.ones(1)))
    return UpdateRule(tuple(slots), scalars, moved, tuple(updates[name] for name, _ in slots))


_COMMON_RULES: Mapping[str, Rule] = {
    LEARNING_RATE: POSITIVE,
    "weight_decay": NON_NEGATIVE,
    "clip_value": POSITIVE_OR_NONE,
    "clip_norm": POSITIVE_OR_NONE,
    "ema_decay": OPEN_UNIT_OR_NONE,
}


def bias_correction(beta: float, steps: Steps) -> Numbers:
    """1 / (1 - beta^t): what makes a moving average that started at 0 unbiased.

    >>> bias_correction(0.5, np.array([1, 2])).round(4)
    array([2.    , 1.3333])
    """
    return np.asarray(1.0 / (1.0 - np.power(float(beta), steps)), np.float64)


def ema(beta: float, old: Expression, new: Expression) -> Expression:
    """The moving average beta * old + (1 - beta) * new."""
    return beta * old + (1.0 - beta) * new
