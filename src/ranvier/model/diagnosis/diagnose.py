"""Diagnose a model on rows: what training found, what the rows show, how the model fits them. n rows, N outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import Source, TargetEncoder, open_source
from ranvier.data.diagnosis.columns import identifiers, imbalance
from ranvier.data.diagnosis.drift import drift
from ranvier.data.diagnosis.finding import Finding, in_order
from ranvier.data.diagnosis.parts import input_names, with_target
from ranvier.data.diagnosis.repeats import conflicting_labels, repeated_within
from ranvier.data.diagnosis.table import input_frame
from ranvier.data.encoders.row_encoder import row_encoder
from ranvier.data.leakage import leaking_columns
from ranvier.data.sources.reading import Reading
from ranvier.errors import RanvierError, ShapeError
from ranvier.model.diagnosis.curve import learning_curve_finding
from ranvier.model.diagnosis.fit import in_units, no_better, underfitting, unscaled_inputs, worse_than_linear
from ranvier.model.diagnosis.neurons import neuron_findings
from ranvier.model.rows import rows_with_target, targets
from ranvier.model.targets import target_array
from ranvier.network.layers import Dense
from ranvier.network.task import Task
from ranvier.random import SAMPLE, permutation
from ranvier.recipes.linear_baseline import linear_baseline
from ranvier.rows import Rows
from ranvier.rows.some_rows import random_rows
from ranvier.training.against_baseline import no_better_sentence
from ranvier.training.inference import outputs_of

if TYPE_CHECKING:
    from ranvier.model.trained_predictor import TrainedPredictor

Array = NDArray[Any]
MAX_ROWS = 20_000
MAX_ACTIVATION_ROWS = 2_000


def diagnose(model: TrainedPredictor, X: Any, y: Any, learning_curve: bool) -> list[Finding]:
    """What is wrong: the findings of training, and with rows what they show.

    Parameters:
        model: the model.
        X, y: as for `Model.diagnose`.
        learning_curve: whether to train on parts of the rows.
    """
    findings = [Finding.from_dict(entry) for entry in model.report.diagnosis]
    findings += _of_history(model)
    if X is None:
        return in_order(findings)
    source, values = _opened(model, X, y)
    inputs = model.inputs(getattr(source, "inputs", source) if model.encoder is None else source)
    rows = None
    if values is not None:
        rows = Rows(inputs, targets(model.target, values, None, model.training.row_dtype))
        values = _labels(values, model.task)
    frame = input_frame(source, input_names(row_encoder(model.encoder).columns))
    if frame is not None:
        findings += _of_columns(source, frame, values, model.target)
        findings += drift(model.report.profile, frame)
    findings += neuron_findings(model.network, model.activations_of(inputs[:: len(inputs) // MAX_ACTIVATION_ROWS + 1]))
    if model.encoder is None and isinstance(model.network.layers[0], Dense) and inputs.n_dense:
        names = [f"x{at}" for at in range(inputs.n_dense)]
        findings += unscaled_inputs(inputs.dense, names) if inputs.block.dtype != np.uint8 else []
    if values is not None and rows is not None:
        findings += imbalance(values, model.task)
        findings += _of_fit(model, rows)
        if learning_curve:
            findings += learning_curve_finding(model, rows)
    return in_order(findings)


def _labels(values: Array, task: Task) -> Array:
    """The labels of rows of class probabilities, such as one-hot ones: of each its most probable class."""
    if task.kind != "multiclass" or values.ndim == 1:
        return values
    labels: Array = np.array(task.classes)[values.argmax(axis=1)]
    return labels


def _of_history(model: TrainedPredictor) -> list[Finding]:
    """Underfitting of a model that was not made by `train`, which has looked already."""
    if model.report.recipe_settings:
        return []
    finished = bool(model.history) and len(model.history) == model.training.epochs
    return underfitting(model.history, single=True, finished=finished)


def _opened(model: TrainedPredictor, X: Any, y: Any) -> tuple[Source, Array | None]:
    """At most 20,000 of the rows that have a target, and the targets; the latter None where there are none."""
    used = row_encoder(model.encoder).used_columns
    reading = Reading(only=None if used is None else frozenset((*used, *model.target.column_names)))
    source, values = _with_values(model, X if isinstance(X, Source) else open_source(X, reading=reading), y)
    if source.rows <= MAX_ROWS:
        return source, values
    index = random_rows(source.rows, MAX_ROWS)
    return source.take(index), None if values is None else values[index]


def _with_values(model: TrainedPredictor, source: Source, y: Any) -> tuple[Source, Array | None]:
    if y is not None:
        values = target_array(y)
        if len(values) != source.rows:
            raise ShapeError(f"X has {source.rows:,} rows and y has {len(values):,}; the same number was expected.")
        return source, values
    names = model.target.column_names
    in_table = bool(source.column_names) and set(names) <= set(source.column_names)
    if not in_table and getattr(source, "targets", None) is None:
        return source, None
    formats = model.target.number_formats
    values, source, _ = rows_with_target(source, names, model.task.classes, formats)
    return source, target_array(values)


def _of_columns(source: Source, frame: Any, values: Array | None, target: TargetEncoder) -> list[Finding]:
    """Findings on the columns and their cells."""
    task, findings = target.task, identifiers(frame)
    if values is None:
        return findings
    if task.kind != "multilabel":
        rows = source if source.column_names else open_source(frame)
        findings += leaking_columns(rows, values, task, target.column_names, list(frame.columns))
    return [*findings, *conflicting_labels(frame, values, task), *repeated_within(with_target(frame, values))]


def _of_fit(model: TrainedPredictor, rows: Rows) -> list[Finding]:
    """Guessing, and a linear model trained on one half of the rows and compared on the other half."""
    if model.target.levels:
        return []
    order = permutation(0, SAMPLE, 1, len(rows))
    halves = [np.sort(order[part::2]) for part in (0, 1)]
    outputs = model.outputs_of(rows.inputs)
    predictions, actual = in_units(model.target, outputs), in_units(model.target, rows.targets)
    findings = no_better(no_better_sentence(model.task, predictions, actual, actual))
    linear = np.zeros_like(outputs)
    try:
        for learned, evaluation in (halves, halves[::-1]):
            baseline = linear_baseline(model.training, model.task, rows.take(learned))
            if baseline is None:
                return findings
            linear[evaluation] = outputs_of(baseline[0], model.training, baseline[1], rows.take(evaluation).inputs)
    except RanvierError:
        return findings
    return [*findings, *worse_than_linear(model.task, predictions, in_units(model.target, linear), actual)]
