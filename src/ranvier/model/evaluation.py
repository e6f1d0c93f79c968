"""Outputs beside the true targets, for metrics. n rows, N outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier import data, user_warnings
from ranvier.data.encoders.row_encoder import row_encoder
from ranvier.errors import InputError, ShapeError
from ranvier.model import rows as row_tools
from ranvier.model.targets import target_array
from ranvier.network.task import Task
from ranvier.rows import Inputs
from ranvier.rows.row_names import rows_called
from ranvier.rows.weights import weight_array
from ranvier.training import metrics
from ranvier.training.quantile_metrics import constant_quantiles, quantile_metrics

if TYPE_CHECKING:
    from ranvier.model.predictor import Predictor

Array = NDArray[Any]


def outputs_and_targets(
    model: Predictor, X: Any, y: Any = None, sample_weight: Any = None, skip_bad_rows: bool = False
) -> tuple[Array, Array, NDArray[np.float64] | None]:
    """Outputs and true targets (n, N), in the units of the target for regression, and weights (n,) or None.

    Rows whose picture or recording cannot be read are left out, with a warning.
    """
    rows = _measured_rows(model, X, y, sample_weight, "evaluate", skip_bad_rows)
    inputs, targets, weights, called = rows
    outputs = model.outputs_of(inputs)
    with rows_called(*called):
        metrics.check_finite(outputs)
    if model.task.kind == "regression":
        return model.target.values(outputs), model.target.values(targets), weights
    return outputs, targets, weights


def inputs_and_targets(
    model: Predictor, X: Any, y: Any, sample_weight: Any, method: str
) -> tuple[Inputs, Array, NDArray[np.float64] | None]:
    """Encoded rows (n, K), encoded targets (n, N) or class numbers (n, 1), and weights (n,) or None.

    Rows whose picture or recording cannot be read are left out, with a warning.

    Parameters:
        X, y, sample_weight: as for `Model.evaluate`.
        method: of the model that was called, for messages.

    Raises:
        InputError: rows, targets or weights cannot be used, or do not fit together.
    """
    return _measured_rows(model, X, y, sample_weight, method)[:3]


def _measured_rows(
    model: Predictor,
    X: Any,
    y: Any,
    sample_weight: Any,
    method: str,
    skip_bad_rows: bool = False,
) -> tuple[Inputs, Array, NDArray[np.float64] | None, tuple[bool, Any]]:
    """What `inputs_and_targets` gives, and what the rows are called, as `rows_called` takes it."""
    if y is None and model.encoder is None:
        raise InputError(f"This model was trained on arrays: give y too, model.{method}(X, y).")
    indexed = True
    if y is None:
        from ranvier.data.sources.reading import Reading

        encoder, expected = row_encoder(model.encoder), frozenset(model.target.column_names)
        only = None if encoder.used_columns is None else expected.union(encoder.used_columns)
        X = data.open_source(X, reading=Reading(names=expected, only=only, usual_encoding=encoder.encoding))
        X, indexed = X.part("test") or X, X.in_memory
        if skip_bad_rows:
            X, sample_weight = _with_good_targets(model, X, sample_weight)
    X, n_rows, row_numbers, notes = row_tools.readable_rows(model.encoder, X)
    for note in notes:
        user_warnings.warn(note)
    if y is None:
        n_rows = X.rows if n_rows is None else n_rows
        names, classes, formats = model.target.column_names, model.task.classes, model.target.number_formats
        with rows_called(indexed, row_numbers):
            y, X, present = row_tools.rows_with_target(X, names, classes, formats)
            data.check_target_range(y, names, present)
        row_numbers = present if row_numbers is None else row_numbers[present]
    elif row_numbers is not None:
        y = target_array(y)
        if len(y) != n_rows:
            raise ShapeError(f"X has {n_rows:,} rows and y has {len(y):,}; the same number was expected.")
        y = y[row_numbers]
    with rows_called(indexed, row_numbers):
        inputs = model.inputs(X)
    with rows_called(indexed):
        targets = row_tools.targets(model.target, target_array(y), row_numbers, np.float64)
    row_tools.check_lengths(inputs, targets)
    weights = None
    if sample_weight is not None:
        index = slice(None) if row_numbers is None else row_numbers
        weights = weight_array(sample_weight, len(targets) if n_rows is None else n_rows)[index]
    return inputs, targets, weights, (indexed, row_numbers)


def _with_good_targets(model: Predictor, X: data.Source, sample_weight: Any) -> tuple[data.Source, Any]:
    """The rows whose target the model knows, and their weights; a warning counts the others."""
    rows, good, notes = row_tools.with_good_targets(X, model.target)
    for note in notes:
        user_warnings.warn(note)
    if good is not None and sample_weight is not None:
        sample_weight = weight_array(sample_weight, X.rows)[good]
    return rows, sample_weight


def measured_levels(model: Predictor) -> tuple[float, ...]:
    """The levels of the quantiles that a model predicts, also of a single one; empty for other models."""
    loss = model.training.loss
    if model.target.levels or loss is None or loss.name != "quantile":
        return model.target.levels
    return (float(dict(loss.options)["q"]),)


def all_metrics(
    task: Task, outputs: Array, targets: Array, weights: Array | None, levels: tuple[float, ...]
) -> dict[str, float]:
    """The metrics of a task, or those of quantiles where there are levels.

    Parameters:
        outputs, targets: (n, N), or (n,) for one output.
        weights: (n,), or None.
        levels: as `measured_levels` gives them.
    """
    if levels:
        return quantile_metrics(levels, outputs, targets, weights)
    return metrics.all_metrics(task, outputs, targets, weights)


def baseline_metrics(
    task: Task,
    training: tuple[Array, Array | None],
    targets: Array,
    weights: Array | None,
    levels: tuple[float, ...],
) -> dict[str, float]:
    """The metrics of what knows other targets alone: their majority class, their mean, or their quantiles.

    Parameters:
        training: these targets and their weights.
        targets, weights, levels: as for `all_metrics`.
    """
    if not levels:
        return metrics.baseline(task, training[0], targets, training[1], weights)
    constant = constant_quantiles(levels, *training)
    return quantile_metrics(levels, np.broadcast_to(constant, (len(targets), len(constant))), targets, weights)
