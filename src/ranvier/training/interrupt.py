"""Ctrl-C during training: the first asks the loop and the engine to stop, a second one is raised.

Whoever calls a training may ask it to stop in the same way, such as when its time is over.
"""

from __future__ import annotations

import signal
import threading

# Those of `signal` look handlers up as constants first, which takes longer than a small step.
from _signal import getsignal  # type: ignore[import-not-found]
from _signal import signal as set_handler
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType


def _never() -> bool:
    return False


_REQUESTED: ContextVar[Callable[[], bool]] = ContextVar("requested", default=_never)
"""Whether the caller asks trainings to stop."""


@contextmanager
def stopping_when(function: Callable[[], bool]) -> Iterator[None]:
    """Trainings within the body stop as after Ctrl-C once a function says so, also those on threads they start.

    >>> with stopping_when(lambda: True), stop_on_interrupt() as stopped:
    ...     stopped()
    True
    """
    token = _REQUESTED.set(function)
    try:
        yield
    finally:
        _REQUESTED.reset(token)


def latched(function: Callable[[], bool]) -> Callable[[], bool]:
    """A function that says yes for good once the given one has said so, so that all see who was stopped.

    >>> answers = iter([False, True, False])
    >>> stop = latched(lambda: next(answers))
    >>> stop(), stop(), stop()
    (False, True, True)
    """
    stopped = False

    def says() -> bool:
        nonlocal stopped
        stopped = stopped or function()
        return stopped

    return says


class stop_on_interrupt:  # noqa: N801 - used as a function; a generator takes longer than a small step
    """Give a function that says whether Ctrl-C was pressed since, or the caller asks to stop; see `stopping_when`.

    Outside the main thread, or where the program has its own handler, nothing is changed and Ctrl-C does what it did.
    """

    def __init__(self) -> None:
        self._pressed = False
        self._requested = _REQUESTED.get()
        ours = threading.current_thread() is threading.main_thread()
        self._ours = ours and getsignal(signal.SIGINT) is signal.default_int_handler

    def __enter__(self) -> Callable[[], bool]:
        if self._ours:
            set_handler(signal.SIGINT, self._handle)
        return self._stopped

    def __exit__(self, *error: object) -> None:
        if self._ours:
            set_handler(signal.SIGINT, signal.default_int_handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._pressed = True
        set_handler(signal.SIGINT, signal.default_int_handler)

    def _stopped(self) -> bool:
        return self._pressed or self._requested()
