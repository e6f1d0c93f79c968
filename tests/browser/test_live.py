"""The page of a run that trains: its numbers are the run's, it steers the run, and it ends with the model."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ranvier.storage.run_folder import RunFolder
from ranvier.view.frames import TOPICS, frame, read_frame
from ranvier.view.live_run import LiveRun
from ranvier.view.server import ASSETS
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


def test_the_frames_that_chromium_reads_are_those_of_the_server(open_view: Open, tmp_path: Path) -> None:
    with training(tmp_path) as run:
        live = LiveRun(run)
        page = open_view(live)  # type: ignore[arg-type]
        page.wait_for_selector('[data-name="update.layers.0"]')
        page.get_by_role("button", name="Pause").click()
        state(page, "paused")
        page.add_init_script(KEEPS_IN_THE_PAGE)
        page.reload()
        page.wait_for_function(f"() => {{ window.read = {READ_FRAMES}; return 5 in read && 6 in read; }}")
        read, parts = page.evaluate("() => read"), parts_of(asked_of(live))
    for topic in (TOPICS["network"], TOPICS["lines"]):
        head, array = read_frame(parts[topic])
        shown, numbers = read[str(topic)]
        assert numbers == array.tolist()
        assert {name: shown[name] for name in head if name != "sequence"} == {
            name: value for name, value in head.items() if name != "sequence"
        }


READ_FRAMES = """Object.fromEntries(kept.flatMap((message) => message.frames ?? []).map(
    ([topic, { head, array }]) => [topic, [head, Array.from(array)]]))"""
"""The newest frame of each topic that the page was given, its head and its numbers."""


def test_frames_that_were_drawn_are_let_go(streamed: Streamed) -> None:
    grown, size, nodes = streamed({})
    assert grown < size
    assert nodes == 0


KEEPS_IN_THE_PAGE = """window.kept = [];
    window.Worker = class extends Worker {
        constructor(...given) { super(...given); this.addEventListener("message", (event) => kept.push(event.data)); }
    };"""
KEEPS_IN_THE_WORKER = """self.kept = [];
    const read = ReadableStreamDefaultReader.prototype.read;
    ReadableStreamDefaultReader.prototype.read = async function () {
        const result = await read.call(this);
        kept.push(result.value?.slice());
        return result;
    };"""


@pytest.mark.parametrize("leak", [{"page": KEEPS_IN_THE_PAGE}, {"worker": KEEPS_IN_THE_WORKER}], ids=["page", "worker"])
def test_frames_that_are_kept_are_noticed(leak: dict[str, str], streamed: Streamed) -> None:
    grown, size, _ = streamed(leak)
    assert grown > size


@pytest.fixture
def streamed(open_view: Open, tmp_path: Path) -> Streamed:
    """Opens a page of a run that is served many frames again and again, with scripts that leak in it or its worker.

    Gives by how much the heaps of both grew, in bytes; half of the bytes of those frames; and by how many elements the
    page grew.
    """

    def serve_frames(leak: dict[str, str]) -> tuple[float, float, int]:
        with training(tmp_path, hidden=(256, 128)) as run:
            live = LiveRun(run)
            page = open_view(live)  # type: ignore[arg-type]
            page.wait_for_selector('[data-name="update.layers.0"]')
            page.get_by_role("button", name="Pause").click()
            state(page, "paused")
            beginning = asked_of(live)
            body = beginning + b"".join(other_answers(beginning, 150))
            stream = Streams(page, body)
            page.route("**/api/watch", stream.take)
            script = (ASSETS / "live.js").read_text()
            page.route(
                "**/live.js",
                lambda route: route.fulfill(body=leak.get("worker", "") + script, content_type="text/javascript"),
            )
            page.add_init_script(leak.get("page", ""))
            page.reload()
            heaps = Heaps(page)
            stream.serve(3)
            before, nodes = heaps.size(), page.evaluate(NODES)
            stream.serve(5)
            return heaps.size() - before, 5 * len(body) / 2, page.evaluate(NODES) - nodes

    return serve_frames


NODES = "document.querySelectorAll('*').length"
Streamed = Callable[[dict[str, str]], tuple[float, float, int]]


class Streams:
    """Streams of the same frames, which a page is served one after the other. It asks again where one has ended."""

    def __init__(self, page: Page, body: bytes) -> None:
        self._page, self._body, self._left = page, body, 0
        self._waiting: list[Any] = []

    def take(self, route: Any) -> None:
        """A page asks for a stream."""
        if self._left:
            self._left -= 1
            route.fulfill(body=self._body, content_type="application/octet-stream")
        else:
            self._waiting.append(route)

    def serve(self, times: int) -> None:
        """Serve so many streams; afterwards all of them are drawn, and the page waits for the next one."""
        until = time.monotonic() + LONG
        self._left = times
        if self._waiting:
            self.take(self._waiting.pop())
        while not self._waiting and time.monotonic() < until:
            self._page.wait_for_timeout(50)
        assert self._waiting


class Heaps:
    """The memory of a page and of its worker, over the protocol of Chromium's developer tools."""

    def __init__(self, page: Page) -> None:
        self._page, self._session = page, page.context.new_cdp_session(page)
        self._workers: list[str] = []
        self._replies: dict[int, dict[str, Any]] = {}
        self._session.on("Target.attachedToTarget", lambda event: self._workers.append(event["sessionId"]))
        self._session.on("Target.receivedMessageFromTarget", self._receive)
        self._session.send(
            "Target.setAutoAttach", {"autoAttach": True, "waitForDebuggerOnStart": False, "flatten": False}
        )

    def _receive(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        self._replies[message.get("id", 0)] = message

    def _ask_worker(self, method: str) -> dict[str, Any]:
        number, until = len(self._replies) + 1, time.monotonic() + LONG
        while number in self._replies:
            number += 1
        message = json.dumps({"id": number, "method": method})
        self._session.send("Target.sendMessageToTarget", {"sessionId": self._workers[-1], "message": message})
        while number not in self._replies and time.monotonic() < until:
            self._page.wait_for_timeout(20)
        result: dict[str, Any] = self._replies[number]["result"]
        return result

    def size(self) -> float:
        """Bytes that are in use after garbage was collected, those of arrays included."""
        sizes = []
        for ask in (self._session.send, self._ask_worker):
            ask("HeapProfiler.collectGarbage")
            usage = ask("Runtime.getHeapUsage")
            sizes.append(usage["usedSize"] + usage["backingStorageSize"])
        return float(sum(sizes))


def asked_of(live: LiveRun) -> bytes:
    """All that a page is told that begins to watch."""
    return Follower(live, WatchRequest()).frames()


def parts_of(content: bytes) -> dict[int, bytes]:
    """Each frame of some, by its topic."""
    parts = {}
    while content:
        length = 4 + int.from_bytes(content[:4], "little")
        parts[content[4]] = content[:length]
        content = content[length:]
    return parts


def other_answers(content: bytes, count: int) -> Iterator[bytes]:
    """The status among some frames and the answer, each so many times, with other outputs: the page reads both."""
    frames_of = parts_of(content)
    head, array = read_frame(frames_of[TOPICS["network"]])
    for part in np.arange(1, count + 1, dtype=np.float32) / np.float32(count):
        yield frames_of[TOPICS["status"]] + frame("network", head, array * part)


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
