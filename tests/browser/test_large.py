"""Networks that are too large to be drawn whole: many inputs are found by their names, groups lie in lanes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.view.known_rows import rows_from_arrays, rows_from_file
from ranvier.view.questions.confusion import confusion
from ranvier.view.subject import Subject
from tests.browser.conftest import Open, fits, go, number, settle

QUICK: dict[str, Any] = {"recipe": "plain", "hidden": (6,), "epochs": 3, "engine": "reference", "progress": False}


@pytest.fixture(scope="module")
def letters() -> Subject:
    """Texts with more than a thousand words and parts of words."""
    rng = np.random.default_rng(1)
    words = ["".join(rng.choice(list("abcdefghijklmnopqrst"), 6)) for _ in range(400)]
    texts = [" ".join(rng.choice(words, 9)) + (" free prize" if row % 2 else " home") for row in range(160)]
    table = {"text": texts, "kind": ["spam" if row % 2 else "ham" for row in range(160)]}
    model = rv.train(
        table, target="kind", recipe="plain", hidden=(6,), epochs=3, engine="reference", progress=False, batch_size=16
    )
    return Subject(model, rows_from_file(model, table), "letters")


def test_inputs_are_found_by_their_names(letters: Subject, open_view: Open) -> None:
    page = open_view(letters, "inside?row=1")
    assert "of " in page.locator(".network canvas[role]").get_attribute("aria-label").split(";")[0]  # type: ignore[union-attr]
    page.get_by_label("Find an input by its name").fill("prize")
    page.wait_for_selector('[data-name="table.inputs"] th[title*="prize"]')
    settle(page)
    value = page.locator('[data-name="table.inputs"] [data-name$=".value"]').first
    index = int((value.get_attribute("data-name") or "").split(".")[1])
    assert number(page, f"input.{index}.value") == float(letters.row(1).toarray()[0, index])
    box = page.locator('[data-name="table.inputs"] input[type=checkbox]').first
    box.check()
    settle(page)
    page.get_by_label("Find an input by its name").fill("")
    settle(page)
    fits(page)


def test_the_page_try_shows_the_inputs_of_its_row(letters: Subject, open_view: Open) -> None:
    page = open_view(letters, "try?row=1")
    page.get_by_label("Find an input by its name").fill("prize")
    page.wait_for_selector('[data-name="table.inputs"] th[title*="prize"]')
    assert " of " in page.locator(".network canvas[role]").get_attribute("aria-label").split(";")[0]  # type: ignore[union-attr]


def test_columns_are_found_by_their_names(open_view: Open, open_report: Open) -> None:
    table = {
        f"measured number {at} of the sensor in the northern hall": [float((row * (at + 3)) % 29) for row in range(60)]
        for at in range(24)
    }
    model = rv.train(table | {"y": [float(row % 11) for row in range(60)]}, target="y", **QUICK)
    subject = Subject(model, rows_from_file(model, table | {"y": [float(row % 11) for row in range(60)]}), "columns")
    page = open_view(subject, "try?row=1")
    assert page.locator(".field").count() == 24
    page.get_by_label("Find a column by its name").fill("NUMBER 17")
    settle(page)
    assert page.locator(".field label").inner_text() == "measured number 17 of the sensor in the northern hall"
    report = open_report(subject)
    report.get_by_label("Find a column by its name").fill("number 17")
    settle(report)
    names = report.locator(".importances .name > span")
    assert names.count() == 1
    assert names.first.get_attribute("title") == "measured number 17 of the sensor in the northern hall"
    assert names.first.inner_text() == "…17…", "what all names share is left out"
    assert report.locator(".data tbody tr").count() == 20
    report.get_by_role("button", name="show 24 columns").click()
    settle(report)
    assert report.locator(".data tbody tr").count() == 24


def test_of_many_classes_those_with_mistakes_are_shown(open_view: Open) -> None:
    names = [f"a class with a name of forty characters {at:03}"[-40:] for at in range(40)]
    # Two of forty classes have the same cells, so that one is taken for the other.
    table = {"x": [float(max(1, row % 40)) for row in range(400)], "kind": [names[row % 40] for row in range(400)]}
    model = rv.train(table, target="kind", task="multiclass", **QUICK)
    subject = Subject(model, rows_from_file(model, table), "forty")
    counts = np.array(confusion(subject)["counts"])
    wrong = counts - np.diag(np.diag(counts))
    mistaken = min(30, int(((wrong.sum(axis=0) + wrong.sum(axis=1)) > 0).sum()))
    page = open_view(subject, "mistakes")
    assert page.locator(".matrix tbody tr").count() == mistaken < 40
    page.get_by_role("button", name="all 40 classes").click()
    settle(page)
    assert page.locator(".matrix tbody tr").count() == 40
    shown = page.locator(".classes tbody th").all_inner_texts()
    assert len(set(shown)) == 40, "names that are cut still differ"
    fits(page)


def test_hundreds_of_classes_have_a_matrix(open_view: Open) -> None:
    table = {"x": [float(row % 5) for row in range(800)], "kind": [f"class {row % 400}" for row in range(800)]}
    model = rv.train(table, target="kind", task="multiclass", **QUICK | {"epochs": 1})
    page = open_view(Subject(model, rows_from_file(model, table), "hundreds"), "mistakes")
    assert page.locator(".matrix tbody tr").count() == 30


def test_residual_blocks_norms_and_dropout_are_named(open_view: Open) -> None:
    X = np.random.default_rng(0).normal(size=(30, 8))
    y = (X[:, 0] > 0).astype(int)
    block = rv.Residual([rv.LayerNorm(), rv.Dense(6, "relu"), rv.Dropout(0.25), rv.Dense(6)])
    network = rv.Network(8, [rv.Dense(6, "relu"), block, rv.BatchNorm(), rv.Dense(2, "softmax")])
    model = network.fit(X, y, epochs=2, engine="reference")
    page = open_view(Subject(model, rows_from_arrays(model, X, y), "blocks"))
    key = page.locator(".network .key").inner_text()
    assert "Bars between them: LayerNorm, Dropout 25 %, BatchNorm. Brackets: residual blocks" in key
    go(page, "step")
    page.get_by_role("button", name="Backward").click()
    settle(page)
    page.get_by_role("button", name="Check the gradient of bias").click()
    page.wait_for_selector('[data-name="step.numeric.bias"]')


def test_networks_of_an_ensemble_lie_over_each_other(open_view: Open) -> None:
    table = {"x": [float(row % 10) for row in range(300)], "y": [float(row % 10 + row % 3) for row in range(300)]}
    options = QUICK | {"recipe": "table", "effort": "best", "epochs": 2}
    model = rv.train(table, target="y", **options)
    page = open_view(Subject(model, rows_from_file(model, table), "several"))
    ends = np.cumsum([entry["epochs"] for entry in model.report.members]) - 1
    losses = model.history.loss[ends]
    assert number(page, "curve.loss") == pytest.approx(float(np.mean(losses)))
    assert page.locator(".sentence").inner_text().startswith(f"{len(ends)} networks were trained")


def test_a_language_model_goes_on_with_a_text(open_view: Open) -> None:
    names = {"name": ["Ada", "Ida", "Ava", "Eva", "Eda"] * 8}
    model = rv.train(names, recipe="language", hidden=[8], epochs=1, engine="reference", progress=False)
    page = open_view(Subject(model, None, "names"), "try")
    page.get_by_label("Write", exact=True).fill("Ev")
    settle(page)
    chances = model.outputs_of(model.inputs(["Ev"]))[0]
    assert number(page, "probability.a") == pytest.approx(float(chances[model.task.classes.index("a")]), rel=1e-9)
    assert (page.locator('[data-name="sample"]').text_content() or "").startswith("Ev")
    for path in ("mistakes", "step"):
        go(page, path)
        assert "language model" in page.locator(".empty").inner_text()


def test_groups_lie_in_lanes(open_view: Open) -> None:
    X = np.random.default_rng(0).normal(size=(30, 8))
    y = (X[:, 0] > 0).astype(int)
    network = rv.Network(8, [rv.Dense(12, "relu"), rv.Dense(12, "tanh", groups=3), rv.Dense(2, "softmax")])
    model = network.fit(X, y, epochs=2, engine="reference")
    page = open_view(Subject(model, rows_from_arrays(model, X, y), "groups"))
    canvas = page.locator(".network canvas[role]")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    positions = set()
    for _ in range(12):
        positions.add(page.locator(".readout").inner_text().partition("group ")[2][:6])
        page.keyboard.press("ArrowDown")
    assert positions == {"1 of 3", "2 of 3", "3 of 3"}
