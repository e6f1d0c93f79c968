"""Networks that are too large to be drawn whole: many inputs are found by their names, groups lie in lanes."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as rv
from ranvier.view.known_rows import rows_from_arrays, rows_from_file
from ranvier.view.subject import Subject
from tests.browser.conftest import Open, fits, number, settle


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


def test_groups_lie_in_lanes(open_view: Open) -> None:
    X = np.random.default_rng(0).normal(size=(30, 8))
    y = (X[:, 0] > 0).astype(int)
    network = rv.Network(8, [rv.Dense(12, "relu"), rv.Dense(12, "tanh", groups=3), rv.Dense(2, "softmax")])
    model = network.fit(X, y, epochs=2, engine="reference")
    page = open_view(Subject(model, rows_from_arrays(model, X, y), "groups"))
    canvas = page.locator(".network canvas[role]")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    seen = set()
    for _ in range(12):
        seen.add(page.locator(".readout").inner_text().partition("group ")[2][:6])
        page.keyboard.press("ArrowDown")
    assert seen == {"1 of 3", "2 of 3", "3 of 3"}
