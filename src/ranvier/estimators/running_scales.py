"""Scales of numbers and targets that are learned on while rows come in parts. n rows, K columns of numbers.

The first rows are kept until they are enough to know a scale; a column that has not varied by then is watched on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import Source, TargetEncoder, fit_target
from ranvier.data.encoders.array import ArrayEncoder
from ranvier.data.encoders.number import NumberEncoder
from ranvier.data.encoders.table import TableEncoder
from ranvier.errors import InputError
from ranvier.estimators.rows import as_table
from ranvier.model.model import Model
from ranvier.records import record

Array = NDArray[np.float64]
ENOUGH_ROWS = 1000
"""From so many rows a standard deviation is known within about two percent."""


@record(eq=False)
class FirstRows:
    """The rows from which scales are learned.

    Fields:
        numbers: of the columns of numbers, (n, K), NaN where missing.
        targets: of a regression, (n, N); of other tasks (n, 0).
    """

    numbers: Array
    targets: Array


def learns_scales(model: Model, rows_so_far: FirstRows | None) -> bool:
    """Whether further rows count for the scales of a model.

    Parameters:
        rows_so_far: the rows before; None where the scales were learned from all rows at once.
    """
    if rows_so_far is None:
        return False
    return (
        len(rows_so_far.numbers) < ENOUGH_ROWS or _watches(model.encoder) or bool(_constant(rows_so_far.targets).any())
    )


def learn_scales(model: Model, rows_so_far: FirstRows | None, part_of: Callable[[], FirstRows]) -> FirstRows | None:
    """Let a model take its scales from the rows before and those of another part; gives the rows to keep.

    Parameters:
        model: whose encoders change; what they make of categories, and the number of inputs, stays.
        rows_so_far: the rows before; None where the scales were learned from all rows at once.
        part_of: gives the part; called where it counts.
    """
    if rows_so_far is None or not learns_scales(model, rows_so_far):
        return rows_so_far
    early, part = len(rows_so_far.numbers) < ENOUGH_ROWS, part_of()
    numbers = np.concatenate([rows_so_far.numbers, part.numbers])
    targets = np.concatenate([rows_so_far.targets, part.targets])
    target = _scaled_target(model, targets) if early or _constant(rows_so_far.targets).any() else model.target
    model.rescale(_scaled(model.encoder, numbers, early), target)
    return rows_so_far if not early else FirstRows(numbers[:ENOUGH_ROWS], targets[:ENOUGH_ROWS])


def kinds_of_constants(source: Source, ignored: Iterable[str]) -> dict[str, str]:
    """The kind "number" for columns of numbers that the first rows alone would let go as constant.

    Parameters:
        source: the first rows.
        ignored: columns whose kinds are given.

    Raises:
        InputError: a column of words has one value alone, so that its categories cannot be told.
    """
    kinds = {}
    for name in [name for name in source.column_names if name not in ignored]:
        column = source.frame[name]
        if column.drop_nulls().n_unique() > 1:
            continue
        if not column.dtype.is_numeric():
            raise InputError(
                f'Column "{name}" has one value in all {source.rows} rows of the first part, so nothing can be learned '
                f"of it later. Give a first part in which it varies, or leave it out of X."
            )
        kinds[name] = "number"
    return kinds


def first_rows(model: Model, source: Source, values: Any) -> FirstRows:
    """The numbers of the rows that a model is trained on first."""
    encoder = model.encoder
    if isinstance(encoder, TableEncoder):
        table = as_table(source)
        columns = [
            column_encoder.read(table.frame[column_encoder.column])
            for column_encoder in encoder.encoders
            if isinstance(column_encoder, NumberEncoder)
        ]
        numbers = np.stack(columns, axis=1) if columns else np.zeros((source.rows, 0))
    elif encoder.scaling == "standard":
        numbers = np.asarray(source.inputs, np.float64)
    else:
        numbers = np.zeros((source.rows, 0))
    regression = model.task.kind == "regression"
    targets = np.asarray(values, np.float64).reshape(source.rows, -1) if regression else np.zeros((source.rows, 0))
    return FirstRows(numbers, targets)


def _scaled(encoder: Any, numbers: Array, every: bool) -> Any:
    """The encoder with scales from these numbers: of every column, or of those that had none."""
    if isinstance(encoder, ArrayEncoder):
        if not numbers.shape[1]:
            return encoder
        learned = ArrayEncoder.fit(numbers)
        keep = np.zeros(encoder.width, bool) if every else np.array(encoder.scale) > 0
        mean, scale = np.where(keep, encoder.mean, learned.mean), np.where(keep, encoder.scale, learned.scale)
        return replace(encoder, mean=tuple(mean.tolist()), scale=tuple(scale.tolist()))
    columns = iter(numbers.T)
    encoders = []
    for column_encoder in encoder.encoders:
        if isinstance(column_encoder, NumberEncoder):
            values = next(columns)
            learned_on = every or column_encoder.scale == 0
            encoders.append(column_encoder.rescaled(values) if learned_on else column_encoder)
        else:
            encoders.append(column_encoder)
    return replace(encoder, encoders=tuple(encoders))


def _watches(encoder: Any) -> bool:
    """Whether a column of numbers has no scale yet."""
    if isinstance(encoder, ArrayEncoder):
        return 0.0 in encoder.scale
    return any(
        isinstance(column_encoder, NumberEncoder) and column_encoder.scale == 0 for column_encoder in encoder.encoders
    )


def _scaled_target(model: Model, targets: Array) -> TargetEncoder:
    if model.task.kind != "regression":
        return model.target
    fitted = fit_target(targets, model.task, loss=model.training.loss)
    return replace(model.target, mean=fitted.mean, scale=fitted.scale, limits=fitted.limits)


def _constant(values: Array) -> NDArray[np.bool_]:
    """Which columns have one value alone."""
    return np.asarray((values == values[:1]).all(axis=0)) if values.shape[1] else np.zeros(0, bool)
