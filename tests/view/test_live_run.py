"""A view of a run that trains: what the stream says is what the run wrote, and it steers the run."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest

import ranvier as rv
from ranvier.storage.live_folder import LivePublisher, Status
from ranvier.storage.run_folder import RunFolder
from ranvier.training.shown_values import shown_widths
from ranvier.view.frames import HEADER, TOPICS, read_frame
from ranvier.view.live_run import LiveRun, NotYet
from ranvier.view.questions.answer import answer, answer_of, shown_inputs
from ranvier.view.serve import RunningView
from ranvier.view.watch import STATUS_SECONDS, Follower, WatchRequest
from tests.view.training import LONG, training

NAMES = {number: name for name, number in TOPICS.items()}


def frames(response: Any) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """The frames of a stream: topic, head and array."""
    rest = b""
    for chunk in response.iter_raw():
        rest += chunk
        while len(rest) >= HEADER.size and len(rest) >= (length := int.from_bytes(rest[:4], "little") + 4):
            yield NAMES[rest[4]], *read_frame(rest[:length])
            rest = rest[length:]


@contextmanager
def client_of(live: LiveRun) -> Iterator[httpx.Client]:
    with RunningView(live) as running:
        base, _, token = running.address.partition("#token=")
        with httpx.Client(base_url=base, headers={"x-ranvier-token": token}, timeout=LONG) as client:
            yield client


def test_the_stream_shows_the_run_until_its_model(tmp_path: Path) -> None:
    epochs: list[dict[str, Any]] = []
    topics: dict[str, dict[str, Any]] = {}
    states: list[str] = []
    with training(tmp_path) as run, client_of(LiveRun(run)) as client:
        stopped = False
        with client.stream("POST", "api/watch", json={"row": 2, "show": "updates"}) as response:
            for topic, head, array in frames(response):
                topics[topic] = head
                if topic == "epochs":
                    assert head["from"] == len(epochs)
                    epochs += head["epochs"]
                elif topic == "status":
                    states += [head["state"]] if states[-1:] != [head["state"]] else []
                    assert head["n_epochs"] >= len(epochs)
                elif topic == "network" and head["show"] == "activations":
                    assert len(array) == sum(part["length"] for part in head["parts"])
                    assert head["probabilities"] == pytest.approx(array[-3:].tolist(), abs=1e-6)
                if not stopped and len(topics) == 5 and "show" in topics["network"]:
                    stopped = client.post("api/control", json={"do": "stop", "id": "x"}).status_code == 200
        answer = client.post("api/what").json()
    assert stopped
    assert states[-1] == "ended"
    assert "running" in states
    events = RunFolder.open(run).read_events()
    assert [entry["epoch"] for entry in epochs] == [event["epoch"] for event in events if event["kind"] == "epoch"]
    assert epochs[-1]["loss"] == [event for event in events if event["kind"] == "epoch"][-1]["loss"]
    assert topics["status"]["controls"][-1]["id"] == "x"
    assert topics["status"]["reason"] == "Stopped from the view; the weights so far are kept."
    assert topics["health"]["layers"][0]["units"] == 9
    assert topics["health"]["layers"][0]["gradient_norm"] > 0
    assert topics["lines"]["layers"][0]["all"] == 9 * 4
    assert not answer["live"]
    assert "test rows" in answer["rows"]["name"]


def test_questions_are_about_the_newest_weights_and_validation_rows(tmp_path: Path) -> None:
    with training(tmp_path) as run, client_of(live := LiveRun(run)) as client:
        with client.stream("POST", "api/watch", json={}) as response:
            for topic, head, _ in frames(response):
                if topic == "network" and head["show"] == "activations":
                    break
        assert client.post("api/control", json={"do": "pause"}).json() == {"sent": "pause"}
        until = time.monotonic() + LONG
        while live.state != "paused" and time.monotonic() < until:
            live.look()
            time.sleep(0.02)
        time.sleep(0.3)
        answer = client.post("api/what").json()
        assert answer["live"]
        assert "validation rows" in answer["rows"]["name"]
        neuron = client.post("api/neuron", json={"path": "layers.0", "neuron": 1, "row": 0}).json()
        assert live.parameters is not None
        values = live.subject().model.network.parameter_table.views(live.parameters)
        assert neuron["bias"] == values["layers.0.bias"][1]
        assert client.post("api/control", json={"do": "play"}).status_code == 200


@pytest.mark.parametrize("ema_decay", [None, 0.99])
def test_published_values_of_a_row_are_those_of_the_parameters(ema_decay: float | None, tmp_path: Path) -> None:
    options = {"optimizer": rv.Adam(0.01, ema_decay=ema_decay)}
    with training(tmp_path, **options) as run, client_of(live := LiveRun(run)) as client:
        until = time.monotonic() + LONG
        client.post("api/control", json={"do": "pause"})
        values: list[Any] = [None, None]
        while any(value is None for value in values) and time.monotonic() < until:
            live.look()
            with live.lock, contextlib.suppress(NotYet):
                subject = live.subject()
                if live.state == "paused" and subject.rows is not None:
                    values = [live.values_of(row) for row in (0, 3)]
            time.sleep(0.02)
        for row, published in zip((0, 3), values, strict=True):
            assert published is not None
            *layers, outputs = np.split(published, np.cumsum(shown_widths(subject.model.network))[:-1])
            head, array = answer_of(subject, shown_inputs(subject, subject.row(row)), layers, outputs[None])
            expected_head, expected = answer(subject, subject.row(row))
            assert head == expected_head
            np.testing.assert_array_equal(array, expected)
        assert client.post("api/control", json={"do": "stop"}).status_code == 200


def test_a_network_is_shown_once_its_parameters_are_there(tmp_path: Path) -> None:
    """A page that asks what it is looking at has an answer, and is told once."""
    folder = RunFolder.create(tmp_path / "run")
    folder.write_description({"data": None, "options": {}})
    with folder.lock():
        live = LiveRun(folder.path)
        live.look()
        publisher = LivePublisher(folder.path)
        network = rv.Network(2, [rv.Dense(1)])
        model = network.fit([[0.0, 1.0]], [1.0], epochs=1, engine="reference")
        for number in (1, 2):
            described = {"network": network.to_dict(), "training": model.training.to_dict()}
            publisher.begin(described, 3, np.float32)
            live.look()
            assert live.generation == number - 1
            publisher.publish(Status(step=number), np.full(3, number, np.float32))
            live.look()
            assert live.generation == number
            assert live.subject().model.parameters["layers.0.bias"] == [number]
        live.close()


def test_how_much_a_step_changes_is_told_with_the_second_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder.create(tmp_path / "run")
    folder.write_description({"data": None, "options": {}})
    with folder.lock():
        live = LiveRun(folder.path)
        publisher = started(folder, live)
        follower, ratios = Follower(live, WatchRequest()), []
        start = time.monotonic()
        for second in range(3):
            monkeypatch.setattr("ranvier.view.watch.time.monotonic", lambda now=start + 1.1 * second: now)
            publisher.publish(Status(step=1 + 4 * second), np.full(3, 1 + second, np.float32))
            layers = [read_frame(part)[0]["layers"] for part in split(follower.frames()) if NAMES[part[4]] == "health"]
            ratios += [layer["update_ratio"] for part in layers for layer in part]
        assert ratios == [None, 0.125]
        live.close()


def test_a_slow_page_gets_the_newest_and_nothing_is_queued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder.create(tmp_path / "run")
    folder.write_description({"data": None, "options": {}})
    with folder.lock():
        live = LiveRun(folder.path)
        publisher = started(folder, live)
        follower = Follower(live, WatchRequest(health=False))
        follower.frames()
        for step in range(1, 50):
            publisher.publish(Status(step=step), np.full(3, step, np.float32))
        later = time.monotonic() + STATUS_SECONDS
        monkeypatch.setattr("ranvier.view.watch.time.monotonic", lambda: later)
        (status,) = [read_frame(part)[0] for part in split(follower.frames()) if NAMES[part[4]] == "status"]
        assert status["step"] == 49
        assert follower.frames() == b"", "nothing is new"
        live.close()
        assert follower.ended


def started(folder: RunFolder, live: LiveRun) -> LivePublisher:
    """A publisher of a tiny network that the run shows."""
    live.look()
    publisher = LivePublisher(folder.path)
    network = rv.Network(2, [rv.Dense(1)])
    model = network.fit([[0.0, 1.0]], [1.0], epochs=1, engine="reference")
    publisher.begin({"network": network.to_dict(), "training": model.training.to_dict()}, 3, np.float32)
    publisher.publish(Status(step=1), np.ones(3, np.float32))
    live.look()
    return publisher


def split(content: bytes) -> list[bytes]:
    parts = []
    while content:
        length = int.from_bytes(content[:4], "little") + 4
        parts.append(content[:length])
        content = content[length:]
    return parts


def test_half_lines_deleted_folders_and_broken_runs(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run")
    folder.write_description({"data": None, "options": {}, "model": None})
    with folder.lock():
        live = LiveRun(folder.path)
        with pytest.raises(NotYet):
            live.subject()
        event = {"kind": "epoch", "version": 1, **rv.Epoch(1, 0.5).to_dict(), "member": 1, "members": 1}
        line = json.dumps(event) + "\n"
        with folder.events.open("a") as file:
            file.write(line[:20])
            file.flush()
            live.look()
            assert live.epochs == []
            file.write(line[20:])
            file.flush()
        live.look()
        live.look()
        assert [epoch.epoch for epoch in live.epochs] == [1]
    live._touched = -1e9
    live.look()
    assert live.state == "ended"
    assert "saved no model" in live.reason
    with pytest.raises(rv.InputError, match="has ended"):
        live.send("pause", None, "")
    other = LiveRun(folder.path)
    shutil.rmtree(folder.path)
    other._touched = -1e9
    other.look()
    assert other.state == "missing"
    other.close()


@pytest.mark.parametrize(
    "body",
    [{"row": -1}, {"row": "1"}, {"show": "everything"}, {"health": 1}, {"epochs": 1.5}],
)
def test_requests_that_cannot_be_fulfilled(body: dict[str, Any]) -> None:
    with pytest.raises(rv.InputError):
        WatchRequest.of(body)


def test_the_endpoints_are_guarded(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run")
    folder.write_description({"data": None, "options": {}, "model": None})
    with folder.lock(), client_of(LiveRun(folder.path)) as client:
        for name in ("watch", "control"):
            assert client.post(f"api/{name}", headers={"x-ranvier-token": "wrong"}).status_code == 401
            assert client.post(f"api/{name}", headers={"host": "evil.example"}).status_code == 403
            assert client.post(f"api/{name}", headers={"origin": "http://evil.example"}).status_code == 403
            assert client.post(f"api/{name}", headers={"sec-fetch-site": "cross-site"}).status_code == 403
            assert client.post(f"api/{name}", content=b" " * (2 << 20)).status_code == 413
            assert client.post(f"api/{name}", content=b"[]").status_code == 400
            assert client.get(f"api/{name}").status_code == 405
        assert client.post("api/watch", json={"row": -1}).status_code == 422
        for body in ({}, {"do": "dance"}, {"do": "rate"}, {"do": "rate", "value": "1"}, {"do": "pause", "value": 1}):
            assert client.post("api/control", json=body).status_code == 422
        assert not (folder.path / "live" / "control.jsonl").exists()
        assert client.post("api/control", json={"do": "step", "value": 1}).status_code == 200
        assert json.loads((folder.path / "live" / "control.jsonl").read_text())["do"] == "step"
        answer = client.post("api/what")
        assert answer.status_code == 202
        assert answer.json()["waiting"]
        with client.stream("POST", "api/watch", json={}) as response:
            assert response.status_code == 200
            assert next(frames(response))[1]["state"] == "preparing"


def test_fifty_pages_leave_no_task(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run")
    folder.write_description({"data": None, "options": {}, "model": None})
    with folder.lock(), client_of(LiveRun(folder.path)) as client:
        before = threading.active_count()
        for _ in range(50):
            with client.stream("POST", "api/watch", json={}) as response:
                next(frames(response))
        assert threading.active_count() <= before + 45, "the pool of threads is bounded"
        assert client.post("api/what").status_code == 202
