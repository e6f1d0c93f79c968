"""In which order the rows are seen, cut into the batches of a span."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ranvier import random
from ranvier.engine import Span
from ranvier.portable_math import dot
from ranvier.rows.weights import weighted_means

Order = NDArray[np.int64]
Words: TypeAlias = Callable[[NDArray[np.uint64], int], NDArray[np.uint64]]


def epoch_order(rows: int, epoch: int, seed: int, shuffle: bool) -> Order:
    """The rows of one epoch in the order in which they are seen.

    >>> epoch_order(3, 1, 0, shuffle=False).tolist()
    [0, 1, 2]
    """
    return random.permutation(seed, random.SHUFFLE, epoch, rows) if shuffle else np.arange(rows, dtype=np.int64)


def epoch_orders(rows: int, epochs: range, seed: int, shuffle: bool, words_of: Words = random.numpy_words) -> Order:
    """The orders of several epochs, (epochs, rows).

    Parameters:
        words_of: gives the random words of keys, see `ranvier.random.numpy_words`.

    >>> epoch_orders(3, range(1, 3), 0, shuffle=False).tolist()
    [[0, 1, 2], [0, 1, 2]]
    """
    orders: Order = population_orders(rows, epochs, [seed], shuffle, words_of)[0]
    return orders


def population_orders(
    rows: int,
    epochs: range,
    seeds: Sequence[int],
    shuffle: bool,
    words_of: Words = random.numpy_words,
) -> Order:
    """The orders of several epochs for each of M networks, (M, epochs, rows).

    Parameters:
        words_of: gives the random words of keys, see `ranvier.random.numpy_words`.

    >>> population_orders(3, range(1, 2), [0, 1], shuffle=False).tolist()
    [[[0, 1, 2]], [[0, 1, 2]]]
    """
    if shuffle:
        return random.permutations_for_seeds(seeds, random.SHUFFLE, epochs, rows, words_of)
    return np.tile(np.arange(rows, dtype=np.int64), (len(seeds), len(epochs), 1))


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


def span_over_epochs(orders: Order, starts: Order, scalars: NDArray[np.float64]) -> Span:
    """One span over several whole epochs, whose orders are (..., epochs, rows)."""
    epochs, rows = orders.shape[-2:]
    all_starts = np.empty(epochs * (len(starts) - 1) + 1, np.int64)
    np.add(starts[:-1], rows * np.arange(epochs)[:, None], out=all_starts[:-1].reshape(epochs, -1))
    all_starts[-1] = epochs * rows
    return Span(orders.reshape(*orders.shape[:-2], -1), all_starts, scalars)


def batch_weights(order: Order, starts: Order, weights: NDArray[Any] | None) -> NDArray[np.float64]:
    """How much each batch counts in the mean over an epoch: its rows, or the sum of their weights.

    Parameters:
        order, starts: the rows in their order, and where each batch starts, with the end at last.
        weights: of all rows, or None.
    """
    if weights is None:
        return (starts[1:] - starts[:-1]).astype(np.float64)
    return np.add.reduceat(weights[order].astype(np.float64), starts[:-1])


def mean_loss(losses: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The mean over the rows of an epoch of the losses of its batches, which count as `batch_weights` says.

    >>> mean_loss(np.array([1.0, 2.0]), np.array([3.0, 1.0]))
    1.25
    """
    if len(losses) == 1:
        # What the sums below give, without their calls.
        loss, weight = float(losses[0]), float(weights[0])
        return (loss * weight + 0.0) / weight if weight > 0 else 0.0
    total = float(weights.sum())
    return dot(losses, weights) / total if total > 0 else 0.0


def mean_losses(losses: NDArray[np.float64], orders: Order, starts: Order, weights: NDArray[Any] | None) -> list[float]:
    """The mean loss of each of several epochs, whose losses are (epochs, batches); the rest as for `batch_weights`."""
    if weights is None:
        means: list[float] = weighted_means(losses, batch_weights(starts, starts, None)).tolist()
        return means
    return [
        mean_loss(epoch, batch_weights(order, starts, weights)) for epoch, order in zip(losses, orders, strict=True)
    ]


def population_means(
    losses: NDArray[np.float64], orders: Order, starts: Order, weights: NDArray[Any] | None
) -> NDArray[np.float64]:
    """The mean losses of several epochs of M networks, (M, epochs), as `mean_losses` gives those of one.

    Parameters:
        losses: (M, epochs, batches).
        orders: (M, epochs, rows).
        starts: as for `batch_weights`.
        weights: of the rows of all networks, (1, rows), or of each, (M, rows); None for equal ones.

    >>> population_means(np.array([[[1.0, 2.0]]]), np.zeros((1, 1, 4), np.int64), np.array([0, 3, 4]), None).tolist()
    [[1.25]]
    """
    if weights is None:
        return weighted_means(losses, batch_weights(starts, starts, None))
    in_order = weights[np.arange(len(weights)).reshape(-1, 1, 1), orders].astype(np.float64)
    return weighted_means(losses, np.add.reduceat(in_order, starts[:-1], axis=-1))
