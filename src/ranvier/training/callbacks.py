"""Callbacks: after every epoch each one looks at what happened and returns a decision.

A callback is a frozen record of settings with two pure functions, so that its state is a plain dictionary that
travels with every checkpoint: `start()` gives the first state and `after_epoch(state, moment)` the next one together
with a `Decision`. A plain function that takes a `Moment` and returns a `Decision` or None is a callback too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ranvier.errors import InputError, nearest
from ranvier.training.events import Epoch

State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a callback wants.

    Fields: `stop`, the reason to stop, in one sentence, or None to go on; `keep`, whether to remember the weights of
    this epoch as the best; `learning_rate_factor`, what the learning rate is multiplied by from now on, or None.
    """

    stop: str | None = None
    keep: bool = False
    learning_rate_factor: float | None = None


@dataclass(frozen=True, slots=True)
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
        """The state before the first epoch."""
        return {}

    def after_epoch(self, state: State, moment: Moment) -> tuple[State, Decision]:
        """The next state and the decision."""
        return state, Decision()


@dataclass(frozen=True, slots=True)
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
        if self.patience < 1:
            raise InputError(f"EarlyStopping was given patience={self.patience!r}; it must be at least 1.")

    def start(self) -> State:
        """Nothing seen yet."""
        return {"best": None, "best_epoch": 0}

    def after_epoch(self, state: State, moment: Moment) -> tuple[State, Decision]:
        """Keep the weights of a better epoch; stop when patience has run out."""
        score = self._score(moment.epoch)
        if state["best"] is None or score < state["best"] - self.minimum_change:
            return {"best": score, "best_epoch": moment.epoch.epoch}, Decision(keep=True)
        waited = moment.epoch.epoch - state["best_epoch"]
        if waited < self.patience:
            return state, Decision()
        name = self.metric.replace("_", " ")
        kept = f"the weights of epoch {state['best_epoch']} are kept"
        return state, Decision(stop=f"The {name} has not improved for {waited} epochs; {kept}.")

    def _score(self, epoch: Epoch) -> float:
        """The value to make small."""
        if self.metric == "loss":
            return epoch.loss
        if self.metric == "validation_loss":
            if epoch.validation_loss is None:
                raise InputError(
                    "Early stopping looks at the validation loss, and there are no validation rows: "
                    "give validation=0.1 or EarlyStopping(metric='loss')."
                )
            return epoch.validation_loss
        if self.metric not in epoch.metrics:
            known = ("loss", "validation_loss", *epoch.metrics)
            raise InputError(f"Early stopping was given metric={self.metric!r}. {nearest(self.metric, known)}")
        return -epoch.metrics[self.metric]


@dataclass(frozen=True, slots=True)
class TimeLimit(Callback):
    """Stops at the end of the epoch in which the time is up.

    Parameters:
        seconds: of training time, summed over the epochs.

    >>> TimeLimit(60).seconds
    60
    """

    seconds: float

    def after_epoch(self, state: State, moment: Moment) -> tuple[State, Decision]:
        """Stop when the epochs together took longer than allowed."""
        spent = sum(epoch.seconds for epoch in moment.history)
        return state, Decision(
            stop=f"The time limit of {self.seconds:g} s is reached." if spent >= self.seconds else None
        )


@dataclass(frozen=True, slots=True)
class FromFunction(Callback):
    """A plain function as a callback."""

    function: Callable[[Moment], Decision | None]

    def after_epoch(self, state: State, moment: Moment) -> tuple[State, Decision]:
        """Ask the function."""
        decision = self.function(moment)
        if decision is None:
            return state, Decision()
        if not isinstance(decision, Decision):
            raise InputError(f"A callback returned {decision!r}; it must return rv.Decision(...) or None.")
        return state, decision


def as_callback(given: Any) -> Callback:
    """A callback from a callback or a function.

    Raises:
        InputError: it is neither.
    """
    if isinstance(given, Callback):
        return given
    if callable(given):
        return FromFunction(given)
    raise InputError(f"callbacks holds {given!r}; each must be a callback such as rv.EarlyStopping() or a function.")
