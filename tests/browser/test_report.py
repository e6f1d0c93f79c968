"""The report in a real browser: its numbers are the model's, it asks nobody, fits a phone, and prints."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.view.frozen import example_rows
from ranvier.view.known_rows import rows_from_file
from ranvier.view.questions.confusion import confusion
from ranvier.view.questions.result import result
from ranvier.view.subject import Subject
from tests.browser.conftest import ROUNDING, SIZES, Open, fits, number, settle


@pytest.fixture(scope="module")
def many_classes() -> Subject:
    """A hundred classes and a column, with names of forty characters."""
    names = [f"a class with a name of forty characters {at:03}"[-40:] for at in range(100)]
    table = {
        "a column with a name of forty characters": [float(row % 100) for row in range(300)],
        "kind": [names[row % 100] for row in range(300)],
    }
    options: dict[str, Any] = {"recipe": "plain", "hidden": (4,), "epochs": 1, "engine": "reference"}
    model = rv.train(table, target="kind", task="multiclass", progress=False, **options)
    return Subject(model, rows_from_file(model, table), "a model with a name of forty characters.rv")


def test_the_numbers_are_those_of_the_model(digits: Subject, open_report: Open) -> None:
    page = open_report(digits)
    page.wait_for_selector(".confusion")
    expected = result(digits)
    for name, value in expected["metrics"].items():
        assert number(page, f"result.{name}") == value
        assert number(page, f"baseline.{name}") == expected["baseline"][name]
    counts = np.array(confusion(digits)["counts"])
    for actual, predicted in np.argwhere(counts > 0):
        assert number(page, f"confusion.{actual}.{predicted}") == counts[actual, predicted]
    row = example_rows(digits)[0]
    settle(page)
    assert number(page, "why.output") == digits.model.attributions_of(digits.row(row)).outputs[0]
    for at, chance in enumerate(digits.model.outputs_of(digits.row(row))[0]):
        if page.locator(f'#network [data-name="probability.{at}"]').count():
            assert number(page, f"probability.{at}") == pytest.approx(float(chance), rel=ROUNDING)


def test_a_cell_opens_its_rows_and_a_row_runs_through_the_network(digits: Subject, open_report: Open) -> None:
    page = open_report(digits)
    cells = page.locator(".matrix td:not(.right) button:not([disabled])")
    cells.first.click()
    page.wait_for_function("() => document.querySelector('.examples h2').innerText.startsWith('True')")
    page.get_by_role("button", name="all rows").click()
    page.locator(".gallery button:not([disabled])").first.click()
    worst = int(np.argsort(-digits.losses, kind="stable")[0])
    page.wait_for_function("row => document.querySelector('#network h3')?.innerText.includes(`row ${row}`)", arg=worst)


def test_a_neuron_opens(digits: Subject, open_report: Open) -> None:
    page = open_report(digits)
    page.wait_for_selector(".network canvas")
    page.locator(".network canvas[tabindex]").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(".neuron")
    assert "Largest weights" in page.locator(".neuron").inner_text()


@pytest.mark.parametrize("name", ["digits", "people", "diabetes", "many_classes"])
def test_nothing_overflows(name: str, open_report: Open, request: pytest.FixtureRequest) -> None:
    for theme in ("light", "dark"):
        page = open_report(request.getfixturevalue(name), color_scheme=theme)
        page.wait_for_selector(".network canvas")
        fits(page, (*SIZES, (390, 844)))


def test_it_prints_in_the_light_theme(people: Subject, open_report: Open) -> None:
    page = open_report(people, color_scheme="dark")
    page.wait_for_selector(".network canvas")
    themes = page.evaluate(
        """() => {
          const theme = () => document.documentElement.dataset.theme;
          const seen = [theme()];
          for (const name of ["beforeprint", "afterprint"]) { dispatchEvent(new Event(name)); seen.push(theme()); }
          return seen;
        }"""
    )
    assert themes == ["dark", "light", "dark"]
    hint = page.locator(".report .on-screen")
    assert hint.is_visible()
    page.emulate_media(media="print")
    assert not hint.is_visible()
    bars = page.locator(".report .track > *")
    assert bars.count()
    assert {bar.evaluate("bar => getComputedStyle(bar).printColorAdjust") for bar in bars.all()} == {"exact"}
    pdf = page.pdf()
    assert pdf.startswith(b"%PDF")
    assert b"/Subtype /Image" in pdf, "the network was drawn again for paper, and is there as a picture"


def test_without_scripts_there_are_tables(people: Subject, open_report: Open) -> None:
    page = open_report(people, java_script_enabled=False)
    text = page.locator("main").inner_text()
    assert "Most wrong" in text
    assert f"{result(people)['metrics']['accuracy']:.4f}" in text


def test_a_model_without_rows(digits: Subject, open_report: Open) -> None:
    page = open_report(Subject(digits.model, None, "digits.rv"))
    page.wait_for_selector(".network canvas")
    assert number(page, "result.accuracy") == digits.model.report.metrics["accuracy"]
    assert "No rows were known" in page.locator("footer").inner_text()
