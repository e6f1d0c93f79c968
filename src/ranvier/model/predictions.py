"""Predictions of a model for the rows of a file, as records and as columns. n rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import Arrays, Source, open_source
from ranvier.data.encoders.decoding import class_probabilities
from ranvier.data.images.columns import names_of_rows
from ranvier.data.sources.raw_rows import with_absent_columns
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.standard_input import NAME as STANDARD_INPUT
from ranvier.data.sources.standard_input import open_standard_input
from ranvier.errors import InputError
from ranvier.model.model import Model
from ranvier.records import record

Array = NDArray[Any]


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
    """

    target_names: tuple[str, ...]
    values: Array
    labels: tuple[Any, ...] = ()
    probabilities: NDArray[np.float64] | None = None
    notes: tuple[str, ...] = ()
    names: list[str] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def records(self) -> list[dict[str, Any]]:
        """One record a row: "prediction", for classifiers "probabilities" by label, and "file" where it is one."""
        values = self.values.tolist()
        if self.values.ndim == 2:
            values = [dict(zip(self.target_names, row, strict=True)) for row in values]
        records = [{"prediction": value} for value in values]
        if self.probabilities is not None:
            names = [str(label) for label in self.labels]
            for entry, row in zip(records, self.probabilities.tolist(), strict=True):
                entry["probabilities"] = dict(zip(names, row, strict=True))
        for entry, name in zip(records, self.names or (), strict=False):
            entry["file"] = name
        return records

    def columns(self, probabilities: bool) -> dict[str, list[Any]]:
        """The columns of a table: "prediction", or one a target, and then one for each probability if requested for."""
        columns: dict[str, list[Any]] = {} if self.names is None else {"file": list(self.names)}
        if self.values.ndim == 1:
            columns["prediction"] = self.values.tolist()
        else:
            columns |= {
                f"prediction_{name}": column.tolist()
                for name, column in zip(self.target_names, self.values.T, strict=True)
            }
        if probabilities and self.probabilities is not None:
            for label, column in zip(self.labels, self.probabilities.T, strict=True):
                columns[f"probability_{label}"] = column.tolist()
        return columns


def predict_file(model: Model, data: Any, reading: Reading = PLAIN) -> Predictions:
    """The predictions of a model for a file or a table.

    Parameters:
        model: the model.
        data, reading: as for `open_rows`.

    Raises:
        InputError: the rows cannot be read, or are not like those the model was trained on.
    """
    rows, _, notes = open_rows(model, data, reading)
    outputs = model.outputs(rows)
    names = names_of_rows(rows) if isinstance(rows, Source) else None
    task, values = model.task, model.target.decode(outputs)
    if task.kind == "regression":
        return Predictions(task.target_names, values, notes=notes, names=names)
    labels = task.target_names if task.kind == "multilabel" else task.classes
    return Predictions(task.target_names, values, labels, class_probabilities(task, outputs), notes, names)


def open_rows(model: Model, data: Any, reading: Reading = PLAIN) -> tuple[Any, Any, tuple[str, ...]]:
    """The rows of `data` as this model takes them, their targets where arrays come with them, and notes on the reading.

    Parameters:
        model: knows the names of the columns.
        data: what `open_source` takes, or "-" for standard input.
        reading: what is known of how the rows are written.

    Raises:
        InputError: a model trained on arrays was given a table.
    """
    columns = [column.name for column in getattr(model.encoder, "columns", ())]
    requested = frozenset((*columns, *model.task.target_names))
    reading = replace(reading, names=reading.names | requested, only=requested if columns else None)
    is_input = isinstance(data, str) and data == STANDARD_INPUT
    source = open_standard_input(reading) if is_input else open_source(data, reading=reading)
    if isinstance(source, Arrays):
        return (source.inputs if model.encoder is None else source), source.targets, source.notes
    if model.encoder is None:
        raise InputError(
            f"{data} is a table with named columns, and this model was trained on arrays without names: "
            "give an NPZ or IDX file, or train with ranvier train."
        )
    source = with_absent_columns(source, columns)
    return source, None, source.notes
