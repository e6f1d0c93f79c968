"""Rows of a source that have a target, with weights and their numbers in the source. B rows, N target columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ranvier.data.cells.number_format import NumberFormat
from ranvier.data.decoded_columns import rows_of
from ranvier.data.encoders.target_values import Values, empty_rows, plain_values
from ranvier.data.sources import open_source
from ranvier.data.sources.origin import sentence_start
from ranvier.data.sources.repeated_name import repeated_name
from ranvier.data.sources.source import Source
from ranvier.data.splitting.canonical_order import repeats
from ranvier.data.targets.bad_targets import without_bad_targets
from ranvier.data.targets.target_column import check_target_range, restore_integers, target_marks, target_values
from ranvier.data.targets.target_marks import TargetMarks, label_sentences, missing_sentence
from ranvier.errors import DataError, InputError
from ranvier.network.task import Task
from ranvier.plural import plural
from ranvier.records import record
from ranvier.rows.row_names import at_row, rows_called
from ranvier.rows.weights import weight_array

Decoded: TypeAlias = Callable[[Source], tuple[Source, NDArray[np.int64] | None]]


@record(eq=False)
class LabelledRows:
    """Rows that have a target.

    Fields:
        source: the rows.
        values: their targets, shape (B,) or (B, N).
        weight: their weights, shape (B,), or None.
        row_numbers: their numbers in the source that the user gave, counted from 0.
        notes: a sentence on the rows that were left out.
        indexed: whether the user calls these rows by their index, as `rows_called` takes it.
    """

    source: Source
    values: Values
    weight: NDArray[np.float64] | None
    row_numbers: NDArray[np.int64]
    notes: tuple[str, ...] = ()
    indexed: bool = False

    def take(self, rows: NDArray[np.int64]) -> LabelledRows:
        """Some of the rows; all of them in their order are not copied."""
        if len(rows) == len(self.values) and np.array_equal(rows, np.arange(len(rows))):
            return replace(self, notes=())
        weight = None if self.weight is None else self.weight[rows]
        numbers = self.row_numbers[rows]
        return LabelledRows(self.source.take(rows), self.values[rows], weight, numbers, indexed=self.indexed)


def open_with_target(source: Any, target: Any) -> tuple[Source, tuple[str, ...]]:
    """The opened source and the names of its target columns.

    Parameters:
        source, target: as `ranvier.data.prepare` takes them.

    Raises:
        DataError: the source cannot be read, or has no such column.
        InputError: no target is given, or one twice.

    >>> open_with_target("iris", None)[1]
    ('species',)
    """
    several = isinstance(target, (list, tuple)) and bool(target) and all(isinstance(name, str) for name in target)
    opened = open_source(source, None if several else target)
    if several and not opened.column_names and (opened.targets is None or tuple(target) != opened.target_names):
        raise InputError(
            f"{opened.origin} holds plain arrays without column names; give the target values as an array."
        )
    names = tuple(target) if several else opened.target_names
    if opened.problem and names == opened.target_names:
        raise InputError(opened.problem)
    if not names:
        shown = ", ".join(opened.frame.columns[:20]) + (" ..." if opened.frame.width > 20 else "")
        raise InputError(
            f"Say which column of {opened.origin} is the target, --target COLUMN. Its columns are: {shown}."
        )
    repeated = repeated_name(names)
    if repeated is not None:
        raise InputError(f'The target column "{repeated}" is given twice.')
    return opened, names


def without_zero_weights(
    source: Source, names: tuple[str, ...], target_array: Any, weight: Any, repeat: bool
) -> tuple[Source, Any, NDArray[np.float64] | None, NDArray[np.int64]]:
    """The rows, target values and weights without the rows of weight 0, and the numbers of these rows.

    Parameters:
        repeat: whether rows are repeated for integer weights, so that everything is inferred from repeated rows; not
            before test rows are drawn, since a row must not be in two parts.

    >>> source = open_source(np.array([[1.0], [2.0], [3.0]]))
    >>> without_zero_weights(source, ("y",), [0, 1, 0], [2.0, 0.0, 1.0], repeat=True)[3].tolist()
    [0, 0, 2]
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
        raise DataError(
            f"{sentence_start(source.origin)} has {plural(source.rows, 'row')}, and the number of {name} is "
            f"{len(values):,}."
        )


