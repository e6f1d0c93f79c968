"""From a source to encoded training, validation and held-out rows in one call: split first, then encode.

B is the number of rows, N the number of target columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders import fit_encoder
from ranvier.data.encoders.array import ArrayEncoder
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.encoders.table import TableEncoder
from ranvier.data.encoders.target import TargetEncoder, explain_task, fit_target
from ranvier.data.encoders.target_values import Values, missing_rows, plain_values
from ranvier.data.schema import ColumnSchema, infer_schema
from ranvier.data.sources import open_source
from ranvier.data.sources.frames import named_columns
from ranvier.data.sources.source import Arrays, Source, Table
from ranvier.data.target_column import check_column, check_range, has_thousands, restore_integers, target_values
from ranvier.errors import DataError, InputError
from ranvier.network.task import Task
from ranvier.records import record
from ranvier.rows import CSR, Rows
from ranvier.rows.arrays import unmasked
from ranvier.rows.split import split_rows


@record(eq=False)
class Prepared:
    """Everything that training needs from the data, and what a person should know about it.

    Fields:
        train, validation, held_out: encoded rows; None for a part that was not asked for.
        train_rows, validation_rows, held_out_rows: the numbers of these rows in the source, counted from 0. Validation
            rows from a source of their own are numbered in that source.
        held_out_labels: the targets of the held-out rows as they were found, shape (B,) or (B, N), or None.
        evaluation_set: the held-out rows or, where there are none, the validation rows, as the finished model encodes
            them.
        encoder: rows -> inputs, learned from the training rows.
        inference_encoder: the encoder of the finished model: linear spline bases in place of the piecewise-linear
            encodings of `encoder`, else the same.
        target: target values -> outputs and back, learned from the training rows.
        columns: what each column of a table holds; empty for arrays.
        notes: what a person should know, one sentence each; the first says how the task was chosen.
        origin: where the data came from.
    """

    train: Rows
    validation: Rows | None
    held_out: Rows | None
    train_rows: NDArray[np.int64]
    validation_rows: NDArray[np.int64] | None
    held_out_rows: NDArray[np.int64] | None
    held_out_labels: NDArray[Any] | None
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
) -> Prepared:
    """Open, split, infer and encode.

    Parameters:
        source: anything that `open_source` reads.
        target: the name of the column to predict, several names, or an array of target values; None for the default
            target of a named set or the targets of arrays.
        task: "binary", "multiclass", "multilabel" or "regression"; None to infer it from the target; or a Task for
            target values that stand beside the source and are its classes or numbers as they are.
        validation: the share of the rows that training watches, from 0 to below 1.
        test: the share of the rows that training never sees.
        seed: of the split.
        ignore: columns that are no inputs.
        validation_source: rows for validation from another source, with their target in them, or a tuple of rows and
            target values, or of rows, target values and weights; then `validation` is not used.
        test_source: test rows from another source, given like `validation_source`.
        weight: how much each row counts, shape (B,); None where all count the same.
        features: how far the columns are spelled out; None for one number a number.

    Raises:
        DataError: the data cannot be read or encoded, or a column does not exist.
        InputError: no target is given, the target cannot be learned, or there are too few rows.

    >>> prepared = prepare("iris")
    >>> prepared.train.inputs.shape, len(prepared.validation), len(prepared.held_out)
    ((105, 4), 15, 30)
    >>> prepared.task.classes
    ('setosa', 'versicolor', 'virginica')
    """
    whole = task if isinstance(task, Task) else None
    opened, names = _with_target(source, target) if whole is None else (open_source(source), whole.target_names)
    own, beside = isinstance(opened, Table) and not whole, target if whole else None
    if features is not None and isinstance(opened, Arrays):
        beside = target_values(opened) if beside is None else beside
        opened = _as_columns(opened)
    inside = names if beside is None else ()
    columns, notes = _columns(opened, inside, (ignore,) if isinstance(ignore, str) else tuple(ignore))
    rows = _labelled(opened, names, beside, weight)
    chosen, reason = (whole, "as asked") if whole else explain_task(rows.values, task, names)  # type: ignore[arg-type]
    notes = [f"Task: {chosen.kind} ({reason}).", *rows.notes, *opened.notes, *notes]
    shares = _shares(validation if validation_source is None else 0.0, test if test_source is None else 0.0)
    fewest = 1 if whole else max(2, len(chosen.classes))
    parts = _split(rows, shares, seed, TargetEncoder(chosen), fewest)
    learned = rows.take(parts[0])
    watched, kept = (rows.take(index) if len(index) else None for index in parts[1:])
    encoder = fit_encoder(learned.source, columns or None, inside, features)
    outputs = fit_target(learned.values, chosen, places=learned.places)
    inference_encoder = encoder.with_spline_basis() if encoder.piecewise_linear else encoder
    given = names if own else None
    watched = watched if validation_source is None else _labelled_source(validation_source, given, names, "Validation")
    kept = kept if test_source is None else _labelled_source(test_source, given, names, "Test")
    notes += [note for part in (watched, kept) for note in (() if part is None else part.notes)]
    validation_set, held_out_set = (_encoded(part, encoder, outputs) for part in (watched, kept))
    same = inference_encoder is encoder
    return Prepared(
        train=_encoded(learned, encoder, outputs),
        validation=validation_set,
        held_out=held_out_set,
        train_rows=learned.places,
        validation_rows=None if watched is None else watched.places,
        held_out_rows=None if kept is None else kept.places,
        held_out_labels=None if kept is None else kept.values,
        evaluation_set=held_out_set or validation_set
        if same
        else _encoded(kept or watched, inference_encoder, outputs),
        encoder=encoder,
        inference_encoder=inference_encoder,
        target=outputs,
        columns=columns,
        notes=tuple(notes),
        origin=opened.origin,
    )


def _as_columns(arrays: Arrays) -> Source:
    """Floating-point arrays as a table, whose columns can be expanded; pixels stay as they are.

    Raises:
        InputError: the rows are sparse.
    """
    if isinstance(arrays.inputs, CSR):
        raise InputError(
            "The data are sparse rows, which are numbers already, and this recipe expands the columns of tables; take "
            "recipe='auto', or give an array, X.toarray()."
        )
    return named_columns(arrays) if arrays.inputs.dtype.kind == "f" else arrays


def _columns(
    source: Source, names: tuple[str, ...], ignored: tuple[str, ...]
) -> tuple[tuple[ColumnSchema, ...], list[str]]:
    """What each column holds, and a note on each that is set aside; nothing for arrays."""
    if isinstance(source, Arrays):
        if ignored:
            raise InputError(f"{source.origin} has no column names, so {ignored[0]!r} cannot be ignored.")
        inputs = source.inputs
        if not isinstance(inputs, CSR) and inputs.dtype.kind == "f" and np.isnan(inputs).all():
            raise DataError(
                f"The inputs of {source.origin} hold no number, only NaN, so there is nothing to learn from."
            )
        return (), []
    for name in names:
        check_column(source, name)
    columns = infer_schema(source.frame, dict.fromkeys((*names, *ignored)), source.kinds)
    notes = [f'Column "{plan.name}" is dropped: {plan.reason}.' for plan in columns if not plan.used]
    parted = [plan.name for plan in columns if plan.thousands_separator] + [
        name for name in names if has_thousands(source, name)
    ]
    if parted:
        shown = ", ".join(parted[:5]) + (" and more" if len(parted) > 5 else "")
        notes.append(f"Commas between thousands, such as 1,234 for 1234, were read in: {shown}.")
    return columns, notes


def _with_target(source: Any, target: Any) -> tuple[Source, tuple[str, ...]]:
    """The opened source and the names of its target columns."""
    several = isinstance(target, (list, tuple)) and bool(target) and all(isinstance(name, str) for name in target)
    opened = open_source(source, None if several else target)
    if isinstance(opened, Arrays):
        if several:
            raise InputError(
                f"{opened.origin} holds plain arrays without column names; give the target values as an array."
            )
        columns = 1 if opened.targets is None or opened.targets.ndim == 1 else opened.targets.shape[1]
        return opened, ("y",) if columns == 1 else tuple(f"y{place}" for place in range(columns))
    names = tuple(target) if several else (opened.target,) if opened.target is not None else ()
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
class _Labelled:
    """Rows that have a target: their source, targets, weights and places there, and a note on the rows left out."""

    source: Source
    values: Values
    weight: NDArray[np.float32] | None
    places: NDArray[np.int64]
    notes: tuple[str, ...] = ()

    def take(self, rows: NDArray[np.int64]) -> _Labelled:
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        return _Labelled(self.source.take(rows), self.values[rows], weight, self.places[rows])


@overload
def _encoded(part: _Labelled, encoder: TableEncoder | ArrayEncoder, outputs: TargetEncoder) -> Rows: ...
@overload
def _encoded(part: None, encoder: TableEncoder | ArrayEncoder, outputs: TargetEncoder) -> None: ...
def _encoded(part: _Labelled | None, encoder: TableEncoder | ArrayEncoder, outputs: TargetEncoder) -> Rows | None:
    """The rows as a network takes them; None for none."""
    if part is None:
        return None
    return Rows(encoder.transform(part.source), outputs.transform(part.values, part.places), part.weight)


def _labelled(source: Source, names: tuple[str, ...], given: Any = None, weight: Any = None) -> _Labelled:
    """The rows that have a target, which stands in the source or is given beside it."""
    values = target_values(source, names) if given is None else plain_values(given, names)
    weights = None if weight is None else np.ascontiguousarray(unmasked(weight), np.float32)
    for what, array in (("target values", values), ("weights", weights)):
        if array is not None and len(array) != source.rows:
            raise DataError(f"There are {len(array)} {what} and {source.rows} rows in {source.origin}.")
    check_range(values, names)
    gone = missing_rows(values)
    count = int(gone.sum())
    rows = _Labelled(source, values, weights, np.arange(len(values)))
    if count == 0:
        return rows
    if count == len(values):
        raise InputError(f'Every row of the target column "{names[0]}" is missing. Choose another target column.')
    rows = rows.take(np.flatnonzero(~gone))
    if values.dtype.kind == "f" and values.ndim == 1 and isinstance(source, Table) and given is None:
        rows = replace(rows, values=restore_integers(source, names[0], rows.values))
    what = "1 row was" if count == 1 else f"{count:,} rows were"
    return replace(rows, notes=(f"{what} left out because the target is missing.",))


def _labelled_source(source: Any, columns: tuple[str, ...] | None, names: tuple[str, ...], part: str) -> _Labelled:
    """The labelled rows of a separate source, or of a tuple of rows, target values and perhaps weights.

    Parameters:
        part: what the rows are for, which their notes begin with.
    """
    if isinstance(source, tuple):
        rows = _labelled(open_source(source[0]), names, *source[1:])
    else:
        rows = _labelled(*_with_target(source, columns))
    return replace(rows, notes=tuple(f"{part} rows: {note}" for note in rows.notes))


def _shares(validation: float, test: float) -> tuple[float, float, float]:
    for name, share in (("validation", validation), ("test", test)):
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0.0 <= share < 1.0:
            raise InputError(f"{name} is {share!r}; a share of the rows from 0 to below 1 was expected.")
    if validation + test >= 1.0:
        raise InputError(f"validation {validation:g} and test {test:g} leave no rows to learn from.")
    return 1.0 - validation - test, float(validation), float(test)


def _split(
    rows: _Labelled, shares: tuple[float, float, float], seed: int, target: TargetEncoder, fewest: int
) -> tuple[NDArray[np.int64], ...]:
    """Row numbers for training, validation and held-out rows; `fewest` are needed to learn from."""
    labels = target.class_index(rows.values, rows.places) if target.task.is_classifier else None
    parts = split_rows(len(rows.values), shares, seed, labels)
    short = any(share > 0 and len(part) == 0 for share, part in zip(shares, parts, strict=True))
    if short or len(parts[0]) < fewest:
        raise InputError(
            f"{rows.source.origin} has {len(rows.values)} rows with a target, which leaves {len(parts[0])} to learn "
            f"from; at least {fewest} are needed. Give more rows, or set smaller shares aside."
        )
    return parts
