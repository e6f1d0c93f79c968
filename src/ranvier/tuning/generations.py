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
        start: when the search began, by `time.monotonic`.
        seconds: how long it may take in all.
        factor: how many times as long the final training takes as that of the best trial.
    """

    def __init__(self, start: float, seconds: float, factor: float) -> None:
        self.start, self.seconds, self._factor = start, seconds, factor
        self._final = 0.0

    def note(self, trials: Sequence[Trial]) -> None:
        """Learn from the trials how long the final training takes."""
        full_trials = [trial for trial in trials if trial.rung == LAST_RUNG and trial.value is not None]
        if full_trials:
            self._final = min(full_trials, key=rank).seconds * self._factor

    @property
    def elapsed(self) -> float:
        """Seconds since the search began."""
        return time.monotonic() - self.start

    def over(self) -> bool:
        """Whether the final training must begin."""
        return self.elapsed + self._final >= self.seconds


def run_generations(
    work: Workload,
    study: Study,
    budget: Budget,
    trials: int | None,
    on_progress: Callable[[SearchProgress], None] | None,
) -> bool:
    """Try generations until the time or the trials are used up; gives whether Ctrl-C was pressed."""
    most = None if trials is None else -(-trials // GENERATION)
    budget.note(study.trials)
    while not budget.over() and (most is None or study.generations < most):
        proposed = study.ask(GENERATION)
        done, interrupted = _generation(work, [{}, *proposed] if not study.trials else proposed, study, budget)
        if done is None:
            return interrupted
        study.tell(done)
        budget.note(study.trials)
        if on_progress is not None:
            on_progress(SearchProgress(tuple(study.trials), work.metric, budget.elapsed, budget.seconds))
        if interrupted:
            return True
    return False


def _generation(
    work: Workload, proposed: Sequence[Mapping[str, Any]], study: Study, budget: Budget
) -> tuple[list[Trial] | None, bool]:
    """Train a generation rung by rung; None where the time or the user ended it before it was done."""
    first, generation = len(study.trials), study.generations
    recipe_trials = 1 if not study.trials else 0  # the recipe's own settings are trained to the end
    results = {
        number: Trial(first + number, options, None, 0, 0.0, 0, generation) for number, options in enumerate(proposed)
    }
    running = list(results)
    for rung, count in enumerate(KEPT):
        if rung:
            tried = [number for number in running if results[number].value is not None and number >= recipe_trials]
            running = sorted(range(recipe_trials)) + sorted(tried, key=lambda number: rank(results[number]))[:count]
        if not running:  # all of them diverged
            break
        allowed = usable_threads(work.ready.options.threads)
        workers = min(allowed, len(running))
        jobs: list[Job[tuple[float | None, float, int]]] = [
            partial(_trial, work, results[number].options, rung, max(1, allowed // workers), budget)
            for number in running
        ]
        values, interrupted = run_side_by_side(jobs, workers)
        if interrupted or any(value is None or value[0] != value[0] for value in values):
            return None, interrupted
        for number, value in zip(running, values, strict=True):
            assert value is not None
            results[number] = replace(results[number], value=value[0], rung=rung, seconds=value[1], epochs=value[2])
    return list(results.values()), False


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
