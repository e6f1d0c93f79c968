"""A first layer whose inputs have a dense block and a CSR block. B rows, K = D + S inputs, N outputs, P parameters.

    z = b + x W[:D] + s W[D:]     with x (B, D) the dense block and s (B, S) the CSR block, W (K, N), b (N,)

Sums go first over the dense columns and then over the entries of a row in ascending column. Without a dense block that
is the sum over the entries, and without a CSR block the ordinary layer.

Of the CSR block only the entries are used: a weighted sum adds the weights W_k of the columns k with an entry in the
row, and the gradient of W_k is a sum over the rows with an entry in column k. A step does not change W_k if column k
has no entry in the batch: penalties, weight decay and the optimizer are not applied to it, and its optimizer state
(momentum, moving averages, average of the weights) is unchanged. So the cost of a step is proportional to its number of
entries. The weights of dense columns are updated at every step.

For SGD without momentum and for Adagrad, both without penalties and weight decay, this equals the ordinary step. For
Adam and the others it is a lazy update: the optimizer state of W_k pauses while no row has an entry in column k.
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
        k, values = csr.row(row)
        sums[row] = values @ weight[n_dense + k]
    return layers.dense(x, weight[:n_dense], bias) + sums


def dense_backward(x: Array, csr: CSR, weight: Array, dz: Array) -> tuple[Array, Array, Array]:
    """dx of the dense block, dW and db; for a CSR column k, dW_k = sum of s_bk dz_b over the rows with an entry."""
    n_dense = x.shape[1]
    dweight = np.zeros_like(weight)
    dx, dweight[:n_dense], dbias = layers.dense_backward(x, weight[:n_dense], dz)
    for row in range(len(csr)):
        k, values = csr.row(row)
        dweight[n_dense + k] += values[:, None] * dz[row]
    return dx, dweight, dbias


def touched_mask(csr: CSR, table: ParameterTable, first: str) -> NDArray[np.bool_]:
    """The parameters that a step updates, (P,): all but the weights of CSR columns without an entry in the batch.

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
    touched = np.zeros(entry.shape, bool)
    touched[:n_dense] = True
    touched[n_dense + csr.indices] = True
    mask[entry.slice] = touched.ravel()
    return mask
