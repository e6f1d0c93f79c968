"""Schedules: how the learning rate changes during training.

A schedule returns a factor for each step, which multiplies the optimizer's learning rate. The factors are a pure
function of the step, so a resumed run continues with the same learning rates. Only `ReduceOnPlateau`, which depends on
the loss, has a state. Letters: s the step, counted from 0; S the number of steps; e = s / (steps per epoch) the epoch,
as a real number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.network.number_rules import (
    AT_LEAST_ONE,
    CLOSED_UNIT,
    LEFT_OPEN_UNIT,
    NON_NEGATIVE,
    NON_NEGATIVE_INT,
    OPEN_UNIT,
    POSITIVE,
    POSITIVE_INT,
    Rule,
    check_fields,
)
from ranvier.network.renamed import SCHEDULE_FIELDS, renamed
from ranvier.network.resolve import resolve_type
from ranvier.portable_math import cos_sin, power, powers_of
from ranvier.records import record

Steps = NDArray[np.int64]
Factors = NDArray[np.float64]
State = dict[str, Any]


@record
class Schedule:
    """Base of all schedules.

    >>> StepDecay(step_epochs=1, decay_factor=0.5).factors(np.arange(4), steps_per_epoch=2, total_steps=4).tolist()
    [1.0, 1.0, 0.5, 0.5]
    """

    name: ClassVar[str] = ""
    rules: ClassVar[Mapping[str, Rule]] = {}

    def __post_init__(self) -> None:
        check_fields(self, self.rules)

    def factors(self, steps: Steps, steps_per_epoch: int, total_steps: int) -> Factors:
        """The factors of the learning rate.

        Parameters:
            steps: step numbers, counted from 0, int64 of any length.
            steps_per_epoch: updates in one epoch, at least 1.
            total_steps: updates in the whole training, at least 1. After that the factor is that of the last step.

        Returns a float64 array as long as `steps`.
        """
        if steps_per_epoch < 1 or total_steps < 1:
            raise InputError(
                f"A schedule over {total_steps} steps with {steps_per_epoch} per epoch; both must be at least 1."
            )
        return self._factors(np.asarray(steps, np.int64), int(steps_per_epoch), int(total_steps))

    def _factors(self, steps: Steps, steps_per_epoch: int, total_steps: int) -> Factors:
        return np.ones(len(steps))

    @property
    def watches(self) -> bool:
        """Whether the loss of an epoch can change the learning rate of the next."""
        return len(self.init_state()) > 1

    def init_state(self) -> State:
        """The initial state of a schedule that depends on the loss; its "factor" multiplies the learning rate too."""
        return {"factor": 1.0}

    def on_epoch_end(self, state: State, value: float) -> State:
        """The state after an epoch with the monitored value `value` (the validation loss)."""
        return state

    def to_dict(self) -> dict[str, Any]:
        """The schedule as JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        plain = {name: value.to_dict() if isinstance(value, Schedule) else value for name, value in values.items()}
        return {"name": self.name, **plain}


def _half_cosine(progress: NDArray[np.floating[Any]], start: float, end: float) -> Factors:
    """From `start` at progress 0 to `end` at progress 1 along half a cosine."""
    fraction = np.asarray(np.clip(progress, 0.0, 1.0), np.float64)
    return end + (start - end) * 0.5 * (1.0 + cos_sin(0.5 * fraction)[0])


@record
class ConstantSchedule(Schedule):
    """The learning rate is constant: factor 1.

    >>> ConstantSchedule().factors(np.arange(3), 1, 3)
    array([1., 1., 1.])
    """

    name: ClassVar[str] = "constant"


