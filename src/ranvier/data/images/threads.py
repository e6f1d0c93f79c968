"""Work on many pictures by several threads, with progress, that ends soon where it is broken off."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""Called with how much is done, and of how much."""
MAX_THREADS = 16


def map_by_threads(
    work: Callable[[Item], Result], items: Sequence[Item], progress: Progress | None = None
) -> list[Result]:
    """What `work` makes of each item, in their order. An exception, such as that of Ctrl-C, leaves out what is waiting.

    Parameters:
        work: called by several threads at once.
        items: small pieces of work, since those that are begun are finished.
        progress: called after each item; None for no one.

    >>> map_by_threads(abs, [-1, 2])
    [1, 2]
    """
    from concurrent.futures import ThreadPoolExecutor  # with logging, which a first fit of few rows need not wait for

    results: list[Result] = []
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_THREADS))
    try:
        for result in pool.map(work, items):
            results.append(result)
            if progress is not None:
                progress(len(results), len(items))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return results


def part_of(progress: Progress | None, start: int, total: int) -> Progress | None:
    """The progress of one part of a work, which begins after `start` of all `total`; None for None.

    >>> calls = []
    >>> part_of(lambda done, total: calls.append((done, total)), 3, 6)(1, 3)
    >>> calls
    [(4, 6)]
    """
    if progress is None:
        return None
    report = progress
    return lambda done, _: report(start + done, total)
