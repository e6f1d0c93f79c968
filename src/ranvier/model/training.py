"""Training: the settings of a run, frozen, and the one function that runs them over resident rows."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import Problem, Rows, Sparse
from ranvier.errors import InputError, ModelFileError, nearest
from ranvier.network.layers import BatchNorm, Dropout
from ranvier.network.losses import Loss, loss, loss_from_dict
from ranvier.network.network import Network
from ranvier.network.optimizers import Optimizer, optimizer, optimizer_from_dict
from ranvier.network.schedules import Schedule, schedule, schedule_from_dict
from ranvier.network.task import Task
from ranvier.random import check_seed
from ranvier.records import record
from ranvier.training import metrics
from ranvier.training.callbacks import Callback, as_callbacks
from ranvier.training.engines import compile_problem
from ranvier.training.engines import engine as find_engine
from ranvier.training.events import Sink, tee
from ranvier.training.interrupt import stop_on_interrupt
from ranvier.training.loop import LoopConfig, LoopResult, train
from ranvier.training.state import TrainingState, initial_state
from ranvier.training.temperature import EXPLAINED, explained

Array = NDArray[Any]


@record
class Training:
    """How to train: what `fit` takes, checked, without the rows.

    Fields are named as the parameters of `fit`; `entries` is how many entries a row has where X is sparse, else None.
    """

    loss: Loss
    optimizer: Optimizer
    schedule: Schedule
    epochs: int
    batch_size: int
    callbacks: tuple[Callback, ...]
    seed: int
    engine: str
    precision: str
    threads: int | None
    shuffle: bool
    entries: int | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
                raise InputError(f"{name} is {value!r}; it must be a whole number of at least 1.")
            object.__setattr__(self, name, int(value))
        if self.threads is not None:
            if isinstance(self.threads, bool) or not hasattr(self.threads, "__index__"):
                raise InputError(f"threads is {self.threads!r}; it must be a whole number, or None for every core.")
            object.__setattr__(self, "threads", int(self.threads))
        check_seed(self.seed)
        object.__setattr__(self, "seed", int(self.seed))
        object.__setattr__(self, "shuffle", bool(self.shuffle))

    def problem(self, network: Network, batch_size: int | None = None, weighted: bool = False) -> Problem:
        """What the engine specializes itself to."""
        batch = batch_size or self.batch_size
        settings = (batch, weighted, self.precision, self.threads, self.seed, self.entries)
        return Problem(network, self.loss, self.optimizer, *settings)

    def on(self, rows: Rows) -> Training:
        """The settings for these rows."""
        return replace(self, entries=rows.inputs.entries if isinstance(rows.inputs, Sparse) else None)

    def check(self, network: Network, task: Task, validated: bool) -> None:
        """Make sure, before training, that everything goes together.

        Raises:
            InputError: the loss, optimizer, a layer or a callback does not fit the rest.
            EngineError: the engine cannot run here.
        """
        find_engine(self.engine)
        self.problem(network)
        for place in network.walk():
            kind = type(place.layer).__name__
            if self.optimizer.full_batch and isinstance(place.layer, (Dropout, BatchNorm)):
                other = "optimizer='adam'" if kind == "Dropout" else "LayerNorm, or optimizer='adam'"
                raise InputError(
                    f"{place.path} is {kind}, which needs steps over batches, and L-BFGS looks at all rows at once; "
                    f"leave the layer out, or take {other}."
                )
        known: tuple[str, ...] = ("loss", "validation_loss", metrics.quick_name(task)) if validated else ("loss",)
        known += (EXPLAINED,) if validated and task.kind != "regression" else ()
        for callback in self.callbacks:
            callback.validate(known)

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain JSON values; callbacks are functions of the program and stay out."""
        plain = ("epochs", "batch_size", "seed", "engine", "precision", "threads", "shuffle", "entries")
        records = ("loss", "optimizer", "schedule")
        return {name: getattr(self, name) for name in plain} | {name: getattr(self, name).to_dict() for name in records}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Training:
        """The settings that `to_dict` wrote."""
        records = {
            "loss": loss_from_dict(data["loss"]),
            "optimizer": optimizer_from_dict(data["optimizer"]),
            "schedule": schedule_from_dict(data["schedule"]),
        }
        return cls(**{**data, **records}, callbacks=())