@record
class StepDecay(Schedule):
    """The learning rate drops every `step_epochs` epochs: decay_factor^floor(e / step_epochs).

    Parameters:
        step_epochs: epochs between two drops, an integer of at least 1.
        decay_factor: the factor of each drop, above 0 and at most 1.

    >>> StepDecay(step_epochs=2, decay_factor=0.1).factors(np.arange(6), steps_per_epoch=1, total_steps=6).round(3)
    array([1.  , 1.  , 0.1 , 0.1 , 0.01, 0.01])
    """

    step_epochs: int = 10
    decay_factor: float = 0.1
    name: ClassVar[str] = "step"
    rules: ClassVar[Mapping[str, Rule]] = {"step_epochs": POSITIVE_INT, "decay_factor": LEFT_OPEN_UNIT}

    def _factors(self, steps: Steps, steps_per_epoch: int, total_steps: int) -> Factors:
        drops = steps // (steps_per_epoch * int(self.step_epochs))
        return power(float(self.decay_factor), drops)


@record
class ExponentialDecay(Schedule):
    """The learning rate decays exponentially, at every step: decay_factor^e.

    At the start of an epoch it equals PyTorch's ExponentialLR, which changes once per epoch.

    Parameters:
        decay_factor: the factor of one epoch, above 0 and at most 1.

    >>> ExponentialDecay(0.25).factors(np.arange(4), steps_per_epoch=2, total_steps=4)
    array([1.   , 0.5  , 0.25 , 0.125])
    """

    decay_factor: float = 0.95
    name: ClassVar[str] = "exponential"
    rules: ClassVar[Mapping[str, Rule]] = {"decay_factor": LEFT_OPEN_UNIT}

    def _factors(self, steps: Steps, steps_per_epoch: int, total_steps: int) -> Factors:
        return power(float(self.decay_factor), steps / steps_per_epoch)


@record
class PolynomialDecay(Schedule):
    """The learning rate decays to `final_factor` f: f + (1 - f) (1 - s / S)^power; power 1 is linear decay.

    Parameters:
        power: above 0.
        final_factor: f, the factor at the end, from 0 to 1.

    >>> PolynomialDecay(power=2).factors(np.arange(4), steps_per_epoch=1, total_steps=4)
    array([1.    , 0.5625, 0.25  , 0.0625])
    """

    power: float = 1.0
    final_factor: float = 0.0
    name: ClassVar[str] = "polynomial"
    rules: ClassVar[Mapping[str, Rule]] = {"power": POSITIVE, "final_factor": CLOSED_UNIT}

    def _factors(self, steps: Steps, steps_per_epoch: int, total_steps: int) -> Factors:
        remaining = 1.0 - np.minimum(steps / total_steps, 1.0)
        return np.asarray(self.final_factor + (1.0 - self.final_factor) * powers_of(remaining, self.power), np.float64)


@record
class CosineDecay(Schedule):
    """The learning rate decays along half a cosine to `final_factor` f: f + (1 - f) (1 + cos(pi s / S)) / 2.

    Parameters:
        final_factor: f, the factor at the end, from 0 to 1.

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    >>> CosineDecay().factors(np.array([0, 2, 4]), steps_per_epoch=1, total_steps=4)
    array([1. , 0.5, 0. ])
    """

    final_factor: float = 0.0
    name: ClassVar[str] = "cosine"
    rules: ClassVar[Mapping[str, Rule]] = {"final_factor": CLOSED_UNIT}

    def _factors(self, steps: Steps, steps_per_epoch: int, total_steps: int) -> Factors:
        return _half_cosine(steps / total_steps, 1.0, self.final_factor)


