"""Every kind of layer: its forward pass and, below it, its backward pass. B rows, K inputs, N outputs.

x (B, K) is the input and y (B, N) the output; dx and dy are the derivatives of the loss with respect to them, and
likewise for weights. The residual block, y = x + layers(x), is in `network.py`, which combines layers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranvier import random
from ranvier.network.layers import Rescale

Array = NDArray[np.float64]
Statistics = tuple[Array, Array]


def dense(x: Array, weight: Array, bias: Array | None, groups: int = 1) -> Array:
    """The weighted sums z = x W + b, W (K, N), b (N,); with G groups, W (K / G, N), group by group.

    >>> dense(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([0.5]))
    array([[11.5]])
    >>> dense(np.array([[1.0, 2.0]]), np.array([[3.0, 4.0]]), np.array([0.5, 0.0]), groups=2)
    array([[3.5, 8. ]])
    """
    z = np.concatenate(
        [block @ w for block, w in zip(split_groups(x, groups), split_groups(weight, groups), strict=True)], axis=1
    )
    return z if bias is None else z + bias


def dense_backward(x: Array, weight: Array, dz: Array, groups: int = 1) -> tuple[Array, Array, Array]:
    """dx = dz W', dW = x' dz, both group by group, and db = the sum of dz over the rows."""
    blocks = list(zip(split_groups(x, groups), split_groups(weight, groups), split_groups(dz, groups), strict=True))
    dx = np.concatenate([delta @ w.T for _, w, delta in blocks], axis=1)
    dweight = np.concatenate([block.T @ delta for block, _, delta in blocks], axis=1)
    return dx, dweight, dz.sum(axis=0)


def split_groups(columns: Array, groups: int) -> list[Array]:
    """The columns of each group, equally many."""
    return [columns] if groups == 1 else np.split(columns, groups, axis=1)


def rescale(x: Array, layer: Rescale) -> Array:
    """y = factor x, as a division if 1 / factor is an integer; the backward pass, dx from dy, is the same.

    >>> rescale(np.array([[51.0, 255.0]]), Rescale(1 / 255))
    array([[0.2, 1. ]])
    """
    return rescale_backward(x, layer) + layer.offset


def rescale_backward(dy: Array, layer: Rescale) -> Array:
    """The gradient at the input of a Rescale layer: dx = factor * dy.

    >>> rescale_backward(np.array([[51.0, 255.0]]), Rescale(1 / 255, offset=3.0))
    array([[0.2, 1. ]])
    """
    return dy * layer.factor if layer.divisor is None else dy / layer.divisor


def dropout_factors(rate: float, rows: int, width: int, seed: int, step: int, layer: int) -> Array:
    """The factors of dropout, shape (B, K): 0 for dropped values, 1 / (1 - rate) for the others.

    The value of row b of the batch and column k is not dropped if random word number b K + k of this seed, step (the
    number of earlier steps) and layer is at least floor(rate * 2^32), as an unsigned 32-bit integer.

    >>> float(dropout_factors(0.25, 200, 50, seed=0, step=0, layer=1).mean().round(2))
    1.0
    """
    words = random.bits(seed, random.DROPOUT, step, layer, rows * width)
    mask = words >= np.uint32(int(rate * 2**32))
    return np.asarray(mask.reshape(rows, width) / (1.0 - rate), np.float64)


def dropout(x: Array, factors: Array) -> Array:
    """y = x m / (1 - rate), m 0 or 1."""
    return x * factors


def dropout_backward(factors: Array, dy: Array) -> Array:
    """dx = dy m / (1 - rate)."""
    return dy * factors


def statistics(x: Array, axis: int) -> Statistics:
    """Mean and biased variance over the values of each row (axis 1) or column (axis 0)."""
    mean = x.mean(axis=axis, keepdims=True)
    return mean, ((x - mean) ** 2).mean(axis=axis, keepdims=True)


def standardize(x: Array, mean: Array, variance: Array, epsilon: float) -> tuple[Array, Array]:
    """n = (x - mean) / d with d = sqrt(variance + epsilon); returns n and d."""
    deviation = np.sqrt(variance + epsilon)
    return (x - mean) / deviation, deviation


def standardize_backward(n: Array, deviation: Array, dn: Array, axis: int) -> Array:
    """dx = (dn - mean(dn) - n mean(dn n)) / d, if mean and variance are those of x.

    The second term is the derivative through the mean. The third is that through the variance of M values, from
    d variance / d x_i = 2 (x_i - mean) / M and d n / d variance = -n / (2 d^2).
    """
    through_mean = dn.mean(axis=axis, keepdims=True)
    through_variance = n * (dn * n).mean(axis=axis, keepdims=True)
    dx: Array = (dn - through_mean - through_variance) / deviation
    return dx


def learned_scale(x: Array, scale: Array) -> Array:
    """y = scale * x; scale (K,), or (k,) for the first k columns; the others stay as they are."""
    k = len(scale)
    return np.concatenate([scale * x[:, :k], x[:, k:]], axis=1)


def learned_scale_backward(x: Array, scale: Array, dy: Array) -> tuple[Array, Array]:
    """dx = dy * scale, dscale = the sum of dy x over the rows."""
    k = len(scale)
    return learned_scale(dy, scale), (dy[:, :k] * x[:, :k]).sum(axis=0)


def layer_norm(x: Array, scale: Array, bias: Array, epsilon: float) -> tuple[Array, tuple[Array, Array]]:
    """y = scale * n + bias, with n standardized over each row. Returns y and the cache of the backward pass, (n, d)."""
    n, deviation = standardize(x, *statistics(x, axis=1), epsilon)
    return learned_scale(n, scale) + bias, (n, deviation)


def layer_norm_backward(cache: tuple[Array, Array], scale: Array, dy: Array) -> tuple[Array, Array, Array]:
    """dx, dscale and dbias."""
    n, deviation = cache
    dn, dscale = learned_scale_backward(n, scale, dy)
    return standardize_backward(n, deviation, dn, axis=1), dscale, dy.sum(axis=0)


def batch_norm(
    x: Array, scale: Array, bias: Array, mean: Array, variance: Array, epsilon: float
) -> tuple[Array, tuple[Array, Array]]:
    """y = scale * n + bias, with n standardized column by column. Returns y and the cache of the backward pass, (n, d).

    In training, mean and variance are `statistics(x, axis=0)` of the batch, without the rows' weights in the loss. In
    predictions they are the running ones.
    """
    n, deviation = standardize(x, mean, variance, epsilon)
    return learned_scale(n, scale) + bias, (n, deviation)


def batch_norm_backward(cache: tuple[Array, Array], scale: Array, dy: Array) -> tuple[Array, Array, Array]:
    """dx, dscale and dbias, if mean and variance are those of the batch."""
    n, deviation = cache
    dn, dscale = learned_scale_backward(n, scale, dy)
    return standardize_backward(n, deviation, dn, axis=0), dscale, dy.sum(axis=0)


def running_norm_backward(cache: tuple[Array, Array], scale: Array, dy: Array) -> Array:
    """dx of a batch norm with running statistics, which do not depend on x: dx = dy scale / d."""
    dx: Array = dy * scale / cache[1]
    return dx


def running_statistics(running: Array, batch: Array, momentum: float) -> Array:
    """momentum * running + (1 - momentum) * batch, after every training step.

    >>> running_statistics(np.array([0.0]), np.array([5.0]), 0.9).round(6)
    array([0.5])
    """
    return momentum * running + (1.0 - momentum) * batch
