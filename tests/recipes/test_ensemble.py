"""Networks of an ensemble side by side: the bits, the events and the run's log are those of one after the other."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.native.machine import cpu
from ranvier.recipes.ensemble import trainings_at_once
from ranvier.rows import Rows
from ranvier.training import loop
from ranvier.training.events import EpochEvent
from ranvier.training.inference import outputs_of
from tests.model.test_resume import broken_off
from tests.model.trial import ENGINES, bits, frame

pytestmark = pytest.mark.skipif("native" not in ENGINES, reason="the native engine cannot run here")
SMALL: dict[str, Any] = {"recipe": "table", "engine": "native", "hidden": (4,), "epochs": 3, "progress": False}


def cook(data: Any, **options: Any) -> rv.Model:
    return rv.train(data, "income", **{**SMALL, **options})


def settings_of(**options: Any) -> tuple[rv.Network, Any]:
    recipe = rv.recipe("table")
    task = rv.Task("binary", 1, ("no", "yes"))
    options_of_recipe = recipe.complete(rv.recipes.options.TrainOptions(**options))
    network = recipe.network(6, task, options_of_recipe)
    return network, recipe.settings(network, task, options_of_recipe, 200, (), True)


def test_bits_and_events_are_those_of_one_after_the_other() -> None:
    losses: dict[int, list[tuple[int, int, float]]] = {1: [], 2: []}
    models = {}
    for threads, events in losses.items():

        def listen(event: Any, events: list[Any] = events) -> None:
            assert threading.current_thread() is threading.main_thread()
            if isinstance(event, EpochEvent):
                events.append((event.member, event.epoch, event.record.loss))

        models[threads] = cook(frame(), threads=threads, progress=listen)
    assert bits(models[1]) == bits(models[2])
    assert losses[1] == losses[2]
    assert [epoch for _, epoch, _ in losses[2]] == list(range(1, len(losses[2]) + 1))


def test_small_networks_are_trained_side_by_side_and_large_ones_by_all_threads() -> None:
    threads = cpu.threads()
    rows = Rows(np.zeros((200, 6), np.float32), np.zeros((200, 1), np.float32))
    network, settings = settings_of(engine="native", threads=threads)
    assert trainings_at_once(network, settings, 6 * threads, rows) == threads
    assert trainings_at_once(network, settings, 1, rows) == 1
    large, settings = settings_of(engine="native", threads=threads, hidden=(4096, 4096), batch_size=8192)
    rows = Rows(np.zeros((9000, 6), np.float32), np.zeros((9000, 1), np.float32))
    assert trainings_at_once(large, settings, 6, rows) == 1


def test_functions_of_the_user_are_called_for_one_network_at_a_time() -> None:
    epochs: list[int] = []
    model = cook(frame(), callbacks=[lambda context: epochs.append(context.epoch.epoch)], threads=2)
    assert epochs == [*range(1, 4)] * len(model.report.members)


@pytest.mark.parametrize("groups", [2, 3, 50])
def test_each_row_calibrates_once_where_there_are_fewer_groups_than_folds(groups: int) -> None:
    data = frame(300).with_columns(pl.Series("shop", [f"shop {row % groups}" for row in range(300)]))
    model = cook(data, group="shop", test=0.0)
    assert model.conformal is not None
    assert model.conformal.rows == 300


class Clock:
    """A clock that goes on by a millisecond whenever it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 1e-3
        return self.now


def texts(rows: int = 120) -> Any:
    words = np.array(["red", "green", "blue", "dog", "cat", "sun"])
    drawn = words[np.random.default_rng(0).integers(0, 6, (rows, 8))]
    label = np.where((drawn == "dog").sum(1) > (drawn == "cat").sum(1), "dog", "cat")
    return pl.DataFrame({"text": [" ".join(row) for row in drawn], "income": label})


RECIPES: dict[str, dict[str, Any]] = {"table": {}, "text": {"epochs": 4}}


