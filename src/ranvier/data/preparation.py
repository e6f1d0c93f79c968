"""From a source to encoded training, validation and test rows in one call: split first, then encode.

B is the number of rows, N the number of target columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ranvier.data.canonical_order import canonical_order, repeats
from ranvier.data.encoders import fit_encoder
from ranvier.data.encoders.array import ArrayEncoder
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.encoders.table import TableEncoder
from ranvier.data.encoders.target import TargetEncoder, explain_task, fit_target
from ranvier.data.encoders.target_values import Values, missing_rows, plain_values
from ranvier.data.schema import ColumnSchema, infer_schema
from ranvier.data.sources import open_source
from ranvier.data.sources.source import Source
from ranvier.data.target_column import (
    check_column,
    check_target_range,
    has_thousands,
    restore_integers,
    target_values,
)
from ranvier.errors import DataError, InputError
from ranvier.network.losses import Loss
from ranvier.network.task import Task
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.rows.split import split_rows
from ranvier.rows.weights import weight_array

MAX_NUMBER_COLUMNS = 1000
"""Up to so many columns of an array are numbers without a look at them; in wider arrays constant ones are dropped."""


@record(eq=False)
class Prepared:
    """Everything that training needs from the data, and what the user should know about it.

    Fields:
        train, validation, test: encoded rows; None for a part that was not asked for.
        train_rows, validation_rows, test_rows: the numbers of these rows in the source, counted from 0. Validation
            rows from a source of their own are numbered in that source.
        test_labels: the targets of the test rows before encoding, shape (B,) or (B, N), or None.
        evaluation_set: the test rows or, where there are none, the validation rows, as the finished model encodes
            them.
        encoder: rows -> inputs, learned from the training rows.
        inference_encoder: the encoder of the finished model: linear spline bases in place of the piecewise-linear
            encodings of `encoder`, else the same.
        target: target values -> outputs and back, learned from the training rows.
        columns: what each column of a table holds; empty for arrays.
        notes: what the user should know, one sentence each; the first says how the task was inferred.
        origin: where the data came from.
    """

    train: Rows
    validation: Rows | None
    test: Rows | None
    train_rows: NDArray[np.int64]
    validation_rows: NDArray[np.int64] | None
    test_rows: NDArray[np.int64] | None
    test_labels: NDArray[Any] | None
    evaluation_set: Rows | None
    encoder: TableEncoder | ArrayEncoder
    inference_encoder: TableEncoder | ArrayEncoder
    target: TargetEncoder
    columns: tuple[ColumnSchema, ...]
    notes: tuple[str, ...]
    origin: str

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
    loss: Loss | None = None,
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
        canonical: whether the rows for training and validation are put in `canonical_order`; False keeps the order
            of the source, as version 0.1 did.
        loss: which says how targets are scaled and which it takes; None for the squared error.

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
    opened, names = (open_source(source), task_record.target_names) if task_record else _with_target(source, target)
    in_table, target_array = bool(opened.column_names) and not task_record, target if task_record else None
    if features is not None and not opened.column_names:
        target_array = target_values(opened) if target_array is None else target_array
        opened = _as_columns(opened)
    fractions = _fractions(validation if validation_source is None else 0.0, test if test_source is None else 0.0)
    row_numbers = None
    if canonical and weight is not None:
        opened, target_array, weight, row_numbers = _weighted(opened, names, target_array, weight, fractions[2] == 0.0)
    target_columns = names if target_array is None else ()
    columns, notes = _columns(opened, target_columns, ignore)
    rows = _rows_with_target(opened, names, target_array, weight, row_numbers)
    resolved, reason = (task_record, "as requested") if task_record else explain_task(rows.values, task, names)  # type: ignore[arg-type]
    notes = [f"Task: {resolved.kind} ({reason}).", *rows.notes, *opened.notes, *notes]
    min_rows = 1 if task_record else max(2, len(resolved.classes))
    training, validation_part, test_part = _divided(
        rows, fractions, seed, TargetEncoder(resolved), min_rows, columns if canonical else None
    )
    encoder = fit_encoder(training.source, columns or None, target_columns, features)
    outputs = fit_target(training.values, resolved, row_numbers=training.row_numbers, loss=loss)
    inference_encoder = encoder.with_spline_basis() if encoder.piecewise_linear else encoder
    columns_of_part = names if in_table else None
    validation_part = _rows_of_source(validation_source, columns_of_part, names, "Validation") or validation_part
    test_part = _rows_of_source(test_source, columns_of_part, names, "Test") or test_part
    parts = [part for part in (training, validation_part, test_part) if part is not None]
    notes += [note for part in parts[1:] for note in part.notes]
    for part in parts if loss is not None else ():
        outputs.check_range(part.values, loss, part.row_numbers)
    validation_set, test_set = (_encoded(part, encoder, outputs) for part in (validation_part, test_part))
    evaluation_set = test_set or validation_set
    if inference_encoder is not encoder:
        evaluation_set = _encoded(test_part or validation_part, inference_encoder, outputs)
    return Prepared(
        train=_encoded(training, encoder, outputs),
        validation=validation_set,
        test=test_set,
        train_rows=training.row_numbers,
        validation_rows=None if validation_part is None else validation_part.row_numbers,
        test_rows=None if test_part is None else test_part.row_numbers,
        test_labels=None if test_part is None else test_part.values,
        evaluation_set=evaluation_set,
        encoder=encoder,
        inference_encoder=inference_encoder,
        target=outputs,
        columns=columns,
        notes=tuple(notes),
        origin=opened.origin,
    )


def _as_columns(source: Source) -> Source:
    """Floating-point arrays as a table of numbers, whose columns can be expanded; uint8 arrays unchanged.

    Raises:
        InputError: the rows are sparse.
    """
    if source.is_sparse:
        raise InputError(
            "The data are sparse rows, which are numbers already, and this recipe expands the columns of tables; take "
            "recipe='auto', or give an array, X.toarray()."
        )
    return source.as_table("number" if source.inputs.shape[1] <= MAX_NUMBER_COLUMNS else None)


def _columns(
    source: Source, names: tuple[str, ...], ignore: str | Iterable[str]
) -> tuple[tuple[ColumnSchema, ...], list[str]]:
    """The schema, and a note on each column that is dropped; nothing for arrays."""
    ignored = (ignore,) if isinstance(ignore, str) else tuple(ignore)
    if not source.column_names:
        if ignored:
            raise InputError(f"{source.origin} has no column names, so {ignored[0]!r} cannot be ignored.")
        return (), []
    for name in names:
        check_column(source, name)
    columns = infer_schema(source.frame, dict.fromkeys((*names, *ignored)), source.kinds)
    notes = [f'Column "{column.name}" is dropped: {column.reason}.' for column in columns if not column.used]
    with_commas = [column.name for column in columns if column.thousands_separator] + [
        name for name in names if has_thousands(source, name)
    ]
    if with_commas:
        shown = ", ".join(with_commas[:5]) + (" and more" if len(with_commas) > 5 else "")
        notes.append(f"Commas between thousands, such as 1,234 for 1234, were read in: {shown}.")
    return columns, notes


def _with_target(source: Any, target: Any) -> tuple[Source, tuple[str, ...]]:
    """The opened source and the names of its target columns."""
    several = isinstance(target, (list, tuple)) and bool(target) and all(isinstance(name, str) for name in target)
    opened = open_source(source, None if several else target)
    if several and not opened.column_names:
        raise InputError(
            f"{opened.origin} holds plain arrays without column names; give the target values as an array."
        )
    names = tuple(target) if several else opened.target_names
    if not names:
        shown = ", ".join(opened.frame.columns[:20]) + (" ..." if opened.frame.width > 20 else "")
        raise InputError(
            f"Say which column of {opened.origin} is the target, --target COLUMN. Its columns are: {shown}."
        )
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InputError(f'The target column "{repeated}" is given twice.')
    return opened, names


@record(eq=False)
class _RowsWithTarget:
    """Rows that have a target: their source, targets, weights, row numbers, and a note on those left out."""

    source: Source
    values: Values
    weight: NDArray[np.float64] | None
    row_numbers: NDArray[np.int64]
    notes: tuple[str, ...] = ()

    def take(self, rows: NDArray[np.int64]) -> _RowsWithTarget:
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        return _RowsWithTarget(self.source.take(rows), self.values[rows], weight, self.row_numbers[rows])


@overload
def _encoded(part: _RowsWithTarget, encoder: TableEncoder | ArrayEncoder, outputs: TargetEncoder) -> Rows: ...
@overload
def _encoded(part: None, encoder: TableEncoder | ArrayEncoder, outputs: TargetEncoder) -> None: ...
def _encoded(part: _RowsWithTarget | None, encoder: TableEncoder | ArrayEncoder, outputs: TargetEncoder) -> Rows | None:
    """The rows as a network takes them; None for none."""
    if part is None:
        return None
    weights = None if part.weight is None else part.weight.astype(np.float32)
    return Rows(encoder.encode(part.source), outputs.transform(part.values, part.row_numbers), weights)


def _weighted(
    source: Source, names: tuple[str, ...], target_array: Any, weight: Any, repeat: bool
) -> tuple[Source, Any, NDArray[np.float64] | None, NDArray[np.int64]]:
    """The rows, target values and weights without the rows of weight 0, and the numbers of these rows.

    Parameters:
        repeat: whether rows are repeated for integer weights, so that everything is inferred from repeated rows; not
            before test rows are drawn, since a row must not be in two parts.
    """
    weights = weight_array(weight, source.rows)
    values = None if target_array is None else plain_values(target_array, names)
    _check_length("target values", values, source)
    row_numbers = np.flatnonzero(weights)
    counts = repeats(weights[row_numbers]) if repeat else None
    if counts is not None:
        row_numbers = np.repeat(row_numbers, counts)
    values = None if values is None else values[row_numbers]
    return source.take(row_numbers), values, None if counts is not None else weights[row_numbers], row_numbers


def _check_length(name: str, values: Values | None, source: Source) -> None:
    """Raise a `DataError` unless there are as many values as rows."""
    if values is not None and len(values) != source.rows:
        raise DataError(f"There are {len(values)} {name} and {source.rows} rows in {source.origin}.")


def _rows_with_target(
    source: Source, names: tuple[str, ...], target_array: Any = None, weight: Any = None, row_numbers: Any = None
) -> _RowsWithTarget:
    """The rows that have a target, which stands in the source or is target_array beside it."""
    values = target_values(source, names) if target_array is None else plain_values(target_array, names)
    weights = None if weight is None else weight_array(weight, source.rows)
    _check_length("target values", values, source)
    check_target_range(values, names)
    missing = missing_rows(values)
    count = int(missing.sum())
    rows = _RowsWithTarget(source, values, weights, np.arange(len(values)) if row_numbers is None else row_numbers)
    if count == 0:
        return rows
    if count == len(values):
        raise InputError(f'Every row of the target column "{names[0]}" is missing. Choose another target column.')
    rows = rows.take(np.flatnonzero(~missing))
    if values.dtype.kind == "f" and values.ndim == 1 and source.column_names and target_array is None:
        rows = replace(rows, values=restore_integers(source, names[0], rows.values))
    what = "1 row was" if count == 1 else f"{count:,} rows were"
    return replace(rows, notes=(f"{what} left out because the target is missing.",))


def _rows_of_source(
    source: Any, columns: tuple[str, ...] | None, names: tuple[str, ...], part: str
) -> _RowsWithTarget | None:
    """The labelled rows of a separate source, or of a tuple of rows, target values and perhaps weights; None for None.

    Parameters:
        part: what the rows are for, which their notes begin with.
    """
    if source is None:
        return None
    if isinstance(source, tuple):
        rows = _rows_with_target(open_source(source[0]), names, *source[1:])
    else:
        rows = _rows_with_target(*_with_target(source, columns))
    return replace(rows, notes=tuple(f"{part} rows: {note}" for note in rows.notes))


def _fractions(validation: float, test: float) -> tuple[float, float, float]:
    for name, fraction in (("validation", validation), ("test", test)):
        if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0.0 <= fraction < 1.0:
            raise InputError(f"{name} is {fraction!r}; a fraction of the rows from 0 to below 1 was expected.")
    if validation + test >= 1.0:
        raise InputError(f"validation {validation:g} and test {test:g} leave no rows to learn from.")
    return 1.0 - validation - test, float(validation), float(test)


def _divided(
    rows: _RowsWithTarget,
    fractions: tuple[float, float, float],
    seed: int,
    target: TargetEncoder,
    min_rows: int,
    columns: tuple[ColumnSchema, ...] | None,
) -> tuple[_RowsWithTarget, _RowsWithTarget | None, _RowsWithTarget | None]:
    """Training, validation and test rows. Test rows are drawn first; the others are put in canonical order.

    Parameters:
        columns: the columns of a table, empty for arrays; None leaves rows in the order in which they stand.
    """
    if columns is None:
        parts = [rows.take(index) for index in _split(rows, fractions, seed, target, min_rows)]
    else:
        others, test = (
            rows.take(index) for index in _split(rows, (1.0 - fractions[2], fractions[2]), seed, target, min_rows)
        )
        index, weight = canonical_order(others.source, others.values, others.weight, columns or None)
        ordered = replace(others.take(index), weight=weight)
        fraction = fractions[1] / (1.0 - fractions[2])
        parts = [ordered.take(at) for at in _split(ordered, (1.0 - fraction, fraction), seed, target, min_rows)] + [
            test
        ]
    training, validation, test = parts
    return training, validation if len(validation.values) else None, test if len(test.values) else None


def _split(
    rows: _RowsWithTarget, fractions: tuple[float, ...], seed: int, target: TargetEncoder, min_rows: int
) -> tuple[NDArray[np.int64], ...]:
    """Row numbers of the parts; the first one needs at least `min_rows` rows."""
    labels = target.class_index(rows.values, rows.row_numbers) if target.task.is_classifier else None
    parts = split_rows(len(rows.values), fractions, seed, labels)
    short = any(fraction > 0 and len(part) == 0 for fraction, part in zip(fractions, parts, strict=True))
    if short or len(parts[0]) < min_rows:
        raise InputError(
            f"{rows.source.origin} has {len(rows.values)} rows with a target, which leaves {len(parts[0])} to learn "
            f"from; at least {min_rows} are needed. Give more rows, or make the validation and test fractions smaller."
        )
    return parts
