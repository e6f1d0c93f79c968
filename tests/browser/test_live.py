"""The page of a run that trains: its numbers are the run's, it steers the run, and it ends with the model."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ranvier.storage.run_folder import RunFolder
from ranvier.view.frames import TOPICS, frame, read_frame
from ranvier.view.live_run import LiveRun
from ranvier.view.watch import Follower, WatchRequest
from tests.browser.conftest import Open, comes_to, fits, number, settle
from tests.view.training import LONG, training

if TYPE_CHECKING:
    from playwright.sync_api import Page


def state(page: Page, name: str) -> None:
    """Wait until the bar shows a state."""
    page.wait_for_selector(f'[data-name="live.state"][data-value="{name}"]')


def events(run: Path, kind: str) -> list[dict[str, Any]]:
    return [event for event in RunFolder.open(run).read_events() if event["kind"] == kind]


def bias_of(live: LiveRun, neuron: int) -> float:
    """The bias of a neuron of the first layer, of the newest weights that were read."""
    assert live.parameters is not None
    values = live.subject().model.network.parameter_table.views(live.parameters)
    return float(values["layers.0.bias"][neuron])


def test_a_run_is_watched_and_steered_until_its_model_is_there(open_view: Open, tmp_path: Path) -> None:
    with training(tmp_path, schedule="constant", learning_rate=0.001) as run:
        live = LiveRun(run)
        page = open_view(live, "inside?layer=layers.0&neuron=2")  # type: ignore[arg-type]
        state(page, "running")
        page.wait_for_selector(".neuron")
        page.wait_for_selector('[data-name="update.layers.0"]')
        page.get_by_role("button", name="Pause").click()
        state(page, "paused")
        before = number(page, "live.position")
        page.get_by_role("button", name="Step", exact=True).click()
        page.wait_for_function(
            "before => document.querySelector('[data-name=\"live.position\"]').dataset.value !== String(before)",
            arg=before,
        )
        state(page, "paused")
        until = time.monotonic() + LONG
        while number(page, "neuron.bias") != bias_of(live, 2) and time.monotonic() < until:
            page.wait_for_timeout(50)
        assert number(page, "neuron.bias") == bias_of(live, 2)
        loss = {event["epoch"]: event["loss"] for event in events(run, "epoch")}
        assert number(page, "curve.loss") == loss[max(loss)]
        page.get_by_label("Learning rate", exact=True).fill("0.0002")
        page.get_by_label("Learning rate", exact=True).press("Enter")
        page.wait_for_selector(
            '[data-name="live.rate"][data-value^="0.0002"], [data-name="live.rate"][data-value^="0.00019"]'
        )
        page.locator("body").press("e")
        comes_to(page, "live.position", 0)
        page.get_by_role("button", name="updates").click()
        page.get_by_role("button", name="Go on").click()
        state(page, "running")
        page.get_by_role("button", name="Stop and keep").click()
        state(page, "ended")
        settle(page)
        page.wait_for_selector(".neuron")
        assert page.locator(".dot").inner_text() == "Stopped from the view; the weights so far are kept."
        assert page.get_by_role("button", name="Pause").count() == 0
    done = [event["do"] for event in events(run, "control")]
    assert done == ["pause", "step", "rate", "epoch", "play", "stop"]
    assert page.locator('[data-name="verdict"]').inner_text() != ""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_overflows_while_a_run_is_watched(theme: str, open_view: Open, tmp_path: Path) -> None:
    with training(tmp_path) as run:
        page = open_view(LiveRun(run), color_scheme=theme)  # type: ignore[arg-type]
        state(page, "running")
        page.wait_for_selector('[data-name="update.layers.0"]')
        fits(page)


def test_frames_that_were_drawn_are_let_go(open_view: Open, tmp_path: Path) -> None:
    with training(tmp_path, hidden=(256, 128)) as run:
        live = LiveRun(run)
        page = open_view(live)  # type: ignore[arg-type]
        page.wait_for_selector('[data-name="update.layers.0"]')
        page.get_by_role("button", name="Pause").click()
        state(page, "paused")
        answered = asked_of(live)
        body = answered + b"".join(other_answers(answered, 600))
        served: list[Any] = []

        def serve(route: Any) -> None:
            served.append(route)
            route.fulfill(body=body, content_type="application/octet-stream")

        page.route("**/api/watch", serve)
        page.reload()
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        before, nodes = after(page, session, served, 3)
        grown, then = after(page, session, served, 8)
        # Were the frames kept, the heap would have grown by more than all their bytes.
        assert grown - before < 5 * len(body) / 4
        assert nodes == then


def asked_of(live: LiveRun) -> bytes:
    """All that a page is told that begins to watch."""
    return Follower(live, WatchRequest()).frames()


def other_answers(content: bytes, count: int) -> Iterator[bytes]:
    """The answer among some frames, with so many other outputs."""
    while content[4] != TOPICS["network"]:
        content = content[4 + int.from_bytes(content[:4], "little") :]
    head, array = read_frame(content[: 4 + int.from_bytes(content[:4], "little")])
    for part in np.arange(1, count + 1, dtype=np.float32) / np.float32(count):
        yield frame("network", head, array * part)


def after(page: Page, session: Any, served: list[Any], times: int) -> tuple[float, int]:
    """Bytes in the heap and elements in the page, once a stream has been served so many times and drawn."""
    until = time.monotonic() + LONG
    while len(served) < times + 1 and time.monotonic() < until:
        page.wait_for_timeout(50)
    assert len(served) > times
    session.send("HeapProfiler.collectGarbage")
    metrics = {entry["name"]: entry["value"] for entry in session.send("Performance.getMetrics")["metrics"]}
    return metrics["JSHeapUsedSize"], page.evaluate("document.querySelectorAll('*').length")


def test_a_run_that_prepares_says_so(open_view: Open, tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run")
    folder.write_description({"data": None, "options": {}, "model": None})
    with folder.lock():
        page = open_view(LiveRun(folder.path), wait='[data-name="live.state"]')  # type: ignore[arg-type]
        state(page, "preparing")
        line = {"kind": "end", "version": 1, "reason": "failed", "text": "Training failed."}
        with folder.events.open("a") as file:
            file.write(json.dumps(line) + "\n")
        state(page, "ending")
    state(page, "ended")
    assert page.locator(".dot").inner_text() == "Training failed."
