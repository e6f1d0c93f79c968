"""What does every neuron say over the plane of two inputs? N neurons, S points a side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.model.inspect import input_names
from ranvier.rows import as_inputs
from ranvier.rows.some_rows import evenly
from ranvier.view.questions.weights import as_bytes
from ranvier.view.subject import Subject

SIDE = 48
MAX_NEURONS = 64
MAX_POINTS = 400
MARGIN = 0.15


def surface(subject: Subject) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """The outputs of all neurons on a grid over the known rows, for a network with two inputs.

    Returns the range `x` and `y` of the inputs and their `names`; `parts`, for each layer with at most 64 neurons path,
    number of neurons and the `limit` that byte 255 stands for; the `side` of the grid; `points`, at most 400 known rows
    with the index of their class, or their number, beside the two inputs; and the bytes, (N, S, S), 128 for 0, the
    largest y first.

    Raises:
        InputError: the network has other than two inputs, or no rows are known.
    """
    model, rows = subject.model, subject.known_rows()
    if model.network.inputs != 2:
        raise InputError(f"The network has {model.network.inputs} inputs; a surface needs two.")
    inputs = rows.inputs.toarray().astype(np.float64)
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    spread = np.where(high > low, high - low, 1.0)
    low, high = low - MARGIN * spread, high + MARGIN * spread
    x, y = np.linspace(low[0], high[0], SIDE), np.linspace(high[1], low[1], SIDE)
    grid = np.stack([axis.ravel() for axis in np.meshgrid(x, y)], axis=1)
    values = subject.values_of(as_inputs(grid.astype(model.training.row_dtype)))
    parts, arrays = [], []
    for info in subject.dense_layers:
        if info.outputs > MAX_NEURONS:
            continue
        outputs = np.asarray(values[info.path].outputs, np.float64)
        chances = info == subject.dense_layers[-1] and model.task.kind != "regression"
        limit = 1.0 if chances else float(np.quantile(np.abs(outputs), 0.99)) or 1.0
        parts.append({"path": info.path, "units": info.outputs, "limit": limit})
        arrays.append(as_bytes(outputs, limit).T.reshape(-1))
    head = {
        "x": [float(low[0]), float(high[0])],
        "y": [float(low[1]), float(high[1])],
        "names": input_names(model, subject.dense_layers[0])[:2],
        "side": SIDE,
        "parts": parts,
        "points": _points(subject, inputs),
    }
    return head, np.concatenate([np.zeros(0, np.uint8), *arrays]).astype(np.uint8)


def _points(subject: Subject, inputs: NDArray[np.float64]) -> list[list[float]]:
    """Some known rows: the two inputs, and the index of the class or the number."""
    index = evenly(len(inputs), MAX_POINTS)
    if subject.known_rows().targets is None:
        truth = np.full(len(inputs), -1.0)
    elif subject.model.task.is_classifier:
        truth = subject.actual.astype(np.float64)
    else:
        truth = subject.targets[:, 0]
    return [[*inputs[at].tolist(), float(truth[at])] for at in index]