@record
class CosineWarmRestarts(Schedule):
    """Cosine decay with warm restarts; each cycle is `cycle_multiplier` times as long as the one before.

    Cycle i lasts first_cycle_epochs * cycle_multiplier^i epochs; within it the factor is f + (1 - f)
    (1 + cos(pi t / length)) / 2, with f = min_factor and t the epochs since the cycle started.

    Parameters:
        first_cycle_epochs: length of the first cycle in epochs, an integer of at least 1.
        cycle_multiplier: the ratio of the lengths of two successive cycles, at least 1.
        min_factor: f, the factor at the end of a cycle, from 0 to 1.

    Source: Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.

    >>> schedule = CosineWarmRestarts(first_cycle_epochs=2, cycle_multiplier=2)
    >>> schedule.factors(np.arange(7), steps_per_epoch=1, total_steps=7).round(3)
    array([1.   , 0.5  , 1.   , 0.854, 0.5  , 0.146, 1.   ])
    """

    first_cycle_epochs: int = 10
    cycle_multiplier: float = 2.0
    min_factor: float = 0.0
    name: ClassVar[str] = "cosine_restarts"
    rules: ClassVar[Mapping[str, Rule]] = {
        "first_cycle_epochs": POSITIVE_INT,
        "cycle_multiplier": AT_LEAST_ONE,
        "min_factor": CLOSED_UNIT,
    }

    def _factors(self, steps: Steps, steps_per_epoch: int, total_steps: int) -> Factors:
        first, epochs = float(self.first_cycle_epochs), steps / steps_per_epoch
        if self.cycle_multiplier == 1:
            return _half_cosine((epochs % first) / first, 1.0, self.min_factor)
        starts, length = [0.0], first
        while starts[-1] + length <= epochs.max(initial=0.0):
            starts.append(starts[-1] + length)
            length *= self.cycle_multiplier
        cycle = np.searchsorted(starts, epochs, side="right") - 1
        lengths = first * power(float(self.cycle_multiplier), np.arange(len(starts)))
        return _half_cosine((epochs - np.asarray(starts)[cycle]) / lengths[cycle], 1.0, self.min_factor)


@record
class OneCycle(Schedule):
    """The learning rate rises along half a cosine to its peak, then falls along another.

    The optimizer's learning rate is the peak. The factors equal those of PyTorch's OneCycleLR with div_factor = 1 /
    initial_factor and final_div_factor = initial_factor / final_factor; the momentum is not cycled.

    Parameters:
        peak_fraction: the fraction of the steps before the peak, between 0 and 1.
        initial_factor: the factor at the first step, above 0 and at most 1.
        final_factor: the factor at the last step, from 0 to 1.

    Source: Smith and Topin, "Super-convergence: very fast training of neural networks using large learning rates",
    2018.

    >>> OneCycle(peak_fraction=0.5).factors(np.array([0, 4, 9]), steps_per_epoch=1, total_steps=10)
    array([4.e-02, 1.e+00, 1.e-04])
    """

    peak_fraction: float = 0.3
    initial_factor: float = 0.04
    final_factor: float = 1e-4
    name: ClassVar[str] = "one_cycle"
    rules: ClassVar[Mapping[str, Rule]] = {
        "peak_fraction": OPEN_UNIT,
        "initial_factor": LEFT_OPEN_UNIT,
        "final_factor": CLOSED_UNIT,
    }

    def _factors(self, steps: Steps, steps_per_epoch: int, total_steps: int) -> Factors:
        last = total_steps - 1.0
        peak = max(self.peak_fraction * total_steps - 1.0, 0.0)
        rising = _half_cosine(steps / max(peak, 1.0), self.initial_factor, 1.0)
        falling = _half_cosine((steps - peak) / max(last - peak, 1e-9), 1.0, self.final_factor)
        return np.where(steps < peak, rising, falling)


@record
class Warmup(Schedule):
    """The learning rate rises linearly from nearly 0, then follows another schedule.

    With W = epochs * (steps per epoch), rounded: (s + 1) / W for s < W, from 1 / W at step 0 to 1 at step W - 1;
    then the factors of `next_schedule` for step s - W of S - W.

    Parameters:
        epochs: the length of the warm-up, at least 0; fractions are allowed.
        next_schedule: the schedule that follows, a record or a name.

    Source: Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017.

    >>> Warmup(2, next_schedule=CosineDecay()).factors(np.arange(5), steps_per_epoch=1, total_steps=6).round(3)
    array([0.5  , 1.   , 1.   , 0.854, 0.5  ])
    """

    epochs: float = 5.0
    next_schedule: Schedule = ConstantSchedule()
    name: ClassVar[str] = "warm_up"
    rules: ClassVar[Mapping[str, Rule]] = {"epochs": NON_NEGATIVE}

    def __post_init__(self) -> None:
        check_fields(self, self.rules)
        object.__setattr__(self, "next_schedule", schedule(self.next_schedule))

    def _factors(self, steps: Steps, steps_per_epoch: int, total_steps: int) -> Factors:
        length = round(self.epochs * steps_per_epoch)
        later = self.next_schedule.factors(np.maximum(steps - length, 0), steps_per_epoch, max(total_steps - length, 1))
        return np.where(steps < length, (steps + 1.0) / max(length, 1), later)

    def init_state(self) -> State:
        return self.next_schedule.init_state()

    def on_epoch_end(self, state: State, value: float) -> State:
        return self.next_schedule.on_epoch_end(state, value)


