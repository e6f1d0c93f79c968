"""The base of all optimizers: the record of an update rule, the common fields, clipping, weight decay and averaging.

Letters: w a parameter, g its gradient, t the step counted from 1, lr the learning rate of that step. A rule is
elementwise: each of the P parameters is updated from its own gradient and its own slots (the optimizer state).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ranvier.expression import Expression, constant, maximum, minimum, simplify, substitute, variable, variables
from ranvier.network.number_rules import NON_NEGATIVE, OPEN_UNIT_OR_NONE, POSITIVE, POSITIVE_OR_NONE, Rule, check_fields
from ranvier.portable_math import power
from ranvier.records import record

Steps = NDArray[np.int64]
Numbers = NDArray[np.float64]
Formula = tuple[Expression, dict[str, Expression]]

AVERAGE = "average"
AVERAGE_RATE = "average_rate"
LEARNING_RATE = "learning_rate"
BLOCK, MAX_KNOWN = 2**8, 2**12
"""The scalars of up to MAX_KNOWN steps come from blocks of BLOCK steps, which are remembered."""


@record
class UpdateRule:
    """One step of an optimizer for one parameter, as expressions.

    Fields:
        slots: (name, initial value) of the optimizer state of each parameter; the initial value None is a copy of the
            parameter.
        scalars: names of the values that change with the step and are equal for all parameters; the first is
            "learning_rate".
        parameter: the new value of the parameter.
        updates: the new value of each slot, in the order of `slots`.

    All expressions use the values before the step. Their variables are "parameter", "gradient", "decay" (the weight
    decay of this parameter, or 0), the scalars and the slots.
    """

    slots: tuple[tuple[str, float | None], ...]
    scalars: tuple[str, ...]
    parameter: Expression
    updates: tuple[Expression, ...]


@record(kw_only=True)
class Optimizer:
    """Base of all optimizers: the common fields.

    Parameters:
        learning_rate: the step size; above 0. The schedule multiplies it.
        weight_decay: decoupled weight decay d: w <- w - lr d w before the step, on weights but not on biases
            (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019). It does not pass through the
            moments; use a layer's `l2` for a penalty in the loss.
        clip_value: every gradient is clipped to the range from -clip_value to clip_value; None does not clip.
        clip_norm: if the norm of the whole gradient is larger, the gradient is scaled to this norm (Pascanu, Mikolov
            and Bengio, "On the difficulty of training recurrent neural networks", ICML 2013); None does not clip.
        ema_decay: decay d of the exponential moving average (EMA) of the parameters, for example 0.999. The
            decay of step t is min(d, (1 + t) / (10 + t)), so that the initial values lose their weight quickly.
            Predictions use the average. None computes no average.

    >>> from ranvier.network.optimizers.sgd import SGD
    >>> SGD(0.1, clip_value=1.0).rule().parameter
    Expression('parameter - learning_rate * minimum(maximum(gradient, -1), 1)')
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

        The rule clips the gradient by value, decays the weight, updates it, and updates the slot "average". Clipping by
        norm happens before, because it is not elementwise.
        """
        return _rule(at_unit_rate(self))

    def open_rule(self) -> tuple[UpdateRule, dict[str, float]]:
        """The update with hyperparameters as variables, for compiled code that is shared by several values of them.

        Hyperparameters that are 0 stay constants, because terms and slots depend on them.

        Returns the rule with these hyperparameters as variables, named like their fields, and name -> value. Bound to
        these values (see `bind`), it is `rule()`.

        >>> from ranvier.network.optimizers.sgd import SGD
        >>> rule, values = SGD(0.1, momentum=0.9).open_rule()
        >>> rule.updates, values
        ((Expression('momentum * velocity + gradient'),), {'momentum': 0.9})
        """
        return _open_rule(at_unit_rate(self))

    def scalar_values(self, steps: Steps, learning_rates: Numbers) -> Numbers:
        """The scalars of the rule for some steps, in float64: a pure function of the step, so that resuming is exact.

        Parameters:
            steps: step numbers, counted from 1, int64.
            learning_rates: the learning rate of each step, schedule included.

        Returns a float64 array of shape (len(steps), number of scalars), columns in the order of the rule's `scalars`.
        """
        columns = self._columns(np.asarray(steps, np.int64), np.asarray(learning_rates, np.float64))
        values = np.empty((len(steps), len(columns)))
        for index, column in enumerate(columns.values()):
            values[:, index] = column
        return values

    def scalars_from(self, first: int, learning_rates: Numbers) -> Numbers:
        """The same for consecutive steps: those that many trainings make are computed once.

        Parameters:
            first: the first step, from 1.

        >>> from ranvier.network.optimizers.adam import Adam
        >>> rates = np.array([0.1, 0.2])
        >>> bool((Adam().scalars_from(3, rates) == Adam().scalar_values(np.array([3, 4]), rates)).all())
        True
        """
        count = len(learning_rates)
        if count > MAX_KNOWN:
            return self.scalar_values(np.arange(first, first + count), learning_rates)
        optimizer, (block, start) = at_unit_rate(self), divmod(first - 1, BLOCK)
        parts = [_scalars_of_block(optimizer, block + index) for index in range(-(-(start + count) // BLOCK))]
        values = (np.concatenate(parts) if len(parts) > 1 else parts[0])[start : start + count]
        values = values if len(parts) > 1 else values.copy()
        values[:, 0] = learning_rates
        return values

    def initial_slots(self, parameters: NDArray[Any]) -> NDArray[Any]:
        """The optimizer's memory before its first step, shape (S, P), of the type of the parameters (P,).

        >>> from ranvier.network.optimizers.adagrad import Adagrad
        >>> Adagrad(initial_accumulator=0.25).initial_slots(np.ones(3))
        array([[0.25, 0.25, 0.25]])
        """
        starts = [start for _, start in self.rule().slots]
        # Zeros that nobody wrote take no memory.
        slots = np.zeros((len(starts), parameters.size), parameters.dtype)
        for slot, start in zip(slots, starts, strict=True):
            if start != 0:
                slot[:] = parameters if start is None else start
        return slots

    def takes_state_of(self, other: Optimizer) -> bool:
        """Whether it can go on with the memory of another one: one of the same kind that remembers the same.

        >>> from ranvier.network.optimizers.sgd import SGD
        >>> SGD(0.01, momentum=0.8).takes_state_of(SGD(0.1, momentum=0.9)), SGD(0.1).takes_state_of(SGD(momentum=0.9))
        (True, False)
        """
        same_kind = (type(self), self.name) == (type(other), other.name)
        return self is other or (same_kind and self._remembers() == other._remembers())

    def _remembers(self) -> Any:
        """What its memory is made of."""
        return [name for name, _ in self.rule().slots]

    def to_dict(self) -> dict[str, Any]:
        """The optimizer as JSON values."""
        return {"name": self.name, **{entry.name: getattr(self, entry.name) for entry in fields(self)}}

    def _columns(self, steps: Steps, learning_rates: Numbers) -> dict[str, Numbers]:
        """Every scalar by name, the learning rate first."""
        columns = {LEARNING_RATE: learning_rates, **self._corrections(steps)}
        if self.ema_decay is not None:
            columns[AVERAGE_RATE] = np.minimum(self.ema_decay, (1.0 + steps) / (10.0 + steps))
        return columns

    def _corrections(self, steps: Steps) -> dict[str, Numbers]:
        """The scalars other than the learning rate, by name."""
        return {}

    def _slots(self) -> tuple[tuple[str, float], ...]:
        """The slots that the formula uses, with their initial values."""
        return ()

    def _formula(self, parameter: Expression, gradient: Expression) -> Formula:
        """The new parameter and the new value of each slot."""
        raise NotImplementedError


def bind(rule: UpdateRule, values: Mapping[str, float]) -> UpdateRule:
    """The rule with constants in place of some of its variables, simplified.

    >>> from ranvier.network.optimizers.adam import Adam
    >>> bind(*Adam(1e-3).open_rule()).parameter == Adam(1e-3).rule().parameter
    True
    """
    constants = {name: constant(value) for name, value in values.items()}
    parameter, *updates = (
        simplify(substitute(expression, constants)) for expression in (rule.parameter, *rule.updates)
    )
    return UpdateRule(rule.slots, rule.scalars, parameter, tuple(updates))


@lru_cache(64)
def at_unit_rate(optimizer: Optimizer) -> Optimizer:
    """The optimizer with the learning rate 1: what stays the same where the learning rate is another one.

    >>> from ranvier.network.optimizers.sgd import SGD
    >>> at_unit_rate(SGD(0.1, momentum=0.9)) == at_unit_rate(SGD(0.2, momentum=0.9))
    True
    """
    return replace(optimizer, learning_rate=1.0)


@lru_cache(64)
def _scalars_of_block(optimizer: Optimizer, block: int) -> Numbers:
    """The scalars of some steps at the learning rate 1, which decides no others; block 0 begins with step 1."""
    return optimizer.scalar_values(np.arange(BLOCK) + (block * BLOCK + 1), np.ones(BLOCK))


@lru_cache(64)
def _rule(optimizer: Optimizer) -> UpdateRule:
    return bind(_traced(optimizer, optimizer), {})


@lru_cache(64)
def _open_rule(optimizer: Optimizer) -> tuple[UpdateRule, dict[str, float]]:
    hyperparameters = {name: getattr(optimizer, name) for name in ("clip_value", *optimizer.rules)}
    values = {name: float(value) for name, value in hyperparameters.items() if value}
    rule = _traced(optimizer, _WithVariables(optimizer, tuple(values)))
    used = variables(rule.parameter, *rule.updates)
    return rule, {name: value for name, value in values.items() if name in used}


class _WithVariables:
    """The fields of an optimizer, some of them as variables."""

    def __init__(self, optimizer: Optimizer, names: tuple[str, ...]) -> None:
        self._optimizer, self._names = optimizer, names

    def __getattr__(self, name: str) -> Any:
        return variable(name) if name in self._names else getattr(self._optimizer, name)


def _traced(optimizer: Optimizer, hyperparameters: Any) -> UpdateRule:
    """The rule before it is simplified; `hyperparameters` has the optimizer's fields as numbers or variables."""
    gradient, parameter = variable("gradient"), variable("parameter")
    if optimizer.clip_value is not None:
        gradient = minimum(maximum(gradient, -hyperparameters.clip_value), hyperparameters.clip_value)
    if optimizer.weight_decay:
        parameter = parameter - variable(LEARNING_RATE) * variable("decay") * parameter
    updated, updates = type(optimizer)._formula(hyperparameters, parameter, gradient)
    slots: list[tuple[str, float | None]] = list(optimizer._slots())
    if optimizer.ema_decay is not None:
        rate = variable(AVERAGE_RATE)
        slots.append((AVERAGE, None))
        updates = {**updates, AVERAGE: rate * variable(AVERAGE) + (1.0 - rate) * updated}
    scalars = tuple(optimizer._columns(np.ones(1, np.int64), np.ones(1)))
    return UpdateRule(tuple(slots), scalars, updated, tuple(updates[name] for name, _ in slots))


_COMMON_RULES: Mapping[str, Rule] = {
    LEARNING_RATE: POSITIVE,
    "weight_decay": NON_NEGATIVE,
    "clip_value": POSITIVE_OR_NONE,
    "clip_norm": POSITIVE_OR_NONE,
    "ema_decay": OPEN_UNIT_OR_NONE,
}


def bias_correction(beta: float, steps: Steps) -> Numbers:
    """1 / (1 - beta^t): the bias correction of a moving average that starts at 0.

    >>> bias_correction(0.5, np.array([1, 2])).round(4)
    array([2.    , 1.3333])
    """
    return np.asarray(1.0 / (1.0 - power(float(beta), steps)), np.float64)


def ema(beta: float, old: Expression, new: Expression) -> Expression:
    """The moving average beta * old + (1 - beta) * new."""
    return beta * old + (1.0 - beta) * new
