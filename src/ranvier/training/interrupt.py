"""Ctrl-C during training: the first asks the loop and the engine to stop, a second one is raised."""

from __future__ import annotations

import signal
import threading

# Those of `signal` look handlers up as constants first, which takes longer than a small step.
from _signal import getsignal  # type: ignore[import-not-found]
from _signal import signal as set_handler
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS_BETWEEN_LOOKS = 0.05
"""How long Ctrl-C may take to be seen by a thread that waits for others."""


@contextmanager
def stop_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Give a function that says whether Ctrl-C was pressed since.

    Outside the main thread, or where the program has its own handler, nothing is changed and Ctrl-C does what it did.
    """
    pressed = False

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        set_handler(signal.SIGINT, signal.default_int_handler)

    ours = threading.current_thread() is threading.main_thread()
    ours = ours and getsignal(signal.SIGINT) is signal.default_int_handler
    if ours:
        set_handler(signal.SIGINT, handle)
    try:
        yield lambda: pressed
    finally:
        if ours:
            set_handler(signal.SIGINT, signal.default_int_handler)
