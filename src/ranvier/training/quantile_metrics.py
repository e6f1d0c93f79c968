"""How good several quantiles of a target are. n rows, T targets, Q levels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.network.task import Task
from ranvier.training import metrics

Array = NDArray[Any]


def quantile_metrics(
    levels: tuple[float, ...], outputs: Array, targets: Array, weights: Array | None = None
) -> dict[str, float]:
    """r2, rmse and mae of the level nearest to 0.5, the mean pinball loss, and the coverage.

    Formula: the pinball loss of level q is max(q e, (q - 1) e) with e = t - y; the coverage is the fraction of targets
    from the lowest quantile to the highest, or, of a single level, up to its quantile.

    Parameters:
        levels: ascending.
        outputs, targets: (n, T Q), the quantiles of each target beside each other, and its value as often.
        weights: (n,), or None for equal ones.

    >>> quantile_metrics((0.1, 0.9), np.array([[0.0, 2.0], [0.0, 2.0]]), np.array([[1.0, 1.0], [3.0, 3.0]]))["coverage"]
    0.5
    """
    n_levels = len(levels)
    quantiles = outputs.astype(np.float64).reshape(len(outputs), -1, n_levels)
    actual = targets.astype(np.float64).reshape(quantiles.shape)
    task = Task("regression", quantiles.shape[1])
    values = metrics.all_metrics(task, middle(levels, outputs), middle(levels, targets), weights)
    error, q = actual - quantiles, np.array(levels)
    pinball = np.maximum(q * error, (q - 1.0) * error)
    covered = (actual[:, :, 0] <= quantiles[:, :, -1]) & ((n_levels == 1) | (actual[:, :, 0] >= quantiles[:, :, 0]))
    present = ~np.isnan(actual[:, :, 0])
    counted = present * (np.ones(len(outputs)) if weights is None else weights)[:, None]
    pinball = np.where(present, pinball.mean(axis=2), 0.0)
    return values | {
        "pinball_loss": float(np.average(pinball, weights=counted)),
        "coverage": float(np.average(covered, weights=counted)),
    }


def middle(levels: tuple[float, ...], values: Array) -> Array:
    """Of each target the quantile whose level is nearest to 0.5, or its value, (n, T) float64.

    Parameters:
        levels, values: as for `quantile_metrics`.

    >>> middle((0.1, 0.5), np.array([[1.0, 2.0, 3.0, 4.0]])).tolist()
    [[2.0, 4.0]]
    """
    at = int(np.abs(np.array(levels) - 0.5).argmin())
    return values.astype(np.float64).reshape(len(values), -1)[:, at :: len(levels)]


def constant_quantiles(levels: tuple[float, ...], targets: Array, weights: Array | None = None) -> Array:
    """The quantiles of each target over all rows, (T Q,): what a model is compared with that knows nothing.

    Parameters:
        levels, targets, weights: as for `quantile_metrics`.

    >>> constant_quantiles((0.25, 0.75), np.repeat(np.arange(5.0)[:, None], 2, axis=1)).tolist()
    [1.0, 3.0]
    """
    values = targets.astype(np.float64).reshape(len(targets), -1)[:, :: len(levels)]
    quantiles = []
    for column in values.T:
        present = ~np.isnan(column) if weights is None else ~np.isnan(column) & (weights > 0)
        some: Any = None if weights is None else weights[present]
        quantiles.append(np.quantile(column[present], np.array(levels), method="inverted_cdf", weights=some))
    return np.concatenate(quantiles)
