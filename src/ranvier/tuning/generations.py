"""Generations of trials: nine are trained for a ninth of the epochs, the best three longer, the best one to the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from ranvier.records import record
from ranvier.training.side_by_side import Job, run_side_by_side, usable_threads
from ranvier.tuning.budget import Budget
from ranvier.tuning.space import size_of
from ranvier.tuning.study import LAST_RUNG, Study, Trial, best_of, rank
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


class Generations:
    """Tries generations until the model has to be trained, and goes on after that.

    The recipe's own settings come first, trained to the end: they tell how long the model takes. What was trained of a
    generation that was broken off is kept, and the same generation goes on.

    Parameters:
        work: what every trial reads.
        study: keeps generations that are done.
        budget: says when trials end.
        trials: how many at most, rounded up to whole generations; None for no limit but the time, and all settings of a
            space that has so many.
        on_progress: called after the recipe's own trial and after each generation.
    """

    def __init__(
        self,
        work: Workload,
        study: Study,
        budget: Budget,
        trials: int | None,
        on_progress: Callable[[SearchProgress], None] | None,
    ) -> None:
        self._work, self._study, self._budget, self._on_progress = work, study, budget, on_progress
        self._most = None if trials is None else -(-trials // GENERATION)
        self._size = size_of(work.space) if trials is None else None
        self._tried = {_key(trial) for trial in study.trials if trial.options}
        self._recipe_trial: tuple[Trial, ...] = ()
        self._done: dict[tuple[int, int], Trial] = {}
        self.interrupted = False
        budget.note(study.trials)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Those that are done, in whole generations."""
        return tuple(self._study.trials) or self._recipe_trial

    @property
    def exhausted(self) -> bool:
        """Whether all settings of the space were tried, and the user did not say how many trials there are to be."""
        return self._size is not None and len(self._tried) >= self._size

    @property
    def complete(self) -> bool:
        """Whether there is nothing more to try."""
        return (self._most is not None and self._study.generations >= self._most) or self.exhausted

    def run(self) -> None:
        """Try generations until the model is due, there is nothing more to try, the time is over, or Ctrl-C."""
        if not self.trials and not self._try_recipe():
            return
        while not (self.complete or self._budget.over() or self._budget.due()):
            done = self._generation()
            if done is None:
                return
            self._study.tell([*self._recipe_trial, *done])
            self._tried.update(map(_key, done))
            self._recipe_trial = ()
            self._done.clear()
            self._tell()

    def _try_recipe(self) -> bool:
        """Train the recipe's own settings to the end; whether that was done."""
        self._budget.begin_first_trial()
        done = self._rung([Trial(0, {}, None, 0, 0.0, 0, 0)], LAST_RUNG)
        if done is None:
            return False
        self._recipe_trial = tuple(done)
        self._done.clear()
        self._tell()
        return True

    def _tell(self) -> None:
        self._budget.note(self.trials)
        if self._on_progress is not None:
            now = self._budget.elapsed, self._budget.seconds
            self._on_progress(SearchProgress(self.trials, self._work.metric, *now))

    def _generation(self) -> list[Trial] | None:
        """Train a generation rung by rung; None where the time or the user ended it before it was done."""
        first, number = len(self._study.trials) + len(self._recipe_trial), self._study.generations
        results = {
            index: Trial(index, options, None, 0, 0.0, 0, number)
            for index, options in enumerate(self._study.ask(GENERATION), start=first)
        }
        running = list(results)
        for rung, count in enumerate(KEPT):
            tried = [index for index in running if not rung or results[index].value is not None]
            running = sorted(tried, key=lambda index: rank(results[index]))[:count]
            if not running:  # all of them diverged
                break
            done = self._rung([results[index] for index in running], rung)
            if done is None:
                return None
            results.update(zip(running, done, strict=True))
        return list(results.values())

    def _rung(self, trials: Sequence[Trial], rung: int) -> list[Trial] | None:
        """Train trials as long as a rung says, side by side; None where the time or the user ended it."""
        missing = [trial for trial in trials if (trial.number, rung) not in self._done]
        if missing:
            allowed = usable_threads(self._work.ready.options.threads)
            workers = min(allowed, len(missing))
            threads = max(1, allowed // workers)
            jobs: list[Job[tuple[float | None, float, int]]] = [
                partial(self._train, trial.options, rung, threads) for trial in missing
            ]
            values, self.interrupted = run_side_by_side(jobs, workers)
            for trial, value in zip(missing, values, strict=True):
                if value is not None and value[0] == value[0]:
                    done = replace(trial, value=value[0], rung=rung, seconds=value[1], epochs=value[2])
                    self._done[trial.number, rung] = done
        if self.interrupted or any((trial.number, rung) not in self._done for trial in trials):
            return None
        return [self._done[trial.number, rung] for trial in trials]

    def _train(
        self, options: Mapping[str, Any], rung: int, threads: int, stop: Callable[[], bool]
    ) -> tuple[float | None, float, int]:
        return self._work.train(options, rung, threads, lambda: stop() or self._budget.over())


def _key(trial: Trial) -> str:
    """The settings of a trial as a key of a set; widths and records are told apart by their text."""
    return repr(sorted(trial.options.items()))
