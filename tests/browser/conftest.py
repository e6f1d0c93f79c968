"""A browser, and pages of views in it that must stay silent and ask nobody else."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from ranvier.view.report_file import write_report
from ranvier.view.serve import RunningView
from ranvier.view.subject import Subject
from tests.view.subjects import diabetes, digits, digits_run, people

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

__all__ = ["diabetes", "digits", "digits_run", "people"]

MICROPHONE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
"""A microphone that beeps, and that pages may use."""
Open = Callable[..., "Page"]
ROUNDING = 1e-12
"""One row and many may take other instructions for the same function of NumPy, which round the last bit differently."""
SIZES = ((1280, 720), (1024, 768), (768, 1024))
SETTLED = """async (hash) => {
    const until = performance.now() + 60_000;
    if (hash !== null && location.hash !== hash)
        await new Promise((done) => {
            addEventListener("hashchange", done, { once: true });
            location.hash = hash;
        });
    for (let quiet = 0; quiet < 3; quiet = document.querySelector("main")?.ariaBusy === "false" ? quiet + 1 : 0) {
        if (performance.now() > until) throw new Error(`The page is still busy with ${location.hash}`);
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    }
}"""
"""Frames are counted, not time: an answer is drawn in one, and what follows from it is asked before another one."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium; the tests skip where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="install playwright to run the tests of the pages")
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("install Chromium (apt-get install chromium) to run the tests of the pages")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=program, args=["--no-sandbox", *MICROPHONE])
        yield chromium
        chromium.close()


@pytest.fixture
def open_view(browser: Browser) -> Iterator[Open]:
    """Opens a page of a view of a subject. Afterwards: no message on a console, and no request to another address."""
    wrong: list[str] = []
    with ExitStack() as stack:

        def open_page(subject: Subject, path: str = "inside", wait: str = "main .panel", **options: Any) -> Page:
            running = stack.enter_context(RunningView(subject))
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}, **options})
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(60_000)
            host = urlsplit(running.address).netloc

            def ask(request: Any) -> None:
                allowed = (f"http://{host}/", f"blob:http://{host}/", "data:")
                if request.url.startswith(allowed):
                    return
                wrong.append(f"asks {request.url}")

            page.on("request", ask)
            page.on("response", lambda answer: wrong.append(f"gets {answer.text()}") if answer.status >= 500 else None)
            page.on("console", lambda message: wrong.append(f"says {message.text}"))
            page.on("pageerror", lambda error: wrong.append(f"fails with {error}"))
            page.goto(running.address)
            page.wait_for_selector(wait)
            go(page, path)
            return page

        yield open_page
    assert wrong == []


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens the report of a subject as a file. Afterwards: no message on a console, and no request at all."""
    wrong: list[str] = []
    with ExitStack() as stack:

        def open_file(subject: Subject, **options: Any) -> Page:
            path = tmp_path / "report.html"
            write_report(subject, path, "ranvier view model.rv")
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 720}, **options})
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(60_000)
            page.on(
                "request", lambda request: request.url.startswith(("data:", path.as_uri())) or wrong.append(request.url)
            )
            page.on("console", lambda message: wrong.append(f"says {message.text}"))
            page.on("pageerror", lambda error: wrong.append(f"fails with {error}"))
            page.goto(path.as_uri())
            page.wait_for_selector("main.report")
            return page

        yield open_file
    assert wrong == []


def go(page: Page, path: str) -> None:
    """Open another page of the same view, and wait until all of it is there and the page before is not."""
    page.evaluate(SETTLED, f"#/{path}")


def settle(page: Page) -> None:
    """Wait until the page has drawn what changed, and has all answers that it asked for."""
    page.evaluate(SETTLED, None)


def number(page: Page, name: str) -> float:
    """The full value of a number on the page."""
    return float(page.locator(f'[data-name="{name}"]').first.get_attribute("data-value") or math.nan)


def comes_to(page: Page, name: str, value: float) -> None:
    """Wait until a number on the page has a value."""
    page.wait_for_function(
        "([name, value]) => Number(document.querySelector(`[data-name='${name}']`)?.dataset.value || NaN) === value",
        arg=[name, value],
    )


def fits(page: Page, sizes: tuple[tuple[int, int], ...] = SIZES) -> None:
    """Nothing of the page lies beyond the right edge of a window of each size."""
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        settle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (page.url, width)
