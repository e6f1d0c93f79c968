"""From a source to encoded training, validation and test rows in one call: split first, then encode.

B is the number of rows, N the number of target columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from functools import partial
from typing import Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from ranvier.data.columns.input_columns import as_columns, as_names, read_input_columns, with_decimals
from ranvier.data.columns.schema import ColumnSchema
from ranvier.data.decoded_columns import decoded_rows, rows_of
from ranvier.data.diagnosis.drift import profile_of
from ranvier.data.diagnosis.finding import Finding
from ranvier.data.diagnosis.parts import findings_of_parts, input_names
from ranvier.data.diagnosis.table import input_frame
from ranvier.data.diagnosis.trained_rows import digests, trained_rows
from ranvier.data.encoders.array import ArrayEncoder
from ranvier.data.encoders.context import ContextEncoder
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.encoders.table import TableEncoder
from ranvier.data.encoders.target import TargetEncoder, explain_task
from ranvier.data.encoders.task_inference import class_notes
from ranvier.data.encoders.usual_range import usual_ranges
from ranvier.data.fitted_encoders import fitted_encoder, fitted_target
from ranvier.data.images.threads import Progress
from ranvier.data.labelled_rows import (
    Decoded,
    LabelledRows,
    labelled_rows,
    labelled_rows_of,
    open_with_target,
    without_zero_weights,
)
from ranvier.data.leakage import leaking_columns
from ranvier.data.names_for_mistakes import names_for_mistakes
from ranvier.data.sources import open_source
from ranvier.data.sources.parts import given_parts, training_rows
from ranvier.data.sources.source import Source
from ranvier.data.splitting.absent_classes import absent_class_notes
from ranvier.data.splitting.partition import CHANCE, checked_fractions, groups_of_rows, partition, rule_notes
from ranvier.data.splitting.repeat_notes import repeat_notes
from ranvier.data.splitting.repeated_texts import are_texts, repeated_text_notes
from ranvier.data.splitting.split_rule import SplitRule
from ranvier.data.splitting.time_notes import time_notes
from ranvier.data.targets.bad_targets import with_usable_targets
from ranvier.data.targets.far_targets import far_target_notes
from ranvier.data.targets.positive_class import positive_notes, with_positive
from ranvier.data.targets.target_column import target_formats, with_column_order
from ranvier.network.losses import Loss
from ranvier.network.quantile_levels import quantile_task
from ranvier.network.task import Task
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.rows.row_names import rows_called

Encoder: TypeAlias = TableEncoder | ArrayEncoder


@record(eq=False)
class Prepared:
    """Everything that training needs from the data, and what the user should know about it.

    Fields:
        train, validation, test: encoded rows, those for the test as the finished model encodes them; None for a part
            that was not asked for. Targets far from all others are clipped for training and validation.
        train_rows, validation_rows, test_rows: the numbers of these rows in the source, counted from 0. Validation
            rows from a source of their own are numbered in that source.
        test_labels: the targets of the test rows before encoding, shape (B,) or (B, N), or None.
        test_names: the names of the files of the test rows, or their texts; None where they have none.
        evaluation_set: the test rows or, where there are none, the validation rows, as the finished model encodes
            them.
        encoder: rows -> inputs, learned from the training rows.
        inference_encoder: the encoder of the finished model: linear spline bases in place of the piecewise-linear
            encodings of `encoder`, else the same.
        target: target values -> outputs and back, learned from the training rows.
        columns: what each column of a table holds; empty for arrays.
        notes: what the user should know, one sentence each; the first says how the task was inferred.
        origin: where the data came from.
        findings: what is wrong with the rows and columns.
        profile: how the cells of each column are distributed, see `data.diagnosis.drift`.
        indexed: whether the user calls the rows by their index, as `rows_called` takes it.
        ngram_log_losses: of n-gram models of a text, n = 1, 2, ..., on the evaluation set; empty for other data.
    """

    train: Rows
    validation: Rows | None
    test: Rows | None
    train_rows: NDArray[np.int64]
    validation_rows: NDArray[np.int64] | None
    test_rows: NDArray[np.int64] | None
    test_labels: NDArray[Any] | None
    test_names: list[str] | None
    evaluation_set: Rows | None
    encoder: Encoder | ContextEncoder
    inference_encoder: Encoder | ContextEncoder
    target: TargetEncoder
    columns: tuple[ColumnSchema, ...]
    notes: tuple[str, ...]
    origin: str
    ngram_log_losses: tuple[float, ...] = ()
    findings: tuple[Finding, ...] = ()
    profile: Mapping[str, Any] = field(default_factory=dict)
    indexed: bool = False

    @property
    def task(self) -> Task:
        """What is asked for."""
        return self.target.task


def prepare(
    source: Any,
    target: Any = None,
    task: str | Task | None = None,
    validation: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    ignore: Iterable[str] = (),
    validation_source: Any = None,
    test_source: Any = None,
    weight: Any = None,
    features: FeatureOptions | None = None,
    canonical: bool = True,
    kinds: Mapping[str, str] | None = None,
    image_size: int | None = None,
    progress: Progress | None = None,
    rule: SplitRule = CHANCE,
    positive: Any = None,
    loss: Loss | None = None,
    dtype: Any = np.float32,
    skip_bad: bool = False,
) -> Prepared:
    """Open, split, infer and encode.

    Parameters:
        source: anything that `open_source` reads.
        target: the name of the column to predict, several names, or an array of target values; None for the default
            target of a named set or the targets of arrays.
        task: "binary", "multiclass", "multilabel" or "regression"; None to infer it from the target; or a Task for
            target values beside the source that are its classes or numbers, unchanged.
        validation: the fraction of the rows for validation, from 0 to below 1.
        test: the fraction of the rows for the test.
        seed: of the split.
        ignore: columns that are not inputs.
        validation_source: rows for validation from another source, with their target in them, or a tuple of rows and
            target values, or of rows, target values and weights; then `validation` is not used.
        test_source: test rows from another source, given like `validation_source`.
        weight: the weight of each row, shape (B,); None for equal weights.
        features: how columns are expanded; None for one feature a number.
        kinds: column -> kind, where the kind that would be inferred is not the right one.
        image_size: height and width that pictures are brought to, in pixels; None to choose them.
        progress: called with how much of the reading of pictures is done, and of how much.
        canonical: whether the rows for training and validation are put in `canonical_order`; False keeps the order
            of the source, as version 0.1 did.
        rule: what divides the rows, if not chance; a column of groups is no input.
        positive: the class of two that f1 and auc are about; None for the second one in their order.
        loss: which says how targets are scaled and which it takes; None for the squared error.
        dtype: of encoded rows, targets and weights: float32 or float64.
        skip_bad: whether rows whose target cannot be used are left out, and counted in the notes, where one of them is
            an error otherwise.

    Raises:
        DataError: the data cannot be read or encoded, or a column does not exist.
        InputError: no target is given, the target cannot be learned, or there are too few rows.

    >>> prepared = prepare("iris")
    >>> prepared.train.inputs.shape, len(prepared.validation), len(prepared.test)
    ((105, 4), 15, 30)
    >>> prepared.task.classes
    ('setosa', 'versicolor', 'virginica')
    """
    task_record = task if isinstance(task, Task) else None
    opened, names, targets = _opened(source, target, task_record, kinds)
    opened, targets, weight, numbers = decoded_rows(opened, targets, weight, kinds, image_size, progress)
    numbers = rows_of(np.arange(opened.rows) if numbers is None else numbers, training_rows(opened))
    opened, validation_source, test_source = given_parts(opened, validation_source, test_source)
    opened, targets, weight, numbers = with_usable_targets(skip_bad, opened, names, targets, weight, numbers, task)
    in_table = bool(opened.column_names) and not task_record
    opened, targets = as_columns(opened, targets, features, kinds)
    fractions = checked_fractions(*_fractions((validation, validation_source), (test, test_source)))
    if canonical and weight is not None:
        *counted, kept_rows = without_zero_weights(opened, names, targets, weight, repeat=fractions[2] == 0.0)
        (opened, targets, weight), numbers = counted, numbers[kept_rows]
    target_columns = names if targets is None else ()
    opened, columns, notes, rule = _columns(opened, target_columns, as_names(ignore), kinds, rule)
    rows = labelled_rows(opened, names, targets, weight, numbers)
    resolved, task_notes = _task(rows, task, names, positive, loss)
    leaks = [] if task_record else _leaks(rows, resolved, names, columns)
    notes = [*task_notes, *(leak.text for leak in leaks), *rows.notes, *opened.notes, *notes]
    min_rows = 1 if task_record else max(2, len(resolved.classes))
    encoded, ordered = TargetEncoder(resolved), columns if canonical else None
    training, validation_part, test_part = partition(rows, fractions, seed, encoded, min_rows, ordered, rule)
    formats = target_formats(opened, target_columns)
    learned_target = partial(fitted_target, training, task=resolved, loss=loss, formats=formats)
    encoder = fitted_encoder(training, columns, target_columns, features, learned_target)
    as_training: Any = (names if in_table else None, names, resolved, formats, _decoder(encoder, progress), skip_bad)
    validation_part = labelled_rows_of("Validation", validation_source, *as_training) or validation_part
    test_part = labelled_rows_of("Test", test_source, *as_training) or test_part
    outputs = learned_target(validation_part)
    parts = (training, validation_part, test_part)
    notes += _checked_parts(outputs, loss, rule, parts, rows, columns)
    return Prepared(
        **_encoded_parts(*parts, encoder, outputs, dtype, (rule.group, columns)),
        columns=columns,
        notes=tuple(notes),
        origin=opened.origin,
        **_diagnosis(parts, resolved, columns, leaks),
    )


def _fractions(*parts: tuple[float, Any]) -> Iterable[float]:
    """The fraction of each part that is drawn from the rows: 0 for one with rows of its own."""
    return (fraction if source is None else 0.0 for fraction, source in parts)


def _decoder(encoder: Encoder, progress: Progress | None) -> Decoded | None:
    """What reads the files of other sources as those of the training rows were read; None where there are none."""
    return partial(encoder.decoded, progress=progress) if isinstance(encoder, TableEncoder) else None


def _columns(
    source: Source,
    names: tuple[str, ...],
    ignore: tuple[str, ...],
    kinds: Mapping[str, str] | None,
    rule: SplitRule,
) -> tuple[Source, tuple[ColumnSchema, ...], list[str], SplitRule]:
    """What `read_input_columns` gives, and the rule with how its time column is written."""
    rule.check(source, names)
    source, columns, notes = read_input_columns(source, names, (*ignore, *rule.left_out(source)), kinds)
    return source, columns, notes, rule.written(source, columns)


def _leaks(
    rows: LabelledRows, task: Task, targets: tuple[str, ...], columns: tuple[ColumnSchema, ...]
) -> list[Finding]:
    """A finding for each column that gives the target away."""
    used = [column.name for column in columns if column.used]
    return leaking_columns(rows.source, rows.values, task, targets, used)


def _diagnosis(
    parts: tuple[LabelledRows | None, ...], task: Task, columns: Sequence[ColumnSchema], leaks: list[Finding]
) -> dict[str, Any]:
    """The fields of `Prepared` that say what is wrong with the rows, how they are distributed and called."""
    names, as_training = input_names(columns), parts_of(*parts)
    profile = profile_of(input_frame(as_training["training"].source, names))
    findings = (*leaks, *findings_of_parts(as_training, task, names, profile))
    profile["trained_rows"] = trained_rows(digests(part.source, columns, part.values) for part in parts[:2] if part)
    return {"findings": findings, "profile": profile, "indexed": as_training["training"].indexed}


def parts_of(*parts: LabelledRows | None) -> dict[str, LabelledRows]:
    """The training, validation and test rows that there are, by name."""
    named = zip(("training", "validation", "test"), parts, strict=True)
    return {name: part for name, part in named if part is not None}


def _checked_parts(
    outputs: TargetEncoder,
    loss: Loss | None,
    rule: SplitRule,
    parts: tuple[LabelledRows | None, ...],
    rows: LabelledRows,
    columns: tuple[ColumnSchema, ...],
) -> list[str]:
    """What to say of the training, validation and test rows, whose targets the loss takes, and of all drawn rows.

    Raises:
        InputError: it does not take one of them.
    """
    with rows_called(rows.indexed):
        notes = [*far_target_notes(outputs, rows.values, rows.row_numbers), *rule_notes(rule, parts)]
    there = parts_of(*parts)
    notes += absent_class_notes(there) if outputs.task.classes else []
    if rule.column is None and "test" in there and sum(len(part.values) for part in there.values()) == len(rows.values):
        notes += time_notes(rows.source, columns)
    notes += repeat_notes(there, outputs.task.is_classifier, by_chance=rule.column is None)
    if are_texts(columns):
        notes += repeated_text_notes(there, columns, outputs.task.is_classifier)
    for part in parts:
        if part is not None and loss is not None:
            with rows_called(part.indexed):
                outputs.check_range(part.values, loss, part.row_numbers)
    return notes + [note for part in parts[1:] if part is not None for note in part.notes]


def _encoded_parts(
    training: LabelledRows,
    validation: LabelledRows | None,
    test: LabelledRows | None,
    encoder: Encoder,
    outputs: TargetEncoder,
    dtype: Any,
    grouping: tuple[str | None, tuple[ColumnSchema, ...]],
) -> dict[str, Any]:
    """The fields of `Prepared` that hold encoded rows, their numbers and labels, and the encoders.

    Parameters:
        grouping: the column of groups, or None, and the schema of all columns.
    """
    groups = groups_of_rows(training.source, *grouping)
    inference_encoder = encoder.with_spline_basis() if encoder.piecewise_linear else encoder
    validation_set = _encoded(validation, encoder, outputs, dtype, clip=True)
    test_set = _encoded(test, inference_encoder, outputs, dtype, later=True)
    evaluation_set = test_set or validation_set
    if test_set is None and (inference_encoder is not encoder or outputs.limits):
        evaluation_set = _encoded(validation, inference_encoder, outputs, dtype)
    return {
        "train": replace(_encoded(training, encoder, outputs, dtype, clip=True), groups=groups),
        "validation": validation_set,
        "test": test_set,
        "evaluation_set": evaluation_set,
        "train_rows": training.row_numbers,
        "validation_rows": None if validation is None else validation.row_numbers,
        "test_rows": None if test is None else test.row_numbers,
        "test_labels": None if test is None else test.values,
        "test_names": None if test is None else names_for_mistakes(test.source, encoder),
        "encoder": encoder,
        "inference_encoder": inference_encoder,
        "target": outputs,
    }


def _task(
    rows: LabelledRows,
    task: str | Task | None,
    names: tuple[str, ...],
    positive: Any,
    loss: Loss | None,
) -> tuple[Task, list[str]]:
    """The task, with its classes in the order of the target column where that has one, and notes on it."""
    if isinstance(task, Task):
        resolved, reason = with_positive(task, positive), "as requested"
    else:
        resolved, reason = explain_task(rows.values, task, names, rows.row_numbers)
        resolved = with_positive(with_column_order(resolved, rows.source), positive)
    rare = class_notes(rows.values, resolved.target_names[0]) if resolved.classes else ()
    notes = [f"Task: {resolved.kind} ({reason}).", *positive_notes(resolved), *rare]
    if loss is not None and loss.levels and resolved.kind == "regression":
        resolved = quantile_task(resolved.target_names, loss.levels)
    return resolved, notes


def _opened(
    source: Any, target: Any, task: Task | None, kinds: Mapping[str, str] | None
) -> tuple[Source, tuple[str, ...], Any]:
    """The opened source, the names of its targets and, where they stand beside it, the target values."""
    if task is not None:
        return with_decimals(open_source(source), kinds), task.target_names, target
    opened, names = open_with_target(source, target)
    return with_decimals(opened, kinds), names, None


@overload
def _encoded(
    part: LabelledRows, encoder: Encoder, outputs: TargetEncoder, dtype: Any, *, clip: bool = False, later: bool = False
) -> Rows: ...
@overload
def _encoded(
    part: None, encoder: Encoder, outputs: TargetEncoder, dtype: Any, *, clip: bool = False, later: bool = False
) -> None: ...
def _encoded(
    part: LabelledRows | None,
    encoder: Encoder,
    outputs: TargetEncoder,
    dtype: Any,
    *,
    clip: bool = False,
    later: bool = False,
) -> Rows | None:
    """The rows as a network takes them, to learn from or to measure on; None for none.

    Parameters:
        clip: whether targets far from all others are clipped, as they are in training.
        later: whether features of texts are made when they are first read, so that they take no memory until then.
    """
    if part is None:
        return None
    weights = None if part.weight is None else part.weight.astype(dtype)
    with rows_called(part.indexed, part.row_numbers):
        options = {"later": later} if isinstance(encoder, TableEncoder) else {}
        inputs = encoder.encode(part.source, dtype, **options)
    if not clip and outputs.task.kind == "regression" and usual_ranges(outputs.numbers(part.values)):
        dtype = np.float64  # in which metrics are computed
    with rows_called(part.indexed):
        targets = outputs.transform(part.values, part.row_numbers, dtype, clip)
    return Rows(inputs, targets, weights)