@record
class Result:
    """What a run gives: how it ended, and the name of the engine that ran it."""

    outcome: LoopResult
    engine: str


def run(
    network: Network,
    training: Training,
    task: Task,
    rows: Rows,
    validation: Rows | None = None,
    *,
    state: TrainingState | None = None,
    sinks: tuple[Sink, ...] = (),
    checkpoint: str | Path | None = None,
) -> Result:
    """Train, with events, Ctrl-C and checkpoints.

    A checkpoint folder that already holds a run of the same network, settings and rows goes on where that one stopped.

    Parameters:
        network, training, task, rows, validation: what to train, how, and on what.
        state: where to begin; None for initial weights.
        sinks: who listens to the events.
        checkpoint: as for `ranvier.fit`.
    """
    training.check(network, task, validation is not None)
    problem = training.problem(network, min(training.batch_size, len(rows)), rows.weights is not None)
    sink = tee(sinks)
    with contextlib.ExitStack() as stack:
        save, stored = None, None
        if checkpoint is not None:
            folder, mark = Path(checkpoint), fingerprint(network, training, rows, validation, state)
            stack.enter_context(_locked(folder))
            save, stored = _saver(folder, mark), _stored(folder, mark, sink)
        engine, executable, note = compile_problem(training.engine, problem)
        if note is not None:
            sink({"kind": "note", "text": note})
        stack.callback(executable.close)
        begin = stored or state or initial_state(network, training.optimizer, training.seed, executable.dtype)
        stop_requested = stack.enter_context(stop_on_interrupt())
        try:
            config = LoopConfig(
                problem=problem,
                rows=rows,
                validation=validation,
                metrics=_watched(task, training.callbacks, validation),
                epochs=training.epochs,
                schedule=training.schedule,
                shuffle=training.shuffle,
                seed=training.seed,
                callbacks=training.callbacks,
                sink=sink,
                save=save,
                stop_requested=stop_requested,
            )
            sink(_start_event(network, training, engine, rows, validation, begin))
            # Only the callee holds the arrays, so that it can let them go.
            waiting = [begin]
            del begin
            outcome = train(executable, config, waiting.pop())
        except BaseException:
            sink({"kind": "end", "reason": "failed", "text": "Training failed.", "epochs": 0, "seconds": 0.0})
            raise
    sink(_end_event(outcome))
    return Result(outcome, engine)


def _start_event(
    network: Network, training: Training, engine: str, rows: Rows, validation: Rows | None, state: TrainingState
) -> dict[str, Any]:
    return {
        "kind": "start",
        "epochs": state.first_epoch + training.epochs,
        "first_epoch": state.epoch + 1,
        "rows": len(rows),
        "validation_rows": 0 if validation is None else len(validation),
        "engine": engine,
        "threads": training.threads,
        "parameters": network.parameter_count,
        "batch_size": training.batch_size,
    }


def _watched(
    task: Task, callbacks: tuple[Callback, ...], validation: Rows | None
) -> Callable[[Array, Array], dict[str, float]]:
    """What is measured on the validation rows after every epoch: `explained` only where a callback looks at it."""
    weights = None if validation is None else validation.weights

    def measure(outputs: Array, targets: Array) -> dict[str, float]:
        found = metrics.quick(task, outputs, targets)
        if any(getattr(callback, "metric", None) == EXPLAINED for callback in callbacks):
            found[EXPLAINED] = explained(task, outputs, targets, weights)
        return found

    return measure


def _end_event(outcome: LoopResult) -> dict[str, Any]:
    history = outcome.state.history
    return {
        "kind": "end",
        "reason": outcome.reason,
        "text": outcome.text,
        "best_epoch": best_epoch(outcome.state),
        "epochs": len(history),
        "seconds": sum(epoch.seconds for epoch in history),
    }