@pytest.mark.parametrize("kind", RECIPES)
@pytest.mark.parametrize("fraction", [0.0, 1.0, 1.5])
def test_a_time_limit_is_for_all_networks_together(kind: str, fraction: float, monkeypatch: pytest.MonkeyPatch) -> None:
    data, options = (texts() if kind == "text" else frame(), {"recipe": kind, "engine": "reference", **RECIPES[kind]})

    def trained(limit: float) -> rv.Model:
        monkeypatch.setattr(loop, "time", Clock())
        return cook(data, callbacks=[rv.TimeLimit(limit)], **options)

    first = trained(1e9).report.members[0]["seconds"]
    model = trained(max(fraction * first, 1e-9))
    # A network that the limit breaks off counts only where it is the first.
    (member,) = model.report.members
    assert member["epochs"] == (1 if fraction == 0.0 else options.get("epochs", 3))
    assert not model.report.interrupted
    assert model.report.stop_reason.startswith("The time limit of ")
    assert "The model is made of 1 network of " in model.report.stop_reason


@pytest.mark.parametrize("kind", RECIPES)
def test_a_callback_that_stops_ends_the_run_and_early_stopping_one_network(kind: str) -> None:
    data, options = (texts() if kind == "text" else frame(), {"recipe": kind, "engine": "reference", **RECIPES[kind]})
    numbers: list[int] = []

    def stop_in_second(context: rv.EpochContext) -> rv.CallbackResult | None:
        numbers.append(context.epoch.epoch)
        return rv.CallbackResult(stop_reason="Good enough.") if numbers.count(1) == 2 else None

    model = cook(data, callbacks=[stop_in_second], **options)
    assert [member["epochs"] for member in model.report.members] == [options.get("epochs", 3), 1]
    assert model.report.stop_reason.startswith("Good enough. The model is made of 2 networks of ")
    assert not model.report.interrupted
    early = cook(data, callbacks=[rv.EarlyStopping(1, "loss", min_delta=1e9)], **options)
    assert len(early.report.members) > 2


@pytest.mark.parametrize("kind", RECIPES)
def test_ctrl_c_between_two_networks_gives_the_model_of_the_first(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = texts() if kind == "text" else frame()

    def press(*args: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return outputs_of(*args)

    where = "text_members" if kind == "text" else "ensemble"
    monkeypatch.setattr(f"ranvier.recipes.{where}.outputs_of", press)
    model = cook(data, threads=1, engine="reference", **{"recipe": kind, **RECIPES[kind]})
    assert model.report.interrupted
    assert len(model.report.members) == 1


def test_a_run_that_a_callback_ended_ends_again_where_it_goes_on(tmp_path: Path) -> None:
    def stop(context: rv.EpochContext) -> rv.CallbackResult | None:
        return rv.CallbackResult(stop_reason="Enough.")

    options: dict[str, Any] = {"callbacks": [stop], "run": tmp_path / "run"}
    model = cook(frame(), **options)
    again = rv.resume(tmp_path / "run", data=frame(), callbacks=[stop], progress=False)
    assert bits(again) == bits(model)
    assert again.report.stop_reason == model.report.stop_reason
    assert len(again.report.members) == 1


@pytest.mark.parametrize("step", [1, 4, 8])
def test_a_run_that_broke_off_goes_on_and_its_log_is_whole(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.csv"
    frame(40).write_csv(path)
    expected = bits(cook(str(path), threads=2))
    broken_off(step, monkeypatch, lambda: cook(str(path), threads=2, run=tmp_path / "run"))
    model = rv.resume(tmp_path / "run", progress=False)
    assert bits(model) == expected
    lines = (tmp_path / "run" / "events.jsonl").read_text().splitlines()
    events = [event for event in map(json.loads, lines) if event["kind"] == "epoch"]
    losses = {event["epoch"]: event["loss"] for event in events}
    assert losses == {epoch.epoch: epoch.loss for epoch in model.history}


def test_after_ctrl_c_the_model_is_made_of_the_first_networks(tmp_path: Path) -> None:
    pressed: list[int] = []

    def press(event: Any) -> None:
        if isinstance(event, EpochEvent) and event.member == 2 and not pressed:
            pressed.append(event.epoch)
            os.kill(os.getpid(), signal.SIGINT)

    options: dict[str, Any] = {"epochs": 200, "patience": 200, "threads": 2}
    model = cook(frame(), progress=press, run=tmp_path / "run", **options)
    assert model.report.interrupted
    done = len(model.report.members)
    assert 1 <= done < rv.recipe("table").n_networks
    assert bits(rv.resume(tmp_path / "run", data=frame(), progress=False)) == bits(cook(frame(), **options))
