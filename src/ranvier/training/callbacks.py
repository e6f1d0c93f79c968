"""Callbacks: after every epoch each one looks at what happened and returns a decision.

A callback is a frozen record of settings with two pure functions, so that its state is a plain dictionary that
travels with every checkpoint: `start()` gives the first state and `after_epoch(state, moment)` the next one together
with a `Decision`. A plain function that takes a `Moment` and returns a `Decision` or None is a callback too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ranvier.errors import InputError, nearest
from ranvier.network.number_rules import (
    NON_NEGATIVE,
    POSITIVE,
    POSITIVE_INT,
    POSITIVE_OR_NONE,
    check_fields,
    check_number,
)
from ranvier.records import record
from ranvier.training.events import Epoch

State = dict[str, Any]


@record
class Decision:
    """What a callback wants.

    Fields: `stop`, the reason to stop, in one sentence, or None to go on; `keep`, whether to remember the weights of
    this epoch as the best; `learning_rate_factor`, what the learning rate is multiplied by from now on, or None.
    """

    stop: str | None = None
    keep: bool = False
    learning_rate_factor: float | None = None

    def __post_init__(self) -> None:
        if self.stop is not None and not (isinstance(self.stop, str) and self.stop):
            raise InputError(f"Decision: stop is {self.stop!r}; it must be the reason in a sentence, or None to go on.")
        check_number("Decision", "learning_rate_factor", self.learning_rate_factor, POSITIVE_OR_NONE)


@record
class Moment:
    """What a callback sees after an epoch.

    Fields: `epoch`, its record; `history`, all the records so far, this one included; `read`, a function that gives
    the parameters as name -> array.
    """

    epoch: Epoch
    history: tuple[Epoch, ...]
    read: Callable[[], Mapping[str, Any]]


class Callback:
    """Base of the callbacks; one that does nothing."""

    __slots__ = ()

    def start(self) -> State:
        """The state before the first epoch, as plain JSON values."""
        return {}

    def check(self, known: tuple[str, ...]) -> None:
        """Raise an `InputError`, before training, where a value is needed that no epoch will have.

        Parameters:
            known: "loss", and with validation rows "validation_loss" and the names of the metrics.
        """

    def after_epoch(self, state: State, moment: Moment) -> tuple[State, Decision]:
        """The next state and the decision."""
        return state, Decision()


@record
class EarlyStopping(Callback):
    """Stops when the validation score has not improved for some epochs, and gives the best weights back.

    Parameters:
        patience: how many epochs without improvement are borne.
        metric: "validation_loss", "loss", or the name of a metric in the history, such as "accuracy".
        minimum_change: how much better counts as better.

    Source: Prechelt, "Early stopping - but when?", 1998.

    >>> EarlyStopping(patience=5).metric
    'validation_loss'
    """

    patience: int = 10
    metric: str = "validation_loss"
    minimum_change: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self, {"patience": POSITIVE_INT, "minimum_change": NON_NEGATIVE})

    def start(self) -> State:
        """Nothing seen yet."""
        return {"best": None, "best_epoch": None, "waited": 0}

    def check(self, known: tuple[str, ...]) -> None:
        """Make sure that every epoch will have the score."""
        if self.metric in known:
            return
        if known == ("loss",):
            raise InputError(
                f"EarlyStopping looks at the {self.metric}, and there are no validation rows: "
                "give validation=0.1 or EarlyStopping(metric='loss')."
            )
        raise InputError(f"EarlyStopping was given metric={self.metric!r}. {nearest(str(self.metric), known)}")

    def after_epoch(self, state: State, moment: Moment) -> tuple[State, Decision]:
        """Keep the weights of a better epoch; stop when patience has run out. NaN is never better."""
        score, best = self._score(moment.epoch), state["best"]
        if math.isfinite(score) and (best is None or score < best - self.minimum_change):
            return {"best": score, "best_epoch": moment.epoch.epoch, "waited": 0}, Decision(keep=True)
        waited = state["waited"] + 1
        following = {**state, "waited": waited}
        if waited < self.patience:
            return following, Decision()
        name, epochs = self.metric.replace("_", " "), "epoch" if waited == 1 else "epochs"
        kept = "" if best is None else f"; the weights of epoch {state['best_epoch']:,} are kept"
        return following, Decision(stop=f"The {name} has not improved for {waited:,} {epochs}{kept}.")

    def _score(self, epoch: Epoch) -> float:
        """The value to make small."""
        if self.metric == "loss":
            return epoch.loss
        watched = () if epoch.validation_loss is None else ("validation_loss", *epoch.metrics)
        self.check(("loss", *watched))
        if self.metric == "validation_loss" and epoch.validation_loss is not None:
            return epoch.validation_loss
        return -epoch.metrics[self.metric]


@record
class TimeLimit(Callback):
    """Stops at the end of the epoch in which the time is up.

    Parameters:
        seconds: of training time, summed over the epochs.

    >>> TimeLimit(60).seconds
    60.0
    """

    seconds: float

    def __post_init__(self) -> None:
        check_fields(self, {"seconds": POSITIVE})

    def start(self) -> State:
        """No time spent yet."""
        return {"spent": 0.0}

    def after_epoch(self, state: State, moment: Moment) -> tuple[State, Decision]:
        """Stop when the epochs together took longer than allowed."""
        spent = state["spent"] + moment.epoch.seconds
        reason = f"The time limit of {self.seconds:g} s is reached." if spent >= self.seconds else None
        return {"spent": spent}, Decision(stop=reason)


@record
class FromFunction(Callback):
    """A plain function as a callback."""

    function: Callable[[Moment], Decision | None]

    def after_epoch(self, state: State, moment: Moment) -> tuple[State, Decision]:
        """Ask the function."""
        decision: Any = self.function(moment)
        if decision is None:
            return state, Decision()
        if not isinstance(decision, Decision):
            raise InputError(f"A callback returned {decision!r}; it must return rv.Decision(...) or None.")
        return state, decision


def as_callbacks(given: Any) -> tuple[Callback, ...]:
    """Callbacks from a sequence of callbacks and functions.

    Raises:
        InputError: one of them is neither.
    """
    if isinstance(given, Callback) or callable(given) or not isinstance(given, Iterable):
        raise InputError(f"callbacks is {given!r}; it must be a list, such as [rv.EarlyStopping()].")
    return tuple(as_callback(callback) for callback in given)


def as_callback(given: Any) -> Callback:
    """A callback from a callback or a function.

    Raises:
        InputError: it is neither.
    """
    if isinstance(given, Callback):
        return given
    if callable(given) and not isinstance(given, type):
        return FromFunction(given)
    raise InputError(f"callbacks holds {given!r}; each must be a callback such as rv.EarlyStopping() or a function.")
