"""Single rows that `partial_fit` learns from, one after the other: what all of them share is looked at once."""

from __future__ import annotations

from operator import attrgetter, is_
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ranvier.data.cells.number_format import PLAIN
from ranvier.data.encoders.number import NumberEncoder
from ranvier.data.encoders.row_encoder import column_encoders
from ranvier.data.encoders.single_target import SingleTarget
from ranvier.data.encoders.table import TableEncoder
from ranvier.estimators.rows import is_plain_array
from ranvier.estimators.running_scales import FirstRows, learn_scales, learns_scales
from ranvier.rows import Rows


class NextRow:
    """Learns from a single row of numbers as another `partial_fit` would, with the bits of it.

    Parameters:
        estimator: one that has learned from such a row.
        parts: what `parts_of` gave of it.
    """

    def __init__(self, estimator: BaseEstimator, parts: tuple[Any, ...]) -> None:
        self._parts = parts
        model = estimator.model_
        dtype = model.training.row_dtype
        self._target = SingleTarget(model.target, dtype)
        encoder = model.encoder
        self._columns = [encoder.column_names.index(item.column) for item in encoder.encoders]
        self._all_columns = self._columns == list(range(len(encoder.column_names)))
        self._encode, self._dtype = encoder.encode_cells, dtype
        self._numbers = [at for at, item in enumerate(encoder.encoders) if isinstance(item, NumberEncoder)]
        self._scales = learns_scales(model, estimator._first_rows)

    def learn(self, estimator: BaseEstimator, X: Any, y: Any) -> bool:
        """Learn from X and y, if they are a row of numbers and a target that need no further look; else do nothing."""
        now = parts_of(estimator)
        if not (is_plain_array(estimator, X) and len(X) == 1 and all(map(is_, now, self._parts))):
            return False
        target = self._target.encode(_only(y))
        if target is None:
            return False
        cells = X[0].tolist()
        row = self._encode(cells if self._all_columns else [cells[index] for index in self._columns], self._dtype)
        if type(row) is not np.ndarray:
            return False
        rows, model, before = Rows(row, target), estimator.model_, estimator._first_rows
        if self._scales and model.can_learn_on(rows):
            rows = Rows(self._with_scales(estimator, cells), target)
        learned: bool = model.learn_on(rows)
        if not learned:
            estimator._first_rows = before
        return learned

    def _with_scales(self, estimator: BaseEstimator, cells: list[float]) -> Any:
        """The row once its numbers count for the scales."""
        model = estimator.model_
        input_cells = cells if self._all_columns else [cells[index] for index in self._columns]
        part = FirstRows(np.array([[input_cells[at] for at in self._numbers]], np.float64), np.zeros((1, 0)))
        estimator._first_rows = learn_scales(model, estimator._first_rows, lambda: part)
        self._scales, self._parts = learns_scales(model, estimator._first_rows), parts_of(estimator)
        self._encode = model.encoder.encode_cells
        return self._encode(input_cells, self._dtype)


def parts_of(estimator: BaseEstimator) -> tuple[Any, ...]:
    """What decides how a fitted estimator learns from a row: its parameters, and parts of its model."""
    model = estimator.model_
    model_parts = model, model.training, model.encoder, model.target, estimator._first_rows
    return (*model_parts, *_parameters_of(type(estimator))(estimator))


def next_row(estimator: BaseEstimator, before: tuple[Any, ...], rows: int) -> NextRow | None:
    """What learns from the next row after an estimator has learned from some rows; None where each needs a look.

    Parameters:
        before: what `parts_of` gave before these rows: what they changed, the next ones may change, too.
        rows: how many they were.
    """
    after = parts_of(estimator)
    model = estimator.model_
    if learns_scales(model, estimator._first_rows):
        if model.task.kind == "regression" or not all(map(_reads_numbers, column_encoders(model.encoder))):
            return None
        before = tuple(new if at in _SCALING else old for at, (old, new) in enumerate(zip(before, after, strict=True)))
    if rows != 1 or not all(map(is_, before, after)):
        return None
    encoder, silent = model.encoder, not estimator.verbose and estimator.callbacks in (None, ())
    plain = isinstance(encoder, TableEncoder) and not encoder.forms
    plain = plain and encoder.text_column is None and encoder.vector_column is None
    if not (silent and plain) or getattr(estimator, "class_weight", None) is not None:
        return None
    # Numbers are checked against the range of such a loss.
    bounded = model.task.kind == "regression" and model.training.loss.units.bounded
    return None if bounded else NextRow(estimator, after)


_SCALING = (2, 4)
"""Where, in what `parts_of` gives, the encoder and the first rows stand, which change while scales are learned."""
_GETTERS: dict[type, Any] = {}


def _reads_numbers(encoder: Any) -> bool:
    """Whether a column encoder is none of numbers, or takes a number of an array as it is."""
    if not isinstance(encoder, NumberEncoder):
        return True
    return encoder.number_format == PLAIN and not encoder.knots and not encoder.n_frequencies


def _parameters_of(kind: type) -> Any:
    """The function that gives the parameters of estimators of a kind."""
    if kind not in _GETTERS:
        _GETTERS[kind] = attrgetter(*kind._get_param_names())  # type: ignore[attr-defined]
    return _GETTERS[kind]


def _only(y: Any) -> Any:
    """The only value of y as Python's own number or text; None for anything else."""
    if type(y) is np.ndarray:
        return y.item() if y.shape == (1,) else None
    return y[0] if type(y) in (list, tuple) and len(y) == 1 else None
