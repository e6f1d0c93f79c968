"""Of the epochs of a long training those that its curves need: a page that watches it for hours stays small.

Epochs are divided into buckets of a power of two, so that there are at most `MAX_BUCKETS`. Of each bucket those with
the smallest and the largest loss and validation loss are shown, so that no spike and no best epoch is lost; the last
ones, that say the trend, are all shown.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranvier.training.history import History

MAX_BUCKETS = 500
LAST = 64
"""So many epochs at the end are shown in any case."""


def shown_epochs(history: History) -> NDArray[np.int64]:
    """The indices of the epochs that are shown, ascending.

    >>> from ranvier.training.history import Epoch
    >>> shown_epochs(History([Epoch(1, 0.5), Epoch(2, 0.25)])).tolist()
    [0, 1]
    """
    size, end = _buckets(len(history))
    if size == 1:
        return np.arange(len(history))
    shown = [np.arange(end, len(history))]
    starts = np.arange(0, end, size)
    for losses in (history.loss, history.validation_loss):
        if np.isnan(losses).all():
            continue
        # A loss that is no number is the largest.
        buckets = np.where(np.isnan(losses), np.inf, losses)[:end].reshape(-1, size)
        shown += [starts + buckets.argmin(axis=1), starts + buckets.argmax(axis=1)]
    return np.unique(np.concatenate(shown))


def first_new(history: History, sent: int) -> int:
    """How many of the `shown_epochs` a page has already that was sent the first `sent` epochs."""
    size, end = _buckets(sent)
    if sent > len(history) or size != _buckets(len(history))[0]:
        return 0
    return sent if size == 1 else int(np.searchsorted(shown_epochs(history), end))


def _buckets(count: int) -> tuple[int, int]:
    """The size of the buckets of so many epochs, and where the last complete one ends."""
    size = 1
    while count - LAST > size * MAX_BUCKETS:
        size *= 2
    return size, max(0, count - LAST) // size * size
