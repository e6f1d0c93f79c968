"""Values that lie far from all others, such as a 1e9 among prices near 50: no mean and no scale is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

QUANTILES = ((0.25, 0.75, 1.349), (0.1, 0.9, 2.563), (0.05, 0.95, 3.290), (0.01, 0.99, 4.653))
"""Two fractions of the values, and how many standard deviations of a normal distribution lie between."""
MAX_SIGMAS, MIN_GAP, MAX_FAR_SHARE = 20.0, 10.0, 0.1
MIN_VALUES, MIN_Z, MAX_SAMPLE = 8, 2.4, 100_000


def usual_range(values: NDArray[Any], max_share: float = MAX_FAR_SHARE) -> tuple[float, float]:
    """The lowest and the highest value, those left out that lie far from all others.

    A value is far if its distance from the median is more than 20 robust standard deviations (the distance between
    quartiles over 1.349, or between wider quantiles where quartiles are equal) and at least 10 times the largest such
    distance that is not far. So heavy tails, whose values follow each other closely, are no far values.

    Parameters:
        values: shape (B,), NaN where missing, never infinite.
        max_share: the largest share of the values that can be far.

    >>> usual_range(np.append(np.arange(40.0, 60.0), 1e9))
    (40.0, 59.0)
    >>> usual_range(np.array([1.0, np.nan, 3.0]))
    (1.0, 3.0)
    """
    present = np.asarray(values, np.float64)
    missing = np.isnan(present)
    present = present[~missing] if missing.any() else present
    if present.size == 0:
        return 0.0, 0.0
    low, high = float(present.min()), float(present.max())
    if present.size < MIN_VALUES or low == high:
        return low, high
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
    far = np.sort(distance[outside])
    gaps = np.flatnonzero(far >= MIN_GAP * np.append(inside, far[:-1]))
    few = gaps[count - gaps <= max(max_share * present.size, 1.0)]
    if not len(few):
        return low, high
    kept = present[distance < far[few[0]]]
    return float(kept.min()), float(kept.max())


def _robust_sigma(sample: NDArray[np.float64]) -> tuple[float, float]:
    """A standard deviation that far values do not move, 0 where nearly all values are equal; and the median."""
    fractions = [fraction for low, high, _ in QUANTILES for fraction in (low, high)]
    quantiles = np.quantile(sample, [0.5, *fractions])
    for index, (_, _, sigmas) in enumerate(QUANTILES):
        width = float(quantiles[2 * index + 2] - quantiles[2 * index + 1])
        if width > 0:
            return width / sigmas, float(quantiles[0])
    return 0.0, float(quantiles[0])


def without_far(values: NDArray[np.float64], max_share: float = MAX_FAR_SHARE) -> NDArray[np.float64]:
    """The values with NaN in place of those far from all others, column by column; the same array where there are none.

    Parameters:
        values: shape (B, K).

    >>> without_far(np.append(np.arange(40.0, 60.0), 1e9)[:, None])[-1].tolist()
    [nan]
    """
    low, high = np.array([usual_range(column, max_share) for column in values.T]).reshape(-1, 2).T
    far = (values < low) | (values > high)
    return np.where(far, np.nan, values) if far.any() else values
