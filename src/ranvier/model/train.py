"""train and resume: from a file, a table or arrays to a model that takes raw rows. What the command line does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ranvier.data import Prepared, prepare
from ranvier.engine import Rows
from ranvier.errors import InputError, ModelFileError, TrainingError
from ranvier.model.choices import Choices, build_network, build_training, chosen_from
from ranvier.model.fit import model_of
from ranvier.model.model import Model
from ranvier.model.report import data_report, result_report
from ranvier.model.rows import row_weights
from ranvier.model.training import described_callback
from ranvier.model.training import run as run_training
from ranvier.storage.atomic import check_writable
from ranvier.storage.run_folder import RunFolder
from ranvier.training.callbacks import Callback, as_callbacks
from ranvier.training.events import Event, Sink
from ranvier.training.progress import sink_for


def train(
    data: Any,
    target: Any = None,
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
        target: the column, or columns, to predict, or an array of target values; a named set knows its own.
        model: the file to save the model to; None saves nothing.
        run: the folder for the log and the checkpoints; True makes one under runs/, None makes none.
        progress: as for `fit`.
        callbacks: as for `fit`; early stopping is always there.
        task: "binary", "classes", "multilabel" or "regression"; None reads it off the target.
        hidden: the widths of the hidden layers.
        activation, dropout: of the hidden layers.
        loss: None takes the one that fits the task.
        epochs: at most so many; None chooses by the number of rows: small sets need more to make enough steps.
        patience: how many epochs without improvement are borne; None takes a seventh of the usual epochs.
        batch_size: rows a step; None chooses by the number of rows.
        optimizer, learning_rate, schedule, weight_decay: how steps are made.
        validation: the share of the rows that decides when to stop, or a file of such rows.
        held_out: the share of the rows that is only looked at in the end, for the report.
        ignore: columns to leave out.
        class_weight: "balanced" gives rare classes as much weight as common ones; or label -> weight.
        seed, engine, precision, threads: as for `fit`.

    Activation, loss, optimizer and schedule are names or records. Nothing is written before the data, the choices and
    the places to write to are known to be good.

    Raises:
        InputError: the data, the target or a choice cannot be used as it is.
        TrainingError: training diverged.

    >>> model = train("iris", epochs=5, engine="reference")
    >>> sorted(model.report["metrics"])
    ['accuracy', 'auc', 'f1', 'log_loss']
    """
    named = target is None or isinstance(target, str) or _are_names(target)
    names = _names(target) if named else None
    chosen = chosen_from(names, choices)
    if model is not None:
        check_writable(model, _files(data, chosen.validation))

    def make_folder() -> RunFolder | None:
        if run is None or run is False:
            return None
        folder = RunFolder.create(None if run is True else run, name=_title(data))
        place = None if model is None else str(Path(model).resolve())
        asked = {"data": _readable(data), "choices": chosen.to_dict(), "model": place}
        folder.write_description({**asked, "callbacks": [described_callback(one) for one in watchers]})
        return folder

    watchers = as_callbacks(callbacks)
    goal = names if named else target
    return _Job(data, goal, chosen, model, watchers, sink_for(progress)).run(make_folder)


def resume(
    run: str | Path,
    *,
    data: Any = None,
    target: Any = None,
    epochs: int | None = None,
    progress: Any = None,
    callbacks: Sequence[Any] = (),
) -> Model:
    """Go on with a run that was interrupted; the result has the same bits as if it had never stopped.

    Parameters:
        run: its folder.
        data: the data, where it was not a file; target: the target values, where they were an array.
        epochs: another number of epochs in all. The schedule then counts anew, so the bits differ.
        progress: as for `fit`.
        callbacks: the ones that were given to `train`.

    A run that had ended already gives its model back.

    Raises:
        InputError: the folder is no run, or its data have changed or are gone.
        TrainingError: training diverged.
    """
    folder = RunFolder.open(run)
    described = folder.read_description()
    try:
        chosen = Choices.from_dict(described["choices"])
        source, place, watched = (described[name] for name in ("data", "model", "callbacks"))
    except (InputError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f'The description of the run "{run}" is incomplete or damaged ({error!r}).') from error
    if data is None and source is None:
        raise InputError(f'The run "{run}" was started on data from memory; give it again: resume(run, data=...).')
    watchers = as_callbacks(callbacks)
    if [described_callback(one) for one in watchers] != watched:
        raise InputError(
            f'The run "{run}" was started with the callbacks {", ".join(watched) or "(none)"}; '
            "give the same ones: resume(run, callbacks=[...])."
        )
    if place is not None:
        check_writable(place, _files(source if data is None else data, chosen.validation))
    chosen = chosen if epochs is None else replace(chosen, epochs=epochs)
    goal = chosen.target if target is None else target
    return _Job(source if data is None else data, goal, chosen, place, watchers, sink_for(progress)).run(lambda: folder)


