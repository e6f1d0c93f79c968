"""The time of a search by a clock that the test moves: when trials end, and which models are trained when."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.tuning.budget import Budget
from ranvier.tuning.study import LAST_RUNG, Trial
from ranvier.tuning.whole_recipe import WholeRecipe
from ranvier.tuning.workload import Workload

pytest.importorskip("optuna")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = np.where(X[:, 0] > 0, "yes", "no")
RECIPE: Any = replace(rv.recipe("table"), epochs=2, min_steps=1, n_networks=2, n_bins=3)  # type: ignore[type-var]
SECONDS = 100.0


class Clock:
    """A clock that stands still until somebody works."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def budget_of(clock: Clock, factor: float = 4.0) -> Budget:
    return Budget(0.0, SECONDS, factor, reading=8.0, clock=clock)


def trial(number: int, value: float, seconds: float, rung: int = LAST_RUNG) -> Trial:
    return Trial(number, {}, value, rung, seconds, 9, 0)


def first_time(clock: Clock, says: Any) -> float:
    """When something is said first, to a tenth of a second."""
    for tenth in range(round(10 * clock.now), round(10 * SECONDS) + 20):
        clock.now = tenth / 10
        if says():
            return clock.now
    return np.inf


def test_the_longer_the_first_trial_lasts_the_longer_the_model_will_take() -> None:
    clock = Clock()
    budget = budget_of(clock)
    clock.now = 16.0
    budget.begin_first_trial()
    assert first_time(clock, budget.over) == 28.0  # after 12 of 84 s, 48 s are expected, and half as many more kept


def test_trials_that_were_stopped_early_say_nothing_of_the_model() -> None:
    clock = Clock()
    budget = budget_of(clock)
    budget.note([trial(1, 0.1, 1000.0, rung=0)])
    assert first_time(clock, budget.over) == 40.0


def test_where_one_model_fits_it_begins_with_half_of_its_time_to_spare() -> None:
    clock = Clock()
    budget = budget_of(clock)
    budget.note([trial(0, 0.5, 8.0), trial(3, 0.6, 1.0)])  # 32 s expected
    assert first_time(clock, budget.due) == 52.0
    assert budget.over()


@pytest.mark.parametrize("seconds", [6.0, 1.0])
def test_where_more_fit_the_first_is_trained_early(seconds: float) -> None:
    clock = Clock()
    budget = budget_of(clock)
    budget.note([trial(0, 0.5, seconds)])
    assert first_time(clock, budget.due) == 40.0
    assert budget.over()


def test_a_better_trial_is_trained_at_the_last_moment_and_no_other_is() -> None:
    clock = Clock()
    budget = budget_of(clock)
    clock.now = 50.0
    budget.note([trial(0, 0.5, 5.0)])
    budget.note_model(0, 10.0)
    assert not budget.due()
    assert first_time(clock, budget.over) == 99.5
    clock.now = 50.0
    budget.note([trial(0, 0.5, 5.0), trial(4, 0.4, 5.0)])
    assert budget.improves()
    assert first_time(clock, budget.due) == 88.5
    assert budget.over()


def test_a_better_trial_that_comes_too_late_does_not_end_the_trials() -> None:
    clock = Clock()
    budget = budget_of(clock)
    budget.note_model(0, 10.0)
    clock.now = 92.5
    budget.note([trial(0, 0.5, 5.0), trial(4, 0.4, 5.0)])
    assert not budget.improves()
    assert not budget.due()
    assert first_time(clock, budget.over) == 99.5


def test_a_first_model_leaves_time_to_be_measured_and_a_later_one_takes_all_of_it() -> None:
    clock = Clock()
    budget = budget_of(clock)
    assert first_time(clock, budget.cut) == 98.0
    budget.note_model(0, 10.0)
    assert first_time(clock, budget.cut) == 100.0


def test_where_reading_took_long_a_cut_model_does_not_end_the_search_early() -> None:
    clock = Clock()
    assert first_time(clock, Budget(0.0, SECONDS, 4.0, reading=60.0, clock=clock).cut) == 96.0


