"""Generations of trials: nine are trained for a ninth of the epochs, the best three longer, the best one to the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ranvier.records import record
from ranvier.training.side_by_side import Job, run_side_by_side, usable_threads
from ranvier.tuning.study import LAST_RUNG, Study, Trial
from ranvier.tuning.workload import Workload

GENERATION = 9
"""Trials of a generation."""
KEPT = (9, 3, 1)
"""How many of them are trained on each rung."""


@record
class SearchProgress:
    """Where a search stands: its trials so far, the metric, seconds since it began, and seconds in all."""

    trials: tuple[Trial, ...]
    metric: str
    elapsed: float
    seconds: float

    @property
    def best(self) -> Trial | None:
        """The best trial that was trained to the end."""
        return best_of(self.trials)


class Budget:
    """How long trials may go on, so that the final model is trained within the time.

    Parameters:
        begun: when the search began, by `time.monotonic`.
        seconds: how long it may take in all.
        factor: how many times as long the final training takes as that of the best trial.
        reading: seconds to read and encode the data, which the final training does again.
    """

    def __init__(self, begun: float, seconds: float, factor: float, reading: float = 0.0) -> None:
        self.begun, self.seconds, self._factor, self._reading = begun, seconds, factor, reading
        self._final = reading

    def note(self, trials: Sequence[Trial]) -> None:
        """Learn from the trials how long the final training takes."""
        whole = [trial for trial in trials if trial.rung == LAST_RUNG and trial.value is not None]
        if whole:
            self._final = self._reading + min(whole, key=rank).seconds * self._factor

    @property
    def elapsed(self) -> float:
        """Seconds since the search began."""
        return time.monotonic() - self.begun

    def over(self) -> bool:
        """Whether the final training must begin."""
        return self.elapsed + self._final >= self.seconds


def run_generations(
    work: Workload,
    study: Study,
    budget: Budget,
    trials: int | None,
    on_progress: Callable[[SearchProgress], None] | None,
) -> tuple[tuple[Trial, ...], bool]:
    """Try generations until the time or the trials are used up.

    The recipe's own settings come first, trained to the end: they tell how long the final training takes.

    Returns the trials and whether Ctrl-C was pressed.
    """
    most = None if trials is None else -(-trials // GENERATION)

    def tell(so_far: tuple[Trial, ...]) -> None:
        if on_progress is not None:
            on_progress(SearchProgress(so_far, work.metric, budget.elapsed, budget.seconds))

    own: tuple[Trial, ...] = ()
    if not study.trials:
        done, interrupted = _rung(work, [Trial(0, {}, None, 0, 0.0, 0, 0)], LAST_RUNG, budget)
        if done is None:
            return (), interrupted
        own = tuple(done)
        budget.note(own)
        tell(own)
    budget.note(study.trials)
    while not budget.over() and (most is None or study.generations < most):
        done, interrupted = _generation(work, study, budget, own)
        if done is None:
            return tuple(study.trials) or own, interrupted
        study.tell([*own, *done])
        own = ()
        budget.note(study.trials)
        tell(tuple(study.trials))
    return tuple(study.trials) or own, False


def _generation(work: Workload, study: Study, budget: Budget, own: Sequence[Trial]) -> tuple[list[Trial] | None, bool]:
    """Train a generation rung by rung; None where the time or the user ended it before it was done.

    Parameters:
        own: the trial of the recipe's own settings, where it belongs to this generation.
    """
    first = len(study.trials) + len(own)
    results = {
        number: Trial(number, options, None, 0, 0.0, 0, study.generations)
        for number, options in enumerate(study.ask(GENERATION), start=first)
    }
    running = list(results)
    for rung, kept in enumerate(KEPT):
        tried = [number for number in running if not rung or results[number].value is not None]
        running = sorted(tried, key=lambda number: rank(results[number]))[:kept]
        if not running:  # all of them diverged
            break
        done, interrupted = _rung(work, [results[number] for number in running], rung, budget)
        if done is None:
            return None, interrupted
        results.update(zip(running, done, strict=True))
    return list(results.values()), False


def _rung(work: Workload, trials: Sequence[Trial], rung: int, budget: Budget) -> tuple[list[Trial] | None, bool]:
    """Train trials as long as a rung says, side by side; None where the time or the user ended it."""
    allowed = usable_threads(work.ready.options.threads)
    workers = min(allowed, len(trials))
    jobs: list[Job[tuple[float | None, float, int]]] = [
        partial(_trial, work, trial.options, rung, max(1, allowed // workers), budget) for trial in trials
    ]
    values, interrupted = run_side_by_side(jobs, workers)
    if interrupted or any(value is None or value[0] != value[0] for value in values):
        return None, interrupted
    done = [value for value in values if value is not None]
    return [
        replace(trial, value=value[0], rung=rung, seconds=value[1], epochs=value[2])
        for trial, value in zip(trials, done, strict=True)
    ], False


def _trial(
    work: Workload, options: Mapping[str, Any], rung: int, threads: int, budget: Budget, stop: Callable[[], bool]
) -> tuple[float | None, float, int]:
    return work.train(options, rung, threads, lambda: stop() or budget.over())


def rank(trial: Trial) -> tuple[bool, int, float, int]:
    """Better trials first: those that came further, then by their value."""
    failed = trial.value is None
    return failed, -trial.rung, 0.0 if trial.value is None else trial.value, trial.number


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The best trial that was trained to the end; None where there is none."""
    return min((trial for trial in trials if trial.rung == LAST_RUNG), key=rank, default=None)
