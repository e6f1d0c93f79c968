"""Predictions of a model for the rows of a file, as records and as columns. n rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import Arrays, Source, TargetEncoder, open_source
from ranvier.data.columns.odd_cells import odd_cell_notes
from ranvier.data.decoded_columns import names_of_rows
from ranvier.data.encoders.decoding import class_probabilities
from ranvier.data.encoders.row_encoder import row_encoder
from ranvier.data.sources.raw_rows import with_absent_columns
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.several_paths import table_of_paths
from ranvier.data.sources.standard_input import NAME as STANDARD_INPUT
from ranvier.data.sources.standard_input import open_standard_input
from ranvier.data.sources.table_source import Table
from ranvier.data.sources.text_lists import are_text_files, table_of_text_files, table_of_texts
from ranvier.errors import InputError, nearest
from ranvier.explain.explained import outputs_to_explain
from ranvier.model.model import Model
from ranvier.model.predictor import with_threshold
from ranvier.model.rows import readable_rows
from ranvier.records import record

Array = NDArray[Any]
BOUNDS = ("lower", "upper")
RESERVED = ("prediction", "probabilities", "set", "file", "explanation")
"""What records and tables of predictions have beside bounds and columns named after targets and classes."""
SEPARATOR = " | "
"""Between the labels of a set in a cell."""


@record(eq=False)
class Predictions:
    """Predictions for n rows.

    Fields:
        target_names: the target columns.
        values: labels or numbers, (n,); or (n, columns) for multilabel and for several numbers.
        labels: the classes or labels that the columns of `probabilities` belong to; empty for regression.
        probabilities: (n, labels); None for regression.
        notes: what the user should know about the reading, one sentence each.
        names: the names of the rows' files; None where they have none.
        input_columns: columns of the input that stand beside the predictions, by name.
        intervals: lower and upper bounds, (n, 2), or (n, targets, 2); None where they were not asked for.
        sets: the labels that each row may have; None where they were not asked for.
        unreadable: which rows have a picture that cannot be read, and so no prediction, (n,); None for no row.
        explanations: what the columns with the largest attributions add, of each row a record as `Attributions.to_dict`
            gives it, with the cell of each column, for the predicted class or label, or for each number; None where
            they were not requested.
    """

    target_names: tuple[str, ...]
    values: Array
    labels: tuple[Any, ...] = ()
    probabilities: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()
    names: list[str] | None = None
    input_columns: Mapping[str, list[Any]] = field(default_factory=dict)
    unreadable: NDArray[np.bool_] | None = None
    intervals: NDArray[np.float64] | None = None
    sets: list[tuple[Any, ...]] | None = None
    explanations: list[list[dict[str, Any]]] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def records(self) -> list[dict[str, Any]]:
        """One record a row: columns kept, "prediction", "probabilities" by label for classifiers, "file" of a file.

        Where they were asked for, "lower" and "upper", or "set"; "explanation", of several numbers one by the name of
        each.
        """
        values = self.values.tolist()
        if self.values.ndim == 2:
            values = [dict(zip(self.target_names, row, strict=True)) for row in values]
        values = self._none_where_unreadable(values)
        copied_rows = zip(*self.input_columns.values(), strict=True) if self.input_columns else ((),) * len(values)
        records: list[dict[str, Any]] = [
            {**dict(zip(self.input_columns, row, strict=True)), "prediction": value}
            for row, value in zip(copied_rows, values, strict=True)
        ]
        if self.probabilities is not None:
            names = [str(label) for label in self.labels]
            for entry, row in zip(records, self._none_where_unreadable(self.probabilities.tolist()), strict=True):
                entry["probabilities"] = None if row is None else dict(zip(names, row, strict=True))
        for name, column in self._bounds(rounded=False).items():
            for entry, value in zip(records, column, strict=True):
                entry[name] = value
        if self.sets is not None:
            for entry, labels in zip(
                records, self._none_where_unreadable([list(labels) for labels in self.sets]), strict=True
            ):
                entry["set"] = labels
        for entry, name in zip(records, self.names or (), strict=False):
            entry["file"] = name
        if self.explanations is not None:
            for entry, parts in zip(records, self._none_where_unreadable(self.explanations), strict=True):
                several = parts is not None and len(parts) > 1
                by_name = {part["explained"]: part for part in parts or ()}
                entry["explanation"] = by_name if several else parts and parts[0]
        return records

    def columns(self, probabilities: bool, rounded: bool = False) -> dict[str, list[Any]]:
        """The columns of a table: those kept, "prediction" or one a target, and the probabilities if requested.

        Where they were asked for, "lower" and "upper", of several targets one each, or "set" with its labels joined.

        Parameters:
            probabilities: whether to give one column for each probability.
            rounded: whether numbers have the 7 significant digits of float32, and probabilities 6 decimals.
        """
        values = significant(self.values) if rounded and self.values.dtype.kind == "f" else self.values
        columns: dict[str, list[Any]] = {} if self.names is None else {"file": list(self.names)}
        if values.ndim == 1:
            columns["prediction"] = self._none_where_unreadable(values.tolist())
        else:
            columns |= {
                f"prediction_{name}": self._none_where_unreadable(column.tolist())
                for name, column in zip(self.target_names, values.T, strict=True)
            }
        if probabilities and self.probabilities is not None:
            shown = np.round(self.probabilities, 6) if rounded else self.probabilities
            for label, column in zip(self.labels, shown.T, strict=True):
                columns[f"probability_{label}"] = self._none_where_unreadable(column.tolist())
        columns |= self._bounds(rounded)
        if self.sets is not None:
            columns["set"] = self._none_where_unreadable([SEPARATOR.join(map(str, labels)) for labels in self.sets])
        return {**self.input_columns, **columns}

    def _bounds(self, rounded: bool) -> dict[str, list[Any]]:
        """The columns of the intervals."""
        if self.intervals is None:
            return {}
        bounds = significant(self.intervals) if rounded else self.intervals
        if bounds.ndim == 2:
            return {
                name: self._none_where_unreadable(column.tolist())
                for name, column in zip(BOUNDS, bounds.T, strict=True)
            }
        return {
            f"{bound}_{name}": self._none_where_unreadable(bounds[:, target, at].tolist())
            for target, name in enumerate(interval_names(self.target_names, bounds.shape[1]))
            for at, bound in enumerate(BOUNDS)
        }

    def _none_where_unreadable(self, values: list[Any]) -> list[Any]:
        """The values, None for rows without a prediction."""
        if self.unreadable is None:
            return values
        return [None if absent else value for value, absent in zip(values, self.unreadable.tolist(), strict=True)]


def interval_names(target_names: Sequence[str], targets: int) -> list[str]:
    """The names of the targets that have an interval; several quantiles of one target share one.

    >>> interval_names(("y at 0.1", "y at 0.9"), 1), interval_names(("a", "b"), 2)
    (['y'], ['a', 'b'])
    """
    every = len(target_names) // targets
    return [name if every == 1 else name.rpartition(" at ")[0] for name in target_names[::every]]


def significant(values: Array) -> Array:
    """Numbers rounded to 7 significant digits.

    >>> significant(np.array([1234.56789012, 0.0])).tolist()
    [1234.568, 0.0]
    """
    rounded = [float(f"{value:.7g}") for value in values.ravel().tolist()]
    return np.array(rounded).reshape(values.shape)


def predict_file(
    model: Model,
    data: Any,
    reading: Reading = PLAIN,
    keep: Sequence[str] = (),
    explain: int = 0,
    interval: float | None = None,
    label_set: float | None = None,
    threshold: float | None = None,
) -> Predictions:
    """The predictions of a model for a file or a table.

    Parameters:
        model: the model.
        data, reading: as for `open_rows`.
        keep: columns of the table that stand beside the predictions.
        explain: of how many columns, those with the largest attributions, to say what they add; 0 for none.
        interval, label_set: the coverage of intervals or sets to give besides; None for none.
        threshold: as for `Model.predict`.

    A row whose picture or recording cannot be read keeps its place, without a prediction, and is named in the notes.

    Raises:
        InputError: the rows cannot be read, have no column to keep, or are not like those the model was trained on.
    """
    rows, _, notes = open_rows(model, data, replace(reading, names=reading.names | frozenset(keep)), keep)
    beside = _input_columns(rows, keep, reserved_names(model.target))
    target = model.target if threshold is None else with_threshold(model.target, threshold)
    names = names_of_rows(rows) if isinstance(rows, Source) else None
    rows, n_rows, readable, more = readable_rows(model.encoder, rows, max_broken=1.0)
    outputs, unreadable = model.outputs(rows), None
    explanations = explanations_of(model, rows, explain) if explain else None
    if n_rows is not None and readable is not None:
        # Rows without a prediction keep their place; what stands there for them is not shown.
        unreadable = np.ones(n_rows, bool)
        unreadable[readable] = False
        standing = np.maximum(np.cumsum(~unreadable) - 1, 0)
        outputs = outputs[standing]
        explanations = None if explanations is None else [explanations[at] for at in standing.tolist()]
    task, values = model.task, target.decode(outputs)
    shared: dict[str, Any] = {
        "notes": (*notes, *more),
        "names": names,
        "input_columns": beside,
        "unreadable": unreadable,
        "explanations": explanations,
    }
    if interval is not None:
        shared["intervals"] = model.interval_of(outputs, interval)
    if label_set is not None:
        shared["sets"] = [tuple(task.classes[at] for at in labels) for labels in model.class_sets(outputs, label_set)]
    if task.kind == "regression":
        return Predictions(task.target_names, values, **shared)
    labels = task.target_names if task.kind == "multilabel" else task.classes
    return Predictions(task.target_names, values, labels, class_probabilities(task, outputs), **shared)


def explanations_of(model: Model, rows: Any, count: int) -> list[list[dict[str, Any]]]:
    """What the columns with the largest attributions of each row add to the class or label, or to each number.

    Columns stand with their cells where these are single values.

    Parameters:
        rows: as for `Model.attributions`.
        count: how many columns.
    """
    every = [model.attributions(rows, output=output) for output in outputs_to_explain(model.target)]
    frame = rows.frame if isinstance(rows, Source) and rows.column_names else None
    cells = {} if frame is None else {name: frame[name] for name in every[0].columns if name in frame.columns}
    records = [[part.to_dict(row, count) for part in every] for row in range(len(every[0]))]
    for row, parts in enumerate(records):
        for column in (column for part in parts for column in part["columns"]):
            cell = cells[column["column"]][row] if column["column"] in cells else None
            column["cell"] = cell if isinstance(cell, (bool, int, float, str)) else None if cell is None else str(cell)
    return records


def reserved_names(target: TargetEncoder) -> frozenset[str]:
    """The names of everything that predictions of a target may have in records and tables."""
    task = target.task
    n_intervals = max(1, len(task.target_names) // max(1, len(target.levels)))
    labels = task.target_names if task.kind == "multilabel" else task.classes
    return frozenset(
        (
            *RESERVED,
            *BOUNDS,
            *(f"prediction_{name}" for name in task.target_names),
            *(f"probability_{label}" for label in labels),
            *(f"{bound}_{name}" for bound in BOUNDS for name in interval_names(task.target_names, n_intervals)),
        )
    )


def _input_columns(source: Any, names: Sequence[str], reserved: frozenset[str]) -> dict[str, list[Any]]:
    """Columns of a source as lists."""
    columns: Sequence[str] = getattr(source, "column_names", ())
    for name in names:
        if name not in columns:
            raise InputError(f'There is no column "{name}" to keep. {nearest(name, columns, "The columns are")}')
        if name in reserved:
            raise InputError(
                f'The column "{name}" cannot be kept: predictions have one of this name; rename it in the data.'
            )
    return {name: source.frame[name].to_list() for name in names}


def texts_for(model: Model, texts: Sequence[str]) -> Table:
    """Texts as the rows of a model of one column of texts.

    Raises:
        InputError: the model takes something else.
    """
    encoder = row_encoder(model.encoder)
    column = encoder.text_column
    if column is None:
        names = [schema.name for schema in encoder.columns if schema.used]
        what = f"the columns {', '.join(names[:8])}{' and more' if len(names) > 8 else ''}" if names else "arrays"
        raise InputError(f"A text was given, and this model takes {what}; give a table with these, or a file.")
    return table_of_texts(texts, column)


def open_rows(
    model: Model, data: Any, reading: Reading = PLAIN, keep: Sequence[str] = (), test_rows: bool = False
) -> tuple[Any, Any, tuple[str, ...]]:
    """The rows of `data` as this model takes them, their targets where arrays come with them, and notes on the reading.

    Parameters:
        model: knows the names of the columns.
        data: what `open_source` takes, "-" for standard input, files of texts for a model of texts, or several paths.
        reading: what is known of how the rows are written.
        keep: columns that are read besides.
        test_rows: whether test rows alone are wanted, where the data say which these are.

    Raises:
        InputError: a model trained on arrays was given a table.
    """
    encoder = row_encoder(model.encoder)
    schema = encoder.columns
    used = [column for column in schema if column.used]
    requested = frozenset((*(column.name for column in used), *model.target.column_names))
    kinds = frozenset(column.kind for column in used)
    text_column = encoder.text_column
    reading = replace(
        reading,
        # Rows to predict need no target, and no column that the model makes no use of.
        names=reading.names | {column.name for column in used},
        only=requested | frozenset(keep) if schema else None,
        table=bool(schema) and text_column is None,
        usual_encoding=encoder.encoding,
    )
    if isinstance(data, str) and data == STANDARD_INPUT:
        source: Source = open_standard_input(reading, text_column, kinds & {"image", "sound"})
    elif isinstance(data, list) and len(data) > 1 and all(isinstance(path, str) for path in data):
        kind = next(iter(kinds & {"image", "sound", "text"}), None) if len(used) == 1 else None
        source = table_of_paths(data, lambda path: open_source(path, reading=reading), kind, text_column)
    elif text_column is not None and are_text_files(data):
        source = table_of_text_files(data, text_column)
    else:
        source = open_source(data, reading=reading)
    test = source.part("test") if test_rows else None
    if test is not None:
        source = test.with_notes([f"Measured on the {test.rows:,} test rows, not on the others."])
    if isinstance(source, Arrays):
        return (source.inputs if model.encoder is None else source), source.targets, source.notes
    if model.encoder is None:
        raise InputError(
            f"{data} is a table with named columns, and this model was trained on arrays without names: "
            "give an NPZ or IDX file, or train with ranvier train."
        )
    source = with_absent_columns(source, [column.name for column in used])
    return source, None, (*source.notes, *odd_cell_notes(model.encoder, source))
