"""train and resume: from a file, a table or arrays to a model that takes raw rows. What the command line does."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ranvier.data import Prepared, prepare
from ranvier.display.progress import sink_for
from ranvier.engine import Rows
from ranvier.errors import InputError, ModelFileError, TrainingError
from ranvier.model.fit import build_model
from ranvier.model.model import Model
from ranvier.model.options import Choices, build_network, build_training, chosen_with_validation, followed
from ranvier.model.report import data_report, layer_rows, result_report
from ranvier.model.rows import row_weights, settled_class_weight
from ranvier.network.task import Task
from ranvier.recipes.ensemble import TrainedEnsemble, train_ensemble
from ranvier.recipes.merge import with_hats
from ranvier.records import record
from ranvier.rows.dataset import Dataset
from ranvier.storage.atomic import check_writable
from ranvier.storage.run_folder import RunFolder
from ranvier.training.callbacks import Callback, as_callbacks
from ranvier.training.events import Event, Sink
from ranvier.training.runner import callback_fingerprint, run_training
from ranvier.training.settings import TrainSettings


def train(
    data: Any,
    target: Any = None,
    *,
    model: str | Path | None = None,
    run: str | Path | bool | None = None,
    progress: Any = None,
    callbacks: Sequence[Any] = (),
    sample_weight: Any = None,
    validation: Any = None,
    **choices: Any,
) -> Model:
    """Train on raw data: read it, tell the kinds of its columns, encode them, train, and measure on unseen rows.

    Parameters:
        data: a CSV, TSV, Parquet, JSONL, NPZ or IDX file, a data frame, an array, or one of the sets "digits",
            "iris", "wine", "breast_cancer", "diabetes"; or a matrix of scipy.sparse, whose numbers are taken as they
            are, without scaling, and whose zeros are never filled in.
        target: the column, or columns, to predict, or an array of target values; a named set knows its own.
        model: the file to save the model to; None saves nothing.
        run: the folder for the log and the checkpoints; True makes one under runs/, None makes none.
        progress: as for `fit`.
        callbacks: as for `fit`; early stopping is always there.
        sample_weight: how much each row counts, in training and in the validation loss; None where all count the same.
        task: "binary", "multiclass", "multilabel" or "regression"; None infers it from the target; or an `rv.Task`:
            then `data` holds the inputs alone and `target` is an array of its classes or numbers.
        hidden: the widths of the hidden layers.
        activation, dropout: of the hidden layers.
        loss: None takes the one that fits the task.
        epochs: at most so many; None chooses by the number of rows: small sets need more to make enough steps.
        patience: how many epochs without improvement are borne; None takes a seventh of the usual epochs.
        batch_size: rows a step; None chooses by the number of rows.
        optimizer, learning_rate, schedule, weight_decay, clip_norm: how steps are made; see `rv.optimizer`.
        validation: the share of the rows that decides when to stop, 0.1 unless another is asked for; a file or a table
            of such rows with their target; or a tuple of rows and target values, or of rows, target values and weights.
        held_out: the share of the rows that is only looked at in the end, for the report.
        ignore: columns to leave out.
        recipe: "table" chooses everything that is left open here for tables: how columns are spelled out, and several
            networks, each with other rows left out to decide when to stop, joined to one in the end. A share of
            `validation` is not used then; a file or table of rows is. A `Recipe` works too.
        effort: of the recipe: "fast", "default" or "best".
        class_weight: "balanced" gives rare classes as much weight as common ones; or label -> weight. It counts for the
            rows that decide when to stop, too.
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
    chosen, apart = chosen_with_validation(names, choices, validation)
    if model is not None:
        check_writable(model, _files(data, chosen.validation))

    def make_folder() -> RunFolder | None:
        if run is None or run is False:
            return None
        folder = RunFolder.create(None if run is True else run, name=_title(data))
        place = None if model is None else str(Path(model).resolve())
        asked = {"data": _readable(data), "choices": chosen.to_dict(), "model": place}
        folder.write_description({**asked, "callbacks": [callback_fingerprint(one) for one in watchers]})
        return folder

    watchers = as_callbacks(callbacks)
    goal = names if named else target
    return _Job(data, goal, chosen, model, watchers, sink_for(progress), apart, sample_weight).run(make_folder)


