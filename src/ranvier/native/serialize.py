"""Objects whose methods one thread at a time may run, in a program with several threads."""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Shared:
    """Base of what several threads may use; `lock` is held by the thread that is at work in it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        _alive.add(self)


Self = TypeVar("Self", bound=Shared)


def one_at_a_time(method: Callable[Concatenate[Self, P], R]) -> Callable[Concatenate[Self, P], R]:
    """Let a method wait until no other thread is at work in its object.

    >>> class Counter(Shared):
    ...     count = 0
    ...     @one_at_a_time
    ...     def add(self, number: int) -> None:
    ...         self.count += number
    >>> counter = Counter()
    >>> counter.add(2)
    >>> counter.count
    2
    """

    @functools.wraps(method)
    def locked(self: Self, /, *arguments: P.args, **options: P.kwargs) -> R:
        with self.lock:
            return method(self, *arguments, **options)

    return locked


_alive: weakref.WeakSet[Shared] = weakref.WeakSet()


def _forked() -> None:
    """Forget, in a forked child, which threads were at work in the parent."""
    for shared in _alive:
        shared.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
