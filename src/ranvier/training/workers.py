"""Threads that do the jobs of one call, and are asked to stop together."""

from __future__ import annotations

import contextvars
import threading
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from ranvier.training.interrupt import stop_on_interrupt

T = TypeVar("T")
SECONDS_BETWEEN_LOOKS = 0.05
"""How long Ctrl-C may take to be seen by the thread that waits for the others."""


class Workers:
    """The threads of one call; `workers` makes them.

    Parameters:
        pool: the threads.
        pressed: whether Ctrl-C was pressed.
    """

    def __init__(self, pool: ThreadPoolExecutor, pressed: Callable[[], bool]) -> None:
        self._pool, self.pressed = pool, pressed
        self._ended = threading.Event()
        _working.add(self)

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """Do a job on a thread as soon as one is free, with the context variables of the caller."""
        return self._pool.submit(contextvars.copy_context().run, job)

    def should_stop(self) -> bool:
        """Whether jobs are asked to stop: Ctrl-C was pressed, or the call or the whole process ends."""
        return self._ended.is_set() or self.pressed()

    def end(self) -> None:
        """Ask jobs to stop."""
        self._ended.set()


@contextmanager
def workers(count: int) -> Iterator[Workers]:
    """So many threads within the body; at its end jobs are asked to stop, and waited for.

    >>> with workers(2) as threads:
    ...     threads.submit(lambda: threads.should_stop()).result()
    False
    """
    with stop_on_interrupt() as pressed, ThreadPoolExecutor(count, "ranvier-member") as pool:
        threads = Workers(pool, pressed)
        try:
            yield threads
        finally:
            threads.end()


_working: weakref.WeakSet[Workers] = weakref.WeakSet()


def _end_all() -> None:
    """Ask all jobs to stop: before Python exits it waits for the threads of executors, also of a daemon thread's."""
    for threads in list(_working):
        threads.end()


# Called before `concurrent.futures` waits for its threads, which it registered earlier; functions of atexit come later.
threading._register_atexit(_end_all)  # type: ignore[attr-defined]