def labelled_rows(
    source: Source,
    names: tuple[str, ...],
    target_array: Any = None,
    weight: Any = None,
    row_numbers: Any = None,
    classes: Sequence[Any] | None = None,
    formats: Sequence[NumberFormat] | None = None,
    weight_name: str = "sample_weight",
) -> LabelledRows:
    """The rows that have a target, which stands in the source or is target_array beside it.

    Parameters:
        weight: of each row of the source, shape (B,), or None.
        row_numbers: of each row of the source; None numbers them from 0.
        classes, formats: as for `target_values`.
        weight_name: what the user calls the weights.

    Raises:
        DataError: there are more or fewer targets than rows, or one is too large.
        InputError: no row has a target.

    >>> rows = labelled_rows(open_source({"x": [1, 2], "y": ["a", None]}), ("y",))
    >>> rows.row_numbers.tolist(), rows.notes
    ([0], ('1 row was left out because the target is missing.',))
    """
    if target_array is None:
        values = target_values(source, names, classes, formats)
    else:
        values = plain_values(target_array, names)
    weights = None if weight is None else weight_array(weight, source.rows, weight_name)
    _check_length("target values", values, source)
    numbers = np.arange(len(values)) if row_numbers is None else row_numbers
    check_target_range(values, names, numbers)
    missing = empty_rows(values)
    count = int(missing.sum())
    marks = target_marks(source, names, classes) if target_array is None else TargetMarks()
    marks = marks.with_rows_of(numbers)
    indexed = source.in_memory or target_array is not None
    notes = (*gap_sentences(values, names), *label_sentences(names[0], marks))
    rows = LabelledRows(source, values, weights, numbers, notes, indexed)
    if count == 0:
        return rows
    if count == len(values):
        raise InputError(f'Every row of the target column "{names[0]}" is missing. Choose another target column.')
    _refuse_single_beside_marks(values[~missing], names[0], marks)
    rows = replace(rows.take(np.flatnonzero(~missing)), notes=(missing_sentence(count, marks), *rows.notes))
    if values.dtype.kind == "f" and values.ndim == 1 and source.column_names and target_array is None:
        rows = replace(rows, values=restore_integers(source, names[0], rows.values, formats))
    return rows


def _refuse_single_beside_marks(values: Values, name: str, marks: TargetMarks) -> None:
    """Refuse a single value beside marks that count as missing and may be another class.

    Parameters:
        values: those that are not missing.
    """
    written = [mark for mark in marks.missing if mark.text]
    if not written or values.ndim > 1 or not (values == values[0]).all():
        return
    mark, shown = written[0], f"{values[0]:g}" if values.dtype.kind == "f" else values[0]
    raise InputError(
        f'The target column "{name}" has the value {shown} wherever it is not missing, so there is nothing to '
        f'learn; "{mark.text}" counts as missing in {plural(mark.rows, "row")}, first {at_row(mark.first)}. If it is '
        "a class, write it differently; else choose another target column."
    )


def gap_sentences(values: Values, names: Sequence[str]) -> tuple[str, ...]:
    """How many values of each of several targets are missing in rows that have others; nothing where none is.

    >>> gap_sentences(np.array([[1.0, np.nan], [2.0, 3.0]]), ["height", "width"])
    ('Missing beside other targets, and not counted there: "width" in 1 row.',)
    """
    if values.ndim == 1 or values.dtype.kind != "f":
        return ()
    gaps = (np.isnan(values) & ~empty_rows(values)[:, None]).sum(axis=0)
    gap_texts = [f'"{name}" in {plural(int(count), "row")}' for name, count in zip(names, gaps, strict=True) if count]
    return (f"Missing beside other targets, and not counted there: {', '.join(gap_texts)}.",) if gap_texts else ()


def labelled_rows_of(
    part: str,
    source: Any,
    columns: tuple[str, ...] | None,
    names: tuple[str, ...],
    task: Task | None = None,
    formats: Sequence[NumberFormat] | None = None,
    decoded: Decoded | None = None,
    skip_bad: bool = False,
) -> LabelledRows | None:
    """The labelled rows of a separate source, or of a tuple of rows, target values and perhaps weights; None for None.

    Parameters:
        part: what the rows are for, which their notes begin with.
        task: of the training rows.
        formats: as for `target_values`.
        decoded: reads the files of a source; gives the source with what is in them and the rows that are kept, None
            for all.
        skip_bad: whether rows whose target the task does not know are left out, and counted in the notes.

    >>> len(labelled_rows_of("Test", ([[1.0], [2.0]], [0, 1]), None, ("y",)).values)
    2
    """
    if source is None:
        return None
    if isinstance(source, tuple):
        opened, beside = open_source(source[0]), source[1:]
        _check_length("target values", beside[0], opened)
    else:
        (opened, names), beside = open_with_target(source, columns), ()
    read, readable = (opened, None) if decoded is None else decoded(opened)
    numbers = np.arange(opened.rows) if readable is None else readable
    values, weight = (rows_of(array, readable) for array in (*beside, None, None)[:2])
    indexed = opened.in_memory or bool(beside)
    with rows_called(indexed):
        if skip_bad:
            good, notes = without_bad_targets(read, names, values, numbers, task, formats or ())
            if good is not None:
                read = read.take(good).with_notes(notes)
                values, weight, numbers = (rows_of(array, good) for array in (values, weight, numbers))
        classes = None if task is None else task.classes
        rows = labelled_rows(read, names, values, weight, numbers, classes, formats, f"{part.lower()}[2]")
    notes = (*(note for note in read.notes if note not in opened.notes), *rows.notes)
    return replace(rows, notes=tuple(f"{part} rows: {note}" for note in notes), indexed=indexed)
