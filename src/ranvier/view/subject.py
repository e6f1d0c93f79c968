"""Subject: a model beside the rows that are known, with what was computed of them kept. n rows, N outputs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices, class_probabilities
from ranvier.engine import LayerValues
from ranvier.errors import InputError, RanvierError
from ranvier.model.evaluation import all_metrics, measured_levels
from ranvier.model.model import Model
from ranvier.network.layer_info import LayerInfo
from ranvier.network.network import dense_layers
from ranvier.rows import Inputs
from ranvier.rows.class_numbers import one_hot
from ranvier.rows.some_rows import evenly
from ranvier.view.known_rows import KnownRows
from ranvier.view.row_form import RowForm, row_form

Array = NDArray[Any]
T = TypeVar("T")
MAX_STATISTICS_ROWS = 2000
"""Of how many rows neurons are described."""
WAIT_SECONDS = 0.2
"""How long a question waits for rows that are being read."""
NO_ROWS = "No rows are known. Give the file they are in: ranvier view MODEL DATA."
SMALLEST = float(np.finfo(np.float64).tiny)


class Subject:
    """What the questions are about.

    Parameters:
        model: the model; it is not changed while it is looked at.
        rows: the rows that are known, or None.
        name: of the model, for the page.
        max_sample: of how many rows, at most, neurons are described.
        before: the same rows with an earlier state of the model, from which is taken what depends on rows alone.
    """

    def __init__(
        self,
        model: Model,
        rows: KnownRows | None = None,
        name: str = "model",
        max_sample: int = MAX_STATISTICS_ROWS,
        before: Subject | None = None,
    ) -> None:
        self.model, self.rows, self.name, self._max_sample = model, rows, name, max_sample
        self._cache: dict[tuple[Any, ...], Any] = {}
        self._lasting: dict[tuple[Any, ...], Any] = {} if before is None else before._lasting
        self._neighbours: Subject | None = None
        self._reading: threading.Thread | None = None
        if before is not None:
            self.form = before.form

    def cached(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        """What `make` gave for this key the first time: answers about all known rows do not change."""
        if key not in self._cache:
            self._cache[key] = make()
        value: T = self._cache[key]
        return value

    def lasting(self, key: tuple[Any, ...], make: Callable[[], T]) -> T:
        """As `cached`, for what does not depend on the parameters of the model."""
        if key not in self._lasting:
            self._lasting[key] = make()
        value: T = self._lasting[key]
        return value

    @cached_property
    def form(self) -> RowForm:
        """What a row looks like."""
        return row_form(self.model, self.rows)

    @cached_property
    def dense_layers(self) -> tuple[LayerInfo, ...]:
        """The layers with neurons."""
        return dense_layers(self.model.network)

    def known_rows(self) -> KnownRows:
        """The rows.

        Raises:
            InputError: none are known.
        """
        if self.rows is None:
            raise InputError(NO_ROWS)
        return self.rows

    def neighbours(self) -> Subject | None:
        """The rows to find like ones among: those of the training, else the known ones; None while they are being read.

        The first call begins to read; questions have their answers meanwhile.

        Raises:
            InputError: none are known.
        """
        read = self.known_rows().trained_on
        if read is None:
            return self
        if self._reading is None:
            self._reading = threading.Thread(target=self._read_neighbours, args=(read,), daemon=True)
            self._reading.start()
        self._reading.join(WAIT_SECONDS)
        return None if self._reading.is_alive() else self._neighbours

    def _read_neighbours(self, read: Callable[[], KnownRows]) -> None:
        try:
            self._neighbours = Subject(self.model, read(), self.name)
            self._neighbours.form = self.form
        except RanvierError:
            self._neighbours = self

    def row(self, number: Any) -> Inputs:
        """One known row, encoded, (1, K).

        Raises:
            InputError: there is no such row.
        """
        rows = self.known_rows()
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < len(rows):
            raise InputError(f"There is no row {number!r}; the rows are 0 to {len(rows) - 1}.")
        return rows.inputs[number : number + 1]

    @cached_property
    def outputs(self) -> Array:
        """Of all known rows (n, N): probabilities, or numbers in the units of the target."""
        outputs = self.model.outputs_of(self.known_rows().inputs)
        regression = self.model.task.kind == "regression"
        values = self.model.target.values(outputs) if regression else outputs
        return np.asarray(values, np.float64).reshape(len(outputs), -1)

    @cached_property
    def targets(self) -> Array:
        """The true targets beside `outputs`, (n, N).

        Raises:
            InputError: they are not known.
        """
        targets = self.known_rows().targets
        if targets is None:
            raise InputError("The true answers of these rows are not known, so mistakes cannot be counted.")
        if self.model.task.kind == "regression":
            return np.asarray(self.model.target.values(targets), np.float64).reshape(len(targets), -1)
        return one_hot(targets, self.outputs.shape[1])

    @cached_property
    def probabilities(self) -> NDArray[np.float64]:
        """Of each class or label, for all known rows."""
        return class_probabilities(self.model.task, self.outputs)

    @cached_property
    def predicted(self) -> NDArray[np.int64]:
        """The index of the predicted class of each known row."""
        return class_indices(self.model.task, self.outputs)

    @cached_property
    def actual(self) -> NDArray[np.int64]:
        """The index of the true class of each known row."""
        return class_indices(self.model.task, self.targets)

    @cached_property
    def metrics(self) -> dict[str, float]:
        """Every metric of the model on the known rows, as `Model.evaluate` gives them; NaN where undefined."""
        return all_metrics(self.model.task, self.outputs, self.targets, None, measured_levels(self.model))

    @cached_property
    def losses(self) -> NDArray[np.float64]:
        """How wrong each known row is, (n,): -log of the probability of the truth, or the mean absolute error."""
        if self.model.task.kind == "regression":
            return np.asarray(np.nanmean(np.abs(self.outputs - self.targets), axis=1))
        if self.model.task.kind == "multilabel":
            chance = np.where(self.targets > 0.5, self.probabilities, 1.0 - self.probabilities)
            losses = np.where(np.isnan(self.targets), np.nan, -np.log(np.maximum(chance, SMALLEST)))
            return np.asarray(np.nanmean(losses, axis=1))
        chance = self.probabilities[np.arange(len(self.actual)), self.actual]
        return np.asarray(-np.log(np.maximum(chance, SMALLEST)))

    @cached_property
    def sample(self) -> NDArray[np.int64]:
        """The rows that neurons are described by: all, or as many as may be that lie evenly among them."""
        return evenly(len(self.known_rows()), self._max_sample)

    @cached_property
    def sample_values(self) -> dict[str, LayerValues]:
        """What the layers with neurons compute for the sample, by path."""
        values = self.values_of(self.known_rows().inputs[self.sample])
        return {info.path: values[info.path] for info in self.dense_layers}

    def values_of(self, inputs: Inputs) -> dict[str, LayerValues]:
        """What every layer computes for encoded rows, by path."""
        return {values.path: values for values in self.model.activations_of(inputs)}