def resume(
    run: str | Path,
    *,
    data: Any = None,
    target: Any = None,
    epochs: int | None = None,
    progress: Any = None,
    callbacks: Sequence[Any] = (),
    sample_weight: Any = None,
    validation: Any = None,
) -> Model:
    """Go on with a run that was interrupted; the result has the same bits as if it had never stopped.

    Parameters:
        run: its folder.
        data: the data, where it was not a file; target: the target values, where they were an array.
        epochs: another number of epochs in all. The schedule then counts anew, so the bits differ.
        progress: as for `fit`.
        callbacks, sample_weight: the ones that were given to `train`.
        validation: the table or tuple of validation rows that was given to `train`, if one was.

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
    if [callback_fingerprint(one) for one in watchers] != watched:
        raise InputError(
            f'The run "{run}" was started with the callbacks {", ".join(watched) or "(none)"}; '
            "give the same ones: resume(run, callbacks=[...])."
        )
    if place is not None:
        check_writable(place, _files(source if data is None else data, chosen.validation))
    chosen = chosen if epochs is None else replace(chosen, epochs=epochs)
    goal = chosen.target if target is None else target
    given = source if data is None else data
    return _Job(given, goal, chosen, place, watchers, sink_for(progress), validation, sample_weight).run(lambda: folder)


@record
class _Job:
    """A call of `train` or `resume`: the data, the target's columns or values, the choices, and who watches.

    `apart` are validation rows from memory, None where the choices say which they are; `weight` is how much rows count.
    """

    data: Any
    target: Any
    chosen: Choices
    place: Any
    callbacks: tuple[Callback, ...]
    sink: Sink
    apart: Any
    weight: Any

    def run(self, make_folder: Callable[[], RunFolder | None]) -> Model:
        """Train; the run's folder is made only once the data and the choices are known to be good."""
        prepared, chosen = self._prepare(), self.chosen
        task, held = prepared.target.task, prepared.validation
        network = build_network(prepared.encoder.width, task, chosen)
        watching = held is not None or (chosen.cooked is not None and chosen.cooked.parts(prepared.train.rows) > 1)
        training = build_training(network, task, chosen, prepared.train.rows, self.callbacks, watching)
        by_class = settled_class_weight(task, prepared.train.y, chosen.class_weight)
        rows = _weighted(task, prepared.train, by_class)
        watched = None if held is None else _weighted(task, held, by_class)
        training = training.for_rows(rows)
        report = data_report(prepared, network)
        folder = make_folder()
        sinks: tuple[Sink, ...] = () if folder is None else (_log(folder),)
        with contextlib.nullcontext() if folder is None else folder.lock():
            for listener in (self.sink, *sinks):
                listener({"kind": "data", **report})
            place = None if folder is None else folder.checkpoints
            if chosen.cooked is None:
                result = run_training(
                    network, training, task, rows, watched, sinks=(self.sink, *sinks), checkpoint=place
                )
                trained = build_model(network, prepared.target, training, result, encoder=prepared.encoder)
                ended = {"stopped": result.outcome.text, "interrupted": result.outcome.reason == "interrupted"}
            else:
                listeners = (self.sink, *sinks)
                joined = train_ensemble(
                    chosen.cooked, network, training, task, rows, watched, sinks=listeners, checkpoint=place
                )
                trained = _ensemble_model(joined, prepared, training)
                ended = _ensemble_report(joined, followed(chosen, training))
            trained.report = {
                "model": None if self.place is None else str(self.place),
                "run": None if folder is None else str(folder.path),
                "data": _readable(self.data),
                **report,
                **_measured(trained, prepared),
                **ended,
            }
            if self.place is not None:
                trained.save(self.place)
        return trained

    def _prepare(self) -> Prepared:
        chosen = self.chosen
        return prepare(
            self.data,
            target=self.target,
            task=chosen.task,
            validation=0.0 if isinstance(chosen.validation, str) or chosen.cooked else chosen.validation,
            validation_source=chosen.validation if isinstance(chosen.validation, str) else self.apart,
            held_out=chosen.held_out,
            seed=chosen.seed,
            ignore=chosen.ignore,
            weight=self.weight,
            features=None if chosen.cooked is None else chosen.cooked.features,
        )


def _weighted(task: Task, part: Dataset, by_class: Any) -> Rows:
    """Encoded rows as an engine takes them, with the weight of each."""
    return Rows(part.X, part.y, row_weights(task, part.y, part.weight, by_class))


def _ensemble_model(ensemble: TrainedEnsemble, prepared: Prepared, settings: TrainSettings) -> Model:
    """The model of the merged network, which has hats where its members learned from ramps."""
    ramps = prepared.encoder.piecewise_linear
    return Model(
        ensemble.network,
        prepared.target,
        with_hats(ensemble.network, ensemble.parameters, ramps),
        training=settings,
        history=ensemble.history,
        engine=ensemble.engine,
        encoder=prepared.inference_encoder,
    )


def _ensemble_report(ensemble: TrainedEnsemble, recipe: dict[str, Any]) -> dict[str, Any]:
    """What the report adds for an ensemble; `recipe` holds the parts as used."""
    return {
        "recipe": recipe,
        "networks": list(ensemble.members),
        "sharpness": ensemble.sharpness,
        "layers": layer_rows(ensemble.network),
        "parameters": ensemble.network.parameter_count,
        "stopped": ensemble.text,
        "interrupted": ensemble.interrupted,
    }


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
