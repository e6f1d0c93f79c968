"""Values that lie far from all others, such as a 1e9 among prices near 50: no mean and no scale is made of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.repeated_rows import RepeatedRows

QUANTILES = ((0.25, 0.75, 1.349), (0.1, 0.9, 2.563), (0.05, 0.95, 3.290), (0.01, 0.99, 4.653))
"""Two fractions of the values, and how many standard deviations of a normal distribution lie between."""
FRACTIONS = (0.5, *(fraction for low, high, _ in QUANTILES for fraction in (low, high)))
MAX_SIGMAS, MIN_GAP = 20.0, 10.0
MAX_FAR_FRACTION = 0.1
"""The largest fraction of the values that can be far."""
TAIL_FRACTION, MIN_TAIL, MAX_TAIL_GAP = 0.05, 5, 8.0
"""The fraction and the least number of values that tell how heavy the tail is, and the largest gap after it."""
MIN_VALUES, MAX_SAMPLE = 8, 100_000
MIN_Z = 2.4
"""Where one value of eight, or a tenth of them, is far, it lies more than so many standard deviations from the mean."""


def usual_range(values: NDArray[Any]) -> tuple[float, float]:
    """The lowest and the highest value, those left out that lie far from all others.

    A value is far if its distance from the median is more than 20 robust standard deviations (the distance between
    quartiles over 1.349, or between wider quantiles where quartiles are equal) and at least 10 times the largest such
    distance d that is not far, more where the tail is heavy: at least d exp(8 h), where h is Hill's estimate, the mean
    of log(d_i / d_k) over the largest distances d_i that are not far. In a Pareto tail so large a gap has a probability
    of exp(-8). So heavy tails, whose values follow each other closely, are no far values.

    Of values that all are equal but for a few, such as counts of rare events, none is far.

    Parameters:
        values: shape (B,), NaN where missing, never infinite.

    Source: Hill, "A simple general approach to inference about the tail of a distribution", Annals of Statistics 1975.

    >>> usual_range(np.append(np.arange(40.0, 60.0), 1e9))
    (40.0, 59.0)
    >>> usual_range(np.array([1.0, np.nan, 3.0]))
    (1.0, 3.0)
    """
    return _usual_and_full_range(values)[0]


def _usual_and_full_range(values: NDArray[Any]) -> tuple[tuple[float, float], tuple[float, float]]:
    """The usual range, and the lowest and the highest value."""
    present = np.asarray(values, np.float64)
    missing = np.isnan(present)
    present = present[~missing] if missing.any() else present
    if present.size == 0:
        return (0.0, 0.0), (0.0, 0.0)
    full = float(present.min()), float(present.max())
    if present.size < MIN_VALUES or full[0] == full[1]:
        return full, full
    return _without_ends(present, *full), full


def _without_ends(present: NDArray[np.float64], low: float, high: float) -> tuple[float, float]:
    """The usual range of values from `low` to `high`, none of them missing."""
    unit = max(abs(low), abs(high))
    sigma, center = _robust_sigma(present[:: -(-present.size // MAX_SAMPLE)] / unit)
    if max(abs(high / unit - center), abs(low / unit - center)) <= MAX_SIGMAS * sigma:
        return low, high  # most columns, in few passes
    scaled = present / unit
    mean, std = float(scaled.mean()), float(scaled.std())
    if max(high / unit - mean, mean - low / unit) <= MIN_Z * std:
        return low, high
    distance = np.abs(scaled - center)
    outside = distance > MAX_SIGMAS * sigma
    count = int(outside.sum())
    if sigma == 0 or count == 0:
        return low, high
    inside = distance[~outside].max()
    if inside == 0:
        return low, high
    far = np.sort(distance[outside])
    gaps = np.flatnonzero(far >= MIN_GAP * np.append(inside, far[:-1]))
    for gap in gaps[count - gaps <= max(MAX_FAR_FRACTION * present.size, 1.0)]:
        usual = distance < far[gap]
        if far[gap] >= _tail_limit(distance[usual], sigma):
            return float(present[usual].min()), float(present[usual].max())
    return low, high


def _tail_limit(distance: NDArray[np.float64], sigma: float) -> float:
    """The largest distance to expect of a further value, from the distances of the others and their scale."""
    count = min(max(MIN_TAIL, int(TAIL_FRACTION * distance.size)), distance.size - 1)
    tail = np.maximum(np.partition(distance, distance.size - count - 1)[-count - 1 :], sigma)
    hill = float(np.log(tail / tail.min()).sum()) / count
    return float(tail.max()) * float(np.exp(min(MAX_TAIL_GAP * hill, 700.0)))


def _robust_sigma(sample: NDArray[np.float64]) -> tuple[float, float]:
    """A standard deviation that far values do not move, 0 where nearly all values are equal; and the median."""
    # In order where the quantiles look, which takes half the time of sorting or less.
    ordered = np.partition(sample, _positions(sample.size))
    median, *quantiles = sorted_quantiles(ordered, FRACTIONS).tolist()
    for index, (_, _, sigmas) in enumerate(QUANTILES):
        width = quantiles[2 * index + 1] - quantiles[2 * index]
        if width > 0:
            return width / sigmas, median
    return 0.0, median


def sorted_quantiles(ordered: NDArray[np.float64], fractions: Sequence[float]) -> NDArray[np.float64]:
    """The quantiles of sorted values, none of them NaN: the numbers of `np.quantile`, which looks for them by itself.

    >>> sorted_quantiles(np.array([1.0, 2.0, 4.0]), (0.25, 0.5)).tolist()
    [1.5, 2.0]
    """
    below, after, fraction, rest, lower = _neighbours(ordered.size, tuple(fractions))
    low, high = ordered[below], ordered[after]
    length = high - low
    return np.asarray(np.where(lower, low + length * fraction, high - length * rest))


@lru_cache(maxsize=64)
def _neighbours(size: int, fractions: tuple[float, ...]) -> tuple[NDArray[Any], ...]:
    """Between which two of so many sorted values each quantile lies, and at what fraction of the way."""
    at = (size - 1) * np.asarray(fractions)
    below = np.floor(at)
    fraction, index = at - below, below.astype(np.intp)
    return index, np.minimum(index + 1, size - 1), fraction, 1.0 - fraction, fraction < 0.5


@lru_cache(maxsize=64)
def _positions(size: int) -> NDArray[np.intp]:
    """Which of so many sorted values the quantiles of FRACTIONS are made of."""
    return np.unique(np.concatenate(_neighbours(size, FRACTIONS)[:2]))


def usual_ranges(values: NDArray[np.float64] | RepeatedRows) -> tuple[tuple[float, float], ...]:
    """The usual range of each column; empty where no value is far from all others.

    Parameters:
        values: shape (B, K).

    >>> usual_ranges(np.append(np.arange(40.0, 60.0), 1e9)[:, None]), usual_ranges(np.ones((9, 2)))
    (((40.0, 59.0),), ())
    """
    columns = values.columns() if isinstance(values, RepeatedRows) else values.T
    pairs = [_usual_and_full_range(column) for column in columns]
    return tuple(usual for usual, _ in pairs) if any(usual != full for usual, full in pairs) else ()


def are_far(values: NDArray[np.float64], ranges: tuple[tuple[float, float], ...]) -> NDArray[np.bool_]:
    """Which values lie outside the usual range of their column, shape (B, K); none where there are no ranges.

    >>> are_far(np.array([[1.0], [9.0], [np.nan]]), ((0.0, 2.0),)).tolist()
    [[False], [True], [False]]
    """
    if not ranges:
        return np.zeros(values.shape, np.bool_)
    low, high = np.array(ranges).T
    return np.asarray((values < low) | (values > high))


@overload
def without_far(values: RepeatedRows) -> RepeatedRows: ...
@overload
def without_far(values: NDArray[np.float64]) -> NDArray[np.float64]: ...
def without_far(values: NDArray[np.float64] | RepeatedRows) -> NDArray[np.float64] | RepeatedRows:
    """The values with NaN in place of those far from all others, column by column; the same rows where there are none.

    Parameters:
        values: shape (B, K).

    >>> without_far(np.append(np.arange(40.0, 60.0), 1e9)[:, None])[-1].tolist()
    [nan]
    """
    ranges = usual_ranges(values)
    if not ranges:
        return values
    if isinstance(values, RepeatedRows):
        different = np.where(are_far(values.different, ranges), np.nan, values.different)
        return RepeatedRows(different, values.codes)
    return np.where(are_far(values, ranges), np.nan, values)
