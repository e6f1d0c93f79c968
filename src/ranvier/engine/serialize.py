"""Objects that several Python threads may share: one lock per object, held by each of its serialized methods."""

from __future__ import annotations

import functools
import os
import threading
import weakref
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Serialized:
    """Base of objects that threads share; `lock` is held by the thread that runs a serialized method."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        _alive.add(self)


Self = TypeVar("Self", bound=Serialized)


def serialized(method: Callable[Concatenate[Self, P], R]) -> Callable[Concatenate[Self, P], R]:
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
    def locked(self: Self, /, *arguments: P.args, **options: P.kwargs) -> R:
        with self.lock:
            return method(self, *arguments, **options)

    return locked


_alive: weakref.WeakSet[Serialized] = weakref.WeakSet()


def _forked() -> None:
    """Give objects new locks in a forked child, where the threads that held the old ones do not exist."""
    for item in _alive:
        item.lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
