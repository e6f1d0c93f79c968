"""What it costs a training to be watched: rows per second alone, with a plain client, and with a page in Chromium.

Run:  RANVIER_DATA=FOLDER python benchmarks/view.py [--rounds 5] [--seconds 5] [--look plain|chromium]

FOLDER holds images/mnist. A network 784-512-512-10 trains in a process of its own, the view in another, as `ranvier
train --view` starts it. Nobody and somebody look in turn; an epoch counts where nobody came or went within it. Asked:
at most 5 % less, at ten frames a second. The page's first paint and the growth of its heap are measured, too. On a
machine that others use, the processor time says more: how much of a core the view and the browser take, which a
training that would use all cores goes without: each window says of how many cores the training, the view and the
browser took the time, and how many the host of a virtual machine gave to others. It takes four minutes, with one of
the two that look, `--look`, two.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2 as httpx

from ranvier.storage.tail import Tail
from ranvier.view.frames import TOPICS

sys.path.insert(0, str(Path(__file__).resolve().parent))

from installed import data_folder
from versus_parts.report import machine

TRAIN = """
import sys, ranvier as rv
rv.train(sys.argv[1], recipe="plain", hidden=(512, 512), activation="relu", dropout=0.0, batch_size=128, epochs=100000,
         patience=100000, validation=0.02, test=0.93, run=sys.argv[2], progress=False)