@dataclass(frozen=True, slots=True)
class _Job:
    """A call of `train` or `resume`: the data, the target's columns or values, the choices, and who watches."""

    data: Any
    target: Any
    chosen: Choices
    place: Any
    callbacks: tuple[Callback, ...]
    sink: Sink

    def run(self, make_folder: Callable[[], RunFolder | None]) -> Model:
        """Train; the run's folder is made only once the data and the choices are known to be good."""
        prepared, chosen = self._prepare(), self.chosen
        task, held = prepared.target.task, prepared.validation
        network = build_network(prepared.encoder.width, task, chosen)
        training = build_training(network, task, chosen, prepared.train.rows, self.callbacks, held is not None)
        rows = Rows(
            prepared.train.X,
            prepared.train.y,
            row_weights(task, prepared.train.y, prepared.train.weight, chosen.class_weight),
        )
        report = data_report(prepared, network)
        folder = make_folder()
        sinks: tuple[Sink, ...] = () if folder is None else (_log(folder),)
        with contextlib.nullcontext() if folder is None else folder.lock():
            for listener in (self.sink, *sinks):
                listener({"kind": "data", **report})
            result = run_training(
                network,
                training,
                task,
                rows,
                None if held is None else Rows(held.X, held.y),
                progress=self.sink,
                sinks=sinks,
                checkpoint=None if folder is None else folder.checkpoints,
            )
            trained = model_of(network, prepared.target, training, result, encoder=prepared.encoder)
            trained.report = {
                "model": None if self.place is None else str(self.place),
                "run": None if folder is None else str(folder.path),
                "data": _readable(self.data),
                **report,
                **_measured(trained, prepared),
                "stopped": result.outcome.text,
                "interrupted": result.outcome.reason == "interrupted",
            }
            if self.place is not None:
                trained.save(self.place)
        return trained

    def _prepare(self) -> Prepared:
        chosen = self.chosen
        apart = chosen.validation if isinstance(chosen.validation, str) else None
        return prepare(
            self.data,
            target=self.target,
            task=chosen.task,
            validation=0.0 if isinstance(chosen.validation, str) else chosen.validation,
            validation_source=apart,
            held_out=chosen.held_out,
            seed=chosen.seed,
            ignore=chosen.ignore,
        )


def _measured(trained: Model, prepared: Prepared) -> dict[str, Any]:
    """The second part of the report; a model whose outputs are no numbers is kept, with a note and no scores."""
    try:
        return result_report(trained, prepared)
    except TrainingError as error:
        return {**result_report(trained, None), "notes": [*prepared.notes, str(error)]}


def _are_names(given: Any) -> bool:
    """Whether the target is a list of columns, in place of an array of values."""
    return isinstance(given, (list, tuple)) and all(isinstance(name, str) for name in given)


def _names(given: str | Sequence[str] | None) -> str | tuple[str, ...] | None:
    """The names of the target columns; None where there are none."""
    if given is None or isinstance(given, str):
        return given
    return (given[0] if len(given) == 1 else tuple(given)) if given else None


def _title(data: Any) -> str:
    """What a run's folder is named after."""
    return Path(data).name.split(".")[0] if isinstance(data, (str, Path)) else "table"


def _readable(data: Any) -> str | None:
    """What to write down so that the data can be read again: an absolute path or a set's name; None for memory."""
    if not isinstance(data, (str, Path)):
        return None
    return str(Path(data).resolve()) if Path(data).exists() else str(data)


def _files(*given: Any) -> list[str | Path]:
    """What among the data could be files, which the model must not replace."""
    return [one for one in given if isinstance(one, (str, Path))]


def _log(folder: RunFolder) -> Sink:
    """A sink that writes to the run's log; progress inside an epoch is for eyes only."""

    def log(event: Event) -> None:
        if event["kind"] != "progress":
            folder.append(event)

    return log
