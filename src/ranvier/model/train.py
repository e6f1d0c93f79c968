"""train and resume: from a file, a table or arrays to a model that takes raw rows. What the command line does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from ranvier.data import Prepared, prepare
from ranvier.engine import Rows
from ranvier.errors import InputError, nearest
from ranvier.model.fit import model_of
from ranvier.model.model import Model
from ranvier.model.report import data_report, result_report
from ranvier.model.rows import row_weights
from ranvier.model.targets import default_loss
from ranvier.model.training import Training
from ranvier.model.training import run as run_training
from ranvier.network.layers import Dense, Dropout, Layer
from ranvier.network.losses import loss as find_loss
from ranvier.network.network import Network
from ranvier.network.optimizers import optimizer as find_optimizer
from ranvier.network.schedules import schedule as find_schedule
from ranvier.network.task import Task
from ranvier.storage.atomic import check_writable
from ranvier.storage.run_folder import RunFolder
from ranvier.training import metrics
from ranvier.training.callbacks import EarlyStopping, as_callback
from ranvier.training.events import Sink
from ranvier.training.progress import sink_for

OUTPUT_ACTIVATIONS = {"binary": "sigmoid", "classes": "softmax", "multilabel": "sigmoid", "regression": "identity"}
BATCH_SIZES = ((2_000, 32), (10_000, 64), (40_000, 128), (100_000, 256))


@dataclass(frozen=True, slots=True)
class Choices:
    """What `train` was asked for, as plain values that a run folder can hold; see `train` for their meaning."""

    target: str | tuple[str, ...] | None = None
    task: str | None = None
    hidden: tuple[int, ...] = (128, 64)
    activation: str = "relu"
    dropout: float = 0.1
    loss: str | None = None
    epochs: int = 300
    batch_size: int | None = None
    optimizer: str = "adamw"
    learning_rate: float | None = None
    schedule: str = "cosine"
    weight_decay: float | None = None
    validation: float | str = 0.1
    held_out: float = 0.2
    ignore: tuple[str, ...] = ()
    patience: int = 40
    class_weight: str | None = None
    seed: int = 0
    engine: str = "auto"
    precision: str = "float32"
    threads: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The choices as plain JSON values."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Choices:
        """The choices that `to_dict` wrote."""
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in data.items()}
        return cls(**values)


def train(
    data: Any,
    target: str | Sequence[str] | None = None,
    *,
    model: str | Path | None = None,
    run: str | Path | bool | None = None,
    progress: Any = None,
    callbacks: Sequence[Any] = (),
    **choices: Any,
) -> Model:
    """Train on raw data: read it, tell the kinds of its columns, encode them, train, and measure on unseen rows.

    Parameters:
        data: a CSV, TSV, Parquet, JSONL, NPZ or IDX file, a data frame, an array, or one of the sets "digits",
            "iris", "wine", "breast_cancer", "diabetes".
        target: the column, or columns, to predict; a named set knows its own.
        model: the file to save the model to; None saves nothing.
        run: the folder for the log and the checkpoints; True makes one under runs/, None makes none.
        progress: as for `fit`.
        callbacks: as for `fit`; early stopping is always there.
        task: "binary", "classes", "multilabel" or "regression"; None reads it off the target.
        hidden: the widths of the hidden layers.
        activation, dropout: of the hidden layers.
        loss: a name; None takes the one that fits the task.
        epochs: at most so many; patience: how many epochs without improvement are borne.
        batch_size: rows a step; None chooses by the number of rows.
        optimizer, learning_rate, schedule, weight_decay: how steps are made.
        validation: the share of the rows that decides when to stop, or a file of such rows.
        held_out: the share of the rows that is only looked at in the end, for the report.
        ignore: columns to leave out.
        class_weight: "balanced" gives rare classes as much weight as common ones.
        seed, engine, precision, threads: as for `fit`.

    Raises:
        InputError: the data, the target or a choice cannot be used as it is.
        TrainingError: training diverged.

    >>> model = train("iris", epochs=5, engine="reference")
    >>> sorted(model.report["metrics"])
    ['accuracy', 'auc', 'f1', 'log_loss']
    """
    _check_choices(choices)
    chosen = Choices.from_dict({"target": _names(target), **{k: v for k, v in choices.items() if v is not None}})
    chosen = replace(chosen, hidden=tuple(chosen.hidden), ignore=_listed(chosen.ignore))
    if model is not None:
        check_writable(model)

    def make_folder() -> RunFolder | None:
        if run is None or run is False:
            return None
        name = Path(data).name.split(".")[0] if isinstance(data, (str, Path)) else "table"
        return _run_folder(None if run is True else run, name, _readable(data), chosen, model)

    return _train(data, chosen, model, make_folder, progress, callbacks)


def resume(run: str | Path, *, data: Any = None, epochs: int | None = None, progress: Any = None) -> Model:
    """Go on with a run that was interrupted; the result has the same bits as if it had never stopped.

    Parameters:
        run: its folder.
        data: the data, where it was not a file.
        epochs: another number of epochs in all. The schedule then counts anew, so the bits differ.
        progress: as for `fit`.

    Raises:
        InputError: the folder is no run, or its data have changed or are gone.
    """
    folder = RunFolder.open(run)
    described = folder.read_description()
    chosen = Choices.from_dict(described["choices"])
    source = described["data"] if data is None else data
    if source is None:
        raise InputError(f"The run {run} was started on data from memory; give it again: resume(run, data=...).")
    if epochs is not None:
        chosen = replace(chosen, epochs=epochs)
    return _train(source, chosen, described["model"], lambda: folder, progress, ())


def _check_choices(choices: dict[str, Any]) -> None:
    known = [field.name for field in fields(Choices)]
    for name in choices:
        if name not in known:
            raise InputError(f"train has no option {name!r}. {nearest(name, known)}")


def _names(given: Any) -> str | tuple[str, ...] | None:
    if given is None or isinstance(given, str):
        return given
    names = tuple(given)
    return (names[0] if len(names) == 1 else names) if names else None


def _listed(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _readable(data: Any) -> str | None:
    """What to write down so that the data can be read again: an absolute path or a set's name; None for memory."""
    if not isinstance(data, (str, Path)):
        return None
    return str(Path(data).resolve()) if Path(data).exists() else str(data)


