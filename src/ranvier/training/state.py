"""TrainingState: everything that resuming needs to give the same bits as never having stopped."""

from __future__ import annotations

from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import State
from ranvier.network.network import Network
from ranvier.network.optimizers import Optimizer
from ranvier.records import record
from ranvier.training.history import History

Array = NDArray[Any]
NO_LOSSES: Array = np.zeros(0)
"""Of no batches; many states share it."""


@record
class TrainingState:
    """A training run at one moment.

    Fields:
        engine: parameters, optimizer slots and step.
        epoch: how many epochs are complete.
        position: how many batches of the next epoch are done.
        partial_losses: the losses of those batches, shape (position,).
        seconds: time already spent on the next epoch.
        best: the parameters that a callback asked to keep, or None.
        callbacks: one state a callback.
        plateau: the state of a schedule that watches the score.
        factor: what callbacks multiplied the learning rate by.
        history: the records of the complete epochs.
        first_epoch, first_step: where this call of `fit` began; its schedule counts from there.
        stop_reason: why a callback ended the run, in one sentence; None where none did.
        loss_unit: what the losses of the engine were multiplied by in this call of `fit`.
        ends_run: whether a callback ended the whole run, of all networks of an ensemble.
    """

    engine: State
    epoch: int = 0
    position: int = 0
    partial_losses: Array = field(default_factory=lambda: NO_LOSSES)
    seconds: float = 0.0
    best: Array | None = None
    callbacks: tuple[dict[str, Any], ...] = ()
    plateau: dict[str, Any] = field(default_factory=dict)
    factor: float = 1.0
    history: History = field(default_factory=History)
    first_epoch: int = 0
    first_step: int = 0
    stop_reason: str | None = None
    loss_unit: float = 1.0
    ends_run: bool = False

    def __post_init__(self) -> None:
        if type(self.history) is not History:
            object.__setattr__(self, "history", History(self.history))

    def arrays(self) -> dict[str, Array]:
        """The arrays that a checkpoint stores."""
        arrays = {"parameters": self.engine.parameters, "slots": self.engine.slots}
        if self.position:
            arrays["partial_losses"] = self.partial_losses
        if self.best is not None:
            arrays["best"] = self.best
        return arrays

    def to_dict(self) -> dict[str, Any]:
        """Everything but the arrays, as plain JSON values."""
        plain = {name: getattr(self, name) for name in _PLAIN}
        history = self.history.stored()
        return plain | {"callbacks": list(self.callbacks), "step": self.engine.step, "history": history}

    @classmethod
    def restore(cls, arrays: dict[str, Array], data: dict[str, Any]) -> TrainingState:
        """The state that `arrays` and `to_dict` described, also under earlier names.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: they describe no state.
        """
        data = {_RENAMED.get(name, name): value for name, value in data.items()}
        return cls(
            State(arrays["parameters"], arrays["slots"], data["step"]),
            best=arrays.get("best"),
            partial_losses=arrays.get("partial_losses", NO_LOSSES),
            callbacks=tuple(data["callbacks"]),
            history=History.from_stored(data["history"]),
            **{name: data[name] for name in _PLAIN if name not in _LATER},
            **{name: data.get(name, absent) for name, absent in _LATER.items()},
        )


_RENAMED = {"stopped": "stop_reason"}
_LATER = {"loss_unit": 1.0, "ends_run": False}
"""What the first checkpoints lack, and what it was then."""
_PLAIN = ("epoch", "position", "seconds", "plateau", "factor", "first_epoch", "first_step", "stop_reason", *_LATER)


def initial_state(network: Network, optimizer: Optimizer, seed: int, dtype: type = np.float64) -> TrainingState:
    """The state before the first step: initial weights, empty optimizer slots."""
    parameters: Array = network.parameter_table.initial(seed, dtype)
    return TrainingState(State.before_training(parameters, optimizer))


def inference_parameters(state: State, optimizer: Optimizer, network: Network) -> Array:
    """The parameters that predictions use: the averaged ones where the optimizer keeps an average."""
    if optimizer.ema_decay is None:
        return state.parameters
    average = state.slots[_average_slot(optimizer)]
    return np.where(network.parameter_table.trainable_mask(), average, state.parameters)


def state_for_next_fit(engine: State, epoch: int, history: History) -> TrainingState:
    """The state from which another call of `fit` goes on: same weights and optimizer, a new schedule and callbacks.

    An epoch that was interrupted is not taken up again: the other call may have other rows.
    """
    return TrainingState(engine, epoch=epoch, history=history, first_epoch=epoch, first_step=engine.step)


def state_at_best(state: TrainingState, optimizer: Optimizer) -> State:
    """Parameters and slots with the best weights in place of the last ones, where a callback kept some.

    An average of the weights starts again at the best weights; the rest of the optimizer state stays.
    """
    if state.best is None:
        return state.engine
    slots = state.engine.slots
    if optimizer.ema_decay is not None:
        slots = np.array(slots)
        slots[_average_slot(optimizer)] = state.best
    return State(state.best, slots, state.engine.step)


def _average_slot(optimizer: Optimizer) -> int:
    return [name for name, _ in optimizer.rule().slots].index("average")
