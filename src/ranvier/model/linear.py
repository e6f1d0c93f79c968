"""A linear model on the same inputs beside the network of a training: what it outputs, and how good that is."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import Prepared
from ranvier.errors import RanvierError
from ranvier.recipes.linear_baseline import linear_baseline
from ranvier.recipes.merge import ple_to_linear_spline
from ranvier.recipes.recipe import Trained
from ranvier.rows import Rows
from ranvier.training import metrics
from ranvier.training.inference import outputs_of, uncompiled
from ranvier.training.settings import TrainSettings

Array = NDArray[Any]


def linear_outputs(trained: Trained, prepared: Prepared, settings: TrainSettings, rows: Rows) -> Array | None:
    """What a linear model outputs for the rows that the network is measured on, (n, N); None where there is none.

    Parameters:
        trained: may have such a model; otherwise one is trained.
        prepared: the rows, with the encoders of training.
        settings: of the networks.
        rows: training rows with their weights.
    """
    measured, target = prepared.evaluation_set, prepared.target
    if measured is None or trained.interrupted or target.levels:
        return None
    linear = trained.linear or linear_baseline(settings, target.task, rows)
    if linear is None:
        return None
    network, parameters = linear
    encodings = prepared.encoder.piecewise_linear
    parameters = ple_to_linear_spline(network, parameters, encodings) if encodings else parameters
    try:
        few = uncompiled(settings, len(measured) * network.parameter_count)
        outputs = outputs_of(network, few, parameters, measured.inputs)
    except RanvierError:
        return None
    return outputs if np.isfinite(outputs).all() else None


def linear_metrics(prepared: Prepared, outputs: Array | None) -> dict[str, float | None]:
    """The metrics of a linear model's outputs; empty without such."""
    measured, target = prepared.evaluation_set, prepared.target
    if outputs is None or measured is None:
        return {}
    targets = measured.targets
    if target.task.kind == "regression":
        outputs, targets = target.values(outputs), target.values(targets)
    values = metrics.all_metrics(target.task, outputs, targets, measured.weights)
    return {name: value if np.isfinite(value) else None for name, value in values.items()}