@record
class ReduceOnPlateau(Schedule):
    """The learning rate is reduced when the monitored value has stopped improving.

    A value is an improvement if it is below best - threshold |best|. After more than `patience` successive epochs
    without an improvement, the learning rate is multiplied by `factor` and the count of epochs restarts, as in PyTorch
    (Keras reduces one epoch earlier). The factors of the steps are 1; the learning rate is multiplied by the state's
    "factor".

    Parameters:
        factor: the factor of each reduction, above 0 and at most 1.
        patience: epochs without improvement before a reduction, an integer.
        threshold: the minimum relative improvement, at least 0.
        min_factor: the lower bound of the product of all reductions, from 0 to 1.

    >>> plateau = ReduceOnPlateau(factor=0.5, patience=1)
    >>> state = plateau.init_state()
    >>> for loss in (1.0, 1.0, 1.0):
    ...     state = plateau.on_epoch_end(state, loss)
    >>> state
    {'factor': 0.5, 'best': 1.0, 'waited': 0}
    """

    factor: float = 0.5
    patience: int = 5
    threshold: float = 1e-4
    min_factor: float = 0.0
    name: ClassVar[str] = "reduce_on_plateau"
    rules: ClassVar[Mapping[str, Rule]] = {
        "factor": LEFT_OPEN_UNIT,
        "patience": NON_NEGATIVE_INT,
        "threshold": NON_NEGATIVE,
        "min_factor": CLOSED_UNIT,
    }

    def init_state(self) -> State:
        return {"factor": 1.0, "best": None, "waited": 0}

    def on_epoch_end(self, state: State, value: float) -> State:
        best, waited, factor = state["best"], state["waited"] + 1, state["factor"]
        number = float(value)
        if math.isfinite(number) and (best is None or number < best - self.threshold * abs(best)):
            best, waited = number, 0
        if waited > self.patience:
            factor, waited = max(factor * self.factor, self.min_factor), 0
        return {"factor": factor, "best": best, "waited": waited}


_DECAYS = (ConstantSchedule, StepDecay, ExponentialDecay, PolynomialDecay, CosineDecay, CosineWarmRestarts)
_KINDS: tuple[type[Schedule], ...] = (*_DECAYS, OneCycle, Warmup, ReduceOnPlateau)
SCHEDULES: dict[str, type[Schedule]] = {kind.name: kind for kind in _KINDS}


def schedule(name: str | Schedule, **options: Any) -> Schedule:
    """A schedule by name, for example "cosine".

    Parameters:
        name: a key of SCHEDULES, or a Schedule, which is returned unchanged.
        options: the fields of the record.

    Raises:
        InputError: there is no such schedule or option, or a value is out of range.

    >>> schedule("step", step_epochs=3)
    StepDecay(step_epochs=3, decay_factor=0.1)
    >>> schedule("cosin")
    Traceback (most recent call last):
    ranvier.errors.InputError: There is no schedule "cosin". Did you mean "cosine"?
    """
    return resolve_type("schedule", name, Schedule, SCHEDULES, options)


def schedule_from_dict(data: Mapping[str, Any]) -> Schedule:
    """The schedule that `Schedule.to_dict` wrote.

    >>> schedule_from_dict(Warmup(3, CosineDecay()).to_dict()) == Warmup(3, CosineDecay())
    True
    """
    values = renamed(data, SCHEDULE_FIELDS.get(data["name"], {}))
    if isinstance(values.get("next_schedule"), Mapping):
        values["next_schedule"] = schedule_from_dict(values["next_schedule"])
    return schedule(**values)
