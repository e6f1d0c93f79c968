"""When a training saves a checkpoint: rarely enough that saving costs little time."""

from __future__ import annotations

import time
from collections.abc import Callable

CHECKPOINT_SECONDS, MAX_SAVING = 2.0, 0.02
"""Seconds between checkpoints at least, and the fraction of the time that saving them may take."""


class SaveTimer:
    """Says when to save, by how long ago it was and how long it took: t > max(CHECKPOINT_SECONDS, s / MAX_SAVING).

    Here t are the seconds since the last save, or since the timer was made, and s the seconds that it took.

    >>> SaveTimer().due()
    False
    """

    def __init__(self) -> None:
        self._saved_at, self._seconds = time.perf_counter(), 0.0

    def due(self) -> bool:
        """Whether it is time to save."""
        return time.perf_counter() - self._saved_at > max(CHECKPOINT_SECONDS, self._seconds / MAX_SAVING)

    def run(self, save: Callable[[], None]) -> None:
        """Call `save`, and remember when that was and how long it took."""
        start = time.perf_counter()
        save()
        self._saved_at = time.perf_counter()
        self._seconds = self._saved_at - start
