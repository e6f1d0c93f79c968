"""Standardization: subtract the mean, divide by the standard deviation, missing values left out.

B is the number of rows, K the number of columns. NaN means missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.repeated_rows import RepeatedRows

MAX_Z = 1e6
CLIP_RADIUS = 4.0
BLOCK, BLOCKS = 8192, 4
"""How many rows are added up by themselves, and how many such blocks of a single column are read at once."""
MIN_UNSCALED, MAX_UNSCALED = 1e-100, 1e100


def column_mean_std(values: NDArray[Any] | RepeatedRows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
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
    if values.shape[1] == 1 and 0 < len(values) <= BLOCK and not isinstance(values, RepeatedRows):
        few = _few(values[:, 0].astype(np.float64, copy=False))
        return np.array(few[:1]), np.array(few[1:])
    low, high, count = _extent(values)
    empty = count == 0
    low[empty] = high[empty] = 0.0
    count[empty] = 1.0
    largest = np.maximum(np.abs(low), np.abs(high))
    unit = np.where((largest < MIN_UNSCALED) | (largest > MAX_UNSCALED), np.where(largest == 0, 1.0, largest), 1.0)
    scaled, gaps = bool((unit != 1.0).any()), bool((count != len(values)).any())
    mean = _sums(values, lambda block: block / unit if scaled else block, gaps) / count

    def squares(block: NDArray[np.float64]) -> NDArray[np.float64]:
        distance = (block / unit if scaled else block) - mean
        return np.square(distance, out=distance)

    scale = np.where(low == high, 0.0, np.sqrt(_sums(values, squares, gaps) / count) * unit)
    return np.where(low == high, low, mean * unit), scale


def _few(values: NDArray[np.float64]) -> tuple[float, float]:
    """The same for a single column of a single block, with the bits of many: while rows come one by one it counts."""
    missing = np.isnan(values)
    count = values.size - int(np.count_nonzero(missing))
    if count == 0:
        return 0.0, 0.0
    low, high = float(np.fmin.reduce(values)), float(np.fmax.reduce(values))
    if low == high:
        return low, 0.0
    largest = max(abs(low), abs(high))
    unit = largest if largest < MIN_UNSCALED or largest > MAX_UNSCALED else 1.0
    scaled = values if unit == 1.0 else values / unit
    if count < values.size:
        scaled = np.where(missing, 0.0, scaled)
    mean = float(np.add.reduce(scaled)) / count
    distance = scaled - mean
    np.square(distance, out=distance)
    if count < values.size:
        distance[missing] = 0.0
    return mean * unit, math.sqrt(float(np.add.reduce(distance)) / count) * unit


def _extent(values: NDArray[Any] | RepeatedRows) -> tuple[NDArray[np.float64], ...]:
    """The lowest and the highest value of each column, infinite where there is none, and how many there are."""
    width = values.shape[1]
    low, high, count = np.full(width, np.inf), np.full(width, -np.inf), np.zeros(width)
    if isinstance(values, RepeatedRows):
        rows = np.bincount(values.codes, minlength=len(values.different))
        seen, rows = values.different[rows > 0], rows[rows > 0]
        low, high = np.fmin.reduce(seen, axis=0, initial=np.inf), np.fmax.reduce(seen, axis=0, initial=-np.inf)
        return low, high, (rows[:, None] * ~np.isnan(seen)).sum(axis=0).astype(np.float64)
    axis = None if width == 1 else 0
    for block in _blocks(values):
        low, high = np.fmin(low, np.fmin.reduce(block, axis=axis)), np.fmax(high, np.fmax.reduce(block, axis=axis))
        count += block.size // width - np.count_nonzero(np.isnan(block), axis=axis)
    return low, high, count


def _sums(
    values: NDArray[Any] | RepeatedRows, function: Callable[[NDArray[np.float64]], NDArray[np.float64]], gaps: bool
) -> NDArray[np.float64]:
    """The sum of a function of the numbers of each column, (K,); where there are `gaps`, NaN is left out.

    It is the sum of the sums of `BLOCK` rows each, in whatever blocks the rows are read. In these the numbers of a
    single column are added as NumPy adds what lies side by side, in several chains, and those of several columns row
    by row.
    """
    width = values.shape[1]
    total = np.zeros(width)
    if isinstance(values, RepeatedRows):
        columns = np.ascontiguousarray(function(values.different).T)
        columns = np.where(np.isnan(columns), 0.0, columns) if gaps else columns
        for start in range(0, len(values), BLOCK):
            codes = values.codes[start : start + BLOCK]
            total += [np.add.accumulate(column.take(codes))[-1] for column in columns]
        return total
    axis = 1 if width == 1 else 0
    for block in _blocks(values):
        numbers = function(block)
        sums = np.nansum(numbers, axis=axis) if gaps else np.sum(numbers, axis=axis)
        for own in sums.reshape(-1, width):
            total += own
    return total


def _blocks(values: NDArray[Any] | RepeatedRows) -> Iterator[NDArray[np.float64]]:
    """The rows in blocks of float64 (n, K), so that a large array is never copied at once.

    A single column comes as rows of `BLOCK` numbers, since NumPy adds up what lies side by side faster.
    """
    single = values.shape[1] == 1
    rows = BLOCK * BLOCKS if single else BLOCK
    for start in range(0, len(values), rows):
        block = values[start : start + rows].astype(np.float64, copy=False)
        if not single:
            yield block
            continue
        complete = len(block) // BLOCK * BLOCK
        parts = block[:complete].reshape(-1, BLOCK), block[complete:].reshape(1, -1)
        yield from (part for part in parts if part.size)


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
    root = values * (1.0 / CLIP_RADIUS)  # exact, since the radius is a power of 2
    np.square(root, out=root)
    root += 1.0
    values /= np.sqrt(root, out=root)


def smooth_clip_one(value: float) -> float:
    """The same for a single number, with the same bits.

    >>> round(smooth_clip_one(1.0), 2)
    0.97
    """
    ratio = value / CLIP_RADIUS
    return value / math.sqrt(1.0 + ratio * ratio)
