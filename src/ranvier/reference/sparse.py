"""A first layer whose inputs are mostly zeros. B rows, K inputs, N outputs, P parameters.

Only what is not zero takes part: a weighted sum adds up the weights W_k of the inputs k that a row holds, and the
gradient of W_k is the sum over the rows that hold k. For every other k it is zero, and a step leaves W_k alone: neither
penalties nor weight decay nor the optimizer touch it, and what the optimizer remembers of it (momentum, moving
averages, the average of the weights) stays as it is. So a step costs as much as its entries.

For SGD without momentum and for Adagrad, both without penalties and weight decay, this is the ordinary step. For Adam
and the others it is what is called lazy: as if the memory of W_k paused where no row holds k.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranvier.network.parameters import ParameterTable
from ranvier.rows.csr import CSR

Array = NDArray[np.float64]


def dense(x: CSR, weight: Array, bias: Array | None) -> Array:
    """The weighted sums z_b = sum over the entries k of row b of x_bk W_k, plus b; W (K, N), b (N,).

    >>> dense(CSR.from_dense(np.array([[0.0, 2.0]])), np.array([[3.0], [4.0]]), np.array([0.5]))
    array([[8.5]])
    """
    z = np.zeros((len(x), weight.shape[1]))
    for row in range(len(x)):
        k, values = x.row(row)
        z[row] = values @ weight[k]
    return z if bias is None else z + bias


def dense_backward(x: CSR, weight: Array, dz: Array) -> tuple[Array, Array]:
    """dW and db: dW_k = sum over the rows b that hold k of x_bk dz_b, and db = the sum of dz over the rows."""
    dweight = np.zeros_like(weight)
    for row in range(len(x)):
        k, values = x.row(row)
        dweight[k] += values[:, None] * dz[row]
    return dweight, dz.sum(axis=0)


def touched_mask(x: CSR, table: ParameterTable, first: str) -> NDArray[np.bool_]:
    """Which numbers a step moves, shape (P,): all but the weights of the first layer for inputs that no row holds.

    Parameters:
        first: the name of the first layer's weight.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.network import Network
    >>> table = Network(3, [Dense(2)]).parameter_table
    >>> touched_mask(CSR.from_dense(np.array([[0.0, 2.0, 0.0]])), table, "layers.0.weight").tolist()
    [False, False, True, True, False, False, True, True]
    """
    mask = np.ones(table.size, bool)
    entry = table[first]
    held = np.zeros(entry.shape, bool)
    held[x.indices] = True
    mask[entry.slice] = held.ravel()
    return mask
