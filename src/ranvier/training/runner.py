"""Run a training: compile the network, run the loop over rows in memory, save checkpoints and send events."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ranvier.data import TargetEncoder
from ranvier.engine import CompileSpec, State, unlimited
from ranvier.errors import InputError, ModelFileError
from ranvier.network.network import Network
from ranvier.network.renamed import original_callback, original_network, original_training
from ranvier.network.scaled_loss import scaled_loss
from ranvier.network.task import Task
from ranvier.plural import plural
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.rows.class_numbers import are_class_numbers, one_hot
from ranvier.rows.inputs import array_parts
from ranvier.rows.some_rows import random_rows
from ranvier.training.callbacks import Callback
from ranvier.training.divergence import naming_large_inputs
from ranvier.training.engines import compile_network
from ranvier.training.epoch_metrics import EpochMetrics, Metric
from ranvier.training.events import EndEvent, NoteEvent, Sink, StartEvent, silent, tee
from ranvier.training.history import History
from ranvier.training.interrupt import stop_on_interrupt
from ranvier.training.loop import train
from ranvier.training.loop_config import LoopConfig, LoopResult, Upload, upload
from ranvier.training.settings import TrainSettings
from ranvier.training.state import TrainingState
from ranvier.training.watching import current_watch

Array = NDArray[Any]
Checkpoints: TypeAlias = tuple[Callable[[TrainingState], None] | None, TrainingState | None]
_NO_CHECKPOINTS: contextlib.AbstractContextManager[Checkpoints] = contextlib.nullcontext((None, None))
LOOPED = ("epochs", "schedule", "shuffle", "seed", "callbacks")
"""Settings that the loop takes as they are."""
DIGESTED_ROWS = 1024
"""How many rows of one-hot targets are made at once for a digest."""


@record
class RunResult:
    """What a run gives: how it ended, and the name of the engine that ran it."""

    outcome: LoopResult
    engine: str


@record(eq=False)
class SharedResources:
    """What a training takes from a population of trainings.

    Fields:
        initial: gives the initial weights of its seed, (P,), in a type; None draws them.
        upload: gives its rows to an executable.
    """

    initial: Callable[[type], Array] | None = None
    upload: Upload = upload

    def initial_weights(self, network: Network, seed: int, dtype: type) -> Array:
        """The initial weights of a network, (P,)."""
        return network.parameter_table.initial(seed, dtype) if self.initial is None else self.initial(dtype)


ALONE = SharedResources()


def run_training(
    network: Network,
    settings: TrainSettings,
    task: Task,
    rows: Rows,
    validation: Rows | None = None,
    *,
    state: TrainingState | None = None,
    sinks: tuple[Sink, ...] = (),
    checkpoint: str | Path | None = None,
    target: TargetEncoder | None = None,
    metrics: tuple[str | Metric, ...] = (),
    stop_requested: Callable[[], bool] | None = None,
    thread_limit: Callable[[], int] = unlimited,
    tell_earlier: Callable[[History], None] | None = None,
    shared: SharedResources = ALONE,
) -> RunResult:
    """Train, with events, Ctrl-C and checkpoints.

    A checkpoint folder that already holds a run of the same network, settings and rows goes on where that one stopped.

    Parameters:
        network, settings, task, rows, validation: what to train, how, and on what.
        state: where to begin; None for initial weights.
        sinks: who listens to the events.
        checkpoint: as for `ranvier.fit`.
        target: how targets are encoded, for metrics in the user's terms; None where they are as the network has them.
        metrics: what to measure after every epoch besides what the task and the callbacks need.
        stop_requested: asked whether to stop, within long work too; None asks whether Ctrl-C was pressed.
        thread_limit: asked how many threads may work now.
        tell_earlier: takes the epochs that a checkpoint holds, before training goes on.
        shared: what it takes from the trainings that run beside it.
    """
    settings.check(network, task, validation is not None)
    spec, unit = spec_and_unit(network, settings, rows, target)
    measured = EpochMetrics(target or TargetEncoder(task), requested_metrics(metrics, settings))
    sink, watch = tee(sinks), current_watch()
    stop = stop_on_interrupt() if stop_requested is None else contextlib.nullcontext(stop_requested)
    checkpoints = _checkpoints(checkpoint, (network, settings, rows, validation, state), sink, tell_earlier)
    with checkpoints as (save, stored), stop as stopped:
        engine, executable, note = compile_network(settings.engine, spec)
        executable.thread_limit = thread_limit
        try:
            _tell(note, sink)
            begin = stored or _first_state(state, network, settings, executable.dtype, unit, shared)
            if watch is not None:
                watch.begin(network, settings, executable.dtype)
            config = LoopConfig(
                spec=spec,
                rows=rows,
                validation=validation,
                **_measures(measured, rows, validation),
                loss_unit=begin.loss_unit,
                sink=sink,
                save=save,
                upload=shared.upload,
                stop_requested=stopped,
                watch=watch,
                **{name: getattr(settings, name) for name in LOOPED},
            )
            _tell_start(sink, network, settings, engine, rows, validation, begin, measured.directions)
            # Only the callee holds the arrays, so that it can let them go.
            waiting = [begin]
            del begin
            with naming_large_inputs(rows):
                outcome = train(executable, config, waiting.pop())
        except BaseException:
            sink(EndEvent("failed", "Training failed."))
            raise
        finally:
            executable.close()
            if watch is not None:
                watch.end()
    _tell_end(sink, outcome)
    return RunResult(outcome, engine)


def requested_metrics(metrics: tuple[str | Metric, ...], settings: TrainSettings) -> tuple[str | Metric, ...]:
    """The metrics that a caller and the callbacks ask for."""
    return (*metrics, *(metric for callback in settings.callbacks for metric in callback.metrics()))


def _measures(measured: EpochMetrics, rows: Rows, validation: Rows | None) -> dict[str, Any]:
    """The options of a loop that say what is measured, and how."""
    weights = None if validation is None else validation.weights
    return {
        "metrics": lambda outputs, targets: measured.measure(outputs, targets, weights),
        "sample": _sample(rows, measured.sample_size(len(rows))),
        "sample_metrics": measured.measure_training,
    }


def _tell(note: str | None, sink: Sink) -> None:
    if note is not None:
        sink(NoteEvent(note))


def _first_state(
    state: TrainingState | None,
    network: Network,
    settings: TrainSettings,
    dtype: type,
    unit: float,
    shared: SharedResources,
) -> TrainingState:
    """Where a run begins that no checkpoint goes on with; those keep the unit in which they wrote their losses."""
    if state is None:
        parameters = shared.initial_weights(network, settings.seed, dtype)
        return TrainingState(State.before_training(parameters, settings.optimizer), loss_unit=unit)
    return state if state.loss_unit == unit else replace(state, loss_unit=unit)


def spec_and_unit(
    network: Network, settings: TrainSettings, rows: Rows, target: TargetEncoder | None
) -> tuple[CompileSpec, float]:
    """What the engine specializes itself to, and the factor that turns its losses into those of the user's units."""
    loss, unit = settings.loss, 1.0
    if target is not None:
        loss, unit = scaled_loss(loss, target.mean, target.scale)
    return settings.compile_spec(network, min(settings.batch_size, len(rows)), rows.weights is not None, loss), unit


