"""The pages can be used without a mouse and by readers of screens: axe-core finds nothing serious in either theme."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ranvier.view.live_run import LiveRun
from ranvier.view.subject import Subject
from tests.browser.conftest import Open, go, settle
from tests.view.training import training

if TYPE_CHECKING:
    from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "view" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
FINDINGS = """() => axe.run().then(result => result.violations
    .filter(found => ["serious", "critical"].includes(found.impact))
    .map(found => `${found.id}: ${found.nodes.map(node => node.target.join(" ")).slice(0, 4).join(", ")}`))"""
PATHS = ("inside?layer=layers.0&neuron=1", "inside", "mistakes", "try", "step")


def findings(page: Page) -> list[str]:
    """What axe-core finds serious or critical on a page."""
    if not AXE.exists():
        pytest.skip("run npm ci --ignore-scripts in view/frontend to check the pages with axe-core")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    violations: list[str] = page.evaluate(FINDINGS)
    return violations


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", ["digits", "people", "diabetes"])
def test_nothing_serious_is_found(name: str, theme: str, open_view: Open, request: pytest.FixtureRequest) -> None:
    page = open_view(request.getfixturevalue(name), color_scheme=theme)
    for path in PATHS:
        go(page, path)
        assert findings(page) == [], path
    for stage in ("Forward", "Loss", "Backward", "Update"):
        page.get_by_role("button", name=stage).click()
        settle(page)
        assert findings(page) == [], stage


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_serious_is_found_while_a_run_is_watched(theme: str, open_view: Open, tmp_path: Path) -> None:
    with training(tmp_path) as run:
        page = open_view(LiveRun(run), color_scheme=theme)  # type: ignore[arg-type]
        page.wait_for_selector('[data-name="update.layers.0"]')
        assert findings(page) == []
        page.get_by_role("button", name="Pause").click()
        page.wait_for_selector('[data-name="live.state"][data-value="paused"]')
        assert findings(page) == []


def test_a_serious_finding_is_found(digits: Subject, open_view: Open) -> None:
    page = open_view(digits)
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert any(violation.startswith("button-name") for violation in findings(page))


def press_until(page: Page, selector: str) -> None:
    """Press Tab until what has the focus is found by a selector."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement?.matches(selector)", selector):
            return
    pytest.fail(f"Tab never comes to {selector}")


def test_a_walk_with_the_keyboard_alone(digits: Subject, open_view: Open) -> None:
    page = open_view(digits)
    press_until(page, ".network canvas[role]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("+")
    page.keyboard.press("0")
    page.keyboard.press("Enter")
    page.wait_for_selector(".neuron")
    page.keyboard.press("Escape")
    page.wait_for_selector(".about")
    page.evaluate("document.activeElement.blur()")
    press_until(page, "nav a:nth-child(2)")
    page.keyboard.press("Enter")
    page.wait_for_selector(".matrix")
    settle(page)
    press_until(page, ".matrix button")
    page.keyboard.press("Enter")
    page.wait_for_selector('.matrix button[aria-pressed="true"]')
