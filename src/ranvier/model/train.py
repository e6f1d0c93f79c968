"""train and resume: from a file, a table or arrays to a model that takes raw rows. What the command line calls."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ranvier.data import Prepared, Source, open_source, prepare
from ranvier.data.sources.reading import Reading
from ranvier.data.splitting.split_rule import SplitRule, split_rule
from ranvier.display.progress import sink_for
from ranvier.errors import InputError, ModelFileError
from ranvier.floating_point_mode import in_usual_mode
from ranvier.model.diagnosis.after_training import with_diagnosis
from ranvier.model.linear import linear_outputs
from ranvier.model.model import Model
from ranvier.model.reading import reading_of
from ranvier.model.ready_data import ReadyData, weighted_rows
from ranvier.model.report import data_event, train_report
from ranvier.model.run_events import log_sink, resumable
from ranvier.model.target_option import column_labels, is_in_columns, target_names
from ranvier.model.trained_model import model_from_trained, with_learned_encoder, with_threshold
from ranvier.model.training_file import file_sha256, paths_among, reopenable, run_name
from ranvier.network.activations import Activation
from ranvier.network.losses import Loss
from ranvier.network.losses import loss as find_loss
from ranvier.network.optimizers import Optimizer
from ranvier.network.schedules import Schedule
from ranvier.network.task import Task
from ranvier.recipes.options import TEST_FRACTION, VALIDATION_FRACTION, TrainOptions, split_rows_option
from ranvier.recipes.recipe import Recipe, TrainingSetup, recipe_as_used
from ranvier.recipes.registry import check_recipe, recipe_for
from ranvier.recipes.stored import options_from_dict
from ranvier.records import record
from ranvier.rows.row_names import rows_called
from ranvier.storage.atomic import check_writable
from ranvier.storage.run_folder import RunFolder
from ranvier.training.callbacks import Callback, as_callbacks
from ranvier.training.events import Sink, work_progress
from ranvier.training.runner import callback_fingerprint
from ranvier.training.threshold import check_has_threshold
from ranvier.training.watching import shown_to_viewers

MANY_ROWS = 1_000_000
"""So many rows that a recipe which divides rows into folds does so."""
REVISION = 2
"""Of what a run computes, in its description. Revision 1, which did not say so, standardized the targets of every loss
and rounded rows to float32 for every precision."""


@in_usual_mode
def train(
    data: Any,
    target: Any = None,
    *,
    recipe: str | Recipe = "auto",
    effort: str = "default",
    members: int | None = None,
    task: str | Task | None = None,
    hidden: Sequence[int] | None = None,
    activation: str | Activation | None = None,
    dropout: float | None = None,
    loss: str | Loss | None = None,
    optimizer: str | Optimizer | None = None,
    learning_rate: float | None = None,
    schedule: str | Schedule | None = None,
    weight_decay: float | None = None,
    clip_norm: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    patience: int | None = None,
    validation: Any = VALIDATION_FRACTION,
    test: Any = TEST_FRACTION,
    ignore: Sequence[str] = (),
    kinds: Mapping[str, str] | None = None,
    header: bool | None = None,
    encoding: str | None = None,
    skip_bad_rows: bool = False,
    split: str | None = None,
    group: str | None = None,
    positive: Any = None,
    sample_weight: Any = None,
    class_weight: str | Mapping[Any, float] | None = None,
    threshold: float | str | None = None,
    seed: int = 0,
    engine: str = "auto",
    precision: str = "float32",
    threads: int | None = None,
    image_size: int | None = None,
    augment: str | None = None,
    callbacks: Sequence[Any] = (),
    progress: Any = None,
    model: str | Path | None = None,
    run: str | Path | bool | None = None,
) -> Model:
    """Train a model on raw data: read it, infer the kinds of its columns, encode them, train, and measure on test rows.

    Parameters:
        data: a CSV, TSV, Parquet, Arrow, JSONL, NPZ or IDX file, of which a table may have a column of paths; a folder,
            .zip or .tar.gz of class folders, IDX files, or train/ and test/ with such; a plain text file, for a
            language model; a list of paths or pictures; a data frame, an array, or one of the sets "digits", "iris",
            "wine", "breast_cancer", "diabetes"; or a scipy.sparse matrix, neither scaled nor filled with zeros.
        target: the column or columns to predict, or an array of target values; a named set knows its own.
        recipe: what decides everything that is left open (None) below: "auto" takes the recipe for this kind of data;
            "table" trains an ensemble on piecewise-linear features and merges it; "image" trains on features of patches
            of pictures and on distorted copies; "sound" on those of spectrograms, and on statistics of their bands;
            "text" on the terms of texts; "language" predicts the next character of a text; "plain" trains one network;
            or a record of parts, such as `rv.recipe("table")`. An option that is given comes before the recipe.
        effort, members: "fast", "default" or "best"; how many networks are merged, None leaves it to the recipe.
        task: "binary", "multiclass", "multilabel" or "regression"; None infers it from the target; or an `rv.Task`, and
            then `data` holds the inputs alone and `target` is an array of its classes or numbers.
        hidden, activation, dropout: the widths of the hidden layers, their activation and dropout rate.
        loss: None takes the one that fits the task.
        optimizer, learning_rate, schedule, weight_decay, clip_norm: see `rv.optimizer` and `rv.schedule`.
        epochs: the maximum number of passes over the rows.
        batch_size: rows per gradient step.
        patience: stop after this many epochs without improvement on the validation rows.
        validation: rows that decide when to stop: a fraction of the rows, a file or table with its target, or a tuple
            (X, y) or (X, y, weights); None for none. The recipe "table" takes folds of the training rows, not a
            fraction.
        test: rows that are only used for the metrics of the report, given like `validation`.
        ignore: columns to leave out.
        kinds: column -> kind, where the kind that would be inferred is not the right one: "number", "category",
            "boolean", "date", "text", "image", "sound" or "vector"; or "drop", which leaves the column out.
        header: whether the first line of a CSV or TSV file has names, or columns are column_1, ...; None to infer it.
        encoding: that of a file of text, as Python calls it, such as "cp1251"; None to infer it from the bytes.
        skip_bad_rows: leave out, and count, rows that cannot be read or whose target cannot be used; else an error.
        split: "time:COLUMN" takes the latest rows by a column of dates or numbers for the test, and those before them
            for validation; None takes them by chance. The recipe "table" then has no folds.
        group: a column whose equal cells (of a patient, a customer) stay in one part: training, validation or test, and
            one fold of the recipe "table". It is no input. Or "COLUMN:REGEX": equal matches do, also in the names of
            files, such as "file:_([a-z]+)_" for a speaker.
        positive: the class of two that f1, precision, recall and auc are about; None for the second one as sorted.
        sample_weight: the weight of each row, in training and validation; None for equal weights.
        class_weight: "balanced", so that rare classes weigh as much as common ones; or label -> weight. It applies to
            validation rows, too.
        threshold: of the positive class of two: a number, "f1", "accuracy", "balanced_accuracy", "cost:5:1"; None: 0.5.
        image_size: height and width that pictures are brought to, in pixels; None chooses them by all pictures.
        augment: how pictures are distorted for training: "none", "affine" or "flip"; "auto" chooses on validation rows.
        seed, engine, precision, threads, callbacks, progress: as for `fit`; early stopping is always on.
        model: the file to save the model to; None saves nothing.
        run: the folder for the log and the checkpoints; True makes one under runs/, None makes none.

    Returns the model. Nothing is written before the data, the options and the paths are known to be good.

    Raises:
        InputError: the data, the target or an option cannot be used as it is.
        TrainingError: training diverged.

    >>> model = train("iris", recipe="plain", epochs=5, engine="reference")
    >>> sorted(model.report.metrics)
    ['accuracy', 'auc', 'brier', 'ece', 'f1', 'log_loss']
    """
    options = TrainOptions(
        recipe=recipe, effort=effort, members=members, task=task, hidden=hidden, activation=activation, dropout=dropout,
        loss=loss, optimizer=optimizer, learning_rate=learning_rate, schedule=schedule, weight_decay=weight_decay,
        clip_norm=clip_norm, epochs=epochs, batch_size=batch_size, patience=patience, ignore=ignore, kinds=kinds,
        header=header, encoding=encoding, skip_bad_rows=skip_bad_rows, split=split, group=group, positive=positive,
        class_weight=class_weight, threshold=threshold, seed=seed, engine=engine, precision=precision, threads=threads,
        image_size=image_size, augment=augment,
    )  # fmt: skip
    inputs = TrainData(data, target, sample_weight, validation, test)
    job = train_job(inputs, options, as_callbacks(callbacks), sink_for(progress), model)
    return job.run(lambda: job.make_folder(run))


@in_usual_mode
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
    test: Any = None,
) -> Model:
    """Go on with an interrupted run; the result is bit-identical to that of a run that was never interrupted.

    Parameters:
        run: its folder.
        data: the data, where it was not a file; target: the target values, where they were an array.
        epochs: another number of epochs in all. The schedule then follows that number, so the bits differ.
        progress: as for `fit`.
        callbacks, sample_weight: the ones that were given to `train`.
        validation, test: the tables or tuples of rows that were given to `train`, if any were.

    A run that had ended gives its model back.

    Raises:
        InputError: the folder is no run, or its data have changed or are gone.
        TrainingError: training diverged.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     model = train("iris", recipe="plain", epochs=5, engine="reference", run=f"{folder}/run")
    ...     resume(f"{folder}/run").best_epoch == model.best_epoch
    True
    """
    folder = RunFolder.open(run)
    described = folder.read_description()
    current = "options" in described
    try:
        options = options_from_dict(described["options" if current else "choices"])
        source, path, stored_callbacks = (described[name] for name in ("data", "model", "callbacks"))
    except (InputError, KeyError, TypeError, AttributeError) as error:
        raise ModelFileError(f'The description of the run "{run}" is incomplete or damaged ({error!r}).') from error
    if data is None and source is None:
        raise InputError(f'The run "{run}" was started on data from memory; give it again: resume(run, data=...).')
    records = as_callbacks(callbacks)
    if [callback_fingerprint(callback) for callback in records] != stored_callbacks:
        raise InputError(
            f'The run "{run}" was started with the callbacks {", ".join(stored_callbacks) or "(none)"}; '
            "give the same ones: resume(run, callbacks=[...])."
        )
    options = options if epochs is None else replace(options, epochs=epochs)
    exact = described.get("revision", 1) >= 2
    if options.loss is not None and not exact:
        options = replace(options, loss=replace(find_loss(options.loss), of_standardized=True))
    labels = options.target if target is None else target
    inputs = TrainData(source if data is None else data, labels, sample_weight, validation, test)
    return TrainJob(inputs, options, path, records, sink_for(progress), current, exact).run(lambda: folder)


@record(eq=False)
class TrainData:
    """What a call of `train` was given to read: the data, target columns or values, weights, rows from memory."""

    data: Any
    target: Any
    sample_weight: Any
    validation: Any
    test: Any


def train_job(
    inputs: TrainData, options: TrainOptions, callbacks: tuple[Callback, ...], sink: Sink, model: Any = None
) -> TrainJob:
    """What `train` does.

    Parameters:
        inputs: as they were given to `train`; validation and test may be fractions.
        options: all others; those of the target and of fractions follow from the inputs.
        callbacks, sink, model: as for `TrainJob`.

    Raises:
        InputError: an option cannot be used as it is.
    """
    check_recipe(options.recipe, options.effort)
    target = column_labels(inputs.data, inputs.target)
    columns = is_in_columns(target)
    validation_fraction, validation_rows = split_rows_option("validation", inputs.validation)
    test_fraction, test_rows = split_rows_option("test", inputs.test)
    names = target_names(target) if columns else None
    options = replace(options, target=names, validation=validation_fraction, test=test_fraction)
    inputs = TrainData(inputs.data, names if columns else target, inputs.sample_weight, validation_rows, test_rows)
    return TrainJob(inputs, options, model, callbacks, sink)


@record(eq=False)
class TrainJob:
    """A call of `train` or `resume`.

    Fields:
        canonical: False for runs of version 0.1 that left rows as they stood.
        exact: False for runs of revision 1, whose rows are float32.
    """

    inputs: TrainData
    options: TrainOptions
    model_path: Any
    callbacks: tuple[Callback, ...]
    sink: Sink
    canonical: bool = True
    exact: bool = True

    def make_folder(self, run: str | Path | bool | None) -> RunFolder | None:
        """The run folder that the caller asked for, with a description from which `resume` goes on."""
        if run is None or run is False:
            return None
        data = self.inputs.data
        # Without what is in no file rows cannot be divided again.
        beside = ("sample_weight", "validation", "test")
        folder = RunFolder.create(None if run is True else run, name=run_name(data))
        folder.write_description(
            {
                "data": reopenable(data),
                "options": self.options.to_dict(),
                "model": None if self.model_path is None else str(Path(self.model_path).resolve()),
                "callbacks": [callback_fingerprint(callback) for callback in self.callbacks],
                "revision": REVISION,
                "in_memory": [name for name in beside if getattr(self.inputs, name) is not None],
            }
        )
        return folder

    def run(self, make_folder: Callable[[], RunFolder | None], ready: ReadyData | None = None) -> Model:
        """Train on `ready`, or read; the run's folder is made only once data and options are known to be good."""
        if self.model_path is not None:
            check_writable(self.model_path, paths_among(self.inputs.data, self.options.validation, self.options.test))
        ready = self.ready() if ready is None else ready
        recipe, options, prepared, task, rows, validation = ready.parts()
        check_has_threshold(task, options.threshold)
        network, settings = ready.network_and_settings(options, self.callbacks)
        read = data_event(prepared, network)
        folder = make_folder()
        read = replace(read, run=None if folder is None else str(folder.path))
        sinks = (self.sink,) if folder is None else (self.sink, log_sink(folder))
        with resumable(folder), contextlib.nullcontext() if folder is None else folder.lock():
            for sink in sinks:
                sink(read)
            outside = (prepared.target, sinks, None if folder is None else folder.checkpoints, prepared.encoder)
            setup = TrainingSetup(network, settings, task, rows, validation, *outside)
            with shown_to_viewers(None if folder is None else folder.path):
                trained = recipe.train(setup)
            linear = linear_outputs(trained, prepared, settings, rows)
            prepared = with_threshold(with_learned_encoder(prepared, trained), trained, options.threshold)
            model = model_from_trained(trained, prepared, settings)
            paths = {
                "model": None if self.model_path is None else str(self.model_path),
                "run": read.run,
                "data": reopenable(self.inputs.data),
                "data_sha256": file_sha256(self.inputs.data),
            }
            used = recipe_as_used(recipe, options, settings)
            report = train_report(read, model, prepared, trained, used, paths, linear)
            model.report = with_diagnosis(report, model, prepared, trained, settings, linear)
            if self.model_path is not None:
                model.save(self.model_path)
        return model

    def ready(self) -> ReadyData:
        """The data, read, divided and encoded for the recipe."""
        reading = reading_of(self.options)
        source = open_source(self.inputs.data, reading=reading)
        recipe, notes = recipe_for(self.options.recipe, self.options.effort, source, self.options)
        options = recipe.complete(self.options)
        prepared = self.prepare(recipe.source(source), reading, recipe, notes)
        del source  # its memory is needed for training
        recipe = recipe.bound(prepared.encoder, options, len(prepared.train))
        return ReadyData(recipe, options, prepared, *weighted_rows(prepared, options))

    def prepare(self, source: Source, reading: Reading, recipe: Recipe, notes: tuple[str, ...]) -> Prepared:
        """The rows of a source, divided and encoded as the options say."""
        options = self.options
        # Files for validation and test are written as that for training, with the same columns.
        same = replace(reading, names=reading.names | set(source.column_names), usual_encoding=source.encoding)

        def opened(option: Any, rows: Any) -> Any:
            rows = option if rows is None and isinstance(option, str) else rows
            return rows if rows is None or isinstance(rows, tuple) else open_source(rows, reading=same)

        parts = opened(options.validation, self.inputs.validation), opened(options.test, self.inputs.test)
        recipe_rows = recipe.prepare(source, options, *parts, self.inputs.sample_weight)
        if recipe_rows is not None:
            return replace(recipe_rows, notes=(*recipe_rows.notes, *notes))
        rule = split_rule(options.split, options.group)
        with rows_called(source.in_memory or not is_in_columns(self.inputs.target)):
            prepared = prepare(
                source,
                target=self.inputs.target,
                task=options.task,
                validation=_validation_fraction(recipe, options, rule),
                validation_source=parts[0],
                test=0.0 if isinstance(options.test, str) else options.test,
                test_source=parts[1],
                seed=options.seed,
                ignore=options.ignore,
                kinds=options.kinds,
                image_size=options.image_size,
                progress=work_progress(self.sink, "Reading files"),
                weight=self.inputs.sample_weight,
                features=recipe.features(),
                canonical=self.canonical,
                rule=rule,
                positive=options.positive,
                loss=None if options.loss is None else find_loss(options.loss),
                dtype=np.float64 if options.precision == "float64" and self.exact else np.float32,
                skip_bad=options.skip_bad_rows,
            )
        return replace(prepared, notes=(*prepared.notes, *notes))


def _validation_fraction(recipe: Recipe, options: TrainOptions, rule: SplitRule) -> float:
    """The fraction of the rows for validation before training.

    By time there are no folds, of earlier and later rows: there a recipe that divides the rows takes a fraction, too.
    """
    fraction = recipe.validation_fraction(options)
    divides = recipe.leaves_rows_out or recipe.validates(MANY_ROWS, validation=False)
    if rule.time is None or not divides or isinstance(options.validation, str):
        return fraction
    return float(options.validation) or VALIDATION_FRACTION
