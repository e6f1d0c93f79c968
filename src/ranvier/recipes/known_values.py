"""Which single values of numbers a network of an ensemble knows: those that are frequent among its own training rows.

All rows decide which values get an input, also those that a network leaves out. So these would more often have an input
than new rows have, and their errors would tell of a network that is better than it is. Of more inputs than are used,
each network therefore takes those that its own training rows have most often; a row that it leaves out counts for it no
more than a new one does.

n rows, P parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.number import NumberEncoder
from ranvier.data.encoders.number_resolution import MIN_ROWS_OF_VALUE
from ranvier.data.encoders.refined_numbers import MAX_VALUES
from ranvier.data.encoders.row_encoder import row_encoder
from ranvier.network.layers import Dense
from ranvier.network.network import Network
from ranvier.rows import Inputs, Rows

Array = NDArray[Any]
Columns = NDArray[np.int64]


def value_inputs(encoder: Any) -> list[slice]:
    """The inputs for single values, of each column that has some."""
    inputs, at = [], 0
    for part in row_encoder(encoder).encoders:
        if isinstance(part, NumberEncoder) and part.single_values:
            first = at + part.first_single_value
            inputs.append(slice(first, first + len(part.single_values)))
        at += part.width
    return inputs


def unknown_values(learned: Rows, inputs: Sequence[slice], most: int = MAX_VALUES) -> Columns:
    """The inputs of values that a network does not know: too rare in its rows, or not among the most frequent ones.

    >>> rows = Rows(np.array([[1.0, 0.0]] * 2 + [[0.0, 1.0]] * 3), np.zeros((5, 1)))
    >>> unknown_values(rows, [slice(0, 2)]).tolist()
    [0]
    """
    unknown = [np.zeros(0, np.int64)]
    for columns in inputs:
        counts = np.count_nonzero(learned.inputs.dense[:, columns], axis=0)
        order = np.argsort(-counts, kind="stable")
        rare = counts < MIN_ROWS_OF_VALUE
        rare[order[most:]] = True
        unknown.append(columns.start + np.flatnonzero(rare))
    return np.concatenate(unknown)


def without_inputs(rows: Rows, columns: Columns) -> Rows:
    """The rows with 0 in these columns of the dense block."""
    if not len(columns):
        return rows
    dense = rows.inputs.dense.copy()
    dense[:, columns] = 0
    return replace(rows, inputs=Inputs(dense, rows.inputs.csr))


def without_weights(flat: Array, network: Network, columns: Columns) -> Array:
    """The parameters (P,) with weights of 0 for inputs that a network does not know; they are as they began.

    >>> without_weights(np.array([2.0, 3.0, 1.0]), Network(2, [Dense(1)]), np.array([1])).tolist()
    [2.0, 0.0, 1.0]
    """
    if not len(columns):
        return flat
    changed = flat.copy()
    first = next(number for number, layer in enumerate(network.layers) if isinstance(layer, Dense))
    network.parameter_table.views(changed)[f"layers.{first}.weight"][columns] = 0
    return changed
