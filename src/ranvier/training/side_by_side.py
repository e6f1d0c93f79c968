"""Trainings side by side: each thread takes the next one as soon as it is free.

There is no barrier between them, and none waits for another. What a training computes depends on its own arguments
alone, so neither their number nor the number of threads changes a bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from functools import partial
from typing import TypeAlias, TypeVar

from ranvier.errors import InputError
from ranvier.scalars import as_integer
from ranvier.training.interrupt import stop_on_interrupt
from ranvier.training.workers import SECONDS_BETWEEN_LOOKS
from ranvier.training.workers import workers as worker_threads

T = TypeVar("T")
Job: TypeAlias = Callable[[Callable[[], bool]], T]
"""Does one training; takes a function that says whether to stop."""


def run_side_by_side(
    jobs: Sequence[Job[T]], workers: int, on_done: Callable[[int, T], None] = lambda number, result: None
) -> tuple[list[T | None], bool]:
    """Run jobs on threads, each as soon as a thread is free, in the order given.

    After Ctrl-C those that run are asked to stop, and no more begin. Where one raises, the others are asked to stop.

    Parameters:
        jobs: what to do; each is called once, with a function that says whether to stop.
        workers: how many run at a time.
        on_done: called in this thread with the number of each job that is done and what it gave.

    Returns what each gave, None for those that never began, and whether Ctrl-C was pressed.

    Raises:
        Exception: what the first failing job raised.

    >>> run_side_by_side([lambda stop: 1, lambda stop: 2], workers=2)
    ([1, 2], False)
    """
    if workers == 1 or len(jobs) <= 1:
        return _one_after_the_other(jobs, on_done)
    results: list[T | None] = [None] * len(jobs)
    with worker_threads(workers) as pool:

        def begin(job: Job[T]) -> tuple[bool, T | None]:
            return (False, None) if pool.should_stop() else (True, job(pool.should_stop))

        numbers: dict[Future[tuple[bool, T | None]], int] = {
            pool.submit(partial(begin, job)): number for number, job in enumerate(jobs)
        }
        left = set(numbers)
        while left:
            finished, left = wait(left, SECONDS_BETWEEN_LOOKS, FIRST_EXCEPTION)
            for future in sorted(finished, key=numbers.__getitem__):
                began, result = future.result()
                if began:
                    results[numbers[future]] = result
                    on_done(numbers[future], result)  # type: ignore[arg-type]
        return results, pool.pressed()


def _one_after_the_other(jobs: Sequence[Job[T]], on_done: Callable[[int, T], None]) -> tuple[list[T | None], bool]:
    results: list[T | None] = [None] * len(jobs)
    with stop_on_interrupt() as pressed:
        for number, job in enumerate(jobs):
            if pressed():
                break
            result = job(pressed)
            results[number] = result
            on_done(number, result)
        return results, pressed()


def usable_threads(threads: int | None) -> int:
    """How many threads may work: as many as asked for or RANVIER_THREADS says, at most those of this machine.

    Raises:
        InputError: that is no integer of at least 1.
    """
    from ranvier.native.machine import cpu  # loads what trainings need anyway

    if threads is None:
        return cpu.default_threads()
    count = as_integer(threads)
    if count is None or count < 1:
        raise InputError(f"threads is {threads!r}; it must be an integer of at least 1, or None for every core.")
    return min(count, cpu.threads())
