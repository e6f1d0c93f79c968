"""In which order the rows are seen, cut into the batches of a span."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier import random
from ranvier.engine import Span

Order = NDArray[np.int64]


def epoch_order(rows: int, epoch: int, seed: int, shuffle: bool) -> Order:
    """The rows of one epoch in the order in which they are seen.

    >>> epoch_order(3, 1, 0, shuffle=False).tolist()
    [0, 1, 2]
    """
    return random.permutation(seed, random.SHUFFLE, epoch, rows) if shuffle else np.arange(rows, dtype=np.int64)


def batch_offsets(rows: int, batch_size: int) -> Order:
    """Where each batch begins in the epoch's order, then its end; the last batch may be smaller.

    >>> batch_offsets(5, 2).tolist()
    [0, 2, 4, 5]
    """
    starts: Order = np.arange(0, rows + batch_size, batch_size, dtype=np.int64)
    starts[-1] = rows
    return starts


def span_of(
    order: NDArray[np.int64], starts: NDArray[np.int64], first: int, last: int, scalars: NDArray[np.float64]
) -> Span:
    """The span of the batches first to last - 1."""
    start = starts[first]
    return Span(order[start : starts[last]], starts[first : last + 1] - start, scalars)


def span_over_epochs(orders: list[Order], starts: Order, scalars: NDArray[np.float64]) -> Span:
    """One span over several whole epochs of the same size."""
    rows = int(starts[-1])
    all_starts = np.concatenate([starts[:-1] + index * rows for index in range(len(orders))])
    return Span(np.concatenate(orders), np.append(all_starts, rows * len(orders)), scalars)


def mean_loss(
    losses: NDArray[np.float64], order: NDArray[np.int64], starts: NDArray[np.int64], weights: NDArray[Any] | None
) -> float:
    """The mean over the rows of an epoch of the losses of its batches; weighted where rows have weights.

    Parameters:
        losses: one a batch.
        order, starts: the rows in their order, and where each batch starts, with the end at last.
        weights: of all rows, or None.
    """
    if weights is None:
        sizes = (starts[1:] - starts[:-1]).astype(np.float64)
    else:
        sizes = np.add.reduceat(weights[order].astype(np.float64), starts[:-1])
    total = sizes.sum()
    return float(losses @ sizes / total) if total > 0 else 0.0
