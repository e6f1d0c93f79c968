"""Callbacks: called after every epoch, they may stop the run, mark its best weights or change the learning rate.

A callback is a frozen record of settings with two pure functions, so that its state is a plain dictionary that
travels with every checkpoint: `init_state()` gives the first state, and `on_epoch_end(state, context)` the next one
together with a `CallbackResult`. A plain function that takes an `EpochContext` and returns a `CallbackResult` or None
is a callback too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

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
from ranvier.training.epoch_metrics import Metric, greater_is_better, metric_name
from ranvier.training.history import Epoch, History

State = dict[str, Any]


@record
class CallbackResult:
    """What a callback asks for.

    Fields:
        stop_reason: stops the run, an ensemble with all its networks; the reason in one sentence. None goes on.
        save_best: whether to keep the weights of this epoch as the best so far.
        learning_rate_factor: multiplies the learning rate from now on; None leaves it.

    Raises:
        InputError: stop_reason is no text, or learning_rate_factor is not above 0.

    >>> CallbackResult(stop_reason="The loss is small enough.", save_best=True).learning_rate_factor is None
    True
    """

    stop_reason: str | None = None
    save_best: bool = False
    learning_rate_factor: float | None = None

    def __post_init__(self) -> None:
        if self.stop_reason is not None and not (isinstance(self.stop_reason, str) and self.stop_reason):
            raise InputError(
                f"CallbackResult: stop_reason is {self.stop_reason!r}; "
                "it must be the reason in a sentence, or None to go on."
            )
        check_number("CallbackResult", "learning_rate_factor", self.learning_rate_factor, POSITIVE_OR_NONE)


@record
class EpochContext:
    """What a callback sees after an epoch.

    Fields:
        epoch: its record.
        history: the epochs so far, this one included.
        read_parameters: gives the parameters as they are now, name -> array; `parameters` copies them. While the
            callback is called.

    >>> import ranvier as rv
    >>> def until(context: rv.EpochContext) -> rv.CallbackResult | None:
    ...     return rv.CallbackResult(stop_reason="Two are enough.") if context.epoch.epoch == 2 else None
    >>> network = rv.Network(1, [rv.Dense(1)])
    >>> model = network.fit([[0.0], [1.0]], [1.0, 3.0], epochs=9, callbacks=[until], engine="reference")
    >>> len(model.history)
    2
    """

    epoch: Epoch
    history: History
    read_parameters: Callable[[], Mapping[str, NDArray[Any]]]

    def parameters(self) -> dict[str, NDArray[Any]]:
        """The parameters after this epoch: name -> a copy, shape as in `model.parameters`."""
        return {name: np.array(values) for name, values in self.read_parameters().items()}


@contextmanager
def epoch_context(
    epoch: Epoch, history: History, read: Callable[[], Mapping[str, NDArray[Any]]]
) -> Iterator[EpochContext]:
    """What callbacks see while they are called; a context that one keeps gives no parameters of later epochs.

    >>> with epoch_context(Epoch(1, 0.5), History(()), dict) as context:
    ...     parameters = context.parameters()
    >>> context.parameters()
    Traceback (most recent call last):
    ranvier.errors.InputError: The callback of epoch 1 has ended; take what it needs while it is called: parameters().
    """
    ended = False

    def of_now() -> Mapping[str, NDArray[Any]]:
        if ended:
            raise InputError(
                f"The callback of epoch {epoch.epoch} has ended; take what it needs while it is called: parameters()."
            )
        return read()

    try:
        yield EpochContext(epoch, history, of_now)
    finally:
        ended = True


class Callback:
    """Base of the callbacks; one that does nothing.

    Attributes:
        watches_start: whether the weights before the first epoch are shown to it, too, as those of an epoch.
        ends_run: whether its stop reason ends the whole run where an ensemble is trained; else that network alone.

    >>> import ranvier as rv
    >>> class Longest(rv.Callback):
    ...     def on_epoch_end(self, state, context):
    ...         state = {"seconds": max(state.get("seconds", 0.0), context.epoch.seconds)}
    ...         return state, rv.CallbackResult()
    >>> network = rv.Network(1, [rv.Dense(1)])
    >>> model = network.fit([[0.0], [1.0]], [1.0, 3.0], epochs=2, callbacks=[Longest()], engine="reference")
    >>> len(model.history)
    2
    """

    watches_start: ClassVar[bool] = False
    ends_run: ClassVar[bool] = True

    def init_state(self) -> State:
        """The state before the first epoch, as plain JSON values."""
        return {}

    def metrics(self) -> tuple[str | Metric, ...]:
        """The metrics that this callback reads, so that they are measured after every epoch."""
        return ()

    def validate(self, names: tuple[str, ...]) -> None:
        """Raise an `InputError`, before training, where a value is needed that no epoch will have.

        Parameters:
            names: "loss", and with validation rows "validation_loss" and the names of the metrics.
        """

    def on_epoch_end(self, state: State, context: EpochContext) -> tuple[State, CallbackResult]:
        """The next state and the result."""
        return state, CallbackResult()


@record
class EarlyStopping(Callback):
    """Stops when a score has not improved for some epochs, and gives the best weights back.

    In an ensemble it stops one network, and the next one is trained.

    Parameters:
        patience: how many epochs without improvement are tolerated.
        metric: "validation_loss", "loss", or a metric of the validation rows: "accuracy", "f1", "auc", "log_loss";
            "r2", "rmse", "mae"; or your own, an `rv.metric`, or a function (y_true, y_pred) -> float whose name says
            whether it is to be great or small, as scikit-learn's do: "..._score", "..._error", "..._loss".
        min_delta: the smallest change that counts as an improvement.

    Raises:
        InputError: a value is out of range, or the name of a function does not say what is better.

    Source: Prechelt, "Early stopping - but when?", 1998.

    >>> EarlyStopping(patience=5).metric
    'validation_loss'
    """

    ends_run: ClassVar[bool] = False
    patience: int = 10
    metric: str | Metric | Callable[..., float] = "validation_loss"
    min_delta: float = 0.0

    def __post_init__(self) -> None:
        check_fields(self, {"patience": POSITIVE_INT, "min_delta": NON_NEGATIVE})
        if callable(self.metric) and not isinstance(self.metric, Metric):
            object.__setattr__(self, "metric", Metric.to_improve(self.metric))

    @property
    def name(self) -> str:
        """The name of the metric in the history."""
        return metric_name(self.metric)

    def init_state(self) -> State:
        """No epoch seen yet."""
        return {"best": None, "best_epoch": None, "waited": 0}

    def metrics(self) -> tuple[str | Metric, ...]:
        """The metric, unless every epoch has it."""
        if isinstance(self.metric, Metric) or self.metric not in ("loss", "validation_loss"):
            return (self.metric,)  # type: ignore[return-value]
        return ()

    def validate(self, names: tuple[str, ...]) -> None:
        """Make sure that every epoch will have the score."""
        if self.name in names:
            return
        if names == ("loss",):
            raise InputError(
                f"EarlyStopping looks at the {self.name}, and there are no validation rows: "
                "give validation=0.1 or EarlyStopping(metric='loss')."
            )
        raise InputError(f"EarlyStopping was given metric={self.metric!r}. {nearest(self.name, names)}")

    def on_epoch_end(self, state: State, context: EpochContext) -> tuple[State, CallbackResult]:
        """Keep the weights of a better epoch; stop when patience has run out. NaN is never better."""
        score, best = self._score(context.epoch), state["best"]
        if math.isfinite(score) and (best is None or score < best - self.min_delta):
            return {"best": score, "best_epoch": context.epoch.epoch, "waited": 0}, CallbackResult(save_best=True)
        waited = state["waited"] + 1
        following = {**state, "waited": waited}
        if waited < self.patience:
            return following, CallbackResult()
        return following, CallbackResult(stop_reason(self.name, state["best_epoch"], waited))

    def _score(self, epoch: Epoch) -> float:
        """The value to make small."""
        if self.name == "loss":
            return epoch.loss
        measured = () if epoch.validation_loss is None else ("validation_loss", *epoch.metrics)
        self.validate(("loss", *measured))
        if self.name == "validation_loss" and epoch.validation_loss is not None:
            return epoch.validation_loss
        value = epoch.metrics[self.name]
        return -value if greater_is_better(self.metric) else value


def stop_reason(name: str, best_epoch: int | None, waited: int) -> str:
    """Why early stopping ended a training, in one sentence.

    Parameters:
        name: of the score.
        best_epoch: the epoch whose weights are kept; None for none.
        waited: how many epochs were no better.

    >>> stop_reason("validation_loss", 7, 3)
    'The validation loss has not improved for 3 epochs; the weights of epoch 7 are kept.'
    """
    epochs = "epoch" if waited == 1 else "epochs"
    note = "" if best_epoch is None else f"; the weights of epoch {best_epoch:,} are kept"
    return f"The {name.replace('_', ' ')} has not improved for {waited:,} {epochs}{note}."


@record
class EarlyStoppingFromStart(EarlyStopping):
    """Early stopping of a network that was trained before: its weights are kept where no epoch makes them better.

    >>> EarlyStoppingFromStart(patience=5).watches_start
    True
    """

    watches_start: ClassVar[bool] = True


@record
class TimeLimit(Callback):
    """Stops at the end of the epoch in which the time is up.

    It limits the whole run. The networks of an ensemble are then trained one after the other; the model is made of
    those that are finished, or of the first one, as far as it came.

    Parameters:
        seconds: of training time, summed over the epochs of all networks.
        spent: how many of these seconds are over before the first epoch.

    >>> TimeLimit(60).seconds
    60.0
    """

    seconds: float
    spent: float = field(default=0.0, repr=False, kw_only=True)

    def __post_init__(self) -> None:
        check_fields(self, {"seconds": POSITIVE, "spent": NON_NEGATIVE})

    def init_state(self) -> State:
        """The time that is over before the first epoch."""
        return {"spent": self.spent}

    def on_epoch_end(self, state: State, context: EpochContext) -> tuple[State, CallbackResult]:
        """Stop when the epochs together took longer than allowed."""
        spent = state["spent"] + context.epoch.seconds
        reason = f"The time limit of {self.seconds:g} s is reached." if spent >= self.seconds else None
        return {"spent": spent}, CallbackResult(reason)


@record
class FromFunction(Callback):
    """A plain function as a callback."""

    function: Callable[[EpochContext], CallbackResult | None]

    def on_epoch_end(self, state: State, context: EpochContext) -> tuple[State, CallbackResult]:
        """Call the function."""
        result: Any = self.function(context)
        if result is None:
            return state, CallbackResult()
        if not isinstance(result, CallbackResult):
            raise InputError(f"A callback returned {result!r}; it must return rv.CallbackResult(...) or None.")
        return state, result


def after_seconds(callbacks: Iterable[Callback], seconds: float) -> tuple[Callback, ...]:
    """The callbacks for the next network of a run that has trained others for so many seconds.

    >>> after_seconds([TimeLimit(60)], 45.0)[0].init_state()
    {'spent': 45.0}
    """
    return tuple(
        replace(callback, spent=callback.spent + seconds) if isinstance(callback, TimeLimit) else callback
        for callback in callbacks
    )


def is_time_up(callbacks: Iterable[Callback], states: Iterable[State]) -> bool:
    """Whether a time limit is reached, by the states of the callbacks.

    >>> is_time_up([TimeLimit(60)], [{"spent": 59.0}]), is_time_up([TimeLimit(60)], [{"spent": 61.0}])
    (False, True)
    """
    pairs = zip(callbacks, states, strict=True)
    return any(isinstance(callback, TimeLimit) and state["spent"] >= callback.seconds for callback, state in pairs)


def may_run_beside(callbacks: Iterable[Callback]) -> bool:
    """Whether trainings with these callbacks may run side by side: those that call no function of the user's.

    A time limit counts the time of a training that has the machine for itself.

    >>> may_run_beside([EarlyStopping()]), may_run_beside([EarlyStopping(), TimeLimit(60)])
    (True, False)
    """
    return all(
        isinstance(callback, EarlyStopping)
        and type(callback) in (EarlyStopping, EarlyStoppingFromStart)
        and not isinstance(callback.metric, Metric)
        for callback in callbacks
    )


def as_callbacks(callbacks: Any) -> tuple[Callback, ...]:
    """Callbacks from a sequence of callbacks and functions; none from None.

    Raises:
        InputError: one of them is neither.
    """
    if callbacks is None or (type(callbacks) is tuple and not callbacks):
        return ()
    if isinstance(callbacks, Callback) or callable(callbacks) or not isinstance(callbacks, Iterable):
        raise InputError(f"callbacks is {callbacks!r}; it must be a list, such as [rv.EarlyStopping()].")
    return tuple(as_callback(callback) for callback in callbacks)


def as_callback(callback: Any) -> Callback:
    """A callback from a callback or a function.

    Raises:
        InputError: it is neither.
    """
    if isinstance(callback, Callback):
        return callback
    if callable(callback) and not isinstance(callback, type):
        return FromFunction(callback)
    raise InputError(f"callbacks holds {callback!r}; each must be a callback such as rv.EarlyStopping() or a function.")
