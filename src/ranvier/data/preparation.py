"""From a source to encoded training, validation and held-out rows in one call: split first, then encode.

B is the number of rows, N the number of target columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.columns import ColumnPlan, infer_columns
from ranvier.data.dataset import Dataset, split_rows
from ranvier.data.encoders import fit_encoder
from ranvier.data.encoders.array import ArrayEncoder
from ranvier.data.encoders.labels import Values, missing_rows, plain_values
from ranvier.data.encoders.table import Encoder
from ranvier.data.encoders.target import TargetEncoder, explain_task, fit_target
from ranvier.data.sources import open_source
from ranvier.data.sources.records import Arrays, Source, Table
from ranvier.errors import DataError, InputError, nearest, opening
from ranvier.network.task import Task


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """Everything that training needs from the data, and what a person should know about it.

    Fields:
        train, validation, held_out: encoded rows; None for a part that was not asked for.
        train_rows, validation_rows, held_out_rows: the numbers of these rows in the source, counted from 0. Validation
            rows from a source of their own are numbered in that source.
        held_out_labels: the targets of the held-out rows as they were found, shape (B,) or (B, N), or None.
        encoder: rows -> inputs, learned from the training rows.
        target: target values -> outputs and back, learned from the training rows.
        columns: what each column of a table holds; empty for arrays.
        notes: what a person should know, one sentence each; the first says how the task was chosen.
        origin: where the data came from.
    """

    train: Dataset
    validation: Dataset | None
    held_out: Dataset | None
    train_rows: NDArray[np.int64]
    validation_rows: NDArray[np.int64] | None
    held_out_rows: NDArray[np.int64] | None
    held_out_labels: NDArray[Any] | None
    encoder: Encoder | ArrayEncoder
    target: TargetEncoder
    columns: tuple[ColumnPlan, ...]
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
    held_out: float = 0.2,
    seed: int = 0,
    ignore: Iterable[str] = (),
    validation_source: Any = None,
) -> Prepared:
    """Open, split, infer and encode.

    Parameters:
        source: anything that `open_source` reads.
        target: the name of the column to predict, several names, or an array of target values; None for the default
            target of a named set or the targets of arrays.
        task: "binary", "classes", "multilabel" or "regression"; None to infer it from the target.
        validation: the share of the rows that training watches, from 0 to below 1.
        held_out: the share of the rows that training never sees.
        seed: of the split.
        ignore: columns that are no inputs.
        validation_source: rows for validation from another source; then `validation` is not used.

    Raises:
        DataError: the data cannot be read or encoded, or a column does not exist.
        InputError: no target is given, the target cannot be learned, or there are too few rows.

    >>> prepared = prepare("iris")
    >>> prepared.train.X.shape, prepared.validation.rows, prepared.held_out.rows
    ((105, 4), 15, 30)
    >>> prepared.task.classes
    ('setosa', 'versicolor', 'virginica')
    """
    opened, names = _with_target(source, target)
    columns, notes = _columns(opened, names, (ignore,) if isinstance(ignore, str) else tuple(ignore))
    opened, values, dropped = _labelled(opened, names)
    chosen, reason = explain_task(values, task.kind if isinstance(task, Task) else task, names)
    notes = [f"Task: {chosen.kind} ({reason}).", *dropped, *opened.notes, *notes]
    shares = _shares(validation if validation_source is None else 0.0, held_out)
    parts = _split(values, shares, seed, TargetEncoder(chosen), opened.origin)
    learned = _take(opened, parts[0])
    encoder = fit_encoder(learned, columns or None, names)
    outputs = fit_target(values[parts[0]], chosen)

    def encode(rows: Source, labels: Values) -> Dataset:
        return Dataset(encoder.transform(rows), outputs.transform(labels))

    watched, kept = (index if len(index) else None for index in parts[1:])
    validation_set = None if watched is None else encode(_take(opened, watched), values[watched])
    if validation_source is not None:
        other = _with_target(validation_source, names if isinstance(opened, Table) else None)[0]
        other, labels, lost = _labelled(other, names)
        validation_set, watched = encode(other, labels), np.arange(other.rows)
        notes += [f"Validation rows: {note}" for note in lost]
    return Prepared(
        train=encode(learned, values[parts[0]]),
        validation=validation_set,
        held_out=None if kept is None else encode(_take(opened, kept), values[kept]),
        train_rows=parts[0],
        validation_rows=watched,
        held_out_rows=kept,
        held_out_labels=None if kept is None else values[kept],
        encoder=encoder,
        target=outputs,
        columns=columns,
        notes=tuple(notes),
        origin=opened.origin,
    )


def _columns(
    source: Source, names: tuple[str, ...], ignored: tuple[str, ...]
) -> tuple[tuple[ColumnPlan, ...], list[str]]:
    """What each column holds, and a note on each that is set aside; nothing for arrays."""
    if isinstance(source, Arrays):
        if ignored:
            raise InputError(f"{source.origin} has no column names, so {ignored[0]!r} cannot be ignored.")
        if source.inputs.dtype.kind == "f" and np.isnan(source.inputs).all():
            raise DataError(
                f"The inputs of {source.origin} hold no number, only NaN, so there is nothing to learn from."
            )
        return (), []
    for name in names:
        _check_column(source, name)
    columns = infer_columns(source.frame, dict.fromkeys((*names, *ignored)))
    return columns, [f'Column "{plan.name}" is set aside: {plan.reason}.' for plan in columns if not plan.used]


def _check_column(table: Table, name: str) -> None:
    if name not in table.frame.columns:
        hint = nearest(name, table.frame.columns, "Its columns are")
        raise DataError(f'{opening(table.origin)} has no column "{name}". {hint}')


def target_values(source: Source, names: Sequence[str] = ()) -> Values:
    """The target values of a source as they were found: booleans, whole numbers, numbers or text.

    Text that is all numbers becomes numbers, unless it is written with leading zeros.

    Parameters:
        source: a Table, or Arrays with targets.
        names: the target columns of a table.

    Returns shape (B,), or (B, N) for several columns; NaN or None where a value is missing.

    Raises:
        DataError: a column does not exist, holds dates, or holds text beside other target columns.

    >>> target_values(open_source({"age": [39, 50], "income": ["0", "1"]}), ["income"]).tolist()
    [0, 1]
    """
    if isinstance(source, Arrays):
        if source.targets is None:
            raise InputError(f"{source.origin} holds inputs and no targets. Give the target values as an array.")
        return plain_values(source.targets)
    columns = []
    for name in names:
        _check_column(source, name)
        columns.append(_column_values(source, name))
    if len(columns) == 1:
        return columns[0]
    wrong = next((name for name, column in zip(names, columns, strict=True) if column.dtype.kind == "O"), None)
    if wrong is not None:
        raise DataError(f'The target column "{wrong}" holds text; with several target columns each must hold numbers.')
    return np.stack(columns, axis=1)


def _column_values(table: Table, name: str) -> Values:
    from ranvier.data import cells as read

    series = table.frame[name]
    read.check_dtype(series)
    if series.dtype.is_temporal():
        raise DataError(f'The target column "{name}" holds dates or times; labels or numbers were expected.')
    if not read.is_text(series):
        return plain_values(series.to_list() if series.dtype.is_decimal() else series, (name,))
    words = read.text(series)
    numbers, wrong = read.numbers(words)
    if wrong is None and not words.str.contains(r"^[+-]?0\d").any():
        whole = words.str.contains(r"^[+-]?\d{1,15}$").all() and words.null_count() < len(words)
        exact = whole and words.null_count() == 0
        return numbers.astype(np.int64) if exact else numbers
    return plain_values(words.to_list(), (name,))


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


def _labelled(source: Source, names: tuple[str, ...]) -> tuple[Source, Values, list[str]]:
    """The rows that have a target, their targets, and a note on the others."""
    values = target_values(source, names)
    _refuse_infinite(values, names)
    gone = missing_rows(values)
    count = int(gone.sum())
    if count == 0:
        return source, values, []
    if count == len(values):
        raise InputError(f'Every row of the target column "{names[0]}" is missing. Choose another target column.')
    kept = np.flatnonzero(~gone)
    values = values[kept]
    if values.dtype.kind == "f" and values.ndim == 1 and isinstance(source, Table):
        values = _whole_again(source, names[0], values)
    rows = "1 row was" if count == 1 else f"{count} rows were"
    return _take(source, kept), values, [f"{rows} left out because the target is missing."]


def _refuse_infinite(values: Values, names: tuple[str, ...]) -> None:
    if values.dtype.kind != "f" or not np.isinf(values).any():
        return
    table = values.reshape(len(values), -1)
    row, column = (int(place) for place in np.argwhere(np.isinf(table))[0])
    raise DataError(
        f'The target column "{names[column]}" has {table[row, column]} in row {row + 1}, where a finite number was '
        "expected. Correct that cell, or leave it empty to leave the row out."
    )


def _whole_again(table: Table, name: str, values: Values) -> Values:
    """Whole numbers that became floating point only because some cells of their column were missing."""
    from ranvier.data import cells as read

    series = table.frame[name]
    words = read.text(series).drop_nulls()
    written_whole = series.dtype.is_integer() or (read.is_text(series) and words.str.contains(r"^[+-]?\d{1,15}$").all())
    return values.astype(np.int64) if written_whole else values


def _take(source: Source, rows: NDArray[np.int64]) -> Source:
    """Some rows of a source."""
    if isinstance(source, Table):
        return replace(source, frame=source.frame[rows])
    targets = None if source.targets is None else source.targets[rows]
    return replace(source, inputs=source.inputs[rows], targets=targets)


def _shares(validation: float, held_out: float) -> tuple[float, float, float]:
    for name, share in (("validation", validation), ("held_out", held_out)):
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0.0 <= share < 1.0:
            raise InputError(f"{name} is {share!r}; a share of the rows from 0 to below 1 was expected.")
    if validation + held_out >= 1.0:
        raise InputError(f"validation {validation:g} and held_out {held_out:g} leave no rows to learn from.")
    return 1.0 - validation - held_out, float(validation), float(held_out)


def _split(
    values: Values, shares: tuple[float, float, float], seed: int, target: TargetEncoder, origin: str
) -> tuple[NDArray[np.int64], ...]:
    """Row numbers for training, validation and held-out rows."""
    labels = target.class_index(values) if target.task.classifies else None
    parts = split_rows(len(values), shares, seed, labels)
    short = any(share > 0 and len(part) == 0 for share, part in zip(shares, parts, strict=True))
    classes = len(target.task.classes)
    if short or len(parts[0]) < max(2, classes):
        raise InputError(
            f"{origin} has {len(values)} rows with a target, which leaves {len(parts[0])} to learn from; at least "
            f"{max(2, classes)} are needed. Give more rows, or set smaller shares aside."
        )
    return parts
