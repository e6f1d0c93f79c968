"""Step by step in the browser: the numbers on the page are those of the step, stage by stage."""

from __future__ import annotations

import numpy as np
import pytest

import ranvier as rv
from ranvier.view.known_rows import rows_from_arrays
from ranvier.view.questions.step import step, stepping_of
from ranvier.view.subject import Subject
from tests.browser.conftest import Open, fits, number, settle


@pytest.fixture(scope="module")
def xor() -> Subject:
    """Two inputs, a hidden layer, a number."""
    X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]] * 4)
    y = np.array([0.0, 1.0, 1.0, 0.0] * 4)
    network = rv.Network(2, [rv.Dense(3, "tanh"), rv.Dense(1)])
    model = network.fit(X, y, epochs=3, batch_size=4, engine="reference", optimizer=rv.Adam(0.05))
    return Subject(model, rows_from_arrays(model, X, y), "xor")


def test_the_five_stages_show_the_numbers_of_the_step(xor: Subject, open_view: Open) -> None:
    page = open_view(xor, "step?layer=layers.0&neuron=1")
    page.wait_for_selector(".explains")
    expected = step(xor, 0, path="layers.0", neuron=1)
    neuron = expected["neuron"]
    assert number(page, "step.seed") == 0
    assert number(page, "start.layers.0") == expected["start"][0]["deviation"]
    following = page.get_by_role("button", name="Next", exact=True)
    following.click()
    settle(page)
    assert number(page, "step.z") == neuron["z"]
    assert number(page, "step.product.0") == neuron["terms"][0]["product"]
    following.click()
    settle(page)
    assert number(page, "step.loss") == expected["loss"]
    following.click()
    settle(page)
    assert number(page, "step.gradient.1") == neuron["terms"][1]["gradient"]
    page.get_by_role("button", name="Check the gradient").nth(1).click()
    page.wait_for_selector('[data-name="step.numeric.1"]')
    assert abs(number(page, "step.numeric.1") - neuron["terms"][1]["gradient"]) < 1e-7
    following.click()
    settle(page)
    assert number(page, "step.new.0") == neuron["terms"][0]["new"]
    assert number(page, "step.after") == expected["loss_after"]
    following.click()
    settle(page)
    assert number(page, "step.step") == 1
    page.get_by_role("button", name="Previous").click()
    settle(page)
    assert number(page, "step.after") == expected["loss_after"]
    page.get_by_role("button", name="Whole epoch").click()
    settle(page)
    assert number(page, "step.step") == 4
    assert number(page, "step.loss") == stepping_of(xor).trace(4).loss
    page.get_by_role("button", name="Start over").click()
    settle(page)
    assert number(page, "step.step") == 0
    page.get_by_role("button", name="draw others").click()
    settle(page)
    assert number(page, "start.layers.0") != expected["start"][0]["deviation"]


def test_two_inputs_have_a_surface(xor: Subject, open_view: Open) -> None:
    page = open_view(xor)
    page.wait_for_selector(".surface canvas")
    assert "16 known rows" in page.locator(".surface canvas").get_attribute("aria-label")  # type: ignore[operator]
    shades = page.evaluate(
        """() => {
            const canvas = document.querySelector('.surface canvas');
            const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
            const seen = new Set();
            for (let at = 0; at < data.length; at += 388) seen.add([data[at], data[at + 1], data[at + 2]].join());
            return seen.size;
        }"""
    )
    assert shades > 8, "the surface is not blank"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_steps_do_not_overflow(theme: str, digits: Subject, open_view: Open) -> None:
    page = open_view(digits, "step", color_scheme=theme)
    page.wait_for_selector(".explains")
    for stage in ("Forward", "Loss", "Backward", "Update"):
        page.get_by_role("button", name=stage).click()
        settle(page)
        fits(page)
