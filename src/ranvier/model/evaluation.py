"""Outputs beside the true targets, for metrics. n rows, N outputs."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier import data
from ranvier.errors import InputError, ShapeError
from ranvier.model import rows as row_tools
from ranvier.model.targets import target_array
from ranvier.rows import Inputs
from ranvier.rows.weights import weight_array

if TYPE_CHECKING:
    from ranvier.model.predictor import Predictor

Array = NDArray[Any]


def outputs_and_targets(
    model: Predictor, X: Any, y: Any = None, sample_weight: Any = None
) -> tuple[Array, Array, NDArray[np.float64] | None]:
    """Outputs and true targets (n, N), in the units of the target for regression, and weights (n,) or None.

    Rows whose picture or recording cannot be read are left out, with a warning.
    """
    inputs, targets, weights = inputs_and_targets(model, X, y, sample_weight, "evaluate", stacklevel=4)
    outputs = model.outputs_of(inputs)
    if model.task.kind == "regression":
        return model.target.values(outputs), model.target.values(targets), weights
    return outputs, targets, weights


def inputs_and_targets(
    model: Predictor, X: Any, y: Any, sample_weight: Any, method: str, stacklevel: int = 3
) -> tuple[Inputs, Array, NDArray[np.float64] | None]:
    """Encoded rows (n, K), encoded targets (n, N) or class numbers (n, 1), and weights (n,) or None.

    Rows whose picture or recording cannot be read are left out, with a warning.

    Parameters:
        X, y, sample_weight: as for `Model.evaluate`.
        method: of the model that was called, for messages.
        stacklevel: of the warning.

    Raises:
        InputError: rows, targets or weights cannot be used, or do not fit together.
    """
    if y is None and model.encoder is None:
        raise InputError(f"This model was trained on arrays: give y too, model.{method}(X, y).")
    if y is None:
        X = data.open_source(X)
        X = X.part("test") or X
    X, n_rows, row_numbers, notes = row_tools.readable_rows(model.encoder, X)
    for note in notes:
        warnings.warn(note, stacklevel=stacklevel)
    if y is None:
        n_rows = X.rows if n_rows is None else n_rows
        names, classes, formats = model.task.target_names, model.task.classes, model.target.number_formats
        y, X, present = row_tools.with_targets(X, names, classes, formats)
        row_numbers = present if row_numbers is None else row_numbers[present]
    elif row_numbers is not None:
        y = target_array(y)
        if len(y) != n_rows:
            raise ShapeError(f"X has {n_rows:,} rows and y has {len(y):,}; the same number was expected.")
        y = y[row_numbers]
    inputs, targets = model.inputs(X), row_tools.targets(model.target, target_array(y), row_numbers, np.float64)
    row_tools.check_lengths(inputs, targets)
    weights = None
    if sample_weight is not None:
        kept = slice(None) if row_numbers is None else row_numbers
        weights = weight_array(sample_weight, len(targets) if n_rows is None else n_rows)[kept]
    return inputs, targets, weights
