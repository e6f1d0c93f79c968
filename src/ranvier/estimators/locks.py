"""One lock for each estimator, kept outside of it, so that copies, clones and pickles know nothing of it."""

from __future__ import annotations

import threading
from typing import Any
from weakref import WeakKeyDictionary

_GUARD = threading.RLock()
_LOCKS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def training_lock(estimator: Any) -> Any:
    """The lock that a thread holds while it trains an estimator.

    >>> estimator = threading.Thread()
    >>> lock = training_lock(estimator)
    >>> lock is training_lock(estimator), lock is training_lock(threading.Thread())
    (True, False)
    """
    with _GUARD:
        lock = _LOCKS.get(estimator)
        return _LOCKS.setdefault(estimator, threading.RLock()) if lock is None else lock
