"""Real sets, each trained for a moment: the numbers of every page are the model's, and nothing is cut off or wrong."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import ranvier as rv
from ranvier import settings
from ranvier.rows import Inputs
from ranvier.view.known_rows import rows_of
from ranvier.view.questions.confusion import confusion, measured
from ranvier.view.questions.residuals import residuals
from ranvier.view.questions.result import result
from ranvier.view.questions.step import step
from ranvier.view.row_form import pixels_of_rows
from ranvier.view.subject import Subject
from tests.browser.conftest import ROUNDING, SIZES, Open, fits, go, number
from tests.browser.test_accessible import AXE, findings
from tests.view.tried import inputs_of_values

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROWS = 300
RECORDINGS = 60
ROW = 3
SETS = ("digits", "recordings", "messages", "adult", "houses", "spirals")
DARK = ("recordings", "adult", "spirals")
OPTIONS: dict[str, Any] = {"recipe": "plain", "hidden": (8,), "epochs": 3, "engine": "reference", "progress": False}


def some_lines(source: Path, target: Path, count: int) -> Path:
    """The header and some rows of a table, evenly among all."""
    with source.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    with target.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows[:: max(1, len(rows) // count)][:count]])
    return target


def digits(data: Path, folder: Path) -> dict[str, Any]:
    return {"data": "digits"}


def recordings(data: Path, folder: Path) -> dict[str, Any]:
    files = sorted((data / "speech" / "fsdd" / "recordings").glob("*.wav"))
    for file in files[:: len(files) // RECORDINGS]:
        (folder / "spoken" / file.name[0]).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / "spoken" / file.name[0])
    return {"data": folder / "spoken"}


def messages(data: Path, folder: Path) -> dict[str, Any]:
    lines = (data / "text" / "sms_spam" / "SMSSpamCollection").read_text(encoding="utf-8").splitlines()
    table = folder / "messages.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("label", "text"), *(line.split("\t", 1) for line in lines[:ROWS])])
    return {"data": table, "target": "label"}


def adult(data: Path, folder: Path) -> dict[str, Any]:
    return {
        "data": some_lines(data / "tabular" / "adult" / "train.csv", folder / "adult.csv", ROWS),
        "target": "income",
    }


def houses(data: Path, folder: Path) -> dict[str, Any]:
    table = some_lines(data / "tabular" / "ames_housing" / "data.csv", folder / "ames.csv", ROWS)
    return {"data": table, "target": "price", "ignore": ["Order", "PID"]}


def spirals(data: Path, folder: Path) -> dict[str, Any]:
    angle = np.linspace(0.5, 9.0, ROWS // 2)
    table = folder / "spirals.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("x", "y", "arm"))
        for arm, side in (("in", 1), ("out", -1)):
            writer.writerows((side * t * np.cos(t), side * t * np.sin(t), arm) for t in angle)
    return {"data": table, "target": "arm"}


MAKERS: tuple[Callable[[Path, Path], dict[str, Any]], ...] = (digits, recordings, messages, adult, houses, spirals)


@pytest.fixture(scope="module", params=MAKERS, ids=SETS)
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """A model of a real set, with its test rows."""
    data, folder = settings.read().data, tmp_path_factory.mktemp("real")
    if data is None or not data.is_dir():
        pytest.skip("set RANVIER_DATA to a folder with the real data sets to run this test")
    options = OPTIONS | request.param(data, folder)
    model = rv.train(options.pop("data"), run=folder / "run", model=folder / f"{request.param.__name__}.rv", **options)
    return Subject(model, rows_of(model), f"{request.param.__name__}.rv")


def as_tried(subject: Subject) -> Inputs:
    """The row as the page Try gives it back: a picture in bytes, all others as they are."""
    if subject.form.kind != "picture":
        return subject.row(ROW)
    pixels = pixels_of_rows(subject.form, subject.model, subject.known_rows(), np.array([ROW]))
    return inputs_of_values(subject.form, subject.model, pixels.reshape(-1).tolist())


def outputs_are_shown(page: Page, subject: Subject, row: Inputs) -> None:
    """The answer for a row, as bars or as a number."""
    outputs = subject.model.outputs_of(row)
    if subject.model.task.kind == "regression":
        assert number(page, "answer.0") == float(subject.model.target.decode(outputs)[0])
        return
    outputs = outputs[0]
    classes = subject.model.task.classes
    chances = outputs if len(outputs) == len(classes) else (1 - outputs[0], outputs[0])
    for name, chance in zip(classes, chances, strict=True):
        if page.locator(f'[data-name="probability.{name}"]').count():
            assert number(page, f"probability.{name}") == pytest.approx(float(chance), rel=ROUNDING, abs=1e-12)


def looks_right(page: Page) -> None:
    """Nothing lies beyond the edge of any window, and axe-core finds nothing serious."""
    fits(page)
    page.set_viewport_size({"width": 1280, "height": 720})
    if AXE.exists():
        assert findings(page) == [], page.url


def test_the_pages_of_a_run(real: Subject, open_view: Open) -> None:
    info = real.dense_layers[0]
    theme = "dark" if real.name.removesuffix(".rv") in DARK else "light"
    page = open_view(real, f"inside?layer={info.path}&neuron=1&row={ROW}", color_scheme=theme)
    page.wait_for_selector(".neuron")
    values = {part.path: part for part in real.model.activations_of(real.row(ROW))}[info.path]
    assert values.weighted_sums is not None
    assert number(page, "neuron.sum") == values.weighted_sums[0, 1]
    assert number(page, "neuron.output") == values.outputs[0, 1]
    assert number(page, "curve.loss") == real.model.history[-1].loss
    page.get_by_role("button", name="Close the neuron").click()
    page.wait_for_selector(".about")
    outputs_are_shown(page, real, real.row(ROW))
    for name, value in real.model.report.metrics.items():
        assert value is None or number(page, f"metric.{name}") == value
    if real.model.network.inputs == 2:
        box = page.locator("section.surface canvas").bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) > 200
    looks_right(page)
    go(page, "mistakes")
    for name, value in measured(real).items():
        assert value is None or number(page, f"measured.{name}") == value
    if real.model.task.kind == "regression":
        assert number(page, "residual.50") == residuals(real)["quantiles"][2]
    else:
        assert number(page, "wrong") == confusion(real)["wrong"]
    looks_right(page)
    go(page, f"try?row={ROW}")
    page.wait_for_selector('[data-name="why.output"]')
    row = as_tried(real)
    outputs_are_shown(page, real, row)
    assert number(page, "why.output") == real.model.attributions_of(row).outputs[0]
    looks_right(page)
    go(page, "step")
    page.get_by_role("button", name="Loss").click()
    page.wait_for_selector('[data-name="step.loss"]')
    assert number(page, "step.loss") == step(real, 0)["loss"]
    looks_right(page)


def test_the_report_of_a_run(real: Subject, open_report: Open) -> None:
    theme = "light" if real.name.removesuffix(".rv") in DARK else "dark"
    page = open_report(real, color_scheme=theme)
    page.wait_for_selector(".network canvas")
    for name, value in result(real)["metrics"].items():
        assert value is None or number(page, f"result.{name}") == value
    fits(page, (*SIZES, (390, 844)))
    if AXE.exists():
        assert findings(page) == []
