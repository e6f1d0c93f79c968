"""The time of a search: when trials end and the model is trained, so that all of it takes as long as was asked.

How long the whole recipe takes is not known before, and other programs on the same machine change it meanwhile. So
the model is trained early where there is time to do so twice. From then on there is a model, its seconds are measured,
and trials go on; a better one is trained in its place at the last moment, and given up where the time ends first.
Where there is no time for two, trials end so early that one is likely to be done in time; it is made of what is
trained when the time is over.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ranvier.tuning.study import LAST_RUNG, Trial, rank

FIRST_RESERVE = 1.5
"""So many times as long as estimated the first model may take."""
NEXT_RESERVE, NEXT_CHANCE = 1.15, 0.8
"""So many times as long as the last one a later model may take; with less than the second there is no hope of one."""
EARLY, ROOM = 0.4, 2.5
"""After this fraction of the time the first model is trained where so many of them fit into the rest."""
REPORTING = 0.25
"""The fraction of the time to read the data that it takes to measure a model whose training was cut short."""
END = 0.005
"""Trials do not go on where no more than this fraction of the time is left."""


class Budget:
    """When trials end and the model is trained; all by a clock, in seconds.

    Parameters:
        start: when the search began, by the clock.
        seconds: how long it may take in all.
        factor: how many times as long the whole recipe trains as a trial that is trained to the end.
        reading: how long the data were read.
        clock: tells the time.
    """

    def __init__(
        self,
        start: float,
        seconds: float,
        factor: float,
        reading: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seconds = seconds
        self._reporting = REPORTING * reading
        self._start, self._factor, self._clock = start, factor, clock
        self._first_trial: float | None = None
        self._estimate: float | None = None
        self._measured: float | None = None
        self._trained: int | None = None
        self._best: int | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the search began."""
        return self._clock() - self._start

    @property
    def left(self) -> float:
        """Seconds until it must have ended."""
        return self.seconds - self.elapsed

    def begin_first_trial(self) -> None:
        """The first trial begins: the longer it lasts, the longer the model will take."""
        self._first_trial = self.elapsed

    def note(self, trials: Sequence[Trial]) -> None:
        """Learn from the trials which is the best and how long the model takes."""
        full_trials = [trial for trial in trials if trial.rung == LAST_RUNG and trial.value is not None]
        if full_trials:
            best = min(full_trials, key=rank)
            self._best, self._estimate = best.number, best.seconds * self._factor

    def note_model(self, number: int, seconds: float) -> None:
        """The model was trained with the settings of this trial, in so many seconds."""
        self._trained, self._measured = number, seconds

    def over(self) -> bool:
        """Whether trials must end: the model has to be trained, or the time is over."""
        early = self._measured is None and self.elapsed >= EARLY * self.seconds
        if early and self.left >= ROOM * self._expected():
            return True
        return self.left <= max(self._reserve(), END * self.seconds)

    def due(self) -> bool:
        """Whether it is time to train the model."""
        if self._measured is None:
            return self.over()
        return self.improves() and self.left <= self._reserve()

    def improves(self) -> bool:
        """Whether a trial is better than the one whose settings the model has, and there may be time to train it."""
        if self._measured is None or self._best in (None, self._trained):
            return False
        return self.left >= NEXT_CHANCE * self._measured

    def ended(self) -> bool:
        """Whether the time is over."""
        return self.left <= END * self.seconds

    def cut(self) -> bool:
        """Whether a training must be broken off: a first one leaves time to measure what it has made."""
        return self.left <= (self._reporting if self._measured is None else 0.0)

    def _reserve(self) -> float:
        """Seconds that are kept for the model."""
        if self._measured is None:
            return FIRST_RESERVE * self._expected()
        return NEXT_RESERVE * self._measured if self.improves() else 0.0

    def _expected(self) -> float:
        """How long the first model takes; at least as long as by the first trial so far."""
        if self._estimate is not None:
            return self._estimate
        return 0.0 if self._first_trial is None else (self.elapsed - self._first_trial) * self._factor
