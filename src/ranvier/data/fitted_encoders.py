"""The encoders of inputs and of targets, as they are learned from the training rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ranvier.data.columns.column_schema import ColumnSchema
from ranvier.data.encoders import fit_encoder
from ranvier.data.encoders.array import ArrayEncoder
from ranvier.data.encoders.feature_options import FeatureOptions
from ranvier.data.encoders.refined_numbers import step_between
from ranvier.data.encoders.table import TableEncoder
from ranvier.data.encoders.target import TargetEncoder, fit_target
from ranvier.data.labelled_rows import LabelledRows
from ranvier.network.losses import Loss
from ranvier.network.task import Task
from ranvier.rows.class_numbers import frequent_classes
from ranvier.rows.row_names import rows_called


def fitted_target(
    training: LabelledRows, validation: LabelledRows | None, task: Task, loss: Loss | None, formats: Any
) -> TargetEncoder:
    """The encoder of the targets; validation rows tell which numbers lie far from all others."""
    others = () if validation is None else (validation.values, validation.row_numbers)
    with rows_called(training.indexed if validation is None else validation.indexed):
        return fit_target(training.values, task, True, training.row_numbers, loss, formats, *others)


def fitted_encoder(
    training: LabelledRows,
    columns: tuple[ColumnSchema, ...],
    target_columns: tuple[str, ...],
    features: FeatureOptions | None,
    target_encoder: Callable[[None], TargetEncoder],
) -> TableEncoder | ArrayEncoder:
    """The encoder of the inputs.

    Parameters:
        training: the training rows.
        columns: their schema; empty to infer it.
        target_columns: the columns of the table that are to be predicted.
        features: how columns are expanded; None for one feature a number.
        target_encoder: makes the encoder of the targets without validation rows; called where `features` need targets.
    """
    learned = None
    if features is not None:
        targets = target_encoder(None)
        features = features.for_outputs(targets.task.outputs)
        if features.adapt_bins:
            step = step_between(len(training.row_numbers))
            with rows_called(training.indexed):
                learned = targets.transform(training.values[::step], training.row_numbers[::step], np.float64, True)
            learned = frequent_classes(learned, targets.task.outputs)
    with rows_called(training.indexed, training.row_numbers):
        return fit_encoder(training.source, columns or None, target_columns, features, learned)
