"""Which weights between two layers matter most? K inputs, N neurons."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.errors import InputError
from ranvier.model.inspect import find_layer
from ranvier.network.layer_info import LayerInfo
from ranvier.view.questions.neuron import layer_inputs
from ranvier.view.questions.weights import weight_limit
from ranvier.view.subject import Subject

MAX_LINES = 1000


def connections(subject: Subject, path: str, count: int = 200) -> dict[str, Any]:
    """The lines to draw between a layer and the one before: all weights, or those that carry most, and one a neuron.

    A weight carries |w| times the mean size of its input over the known rows; without rows, |w|.

    Returns `lines`: input, neuron and weight, the one that carries most first; `limit`, at which colours end; and how
    many weights there are in `all`.

    Raises:
        InputError: there is no such layer, or the count is out of range.
    """
    if type(count) is not int or not 1 <= count <= MAX_LINES:
        raise InputError(f"count is {count!r}; an integer from 1 to {MAX_LINES} was expected.")
    info = find_layer(subject.model.network, path)
    return subject.cached(("connections", info.path, count), lambda: _connections(subject, info, count))


def _connections(subject: Subject, info: LayerInfo, count: int) -> dict[str, Any]:
    matrix = np.asarray(subject.model.parameters[f"{info.path}.weight"], np.float64)
    size = np.abs(matrix)
    if subject.rows is not None:
        index = subject.sample
        inputs = subject.rows.inputs[index[:256]]
        mean_size = np.abs(layer_inputs(subject, info, subject.values_of(inputs), inputs)).mean(axis=0)
        per_group = info.outputs // info.groups
        size = size * np.repeat(mean_size.reshape(info.groups, info.fan_in), per_group, axis=0).T
    flat = size.reshape(-1)
    rank = flat.copy()
    if info.outputs <= count:
        # Each neuron keeps the one that carries most to it, so that none is without a line.
        rank[size.argmax(axis=0) * info.outputs + np.arange(info.outputs)] = np.inf
    largest = np.argpartition(-rank, count - 1)[:count] if count < rank.size else np.arange(rank.size)
    largest = largest[np.argsort(-flat[largest], kind="stable")]
    rows, columns = np.unravel_index(largest, matrix.shape)
    starts = columns // (info.outputs // info.groups) * info.fan_in
    lines = [
        [int(row + start), int(column), float(matrix[row, column])]
        for row, start, column in zip(rows, starts, columns, strict=True)
    ]
    return {"lines": lines, "limit": weight_limit(matrix), "all": matrix.size}
