"""What the training loop tells: one record an epoch, and plain dictionaries for whoever listens.

A listener ("sink") is a callable that takes one event, a dictionary with a "kind": "start", "progress", "epoch",
"note" or "end". The progress display, the run folder's log and a user's own function are all sinks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Event = dict[str, Any]
Sink = Callable[[Event], None]


def silent(event: Event) -> None:
    """A sink that ignores every event."""


def tee(sinks: tuple[Sink, ...]) -> Sink:
    """A sink that passes every event on to all the given ones, in order."""

    def pass_on(event: Event) -> None:
        for sink in sinks:
            sink(event)

    return pass_on