def searched(
    monkeypatch: pytest.MonkeyPatch, model_seconds: list[float], trial_seconds: float = 1.0, value: Any = None
) -> tuple[rv.Search, list[tuple[float, int]], Clock]:
    """A search on a clock by which trials and models take as long as said; when each model began, and of which trial.

    Parameters:
        model_seconds: of one model after the other.
        trial_seconds: of each trial.
        value: from how many trials were trained to the value of the next; None makes each better than all before.
    """
    clock, models, counted = Clock(), list[tuple[float, int]](), [0]
    left = list(model_seconds)
    train_whole = WholeRecipe._trained

    def worked(seconds: float, stopped: Any) -> bool:
        """Let time go by; whether it was not stopped."""
        for _ in range(round(10 * seconds)):
            if stopped():
                return False
            clock.now = round(clock.now + 0.1, 1)
        return not stopped()

    def train(self: Workload, options: Any, rung: int, threads: int, stop: Any) -> Any:
        done = worked(trial_seconds, stop)
        counted[0] += done
        worth = 1 / counted[0] if value is None and done else value(counted[0]) if done else float("nan")
        return worth, trial_seconds, 1

    def trained(self: WholeRecipe, of: Trial, watch: Any) -> Any:
        models.append((clock.now, of.number))
        model = train_whole(self, of, watch)
        if not worked(left.pop(0), self._budget.cut) and self.model is not None:
            watch.interrupted = True
            return None
        return model

    monkeypatch.setattr(Workload, "train", train)
    monkeypatch.setattr(WholeRecipe, "_trained", trained)
    monkeypatch.setattr("ranvier.tuning.search.time.monotonic", lambda: 0.0)
    monkeypatch.setattr("ranvier.tuning.search.Budget", lambda *times, reading: budget_of(clock, 2.0))
    space = {"hidden": [(2,), (3,)], "learning_rate": (1e-3, 0.1)}
    result = rv.search(X, Y, space=space, recipe=RECIPE, minutes=SECONDS / 60, threads=1)
    return result, models, clock


def test_models_are_trained_early_and_at_the_last_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    result, models, clock = searched(monkeypatch, [6.0, 6.0, 6.0])
    # After three generations of 13 s, and 1.15 times 6 s before the end.
    assert [began for began, _ in models] == pytest.approx([40.0, 93.1], abs=0.15)
    assert result.best.number == models[-1][1]
    assert clock.now == pytest.approx(SECONDS, abs=0.05 * SECONDS)


def test_a_model_that_is_the_best_already_is_not_trained_again(monkeypatch: pytest.MonkeyPatch) -> None:
    result, models, clock = searched(monkeypatch, [6.0], value=lambda count: 0.5 + count)
    assert [number for _, number in models] == [0]
    assert result.best.number == 0
    assert clock.now == pytest.approx(SECONDS, abs=0.05 * SECONDS)


def test_a_later_model_that_does_not_end_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    result, models, clock = searched(monkeypatch, [6.0, 60.0])
    assert len(models) == 2
    assert result.best.number == models[0][1]
    assert result.model is not None
    assert len(result.notes) == 1
    assert "is better, and there was no time left" in result.notes[0]
    assert clock.now == pytest.approx(SECONDS, abs=0.05 * SECONDS)


@pytest.mark.parametrize("seconds", [15.0, 30.0, 600.0])
def test_where_one_model_fits_the_time_is_kept_too(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    result, models, clock = searched(monkeypatch, [seconds, *[1.0] * 20], trial_seconds=15.0)
    assert result.model is not None
    assert [number for _, number in models] == [0]
    assert clock.now == pytest.approx(SECONDS, abs=0.05 * SECONDS)


def test_a_generation_that_was_broken_off_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model is due after 40 s, in the sixth trial of a generation of 78 s; the five before it are kept."""
    result, models, _ = searched(monkeypatch, [1.0, 1.0], trial_seconds=6.0)
    assert models[0] == (pytest.approx(40.0, abs=0.15), 0)
    assert len(result.trials) == 1 + 9
