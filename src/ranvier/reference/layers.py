"""Every kind of layer: forward and, right under it, backward. B rows, K inputs, N outputs.

x (B, K) goes in and y (B, N) comes out; dx and dy are the derivatives of the loss along them, and likewise for weights.
A residual block, y = x + layers(x), stands in `network.py`, where layers are put together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranvier import random
from ranvier.network.layers import Rescale

Array = NDArray[np.float64]
Statistics = tuple[Array, Array]


def dense(x: Array, weight: Array, bias: Array | None, groups: int = 1) -> Array:
    """The weighted sums z = x W + b, W (K, N), b (N,); those of a group from the inputs of that group, W (K / G, N).

    >>> dense(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([0.5]))
    array([[11.5]])
    >>> dense(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([0.5, 0.0]), groups=2)
    array([[3.5, 8. ]])
    """
    z = np.concatenate([part @ w for part, w in zip(cut(x, groups), cut(weight, groups), strict=True)], axis=1)
    return z if bias is None else z + bias


def dense_backward(x: Array, weight: Array, dz: Array, groups: int = 1) -> tuple[Array, Array, Array]:
    """dx = dz W', dW = x' dz, both group by group, and db = the sum of dz over the rows."""
    parts = list(zip(cut(x, groups), cut(weight, groups), cut(dz, groups), strict=True))
    dx = np.concatenate([error @ w.T for _, w, error in parts], axis=1)
    dweight = np.concatenate([part.T @ error for part, _, error in parts], axis=1)
    return dx, dweight, dz.sum(axis=0)


def cut(columns: Array, groups: int) -> list[Array]:
    """The columns of each group: equal parts that follow each other."""
    return np.split(columns, groups, axis=1)


def rescale(x: Array, layer: Rescale) -> Array:
    """y = factor x, as a division where 1 / factor is a whole number; also the way back, dx from dy.

    >>> rescale(np.array([[51.0, 255.0]]), Rescale(1 / 255))
    array([[0.2, 1. ]])
    """
    return x * layer.factor if layer.divisor is None else x / layer.divisor


def dropout_factors(rate: float, rows: int, width: int, seed: int, step: int, layer: int) -> Array:
    """What dropout multiplies each value with, shape (B, K): 0, or 1 / (1 - rate) where the value is kept.

    The value of row b (its place in the batch) and column k is kept if the 32 random bits number b K + k of this seed,
    step (how many steps were made before) and layer are at least floor(rate * 2^32), as a whole number.

    >>> float(dropout_factors(0.25, 200, 50, seed=0, step=0, layer=1).mean().round(2))
    1.0
    """
    words = random.bits(seed, random.DROPOUT, step, layer, rows * width)
    kept = words >= np.uint32(int(rate * 2**32))
    return np.asarray(kept.reshape(rows, width) / (1.0 - rate), np.float64)


def dropout(x: Array, factors: Array) -> Array:
    """y = x m / (1 - rate), m 0 or 1."""
    return x * factors


def dropout_backward(factors: Array, dy: Array) -> Array:
    """What was set to 0 gets no gradient; the rest gets the same factor."""
    return dy * factors


def statistics(x: Array, axis: int) -> Statistics:
    """Mean and biased variance over the values of each row (axis 1) or column (axis 0)."""
    mean = x.mean(axis=axis, keepdims=True)
    return mean, ((x - mean) ** 2).mean(axis=axis, keepdims=True)


def standardize(x: Array, mean: Array, variance: Array, epsilon: float) -> tuple[Array, Array]:
    """n = (x - mean) / d with d = sqrt(variance + epsilon); gives n and d."""
    deviation = np.sqrt(variance + epsilon)
    return (x - mean) / deviation, deviation


def standardize_backward(n: Array, deviation: Array, dn: Array, axis: int) -> Array:
    """dx = (dn - mean(dn) - n mean(dn n)) / d, where mean and variance were those of x itself.

    The second term is the way through the mean; the third the way through the variance, whose derivative along x_i is
    2 (x_i - mean) / M over M values, and d n / d variance = -n / (2 d^2).
    """
    through_mean = dn.mean(axis=axis, keepdims=True)
    through_variance = n * (dn * n).mean(axis=axis, keepdims=True)
    dx: Array = (dn - through_mean - through_variance) / deviation
    return dx


def scale(x: Array, gain: Array) -> Array:
    """y = gain x; gain (K,)."""
    return gain * x


def scale_backward(x: Array, gain: Array, dy: Array) -> tuple[Array, Array]:
    """dx = dy gain, dscale = the sum of dy x over the rows."""
    return dy * gain, (dy * x).sum(axis=0)


def layer_norm(x: Array, gain: Array, shift: Array, epsilon: float) -> tuple[Array, tuple[Array, Array]]:
    """y = gain n + shift, with n standardized over each row. Gives y and what backward needs, (n, d)."""
    n, deviation = standardize(x, *statistics(x, axis=1), epsilon)
    return scale(n, gain) + shift, (n, deviation)


def layer_norm_backward(kept: tuple[Array, Array], gain: Array, dy: Array) -> tuple[Array, Array, Array]:
    """dx, dscale and dbias."""
    n, deviation = kept
    dn, dscale = scale_backward(n, gain, dy)
    return standardize_backward(n, deviation, dn, axis=1), dscale, dy.sum(axis=0)


def batch_norm(
    x: Array, gain: Array, shift: Array, mean: Array, variance: Array, epsilon: float
) -> tuple[Array, tuple[Array, Array]]:
    """y = gain n + shift, with n standardized column by column. Gives y and what backward needs, (n, d).

    While training, mean and variance are `statistics(x, axis=0)` of the batch, in which every row counts the same,
    whatever its weight in the loss. For predictions they are the running ones.
    """
    n, deviation = standardize(x, mean, variance, epsilon)
    return scale(n, gain) + shift, (n, deviation)


def batch_norm_backward(kept: tuple[Array, Array], gain: Array, dy: Array) -> tuple[Array, Array, Array]:
    """dx, dscale and dbias, where mean and variance were those of the batch."""
    n, deviation = kept
    dn, dscale = scale_backward(n, gain, dy)
    return standardize_backward(n, deviation, dn, axis=0), dscale, dy.sum(axis=0)


def running_statistics(running: Array, batch: Array, momentum: float) -> Array:
    """momentum * running + (1 - momentum) * batch, after every training step.

    >>> running_statistics(np.array([0.0]), np.array([5.0]), 0.9).round(6)
    array([0.5])
    """
    return momentum * running + (1.0 - momentum) * batch