def _tell_start(
    sink: Sink,
    network: Network,
    settings: TrainSettings,
    engine: str,
    rows: Rows,
    validation: Rows | None,
    state: TrainingState,
    greater_is_better: dict[str, bool],
) -> None:
    if sink is silent:
        return
    event = StartEvent(
        epochs=state.first_epoch + settings.epochs,
        first_epoch=state.epoch + 1,
        rows=len(rows),
        validation_rows=0 if validation is None else len(validation),
        engine=engine,
        threads=settings.threads,
        parameters=network.parameter_count,
        batch_size=settings.batch_size,
        greater_is_better=greater_is_better,
    )
    sink(event)


def _sample(rows: Rows, count: int) -> Rows | None:
    """Training rows that are measured after every epoch: always the same, drawn at random; None for none."""
    if not count:
        return None
    return rows.take(random_rows(len(rows), count))


def _tell_end(sink: Sink, outcome: LoopResult) -> None:
    if sink is silent:
        return
    history, best = outcome.state.history, best_epoch(outcome.state)
    sink(EndEvent(outcome.reason, outcome.text, len(history), best, history.total_seconds))


def best_epoch(state: TrainingState) -> int:
    """The epoch whose weights are given back."""
    return state.history.best_epoch if state.best is not None and state.history.best_epoch else state.epoch


def fingerprint(
    network: Network, settings: TrainSettings, rows: Rows, validation: Rows | None, state: TrainingState | None = None
) -> str:
    """A digest of everything that decides what a run computes: a checkpoint goes on only with the same.

    The number of epochs is left out, so that a run can be made longer.
    """
    free = ("engine", "threads", "epochs")
    plain = {name: value for name, value in original_training(settings.to_dict()).items() if name not in free}
    began = None if state is None else (state.epoch, state.engine.step)
    callbacks = [callback_fingerprint(callback) for callback in settings.callbacks]
    described = [original_network(network.to_dict()), plain, callbacks, began]
    digest = hashlib.sha256(json.dumps(described, sort_keys=True).encode())
    for array in () if state is None else (state.engine.parameters, state.engine.slots):
        _digest_array(digest, array)
    for part in (rows, validation):
        if part is None:
            _digest_array(digest, None)
            continue
        for described_array, pieces in array_parts(part.inputs):
            digest.update(described_array.encode())
            for piece in pieces:
                digest.update(np.ascontiguousarray(piece).data)
        if are_class_numbers(part.targets):
            _digest_one_hot(digest, part.targets, network.outputs, np.dtype(settings.row_dtype))
        else:
            _digest_array(digest, part.targets)
        _digest_array(digest, part.weights)
    return digest.hexdigest()


