"""How many threads do the next piece of work, chosen by the measured time of the pieces before.

Threads wait for each other several times in a training step. Where another process keeps a core busy, they wait for
whole time slices, and more threads are slower than one. Results do not depend on the number of threads, so it may
change between any two steps:

    work     a span of steps, or blocks of rows to predict, is done in pieces of some milliseconds
    look     now and then a piece is done by a smaller or larger number of threads
    change   if that was faster, both are measured once more, and the faster one is kept

A look comes at once when work becomes slower than it was, else about once a second, and more rarely where it is
expected to cost more than a few percent of the time. Numbers that are about as fast are looked at more often at first.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from types import MappingProxyType

from ranvier.records import record

PIECE_SECONDS, LOOK_SECONDS = 0.02, 0.002
"""How long a piece takes, and how long one that is measured after a change or for a look."""
MAX_WAIT, MIN_WAIT = 1.0, 0.125
"""Seconds between looks: the least after a change, doubled by each look that changes nothing."""
FASTER = 0.95
"""Another number of threads must take at most this fraction of the time."""
SLOWER = 1.5
"""A piece that takes so many times as long as the best one calls for a look at fewer threads."""
MEAN_SECONDS = 0.2
"""Over about so long the speed of the number that is kept is averaged: work of others comes in short bursts, too."""
LOOK_FRACTION = 0.03
"""The fraction of the time that looks at one number of threads may be expected to cost."""

MAX_FIRST_LOOK = 0.05
"""A number of threads that was never looked at is looked at soon if that takes at most so many seconds."""


@record
class Choice:
    """What is known about the speed of each number of threads.

    Fields: `most`, the largest number; `threads`, for the next piece; `current`, the number that is kept unless another
    one turns out faster; `seconds`, how long the next piece should take; `rates`, the latest seconds for a unit of work
    by number of threads; `best`, the shortest of `current` since it is kept, and `mean`, that of the last while;
    `turn`, which of the `others` is looked at next; `candidate`, the number that was faster once and is measured again,
    or 0; `wait`, the seconds between looks; `looks`, the time of the latest look by number of threads; `start`, the
    time of the first piece; `changed`, the time of the latest change.
    """

    most: int
    threads: int
    current: int
    seconds: float = LOOK_SECONDS
    rates: Mapping[int, float] = field(default_factory=lambda: MappingProxyType({}))
    best: float = float("inf")
    mean: float = float("inf")
    turn: int = 0
    candidate: int = 0
    wait: float = 0.0
    looks: Mapping[int, float] = field(default_factory=lambda: MappingProxyType({}))
    start: float | None = None
    changed: float = float("-inf")


def first_choice(most: int) -> Choice:
    """Before anything is measured: all threads.

    >>> first_choice(4).threads
    4
    """
    return Choice(most, most, most)


def others(most: int, threads: int) -> tuple[int, ...]:
    """The numbers to look at beside one: two smaller ones, 1, and the next larger one.

    They are most, most - 1, which leaves one core to a neighbour, and halves of most. A look at 1 keeps several threads
    from being slower than one where each number is as slow as the next.

    >>> others(16, 16), others(16, 8), others(2, 1), others(1, 1)
    ((15, 8, 1), (4, 2, 1, 15), (2,), ())
    """
    counts = sorted({max(1, most - 1), *(most >> shift for shift in range(most.bit_length()))})
    at = counts.index(threads)
    return tuple(dict.fromkeys((*counts[max(0, at - 2) : at][::-1], *counts[: min(at, 1)], *counts[at + 1 : at + 2])))


def choose(choice: Choice, units: float, seconds: float, now: float) -> Choice:
    """The choice for the next piece, after one was done by `choice.threads`.

    Parameters:
        units: how much work the piece was, in whatever is the same for all pieces, such as steps.
        seconds: how long it took.
        now: the time, in seconds.
    """
    rate = seconds / units
    start = now if choice.start is None else choice.start
    choice = replace(choice, rates={**choice.rates, choice.threads: rate}, start=start)
    if choice.threads != choice.current:
        return _after_a_look(choice, rate, now)
    mean_before = choice.mean if math.isfinite(choice.mean) else rate
    mean = mean_before + min(1.0, seconds / MEAN_SECONDS) * (rate - mean_before)
    choice = replace(choice, mean=mean)
    if choice.candidate:
        return replace(choice, threads=choice.candidate, seconds=LOOK_SECONDS)
    slower, best = rate > SLOWER * choice.best, min(rate, choice.best)
    choice = replace(choice, best=best, seconds=min(2 * choice.seconds, PIECE_SECONDS))
    possible = others(choice.most, choice.current)
    turn = choice.turn % max(1, len(possible))
    targets = [n for n in (*possible[turn:], *possible[:turn]) if _affordable(choice, n, now)]
    fewer = [n for n in targets if n < choice.current]
    if slower and fewer:
        # A look that changes nothing is not repeated for this reason.
        return replace(choice, threads=fewer[0], seconds=LOOK_SECONDS, best=rate)
    if targets and now - max(choice.looks.values(), default=start) >= choice.wait:
        return replace(choice, threads=targets[0], seconds=LOOK_SECONDS)
    return choice


def _after_a_look(choice: Choice, rate: float, now: float) -> Choice:
    looks = {**choice.looks, choice.threads: now}
    current_rate = choice.rates[choice.current]
    # Fewer threads must be faster than more of them were for a while, not only than they were just now.
    if rate > FASTER * (current_rate if choice.threads > choice.current else min(current_rate, choice.mean)):
        wait = min(max(2 * choice.wait, MIN_WAIT), MAX_WAIT) if choice.threads in choice.looks else choice.wait
        # Before a number that is so far behind could be the faster one, the one that is kept becomes slower.
        wait = MAX_WAIT if rate > SLOWER * current_rate else wait
        return replace(choice, threads=choice.current, candidate=0, wait=wait, looks=looks, turn=choice.turn + 1)
    if not choice.candidate:
        return replace(choice, threads=choice.current, seconds=LOOK_SECONDS, candidate=choice.threads)
    # A number that is kept for a short time only, since load comes and goes, is tried ever more rarely.
    wait = min(2 * choice.wait, MAX_WAIT) if now - choice.changed < 2 * MAX_WAIT else MIN_WAIT
    return replace(
        choice,
        current=choice.threads,
        seconds=LOOK_SECONDS,
        best=rate,
        mean=rate,
        candidate=0,
        wait=wait,
        looks=looks,
        changed=now,
    )


def _affordable(choice: Choice, threads: int, now: float) -> bool:
    """Whether a look, at worst as slow as the last one at so many threads, is worth the time since then."""
    rate = choice.rates[choice.current]
    units = max(1.0, LOOK_SECONDS / rate)
    if threads not in choice.rates and units * rate * choice.current / threads <= MAX_FIRST_LOOK:
        return True
    expected = choice.rates.get(threads, choice.best * choice.current / threads)
    since = choice.looks.get(threads, choice.start)
    assert since is not None
    return units * (expected - rate) <= LOOK_FRACTION * (now - since)


class ThreadChooser:
    """Does work in pieces, each by as many threads as `choose` says.

    Parameters:
        seconds: how long a unit of work takes about, before any is measured.
        fixed: always use the largest number.
        clock: the time, in seconds.
    """

    def __init__(self, seconds: float, fixed: bool = False, clock: Callable[[], float] = time.perf_counter) -> None:
        self.choice = first_choice(1)
        self._seconds, self._fixed, self._clock = seconds, fixed, clock

    def run(self, units: int, work: Callable[[int, int, int], int], most: int, per_thread: int | None = None) -> int:
        """Do units of work; gives how many were done, fewer where one piece was not done completely.

        Parameters:
            units: how many.
            work: `work(first, count, threads)` does some of them and gives how many it did.
            most: the largest number of threads for this work.
            per_thread: the most units that a thread does in a piece, where each unit is done by one thread, such as
                blocks of rows; None where all threads do each unit together, such as steps.
        """
        if most > self.choice.most:
            self.choice = first_choice(most)
        chooses, done = most > 1 and not self._fixed, 0
        while done < units:
            threads = min(self.choice.threads, most)
            count = units - done
            if chooses:
                rate = self.choice.rates.get(self.choice.current, self._seconds)
                least = 1 if per_thread is None else threads
                count = min(count, max(least, round(self.choice.seconds / rate)))
            if per_thread is not None:
                count = min(count, per_thread * threads)
            start = self._clock()
            made = work(done, count, threads)
            done += made
            if made < count:
                break
            if chooses and threads == self.choice.threads:
                now = self._clock()
                self.choice = choose(self.choice, made, now - start, now)
        return done
