"""Standardization: subtract the mean, divide by the standard deviation, missing values left out.

B is the number of rows, K the number of columns. NaN means missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_Z = 1e6
CLIP_RADIUS = 4.0
BLOCK = 8192
MIN_UNSCALED, MAX_UNSCALED = 1e-100, 1e100


def column_mean_std(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean and the standard deviation of each column, missing values left out.

    mean = sum(x) / n,  scale = sqrt(sum((x - mean)**2) / n), and 0 for a column whose values are all the same.
    A column without any value has mean 0 and scale 0.

    Parameters:
        values: shape (B, K), without infinite values.

    Returns two arrays of shape (K,).

    >>> mean, scale = column_mean_std(np.array([[1.0, 5.0], [3.0, 5.0], [np.nan, 5.0]]))
    >>> mean.tolist(), scale.tolist()
    ([2.0, 5.0], [1.0, 0.0])
    """
    width = values.shape[1]
    if width == 1:
        values = values[:, 0]  # NumPy adds up numbers that lie side by side in the same order, and faster
    low, high = np.full(width, np.inf), np.full(width, -np.inf)
    count = np.zeros(width)
    for block in _blocks(values):
        low, high = np.fmin(low, np.fmin.reduce(block, axis=0)), np.fmax(high, np.fmax.reduce(block, axis=0))
        count += len(block) - np.count_nonzero(np.isnan(block), axis=0)
    empty = count == 0
    low[empty] = high[empty] = 0.0
    count[empty] = 1.0
    largest = np.maximum(np.abs(low), np.abs(high))
    unit = np.where((largest < MIN_UNSCALED) | (largest > MAX_UNSCALED), np.where(largest == 0, 1.0, largest), 1.0)
    scaled, gaps = bool((unit != 1.0).any()), bool((count != len(values)).any())
    total = np.zeros(width)
    for block in _blocks(values):
        total += _sums(block / unit if scaled else block, gaps)
    mean = total / count
    squares = np.zeros(width)
    for block in _blocks(values):
        squares += _sums(((block / unit if scaled else block) - mean) ** 2, gaps)
    scale = np.where(low == high, 0.0, np.sqrt(squares / count) * unit)
    return np.where(low == high, low, mean * unit), scale


def _sums(block: NDArray[np.float64], gaps: bool) -> NDArray[np.float64]:
    """The sum of each column, NaN left out; where none can be there, they are not looked for."""
    return np.asarray(np.nansum(block, axis=0) if gaps else np.sum(block, axis=0))


def _blocks(values: NDArray[Any]) -> Iterator[NDArray[np.float64]]:
    """The rows in blocks of float64, so that a large array is never copied whole."""
    return (values[start : start + BLOCK].astype(np.float64, copy=False) for start in range(0, len(values), BLOCK))


def standardize(
    values: NDArray[Any],
    mean: NDArray[np.float64],
    scale: NDArray[np.float64],
    out: NDArray[np.float32],
    limit: float = MAX_Z,
) -> None:
    """Write (values - mean) / scale into `out`, missing values as 0 (the mean) and columns of scale 0 as 0.

    Values more than `limit` scales from the mean are cut there, so that the result is always finite.

    Parameters:
        values: shape (B, K).
        mean: shape (K,).
        scale: shape (K,).
        out: shape (B, K).

    >>> out = np.empty((3, 1), np.float32)
    >>> standardize(np.array([[1.0], [3.0], [np.nan]]), np.array([2.0]), np.array([1.0]), out)
    >>> out[:, 0].tolist()
    [-1.0, 1.0, 0.0]
    """
    divisor = np.where(scale > 0, scale, 1.0)
    for start in range(0, len(values), BLOCK):
        with np.errstate(over="ignore"):
            block = (values[start : start + BLOCK].astype(np.float64) - mean) / divisor
        np.clip(block, -limit, limit, out=block)
        block[np.isnan(block)] = 0.0
        block[:, scale == 0] = 0.0
        out[start : start + BLOCK] = block


def smooth_clip(values: NDArray[np.float64]) -> None:
    """Clip values smoothly and in place, so that a single outlier cannot dominate the network.

    z <- z / sqrt(1 + (z / 4)**2), which leaves values near 0 alone and never leaves the range from -4 to 4.

    Source: the smooth clipping of Holzmüller, Grinsztajn, Steinwart, "Better by default", NeurIPS 2024.

    >>> values = np.array([0.1, 1.0, -100.0])
    >>> smooth_clip(values)
    >>> values.round(2).tolist()
    [0.1, 0.97, -4.0]
    """
    values /= np.sqrt(1.0 + np.square(values / CLIP_RADIUS))


def smooth_clip_one(value: float) -> float:
    """The same for a single number, with the same bits.

    >>> round(smooth_clip_one(1.0), 2)
    0.97
    """
    ratio = value / CLIP_RADIUS
    return value / math.sqrt(1.0 + ratio * ratio)
