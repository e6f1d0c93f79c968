"""The page of a folder of runs in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import ranvier as rv
from ranvier.storage.run_folder import RunFolder
from ranvier.view.questions.weights import weight_limit
from ranvier.view.runs_folder import RunsFolder
from tests.browser.conftest import Open, fits, number, settle
from tests.view.training import training

LONG = "a run with a name of more than forty characters"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs that differ in one setting."""
    folder = tmp_path_factory.mktemp("runs")
    options: dict[str, Any] = {"recipe": "plain", "engine": "reference", "progress": False}
    for name, width, epochs in (("first", 3, 6), ("second", 8, 4), (LONG, 5, 1)):
        rv.train("iris", run=folder / name, model=folder / f"{name}.rv", hidden=(width,), epochs=epochs, **options)
    return folder


def test_the_best_values_are_those_of_the_events(runs: Path, open_view: Open) -> None:
    page = open_view(RunsFolder(runs), "runs")
    page.wait_for_selector(".table-of-runs")
    for entry in RunsFolder(runs).ask("runs", {})["runs"]:
        assert number(page, f"best.{entry['name']}") == entry["best"]["accuracy"]["value"]
    names = page.locator("tbody th").all_inner_texts()
    page.get_by_role("button", name="hidden").click()
    settle(page)
    assert page.locator("tbody tr td:nth-child(5)").all_inner_texts() == ["3", "5", "8"]
    assert sorted(names) == sorted(page.locator("tbody th").all_inner_texts())
    page.get_by_label("Show only runs").fill("hidden=8")
    settle(page)
    assert page.locator("tbody th").all_inner_texts() == ["second"]


def test_a_run_opens_and_closes(runs: Path, open_view: Open) -> None:
    page = open_view(RunsFolder(runs), "runs")
    page.get_by_role("button", name="second").click()
    page.wait_for_selector(".network canvas")
    settle(page)
    model = rv.load(runs / "second.rv")
    assert number(page, "parameters") == model.network.parameter_count
    assert page.url.endswith("run=second")
    page.get_by_role("button", name="weights").click()
    page.wait_for_selector(".matrices canvas")
    settle(page)
    for info in model.network.iter_layers():
        if isinstance(info.layer, rv.Dense):
            assert number(page, f"weights.{info.path}") == weight_limit(model.parameters[f"{info.path}.weight"])
    page.get_by_role("link", name="Runs").click()
    page.wait_for_selector(".table-of-runs")
    settle(page)
    assert page.url.endswith("#/runs")


def test_a_run_that_trains_opens_live_and_closes(open_view: Open, tmp_path: Path) -> None:
    with training(tmp_path):
        page = open_view(RunsFolder(tmp_path), "runs", wait="main")
        page.get_by_title("Watch it train").click()
        page.wait_for_selector('[data-name="live.state"][data-value="running"]')
        page.wait_for_selector('[data-name="update.layers.0"]')
        page.get_by_role("button", name="Pause").click()
        page.wait_for_selector('[data-name="live.state"][data-value="paused"]')
        page.get_by_role("link", name="Runs").click()
        page.wait_for_selector(".table-of-runs .live")
        settle(page)
        assert page.locator(".bar").count() == 0
        page.get_by_title("Watch it train").click()
        page.get_by_role("button", name="Go on").click()
        page.wait_for_selector('[data-name="live.state"][data-value="running"]')
        page.get_by_role("button", name="Stop and keep").click()
        page.wait_for_selector('[data-name="live.state"][data-value="ended"]')
        settle(page)
        assert number(page, "parameters") == rv.load(tmp_path / "m.rv").network.parameter_count


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_overflows(theme: str, runs: Path, open_view: Open) -> None:
    page = open_view(RunsFolder(runs), "runs", color_scheme=theme)
    page.wait_for_selector(".overlay canvas")
    fits(page)


def test_a_run_without_an_epoch_is_in_the_table(open_view: Open, tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "begun")
    folder.write_description({"data": None, "options": {"hidden": [3]}, "model": None})
    with folder.lock():
        page = open_view(RunsFolder(tmp_path), "runs")
        page.wait_for_selector(".table-of-runs")
        assert page.locator("tbody th").all_inner_texts() == ["begun"]
        assert page.get_by_text("These runs have not finished an epoch yet.").count() == 1
        assert page.locator(".overlay").count() == 0
