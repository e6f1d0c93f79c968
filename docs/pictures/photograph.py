"""The pictures of docs/view.md: photographs of the pages of a view of the digits.

    python docs/pictures/photograph.py

It needs playwright and Chromium, and trains the model that it shows.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

import ranvier as rv
from ranvier.view.known_rows import rows_from_arrays, rows_of
from ranvier.view.live_run import LiveRun
from ranvier.view.playground import Playground
from ranvier.view.report_file import write_report
from ranvier.view.runs_folder import RunsFolder
from ranvier.view.serve import RunningView
from ranvier.view.subject import Subject

FOLDER = Path(__file__).parent
SIZE = {"width": 1280, "height": 790}
STROKES = (
    ((0.3, 0.32), (0.38, 0.22), (0.55, 0.2), (0.66, 0.3), (0.62, 0.45), (0.45, 0.6), (0.3, 0.78)),
    ((0.3, 0.78), (0.5, 0.78), (0.72, 0.78)),
)
"""A two, as points of the board from 0 to 1."""


def main() -> None:
    """Train, serve, photograph."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        rv.train("digits", recipe="plain", hidden=(64, 32), epochs=40, model="digits.rv", run="run", progress=False)
        model = rv.load("digits.rv")
        subject = Subject(model, rows_of(model), "digits.rv")
        with RunningView(subject) as running, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            page = browser.new_page(viewport=SIZE, color_scheme="light")
            page.goto(running.address)
            go(page, "inside?layer=layers.0&neuron=11&row=42", "inside")
            go(page, "mistakes", "")
            cells = page.locator(".matrix td:not(.right) button")
            sizes = [int(cell.get_attribute("data-value") or 0) for cell in cells.all()]
            cells.nth(sizes.index(max(sizes))).click()
            go(page, page.url.split("#/")[1], "mistakes")
            go(page, "try", "")
            draw(page)
            page.wait_for_timeout(500)
            page.screenshot(path=FOLDER / "view-try.png")
            write_report(subject, "digits.html", "ranvier view digits.rv")
            page.goto(Path("digits.html").absolute().as_uri())
            page.wait_for_timeout(500)
            page.screenshot(path=FOLDER / "view-report.png")
            photograph_runs(browser)
            photograph_steps(browser)
            photograph_training(browser)
            photograph_play(browser)
            browser.close()
            os.chdir(FOLDER)


def photograph_runs(browser: Any) -> None:
    """Four runs of the digits side by side."""
    for hidden, rate in (((8,), 0.003), ((16,), 0.003), ((16,), 0.01), ((32, 16), 0.003)):
        name = f"digits-{'-'.join(map(str, hidden))}-{rate}"
        options: dict[str, Any] = {"hidden": hidden, "learning_rate": rate, "epochs": 15, "progress": False}
        rv.train("digits", recipe="plain", run=Path("runs") / name, model=f"{name}.rv", **options)
    with RunningView(RunsFolder("runs")) as running:
        page = browser.new_page(viewport={"width": 1280, "height": 680}, color_scheme="light")
        page.goto(running.address)
        page.wait_for_timeout(1000)
        page.screenshot(path=FOLDER / "view-runs.png")


def photograph_steps(browser: Any) -> None:
    """The way back of a step of a network with two inputs."""
    X = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 4
    y = [0, 1, 1, 0] * 4
    network = rv.Network(2, [rv.Dense(6, "tanh"), rv.Dense(4, "tanh"), rv.Dense(1, "sigmoid")])
    model = network.fit(X, y, epochs=100, batch_size=8, optimizer=rv.Adam(0.03))
    with RunningView(Subject(model, rows_from_arrays(model, X, y), "xor")) as running:
        page = browser.new_page(viewport={"width": 1280, "height": 700}, color_scheme="light")
        page.goto(running.address)
        go(page, "step?layer=layers.0&neuron=2", "")
        page.get_by_role("button", name="Backward").click()
        for button in page.locator(".sum button").all()[:2]:
            button.click()
        page.wait_for_timeout(700)
        page.screenshot(path=FOLDER / "view-step.png")


def photograph_training(browser: Any) -> None:
    """A training that is watched."""
    ends = threading.Event()

    def slowly(context: rv.EpochContext) -> rv.CallbackResult | None:
        time.sleep(0.2)
        return rv.CallbackResult(stop_reason="The picture is taken.") if ends.is_set() else None

    options: dict[str, Any] = {"hidden": (64, 32), "epochs": 300, "patience": 300, "progress": False}
    trains = threading.Thread(
        target=lambda: rv.train("digits", recipe="plain", run="watched", callbacks=[slowly], **options)
    )
    trains.start()
    while not Path("watched/lock.holder").exists():
        time.sleep(0.05)
    with RunningView(LiveRun("watched")) as running:
        page = browser.new_page(viewport={"width": 1280, "height": 1010}, color_scheme="light")
        page.goto(running.address)
        page.wait_for_selector('[data-name="update.layers.0"]')
        page.wait_for_timeout(9000)
        page.screenshot(path=FOLDER / "view-live.png")
        ends.set()
        trains.join()


def photograph_play(browser: Any) -> None:
    """Two spirals after some hundred epochs."""
    with RunningView(Playground()) as running:
        page = browser.new_page(viewport={"width": 1280, "height": 830}, color_scheme="light")
        page.goto(running.address)
        page.wait_for_selector(".plane")
        page.evaluate("() => { location.hash = '#/play?d=spirals&n=0.02&l=8:tanh,8:tanh&i=x,y,sinx,siny&r=0.01' }")
        page.wait_for_function("() => location.hash.includes('v=1&d=spirals')")
        page.wait_for_timeout(1000)
        page.get_by_role("button", name="Play", exact=True).click()
        page.wait_for_timeout(9000)
        page.screenshot(path=FOLDER / "view-play.png")


def go(page: Any, path: str, name: str) -> None:
    """Open a page of the view, and photograph it where it has a name."""
    page.evaluate("path => { location.hash = '#/' + path }", path)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(500)
    if name:
        page.screenshot(path=FOLDER / f"view-{name}.png")


def draw(page: Any) -> None:
    """Draw the two on the board."""
    box = page.locator(".board").bounding_box()
    for stroke in STROKES:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=4)
        page.mouse.up()


if __name__ == "__main__":
    main()
