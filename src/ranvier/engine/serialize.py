"""Objects that several Python threads may share: one lock per object, held by each of its serialized methods.

In a forked child the threads that held locks do not exist: each object gets a new lock, and one whose state such a
thread was changing says so instead of computing with half of a step.

The handler of a signal runs in the thread that it interrupts, which holds the lock. What it asks then is computed by a
copy, since the memory of the object is in use.
"""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Self, TypeVar

from ranvier.errors import EngineError

P = ParamSpec("P")
R = TypeVar("R")


class Serialized:
    """Base of objects that threads share; `lock` is held by the thread that runs a serialized method.

    `incomplete`: this is a forked child, and another thread of the parent was inside a method that changes the state.
    `entered`: the thread that holds the lock is inside a method.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.incomplete = self._changing = self.entered = False
        _alive.add(self)

    def copy_for_handler(self) -> Self:
        """What computes for the handler of a signal that interrupted a method: itself, if that does no harm."""
        return self

    def after_fork(self, in_use: bool) -> None:
        """Make the object usable in a forked child.

        Parameters:
            in_use: another thread of the parent was inside a serialized method.
        """
        self.lock = threading.RLock()
        self.incomplete |= in_use and self._changing
        self._changing &= not in_use
        self.entered &= not in_use

    def check_complete(self) -> None:
        """Raise an EngineError where the state is half of a step."""
        if self.incomplete:
            raise EngineError(
                "This process was forked while another thread was training this network, so the copy of its state is "
                "incomplete here. Load a state first with set_state(state), or fork while no thread trains."
            )


Owner = TypeVar("Owner", bound=Serialized)


def serialized(method: Callable[Concatenate[Owner, P], R]) -> Callable[Concatenate[Owner, P], R]:
    """Hold the object's lock while the method runs.

    >>> class Counter(Serialized):
    ...     count = 0
    ...     @serialized
    ...     def add(self, number: int) -> None:
    ...         self.count += number
    >>> counter = Counter()
    >>> counter.add(2)
    >>> counter.count
    2
    """

    @functools.wraps(method)
    def locked(self: Owner, /, *arguments: P.args, **options: P.kwargs) -> R:
        with self.lock:
            if self.entered:
                self = self.copy_for_handler()
            entered = self.entered
            self.entered = True
            try:
                return method(self, *arguments, **options)
            finally:
                self.entered = entered

    return locked


def changes_state(method: Callable[Concatenate[Owner, P], R]) -> Callable[Concatenate[Owner, P], R]:
    """Hold the object's lock while the method runs, and mark its state as changing.

    >>> class Counter(Serialized):
    ...     count = 0
    ...     @changes_state
    ...     def add(self, number: int) -> None:
    ...         self.count += number
    >>> counter = Counter()
    >>> counter.add(2)
    >>> counter.incomplete
    False
    """

    @functools.wraps(method)
    def marked(self: Owner, /, *arguments: P.args, **options: P.kwargs) -> R:
        with self.lock:
            entered = self.entered
            self.entered = self._changing = True
            try:
                return method(self, *arguments, **options)
            finally:
                self.entered, self._changing = entered, False

    return marked


_alive: weakref.WeakSet[Serialized] = weakref.WeakSet()


def _forked() -> None:
    """Tell all objects that this is a forked child; a lock that cannot be taken is held by a thread of the parent."""
    for item in list(_alive):
        item.after_fork(in_use=not item.lock.acquire(blocking=False))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
