"""The rows that importances are measured on."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.errors import InputError
from ranvier.model.evaluation import inputs_and_targets
from ranvier.model.predictor import Predictor
from ranvier.rows.some_rows import evenly

MAX_WINDOWS = 2**14
"""Of a longer text, so many characters that lie evenly in it are looked at."""


def measured_rows(model: Predictor, X: Any, y: Any, sample_weight: Any) -> Any:
    """Encoded rows, targets and weights, without rows of weight 0."""
    from ranvier.data.encoders.context import ContextEncoder
    from ranvier.model.language import text_rows

    if y is None and isinstance(model.encoder, ContextEncoder):
        rows = text_rows(model.encoder, X)
        rows = rows.take(evenly(len(rows), MAX_WINDOWS))
        return rows.inputs, rows.targets, None
    inputs, targets, weights = inputs_and_targets(model, X, y, sample_weight, "importances")
    if weights is not None and not weights.all():
        weighted = np.flatnonzero(weights)
        if not len(weighted):
            raise InputError("The weights of all rows are 0, so nothing can be measured; give some that count.")
        inputs, targets, weights = inputs[weighted], targets[weighted], weights[weighted]
    return inputs, targets, weights
