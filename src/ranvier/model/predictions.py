"""Predictions of a model for the rows of a file, as records and as columns. n rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import Arrays, open_source
from ranvier.data.encoders.decoding import class_probabilities
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
    """

    target_names: tuple[str, ...]
    values: Array
    labels: tuple[Any, ...] = ()
    probabilities: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def records(self) -> list[dict[str, Any]]:
        """One record a row: "prediction" and, for classifiers, "probabilities" by label."""
        values = self.values.tolist()
        if self.values.ndim == 2:
            values = [dict(zip(self.target_names, row, strict=True)) for row in values]
        records = [{"prediction": value} for value in values]
        if self.probabilities is not None:
            names = [str(label) for label in self.labels]
            for entry, row in zip(records, self.probabilities.tolist(), strict=True):
                entry["probabilities"] = dict(zip(names, row, strict=True))
        return records

    def columns(self, probabilities: bool) -> dict[str, list[Any]]:
        """The columns of a table: "prediction", or one a target, and then one for each probability if asked for."""
        if self.values.ndim == 1:
            columns = {"prediction": self.values.tolist()}
        else:
            columns = {
                f"prediction_{name}": column.tolist()
                for name, column in zip(self.target_names, self.values.T, strict=True)
            }
        if probabilities and self.probabilities is not None:
            for label, column in zip(self.labels, self.probabilities.T, strict=True):
                columns[f"probability_{label}"] = column.tolist()
        return columns


def predict_file(model: Model, data: Any) -> Predictions:
    """The predictions of a model for a file or a table.

    Raises:
        InputError: the rows cannot be read, or are not like those the model was trained on.
    """
    rows, _ = open_rows(model, data)
    outputs = model.outputs(rows)
    task, values = model.task, model.target.decode(outputs)
    if task.kind == "regression":
        return Predictions(task.target_names, values)
    labels = task.target_names if task.kind == "multilabel" else task.classes
    return Predictions(task.target_names, values, labels, class_probabilities(task, outputs))


def open_rows(model: Model, data: Any) -> tuple[Any, Any]:
    """The rows of `data` as this model takes them, and their targets where arrays come with them, else None.

    Raises:
        InputError: a model trained on arrays was given a table.
    """
    source = open_source(data)
    if isinstance(source, Arrays):
        return (source.inputs if model.encoder is None else source), source.targets
    if model.encoder is None:
        raise InputError(
            f"{data} is a table with named columns, and this model was trained on arrays without names: "
            "give an NPZ or IDX file, or train with ranvier train."
        )
    return source, None