def _run_folder(path: Any, name: str, data: str | None, chosen: Choices, model: Any) -> RunFolder:
    folder = RunFolder.create(path, name=name)
    place = None if model is None else str(Path(model).resolve())
    folder.write_description({"data": data, "choices": chosen.to_dict(), "model": place})
    return folder


def _train(
    data: Any,
    chosen: Choices,
    place: Any,
    make_folder: Callable[[], RunFolder | None],
    progress: Any,
    callbacks: Any,
) -> Model:
    """Train; the run's folder is made only once the data and the choices are known to be good."""
    prepared = prepare(
        data,
        target=chosen.target,
        task=chosen.task,
        validation=0.0 if isinstance(chosen.validation, str) else chosen.validation,
        validation_source=chosen.validation if isinstance(chosen.validation, str) else None,
        held_out=chosen.held_out,
        seed=chosen.seed,
        ignore=chosen.ignore,
    )
    task = prepared.target.task
    network = build_network(prepared.encoder.width, task, chosen)
    training = build_training(network, task, chosen, len(prepared.train.X), callbacks, prepared.validation is not None)
    report = data_report(prepared, network)
    folder = make_folder()
    sink = sink_for(progress)
    sinks: tuple[Sink, ...] = () if folder is None else (_log(folder),)
    with contextlib.ExitStack() as stack:
        if folder is not None:
            stack.enter_context(folder.lock())
        for listener in (sink, *sinks):
            listener({"kind": "data", **report})
        rows = _rows(prepared, chosen)
        held = prepared.validation
        result = run_training(
            network,
            training,
            task,
            rows,
            None if held is None else Rows(held.X, held.y),
            progress=sink,
            sinks=sinks,
            checkpoint=None if folder is None else folder.checkpoints,
            metric=_in_own_units(prepared) if task.kind == "regression" else None,
        )
    trained = model_of(network, prepared.target, training, result, encoder=prepared.encoder)
    outcome = result.outcome
    trained.report = {
        "model": None if place is None else str(place),
        "run": None if folder is None else str(folder.path),
        **report,
        **result_report(trained, prepared),
        "stopped": outcome.text,
        "interrupted": outcome.reason == "interrupted",
    }
    if place is not None:
        trained.save(place)
    return trained


def _log(folder: RunFolder) -> Sink:
    """A sink that writes to the run's log; progress inside an epoch is for eyes only."""

    def log(event: dict[str, Any]) -> None:
        if event["kind"] != "progress":
            folder.append(event)

    return log


def _in_own_units(prepared: Prepared) -> Any:
    values = prepared.target.values
    task = prepared.target.task
    return lambda outputs, targets: metrics.quick(task, values(outputs), values(targets))


def _rows(prepared: Prepared, chosen: Choices) -> Rows:
    part = prepared.train
    return Rows(part.X, part.y, row_weights(prepared.target.task, part.y, part.weight, chosen.class_weight))


def build_network(inputs: int, task: Task, chosen: Choices) -> Network:
    """Hidden layers as wide as asked, and the output layer that the task needs."""
    layers: list[Layer] = []
    for width in chosen.hidden:
        layers.append(Dense(width, chosen.activation))
        if chosen.dropout:
            layers.append(Dropout(chosen.dropout))
    return Network(inputs, [*layers, Dense(task.outputs, OUTPUT_ACTIVATIONS[task.kind])])


def build_training(
    network: Network, task: Task, chosen: Choices, rows: int, callbacks: Any, validated: bool
) -> Training:
    """The settings, with what was left open chosen by the task and the number of rows."""
    options = {"learning_rate": chosen.learning_rate, "weight_decay": chosen.weight_decay}
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    stopping = EarlyStopping(chosen.patience, "validation_loss" if validated else "loss")
    return Training(
        loss=default_loss(network, task) if chosen.loss is None else find_loss(chosen.loss),
        optimizer=find_optimizer(chosen.optimizer, **given),
        schedule=find_schedule(chosen.schedule),
        epochs=chosen.epochs,
        batch_size=chosen.batch_size or batch_size_for(rows),
        callbacks=(stopping, *(as_callback(callback) for callback in callbacks)),
        seed=chosen.seed,
        engine=chosen.engine,
        precision=chosen.precision,
        threads=chosen.threads,
        shuffle=True,
    )


def batch_size_for(rows: int) -> int:
    """The rows a step when the user does not say: more for larger sets.

    >>> batch_size_for(1_000), batch_size_for(1_000_000)
    (32, 512)
    """
    return next((size for limit, size in BATCH_SIZES if rows <= limit), 512)