"""
UPDATES = '[data-name^="update."]'
"""Is there once the page has compared two states of the network."""
TICKS = os.sysconf("SC_CLK_TCK")
ASKED_LOSS, ASKED_PAINT = 0.05, 1.0


class Epochs:
    """The epochs of a run as they come: when each came, and its rows per second."""

    def __init__(self, run: Path) -> None:
        self._tail, self.speeds = Tail(run / "events.jsonl"), list[tuple[float, float]]()

    def until(self, end: float) -> None:
        """Wait until a time."""
        while time.monotonic() < end:
            for event in self._tail.read():
                if event["kind"] == "epoch":
                    self.speeds.append((time.monotonic(), event["examples_per_second"]))
            time.sleep(0.02)

    def between(self, begin: float, end: float) -> list[float]:
        """The rows per second of the epochs that began and ended in between."""
        pairs = zip(self.speeds, self.speeds[1:], strict=False)
        return [speed for (before, _), (at, speed) in pairs if before >= begin and at <= end]


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[str]]:
    """A process that ends with the body."""
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        try:
            yield started
        finally:
            started.kill()


@contextmanager
def plain_client(address: str, counted: list[int]) -> Iterator[Any]:
    """Reads the stream as it comes, in a thread; counts its frames of the network."""
    base, _, token = address.partition("#token=")
    ends = threading.Event()

    def read() -> None:
        rest = b""
        with (
            httpx.Client(base_url=base, headers={"x-ranvier-token": token}, timeout=60) as client,
            client.stream("POST", "api/watch", json={"row": 1}) as response,
        ):
            for chunk in response.iter_raw():
                rest += chunk
                while len(rest) >= 24 and len(rest) >= (length := int.from_bytes(rest[:4], "little") + 4):
                    counted[0] += rest[4] == TOPICS["network"]
                    rest = rest[length:]
                if ends.is_set():
                    return

    thread = threading.Thread(target=read)
    thread.start()
    yield None
    ends.set()
    thread.join()


def processes() -> dict[int, tuple[int, str, float]]:
    """Of each process of this machine the parent, the name, and the processor time in seconds (Linux)."""
    processes_ = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                front, _, back = (entry / "stat").read_text().rpartition(")")
                fields = back.split()
                processes_[int(entry.name)] = (
                    int(fields[1]),
                    front.partition("(")[2],
                    (int(fields[11]) + int(fields[12])) / TICKS,
                )
    return processes_


def family(pid: int, table: dict[int, tuple[int, str, float]]) -> list[int]:
    """A process and all that it started."""
    members = [pid]
    for member in members:
        members += [other for other, (parent, _, _) in table.items() if parent == member]
    return members


def core_seconds(pid: int) -> float:
    """How much processor time a process and all that it started have taken, in seconds."""
    processes_ = processes()
    return sum(processes_[member][2] for member in family(pid, processes_) if member in processes_)


def stolen_seconds() -> float:
    """How much processor time the host gave to other machines since the start, in seconds (Linux)."""
    return int(Path("/proc/stat").read_text().split()[8]) / TICKS


def measure_window(epochs: Epochs, seconds: float, parties: dict[str, int]) -> dict[str, float]:
    """From 3.5 seconds on, until a heartbeat is stale or what the first look needs is compiled: the median rows per
    second, and of how many cores each party, a name and a process, takes the time; `stolen`, the same of the host."""
    begin = time.monotonic() + 3.5
    epochs.until(begin)
    before = {name: core_seconds(pid) for name, pid in parties.items()} | {"stolen": stolen_seconds()}
    epochs.until(begin + seconds)
    after = {name: core_seconds(pid) for name, pid in parties.items()} | {"stolen": stolen_seconds()}
    speed = statistics.median(epochs.between(begin, begin + seconds))
    return {"speed": speed} | {name: (after[name] - before[name]) / seconds for name in after}


def measure(
    epochs: Epochs, options: argparse.Namespace, look: Callable[[], Any], parties: dict[str, int]
) -> dict[str, Any]:
    """Windows of some seconds while nobody looks, and while somebody does, in turn. The speeds are medians of windows;
    `lost`, the share that looking costs, is the median over pairs of neighbours in time."""
    alone, viewed = [], []
    for _ in range(options.rounds):
        alone.append(measure_window(epochs, options.seconds, parties))
        with look():
            viewed.append(measure_window(epochs, options.seconds, parties))
    lost = statistics.median(
        1 - with_view["speed"] / before["speed"] for before, with_view in zip(alone, viewed, strict=True)
    )
    speeds = {
        name: statistics.median(window["speed"] for window in windows)
        for name, windows in (("alone", alone), ("watched", viewed))
    }
    return speeds | {"lost": lost, "windows alone": alone, "windows watched": viewed}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--look", choices=("plain", "chromium"), help="who looks; both in turn without it")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    run = folder / "run"
    results: dict[str, Any] = {"machine": machine()}
    data = data_folder() / "images" / "mnist" / "train-images-idx3-ubyte.gz"
    with process(sys.executable, "-c", TRAIN, str(data), str(run)) as training:
        while not (run / "lock.holder").exists():
            time.sleep(0.1)
        epochs = Epochs(run)
        with process(sys.executable, "-m", "ranvier", "view", str(run), "--json", "--no-browser", "--attached") as view:
            assert view.stdout is not None
            address = json.loads(view.stdout.readline())["address"]
            epochs.until(time.monotonic() + 5)
            counted = [0]
            with plain_client(address, counted):
                epochs.until(time.monotonic() + 8)
            counted[0] = 0
            parties = {"training": training.pid, "view": view.pid}
            if options.look != "chromium":
                plain = measure(epochs, options, lambda: plain_client(address, counted), parties)
                frames = counted[0] / (options.rounds * (options.seconds + 3.5))
                results["plain client"] = plain | {"frames": frames}
            if options.look != "plain":
                results["chromium"] = chromium(address, epochs, options, parties)
    shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(results, indent=1))
    for name in results.keys() & {"plain client", "chromium"}:
        print(f"{name}: {results[name]['lost']:.1%} of the speed lost; at most {ASKED_LOSS:.0%} was asked")
    if "chromium" in results:
        print(f"first paint {results['chromium']['first_paint']:.2f} s; under {ASKED_PAINT:.0f} s was asked")


def chromium(address: str, epochs: Epochs, options: argparse.Namespace, parties: dict[str, int]) -> dict[str, Any]:
    """The same with a page in Chromium, its first paint in seconds, and its heap after the looks, in bytes.

    While the speed is measured, nothing is attached to Chromium: its debugging protocol would tell of every frame.
    """
    profile = Path(tempfile.mkdtemp())
    flags = ["--headless=new", "--no-sandbox", "--hide-scrollbars", "--no-first-run", "--window-size=1280,900"]
    flags += ["--remote-debugging-port=0", f"--user-data-dir={profile}"]
    with process(shutil.which("chromium") or "chromium", *flags, "about:blank") as browser:
        port_file = profile / "DevToolsActivePort"
        while not port_file.exists():
            time.sleep(0.05)
        endpoint = f"http://127.0.0.1:{port_file.read_text().split()[0]}"
        with attached_page(endpoint) as page:
            page.goto(address)
            page.wait_for_selector('[data-name="live.state"]')
            paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime") / 1000
            page.wait_for_selector(UPDATES, timeout=60_000)

        @contextmanager
        def look() -> Iterator[None]:
            with attached_page(endpoint) as page:
                page.goto(address)
                page.wait_for_selector(UPDATES, timeout=60_000)
            yield
            with attached_page(endpoint) as page:
                page.goto("about:blank")

        speeds = measure(epochs, options, look, parties | {"Chromium": browser.pid})
        with attached_page(endpoint) as page:
            page.goto(address)
            page.wait_for_selector(UPDATES, timeout=60_000)
            session = page.context.new_cdp_session(page)

            def heap() -> float:
                session.send("HeapProfiler.collectGarbage")
                return float(page.evaluate("performance.memory.usedJSHeapSize"))

            first = heap()
            page.wait_for_timeout(15_000)
            grown = heap() - first
            nodes = page.evaluate("document.querySelectorAll('*').length")
    shutil.rmtree(profile, ignore_errors=True)
    return speeds | {"first_paint": paint, "heap_growth_15_s": grown, "nodes": nodes}


@contextmanager
def attached_page(endpoint: str) -> Iterator[Any]:
    """The page of a browser, with playwright attached to it for the body."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.connect_over_cdp(endpoint)
        page = browser.contexts[0].pages[0]
        page.bring_to_front()
        yield page
        browser.close()


if __name__ == "__main__":
    main()