def _digest_array(digest: Any, array: Array | None) -> None:
    digest.update(b"none" if array is None else f"{array.dtype} {array.shape}".encode())
    digest.update(b"" if array is None else np.ascontiguousarray(array).data)


def _digest_one_hot(digest: Any, numbers: Array, classes: int, dtype: np.dtype[Any]) -> None:
    """Class numbers are taken as the one-hot rows that checkpoints of version 0.1 are digests of."""
    digest.update(f"{dtype} {(len(numbers), classes)}".encode())
    for start in range(0, len(numbers), DIGESTED_ROWS):
        digest.update(one_hot(numbers[start : start + DIGESTED_ROWS], classes, dtype).data)


def callback_fingerprint(callback: Callback) -> str:
    """A callback in words that are the same in every process and version: no addresses, and fields by first names."""
    return original_callback(re.sub(r" at 0x[0-9a-fA-F]+", "", repr(callback)))


def _checkpoints(
    checkpoint: str | Path | None,
    run: tuple[Network, TrainSettings, Rows, Rows | None, TrainingState | None],
    sink: Sink,
    tell_earlier: Callable[[History], None] | None,
) -> contextlib.AbstractContextManager[Checkpoints]:
    """What saves states in a folder, and the newest state there; None and None without a folder.

    Parameters:
        run: what `fingerprint` takes.
    """
    if checkpoint is None:
        return _NO_CHECKPOINTS
    return _checkpoints_in(Path(checkpoint), fingerprint(*run), sink, run[1].epochs, tell_earlier)


@contextlib.contextmanager
def _checkpoints_in(
    folder: Path, mark: str, sink: Sink, epochs: int, tell_earlier: Callable[[History], None] | None
) -> Iterator[Checkpoints]:
    """The same for a folder, which is locked."""
    with locked_checkpoints(folder):
        save, stored = opened_checkpoints(folder, mark, sink, epochs)
        if stored is not None and tell_earlier is not None:
            tell_earlier(stored.history)
        yield save, stored


@contextlib.contextmanager
def locked_checkpoints(folder: Path) -> Iterator[None]:
    """Hold a checkpoint folder, which is made if it is missing."""
    from ranvier.storage.lock import locked

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'Checkpoints cannot be saved in "{folder}": {error.strerror or error}.') from error
    with locked(folder / "lock", f'the checkpoints in "{folder}"'):
        yield


def opened_checkpoints(
    folder: Path, mark: str, sink: Sink, epochs: int
) -> tuple[Callable[[TrainingState], None], TrainingState | None]:
    """What saves states in a folder, and the newest state there, None where there is none yet.

    Parameters:
        mark: the fingerprint of the training.
        sink: told of a checkpoint that was damaged.
        epochs: how many are to be made in all.

    Raises:
        InputError: the folder holds a checkpoint of another training, or of more epochs.
    """
    from ranvier.storage.checkpoint import write_checkpoint

    def save(state: TrainingState) -> None:
        number = state.engine.step
        write_checkpoint(folder, number, state.arrays(), {"fingerprint": mark, **state.to_dict()})

    return save, _load_checkpoint(folder, mark, sink, epochs)


def _load_checkpoint(folder: Path, mark: str, sink: Sink, epochs: int) -> TrainingState | None:
    """The newest checkpoint in the folder, None where there is none yet; `epochs` are to be made in all."""
    if not any(folder.glob("checkpoint-*")):
        return None
    from ranvier.storage.checkpoint import read_latest

    arrays, data, notes = read_latest(folder)
    if data.get("fingerprint") != mark:
        raise InputError(
            f"{folder} holds a checkpoint of other rows, another network or other settings; "
            "give the same as before to go on, or another folder to start again."
        )
    for note in notes:
        sink(NoteEvent(note))
    try:
        state = TrainingState.restore(arrays, data)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(f"The checkpoint in {folder} is incomplete ({error!r}); train again elsewhere.") from error
    made = state.epoch - state.first_epoch
    if epochs < made:
        done = plural(made, "epoch is", "epochs are")
        raise InputError(f"{done} made already, and epochs is {epochs}; give {made:,} or more.")
    return state