def best_epoch(state: TrainingState) -> int:
    """The epoch whose weights are given back."""
    kept = [epoch.epoch for epoch in state.history if epoch.best]
    return kept[-1] if kept and state.best is not None else state.epoch


def fingerprint(
    network: Network, training: Training, rows: Rows, validation: Rows | None, state: TrainingState | None = None
) -> str:
    """A digest of everything that decides what a run computes: a checkpoint goes on only with the same.

    The number of epochs is left out, so that a run can be made longer.
    """
    free = ("engine", "threads", "epochs")
    settings = {name: value for name, value in training.to_dict().items() if name not in free}
    began = None if state is None else (state.epoch, state.engine.step)
    described = [network.to_dict(), settings, [described_callback(one) for one in training.callbacks], began]
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    parts: list[Any] = [] if state is None else [state.engine.parameters, state.engine.slots]
    for part in (rows, validation):
        parts += [None] if part is None else [*_arrays(part.inputs), part.targets, part.weights]
    for array in parts:
        digest.update(b"none" if array is None else f"{array.dtype} {array.shape}".encode())
        digest.update(b"" if array is None else np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _arrays(inputs: Any) -> list[Any]:
    return [inputs.values, inputs.columns, inputs.starts] if isinstance(inputs, Sparse) else [inputs]


def described_callback(callback: Callback) -> str:
    """A callback in words that are the same in every process: addresses in memory are left out."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(callback))


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a checkpoint folder, which is made if it is missing."""
    from ranvier.storage.lock import locked

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'Checkpoints cannot be saved in "{folder}": {error.strerror or error}.') from error
    with locked(folder / "lock", f'the checkpoints in "{folder}"'):
        yield


def _saver(folder: Path, mark: str) -> Callable[[TrainingState], None]:
    from ranvier.storage.checkpoint import write_checkpoint

    def save(state: TrainingState) -> None:
        number = state.engine.step
        write_checkpoint(folder, number, state.arrays(), {"fingerprint": mark, **state.to_dict()})

    return save


def _stored(folder: Path, mark: str, sink: Sink) -> TrainingState | None:
    """The newest checkpoint in the folder, None where there is none yet."""
    if not any(folder.glob("checkpoint-*")):
        return None
    from ranvier.storage.checkpoint import read_latest

    arrays, data, notes = read_latest(folder)
    if data.get("fingerprint") != mark:
        raise InputError(
            f"{folder} holds a checkpoint of other rows, another network or other settings; "
            "give the same as before to go on, or another folder to start anew."
        )
    for note in notes:
        sink({"kind": "note", "text": note})
    try:
        return TrainingState.restore(arrays, data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"The checkpoint in {folder} is incomplete ({error!r}); train anew elsewhere.") from error


def changed_training(training: Training, epochs: int, changes: dict[str, Any]) -> tuple[Training, dict[str, Any]]:
    """The settings of going on: the old ones with some changed, and the options that are no settings.

    Raises:
        InputError: an option is unknown.
    """
    rest = {name: changes.pop(name) for name in _CALL_OPTIONS if name in changes}
    makers: dict[str, Callable[[Any], Any]] = {"optimizer": optimizer, "schedule": schedule, "loss": loss}
    records = {name: make(changes.pop(name)) for name, make in makers.items() if name in changes}
    watchers = as_callbacks(changes.pop("callbacks", ()))
    names = ("batch_size", "seed", "engine", "precision", "threads", "shuffle")
    plain = {name: changes.pop(name) for name in names if name in changes}
    if changes:
        unknown = next(iter(changes))
        known = (*_CALL_OPTIONS, *makers, *names, "callbacks", "epochs")
        raise InputError(f"fit has no option {unknown!r}. {nearest(unknown, known)}")
    return replace(training, epochs=epochs, callbacks=watchers, **records, **plain), rest


_CALL_OPTIONS = ("validation", "sample_weight", "class_weight", "progress", "checkpoint")
