"""How finely a column of numbers is resolved: into bins, into narrower bins, or into single values.

Between the knots of bins a network learns a piecewise-linear function. Coordinates of places may need narrower bins.
Where values are names rather than amounts (the usual amounts of a tax form, the recipe of a mixture, codes), what one
means does not lie between what its neighbours mean, and each needs an input of its own. Rows left out tell which.

B rows, N outputs, U different values, n knots.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Resolution: TypeAlias = Literal["bins", "narrow bins", "values"]
FOLDS, PRIOR_ROWS, NEIGHBOURS, SMOOTHNESS = 5, 5.0, 3, 1.0
MIN_STANDARD_ERRORS, MIN_SHARE = 4.0, 0.002
MIN_ROWS = 2_000
MIN_ROWS_OF_VALUE, MIN_FRACTION = 3, 0.5
"""So many rows does a frequent value have, and so large a fraction of all rows but those of the most frequent value
lies on such values, where values get inputs."""


def resolution(values: Floats, targets: Floats, knots: Floats, narrow_knots: Floats) -> Resolution:
    """How finely a column has to be resolved.

    Each of five parts of the rows is left out in turn, and its targets are predicted from the others: by a
    piecewise-linear function of each of the two kinds of bins; by the mean of the rows with the same value,
    (sum + 5 f) / (rows + 5), where f is the function on the wide bins; and in the same way by the mean of the rows with
    the three values below and the three above. A squared error is smaller if its mean is smaller by 4 standard errors
    of the difference, and by a 500th of the variance of the targets.

    Values are resolved if their error is smaller than those of the wide bins, of the neighbours, and of the narrow bins
    where some of these hold several values, and if most rows lie on frequent values; else narrow bins, if their error
    is smaller than that of the wide ones. Fewer than 2,000 rows tell too little.

    Parameters:
        values: of the training rows, (B,), NaN where missing.
        targets: as the network learns them, (B, N), NaN where missing.
        knots, narrow_knots: (n,), ascending, at least two.

    >>> amounts = np.tile(np.arange(100.0), 20)
    >>> knots, narrow = np.linspace(0.0, 99.0, 9), np.linspace(0.0, 99.0, 34)
    >>> name_like = ((7 * amounts) % 13 < 5)[:, None]
    >>> [resolution(amounts, y, knots, narrow) for y in (amounts[:, None], np.sin(amounts / 2)[:, None], name_like)]
    ['bins', 'narrow bins', 'values']
    """
    complete = ~(np.isnan(values) | np.isnan(targets).any(axis=1))
    values, targets = values[complete], targets[complete]
    if len(values) < MIN_ROWS:
        return "bins"
    different, codes, rows = np.unique(values, return_inverse=True, return_counts=True)
    if len(different) <= len(knots):
        return "bins"
    targets = targets - targets.mean(axis=0)
    least = MIN_SHARE * float((targets**2).sum(axis=1).mean())
    wide, narrow = _left_out_errors(values, targets, knots), _left_out_errors(values, targets, narrow_knots)
    others = np.delete(rows, rows.argmax())
    if others[others >= MIN_ROWS_OF_VALUE].sum() >= MIN_FRACTION * others.sum():
        single, neighbours = _errors_by_value(values, targets, knots, different, codes)
        compared = (wide, neighbours) if len(different) <= len(narrow_knots) else (wide, neighbours, narrow)
        if all(_smaller(single, errors, least) for errors in compared):
            return "values"
    return "narrow bins" if _smaller(narrow, wide, least) else "bins"


def quantile_knots(present: Floats, n_bins: int) -> tuple[float, ...]:
    """Knots between which about equally many values lie; a value that fills a bin alone is a knot.

    So a column that is 0 in most rows still gets knots where its other values are. All values where they are few.

    >>> quantile_knots(np.array([0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0]), 3)
    (0.0, 1.0, 2.5, 4.0)
    """
    if n_bins < 1:
        return ()
    different, rows = np.unique(present, return_counts=True)
    if len(different) <= n_bins + 1:
        return tuple(different.tolist())
    common = different[rows * n_bins > len(present)]
    others = present[~np.isin(present, common)]
    fractions = np.linspace(0.0, 1.0, max(n_bins + 1 - len(common), 2))
    return tuple(np.unique(np.concatenate((common, np.quantile(others, fractions)))).tolist())


def frequent_values(present: Floats, most: int) -> tuple[float, ...]:
    """The values with at least 3 rows, ascending; of more than `most` the most frequent ones.

    >>> frequent_values(np.array([2.0, 1.0, 2.0, 2.0]), 256)
    (2.0,)
    """
    different, rows = np.unique(present, return_counts=True)
    count = min(most, int((rows >= MIN_ROWS_OF_VALUE).sum()))
    return tuple(np.sort(different[np.argsort(-rows, kind="stable")[:count]]).tolist())


def _folds(count: int) -> NDArray[np.int64]:
    """Which fold each of so many rows is in, (B,): scattered, whatever repeats in their order.

    Source: multiplicative hashing, Knuth, "The Art of Computer Programming", volume 3, section 6.4.
    """
    return ((np.arange(count) * 2_654_435_761 % 2**32) >> 16) % FOLDS


def _smaller(errors: Floats, others: Floats, least: float) -> bool:
    """Whether the errors of rows, (B,), are smaller on average: by `least`, and by standard errors."""
    gain = others - errors
    return bool(gain.mean() > max(MIN_STANDARD_ERRORS * gain.std() / np.sqrt(len(gain)), least))


def _left_out_errors(values: Floats, targets: Floats, knots: Floats) -> Floats:
    """The squared error of each row by a piecewise-linear function of the rows of the other folds, (B,)."""
    bins, fraction = _located(values, knots)
    fold = _folds(len(values))
    errors = np.zeros(len(values))
    for left_out in range(FOLDS):
        rows, others = fold == left_out, fold != left_out
        heights = _heights(bins[others], fraction[others], targets[others], len(knots))
        errors[rows] = _squared(targets[rows], _interpolated(heights, bins[rows], fraction[rows]))
    return errors


def _errors_by_value(
    values: Floats, targets: Floats, knots: Floats, different: Floats, codes: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """The squared error of each row by rows of the other folds: those with the same value, those with its neighbours.

    Parameters:
        different, codes: the values there are, (U,), and which of them each row has, (B,).
    """
    bins, fraction = _located(values, knots)
    at, between = _located(different, knots)
    low = np.maximum(np.arange(len(different)) - NEIGHBOURS, 0)
    high = np.minimum(np.arange(len(different)) + NEIGHBOURS + 1, len(different))
    fold = _folds(len(values))
    single, neighbours = np.zeros(len(values)), np.zeros(len(values))
    for left_out in range(FOLDS):
        rows, others = fold == left_out, fold != left_out
        prior = _interpolated(_heights(bins[others], fraction[others], targets[others], len(knots)), at, between)
        sums = _sums(codes[others], targets[others], len(different))
        counts = np.bincount(codes[others], minlength=len(different))[:, None]
        cumulated, cumulated_rows = (np.pad(np.cumsum(part, axis=0), ((1, 0), (0, 0))) for part in (sums, counts))
        sums_beside = cumulated[high] - cumulated[low] - sums
        rows_beside = cumulated_rows[high] - cumulated_rows[low] - counts
        for errors, part, count in ((single, sums, counts), (neighbours, sums_beside, rows_beside)):
            means = (part + PRIOR_ROWS * prior) / (count + PRIOR_ROWS)
            errors[rows] = _squared(targets[rows], means[codes[rows]])
    return single, neighbours


def _located(values: Floats, knots: Floats) -> tuple[NDArray[np.intp], Floats]:
    """The bin of each value, and how far between its knots it lies, 0 to 1."""
    bins = np.searchsorted(knots[1:-1], values, side="right")
    return bins, np.clip((values - knots[bins]) / np.diff(knots)[bins], 0.0, 1.0)


def _heights(bins: NDArray[np.intp], fraction: Floats, targets: Floats, n_knots: int) -> Floats:
    """The heights at the knots, (n, N), of the piecewise-linear function with the least squared error.

    The squared differences of neighbouring heights are added, so that bins without rows are passed straight.
    """
    lower = 1.0 - fraction
    diagonal = np.bincount(bins, lower * lower, n_knots) + np.bincount(bins + 1, fraction * fraction, n_knots)
    beside = np.bincount(bins, lower * fraction, n_knots)[:-1] - SMOOTHNESS
    smooth = np.full(n_knots, 2.0 * SMOOTHNESS)
    smooth[[0, -1]] = SMOOTHNESS
    normal = np.diag(diagonal + smooth + np.finfo(np.float32).eps) + np.diag(beside, 1) + np.diag(beside, -1)
    right = _sums(bins, lower[:, None] * targets, n_knots) + _sums(bins + 1, fraction[:, None] * targets, n_knots)
    return np.linalg.solve(normal, right)


def _interpolated(heights: Floats, bins: NDArray[np.intp], fraction: Floats) -> Floats:
    """The function with these heights, (n, N), at places between its knots, (B, N)."""
    return heights[bins] * (1.0 - fraction[:, None]) + heights[bins + 1] * fraction[:, None]


def _sums(codes: NDArray[np.intp], targets: Floats, count: int) -> Floats:
    """The sums of the targets of each code, (count, N)."""
    return np.stack([np.bincount(codes, column, count) for column in targets.T], axis=1)


def _squared(targets: Floats, predictions: Floats) -> Floats:
    """The squared error of each row over all outputs, (B,)."""
    return np.asarray(((targets - predictions) ** 2).sum(axis=1))
