"""The row that explanations compare with where a user gives none: a typical one. K inputs."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.data.encoders.row_encoder import column_encoders
from ranvier.rows import CSR, Inputs


def typical_row(encoder: Any, n_dense: int, n_csr: int, dtype: Any) -> Inputs:
    """The inputs of a typical row, (1, K): the encoders' typical cells side by side.

    Without an encoder of a table all inputs are 0, which is the mean of standardized numbers, black pixels, and a text
    without words.

    Parameters:
        encoder: of a model; None for one that takes arrays.
        n_dense, n_csr: how many inputs are in each block.
        dtype: float32 or float64.

    >>> typical_row(None, 2, 0, np.float32).dense.tolist()
    [[0.0, 0.0]]
    """
    dense = np.zeros((1, n_dense), dtype)
    start = 0
    for part in column_encoders(encoder):
        part.encode_typical(dense[0, start : start + part.width])
        start += part.width
    empty = CSR(np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(2, np.int64), n_csr)
    return Inputs(dense, empty if n_csr else None)
