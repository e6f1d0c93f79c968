"""Pilots: the other networks are trained for twice their best epochs, and a broken-off run decides the same again."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ranvier as rv
from ranvier.recipes.pilots import MIN_EPOCHS, epochs_after
from ranvier.training.events import EpochEvent
from tests.model.test_resume import broken_off
from tests.model.trial import ENGINES, bits, frame

pytestmark = pytest.mark.skipif("native" not in ENGINES, reason="the native engine cannot run here")
QUICK = replace(rv.recipe("table"), hidden=(4,), n_networks=4, learning_rate=0.2)
"""The best epochs come early."""


def cook(recipe: Any = QUICK, data: Any = None, **options: Any) -> rv.Model:
    fixed: dict[str, Any] = {"engine": "native", "progress": False, "seed": 3}
    return rv.train(frame() if data is None else data, "income", recipe=recipe, **{**fixed, **options})


@pytest.mark.parametrize("n_pilots", [1, 2, 3])
@pytest.mark.parametrize("learning_rate", [0.05, 0.2])
def test_the_others_are_trained_for_twice_the_best_epochs_of_the_pilots(n_pilots: int, learning_rate: float) -> None:
    report = cook(replace(QUICK, n_pilots=n_pilots, learning_rate=learning_rate)).report
    epochs, patience = (report.recipe_settings[name] for name in ("epochs", "patience"))
    best = [member["best_epoch"] for member in report.members]
    expected = epochs_after(best[:n_pilots])
    assert expected < epochs
    limits = [epochs] * n_pilots + [expected] * (len(best) - n_pilots)
    ends = [min(limit, best_epoch + patience) for limit, best_epoch in zip(limits, best, strict=True)]
    assert [member["epochs"] for member in report.members] == ends


def test_pilots_that_need_all_epochs_leave_them_to_the_others() -> None:
    slow = replace(QUICK, learning_rate=0.0001)
    assert bits(cook(slow)) == bits(cook(replace(slow, n_pilots=0)))


@pytest.mark.parametrize("n_pilots", [0, 4, 5])
def test_without_pilots_or_others_all_are_trained_for_all_epochs(n_pilots: int) -> None:
    all_long, some = cook(replace(QUICK, n_pilots=n_pilots)), cook()
    assert sum(member["epochs"] for member in all_long.report.members) > sum(
        member["epochs"] for member in some.report.members
    )
    assert bits(all_long) == bits(cook(replace(QUICK, n_pilots=0)))


def test_the_users_own_epochs_are_those_of_all_networks() -> None:
    report = cook(epochs=30, patience=30).report
    assert [member["epochs"] for member in report.members] == [30] * QUICK.n_networks


def test_threads_change_no_bit() -> None:
    assert bits(cook(threads=1)) == bits(cook(threads=2))


@pytest.mark.parametrize("step", [5, 80, 150])
def test_a_run_that_broke_off_goes_on_to_the_same_bits(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.csv"
    frame(40).write_csv(path)
    expected = bits(cook(data=str(path)))
    broken_off(step, monkeypatch, lambda: cook(data=str(path), run=tmp_path / "run"))
    assert bits(rv.resume(tmp_path / "run", progress=False)) == expected


@pytest.mark.parametrize("member", [1, 2, 3])  # two are trained at a time
def test_after_ctrl_c_no_more_networks_begin(member: int, tmp_path: Path) -> None:
    def press(event: Any) -> None:
        if isinstance(event, EpochEvent) and event.member == member and not pressed:
            pressed.append(event.epoch)
            os.kill(os.getpid(), signal.SIGINT)

    pressed: list[int] = []
    many = replace(QUICK, n_networks=12)
    model = cook(many, progress=press, run=tmp_path / "run", threads=2)
    assert model.report.interrupted
    assert 1 <= len(model.report.members) < many.n_networks
    assert bits(rv.resume(tmp_path / "run", data=frame(), progress=False)) == bits(cook(many))


def test_a_network_gets_some_epochs_at_least() -> None:
    assert [epochs_after(best) for best in ([1], [1, 2], [10], [3, 8], [100, 50])] == [MIN_EPOCHS, 4, 20, 11, 150]
