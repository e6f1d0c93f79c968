"""Watching: the bits stay, viewers steer, and the run's events say so."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.storage.live_folder import LiveReader, Status
from ranvier.storage.run_folder import RunFolder
from ranvier.training import watching
from ranvier.training.watching import STOPPED, current_watch
from tests.model.trial import ENGINES

OPTIONS: dict[str, Any] = {"recipe": "plain", "hidden": (8,), "epochs": 6, "progress": False, "batch_size": 8}
LONG = 60.0


class Viewer:
    """Watches a run in a thread of its own, and counts what it saw."""

    def __init__(self, run: Path) -> None:
        self.run, self.sequences, self.statuses = run, set[int](), []
        self.script: list[tuple[Callable[[Any], bool], dict[str, Any]]] = []
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        until = time.monotonic() + LONG
        while not (self.run / "events.jsonl").exists() and time.monotonic() < until:
            time.sleep(0.002)
        reader = LiveReader(self.run)
        while not self._ends.is_set() and time.monotonic() < until:
            reader.touch(looking=True)
            reader.refresh()
            read = reader.read()
            if read is not None and read[0] not in self.sequences:
                self.sequences.add(read[0])
                self.statuses.append(read[1])
                assert np.isfinite(read[2]).all()
                if self.script and self.script[0][0](read[1]):
                    reader.send(self.script.pop(0)[1])
            time.sleep(0.005)
        reader.leave()

    def __enter__(self) -> Viewer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()


@contextmanager
def viewer(run: Path, *script: tuple[Callable[[Any], bool], dict[str, Any]]) -> Iterator[Viewer]:
    looking = Viewer(run)
    looking.script = list(script)
    with looking:
        yield looking
    assert looking.script == [], "everything was asked for"


def controls(run: Path) -> list[dict[str, Any]]:
    return [event for event in RunFolder.open(run).read_events() if event["kind"] == "control"]


def hold(seconds: float = 0.02) -> Any:
    """A callback that makes epochs last long enough for a viewer."""

    def wait(context: rv.EpochContext) -> None:
        time.sleep(seconds)

    return wait


@pytest.mark.parametrize("engine", ["reference", "native"])
def test_watching_leaves_the_bits(engine: str, tmp_path: Path) -> None:
    options = {**OPTIONS, "engine": engine, "epochs": 8}
    alone = rv.train("iris", **options, callbacks=[hold()], run=tmp_path / "alone")
    with viewer(tmp_path / "watched") as watching:
        viewed = rv.train("iris", **options, callbacks=[hold()], run=tmp_path / "watched")
    assert len(watching.sequences) >= 1
    for name, values in alone.parameters.items():
        assert (values == viewed.parameters[name]).all(), name
    assert not (tmp_path / "alone" / "live").exists(), "nothing is published where nobody looks"
    assert controls(tmp_path / "watched") == []


def test_steps_epochs_and_pauses_leave_the_bits(tmp_path: Path) -> None:
    options = {**OPTIONS, "engine": "reference"}
    alone = rv.train("iris", **options, callbacks=[hold()])
    script = (
        (lambda status: True, {"do": "pause", "id": "first"}),
        (lambda status: status.paused, {"do": "step", "value": 3}),
        (lambda status: status.paused, {"do": "epoch"}),
        (lambda status: status.paused and status.position == 0, {"do": "play"}),
    )
    with viewer(tmp_path / "run", *script) as watching:
        viewed = rv.train("iris", **options, callbacks=[hold()], run=tmp_path / "run")
    for name, values in alone.parameters.items():
        assert (values == viewed.parameters[name]).all(), name
    events = controls(tmp_path / "run")
    assert [event["do"] for event in events] == ["pause", "step", "epoch", "play"]
    assert events[0]["id"] == "first"
    paused = [status.step for status in watching.statuses if status.paused]
    assert paused[0] + 3 in paused
    assert events[2]["step"] == events[1]["step"] + 3


def test_the_learning_rate_is_changed_and_recorded(tmp_path: Path) -> None:
    """However late the viewer comes: training goes on until its rate has changed."""
    many = 100_000
    options = {**OPTIONS, "engine": "reference", "schedule": "constant", "learning_rate": 0.001}
    options |= {"epochs": many, "patience": many}
    until = time.monotonic() + LONG

    def end(context: rv.EpochContext) -> rv.CallbackResult:
        time.sleep(0.02)
        changed = context.epoch.learning_rate != 0.001
        return rv.CallbackResult("The rate has changed." if changed or time.monotonic() > until else None)

    script = ((lambda status: status.epoch >= 1, {"do": "rate", "value": 0.0005}),)
    with viewer(tmp_path / "run", *script):
        model = rv.train("iris", **options, callbacks=[end], run=tmp_path / "run")
    (events,) = controls(tmp_path / "run")
    assert events["value"] == 0.0005
    assert events["text"] == "The learning rate was set to 0.0005."
    rates = [epoch.learning_rate for epoch in model.history]
    assert rates[0] == 0.001
    assert rates[-1] == pytest.approx(0.0005, rel=1e-12)


@pytest.mark.parametrize("recipe", ["plain", "table"])
def test_stop_keeps_the_weights(recipe: str, tmp_path: Path) -> None:
    options = {**OPTIONS, "engine": "reference", "recipe": recipe, "epochs": 40}
    script = ((lambda status: status.epoch >= 1, {"do": "stop"}),)
    with viewer(tmp_path / "run", *script):
        model = rv.train("iris", **options, callbacks=[hold(0.1)], run=tmp_path / "run")
    assert model.report.stop_reason == STOPPED
    assert not model.report.interrupted
    assert 1 <= len(model.history) < 40
    if recipe == "plain":
        resumed = rv.resume(tmp_path / "run", callbacks=[hold(0.1)], progress=False)
        assert len(resumed.history) == len(model.history)


@pytest.mark.skipif("native" not in ENGINES, reason="the native engine cannot run here")
def test_networks_side_by_side_are_shown_and_steered_in_turn(tmp_path: Path) -> None:
    options: dict[str, Any] = {"recipe": "table", "hidden": (8,), "epochs": 3000, "patience": 3000, "threads": 2}
    script = (
        (lambda status: True, {"do": "pause"}),
        (lambda status: status.paused, {"do": "step", "value": 3}),
        (lambda status: status.paused, {"do": "play"}),
        (lambda status: not status.paused, {"do": "stop"}),
    )
    with viewer(tmp_path / "run", *script) as watching:
        model = rv.train("iris", **options, engine="native", progress=False, run=tmp_path / "run")
    assert model.report.stop_reason == STOPPED
    assert not model.report.interrupted
    assert [event["do"] for event in controls(tmp_path / "run")] == ["pause", "step", "play", "stop"]
    paused = [status.step for status in watching.statuses if status.paused]
    assert paused[-1] == paused[0] + 3
    epochs = [event["epoch"] for event in RunFolder.open(tmp_path / "run").read_events() if event["kind"] == "epoch"]
    assert epochs == list(range(1, len(model.history) + 1))


def test_without_a_viewer_a_pause_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ranvier.storage.live_folder.OPEN_SECONDS", 0.2)
    monkeypatch.setattr("ranvier.storage.live_folder.WATCHED_SECONDS", 0.2)
    watching = Viewer(tmp_path / "run")
    watching.script = [(lambda status: True, {"do": "pause"})]

    def leave() -> None:
        until = time.monotonic() + LONG
        while not any(status.paused for status in watching.statuses) and time.monotonic() < until:
            time.sleep(0.01)
        watching._ends.set()

    leaves = threading.Thread(target=leave)
    leaves.start()
    with watching:
        rv.train("iris", **{**OPTIONS, "engine": "reference"}, callbacks=[hold()], run=tmp_path / "run")
    leaves.join()
    assert [event["do"] for event in controls(tmp_path / "run")] == ["pause", "play"]


@pytest.mark.parametrize(
    "command",
    [
        {},
        {"do": "rate", "value": -1.0},
        {"do": "rate", "value": "x"},
        {"do": "step", "value": 0},
        {"do": "step", "value": True},
        {"do": "step", "value": 10**400},
        {"do": "rate", "value": 10**400},
        {"do": "rate", "value": 5e-324},
        {"do": "rate", "value": [1.0]},
        {"do": ["step"], "value": 1},
        {"do": "dance"},
    ],
)
def test_what_makes_no_sense_is_not_obeyed(command: dict[str, Any], tmp_path: Path) -> None:
    script = ((lambda status: True, command),)
    with viewer(tmp_path / "run", *script):
        model = rv.train("iris", **{**OPTIONS, "engine": "reference"}, callbacks=[hold()], run=tmp_path / "run")
    assert controls(tmp_path / "run") == []
    assert len(model.history) == OPTIONS["epochs"]


def test_a_full_disk_does_not_end_the_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ranvier.storage.live_folder.LivePublisher.begin", full)
    with viewer(tmp_path / "run"):
        model = rv.train("iris", **{**OPTIONS, "engine": "reference"}, callbacks=[hold()], run=tmp_path / "run")
    assert len(model.history) == OPTIONS["epochs"]


@pytest.mark.parametrize("span", [0.03, 0.05, 0.07, 0.09])
def test_spans_of_any_length_are_shown_ten_times_a_second(
    span: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, shown = [0.0], list[float]()
    own_time = SimpleNamespace(perf_counter=lambda: clock[0], thread_time=lambda: 0.0, time=time.time)
    monkeypatch.setattr(watching, "time", own_time)
    network = rv.Network(2, [rv.Dense(1)])
    model = network.fit([[0.0, 1.0]], [1.0], epochs=1, engine="reference", progress=False)
    LiveReader(tmp_path).touch(looking=True)
    watch = watching.Watch(tmp_path)
    watch.begin(network, model.training, np.float32)

    def snapshot() -> Any:
        shown.append(clock[0])
        return np.zeros(network.parameter_count, np.float32)

    while clock[0] < 10.0:
        watch.look(Status(last_epoch=1), snapshot, lambda _: None, lambda: False, lambda _: None)
        clock[0] += span
    watch.end()
    assert 98 <= len(shown) <= 102


def test_outside_a_run_nothing_is_watched() -> None:
    assert current_watch() is None
