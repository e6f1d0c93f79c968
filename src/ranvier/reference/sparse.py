"""A first layer whose inputs have a dense block and a CSR block. B rows, K = D + S inputs, N outputs, P parameters.

    z = b + x W[:D] + s W[D:]     with x (B, D) the dense block and s (B, S) the CSR block, W (K, N), b (N,)

Sums go first over the dense columns and then over the entries of a row in ascending column; without a dense block that
is the sum over the entries, and without a CSR block the ordinary layer.

Of the CSR block only what is not zero takes part: a weighted sum adds up the weights W_k of the columns k that a row
holds, and the gradient of W_k is the sum over the rows that hold k. For every other k it is zero, and a step leaves W_k
alone: neither penalties nor weight decay nor the optimizer touch it, and what the optimizer remembers of it (momentum,
moving averages, the average of the weights) stays as it is. So a step costs as much as its entries. The weights of
dense columns move at every step.

For SGD without momentum and for Adagrad, both without penalties and weight decay, this is the ordinary step. For Adam
and the others it is what is called lazy: as if the memory of W_k paused where no row holds k.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranvier.network.parameters import ParameterTable
from ranvier.reference import layers
from ranvier.rows import CSR

Array = NDArray[np.float64]


def dense(x: Array, csr: CSR, weight: Array, bias: Array | None) -> Array:
    """The weighted sums z = b + x W[:D] + s W[D:].

    >>> csr = CSR.from_dense(np.array([[0.0, 2.0]]))
    >>> dense(np.array([[1.0]]), csr, np.array([[10.0], [3.0], [4.0]]), np.array([0.5]))
    array([[18.5]])
    """
    n_dense = x.shape[1]
    sums = np.zeros((len(csr), weight.shape[1]))
    for row in range(len(csr)):
        k, numbers = csr.row(row)
        sums[row] = numbers @ weight[n_dense + k]
    return layers.dense(x, weight[:n_dense], bias) + sums


def dense_backward(x: Array, csr: CSR, weight: Array, dz: Array) -> tuple[Array, Array, Array]:
    """dx along the dense block, dW and db; dW_k of a CSR column = sum over the rows b that hold k of s_bk dz_b."""
    n_dense = x.shape[1]
    dweight = np.zeros_like(weight)
    dx, dweight[:n_dense], dbias = layers.dense_backward(x, weight[:n_dense], dz)
    for row in range(len(csr)):
        k, numbers = csr.row(row)
        dweight[n_dense + k] += numbers[:, None] * dz[row]
    return dx, dweight, dbias


def touched_mask(csr: CSR, table: ParameterTable, first: str) -> NDArray[np.bool_]:
    """Which numbers a step moves, shape (P,): all but the weights of CSR columns that no row holds.

    Parameters:
        first: the name of the first layer's weight, whose last rows are those of the CSR columns.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.network import Network
    >>> table = Network(3, [Dense(2)]).parameter_table
    >>> touched_mask(CSR.from_dense(np.array([[0.0, 2.0, 0.0]])), table, "layers.0.weight").tolist()
    [False, False, True, True, False, False, True, True]
    """
    mask = np.ones(table.size, bool)
    entry = table[first]
    n_dense = entry.shape[0] - csr.n_columns
    held = np.zeros(entry.shape, bool)
    held[:n_dense] = True
    held[n_dense + csr.indices] = True
    mask[entry.slice] = held.ravel()
    return mask
