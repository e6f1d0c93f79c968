"""The pages of a view in a real browser: their numbers are the model's, and nothing overflows."""

from __future__ import annotations

import base64
import copy
import io
import json
import re
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ranvier.model.inspect import input_names
from ranvier.training.history import Epoch, History
from ranvier.view.questions.confusion import confusion, measured
from ranvier.view.questions.near import near
from ranvier.view.questions.residuals import residuals
from ranvier.view.questions.responses import responses
from ranvier.view.subject import Subject
from tests.browser.conftest import ROUNDING, Open, fits, go, number, settle
from tests.view.tried import inputs_of_values


def test_a_neuron_is_that_of_the_model(digits: Subject, open_view: Open) -> None:
    page = open_view(digits, "inside?layer=layers.0&neuron=3&row=5")
    page.wait_for_selector(".neuron")
    values = digits.model.activations_of(digits.row(5))[0]
    view = digits.model.neuron("layers.0", 3)
    assert values.weighted_sums is not None
    assert number(page, "neuron.sum") == values.weighted_sums[0, 3]
    assert number(page, "neuron.output") == values.outputs[0, 3]
    assert number(page, "neuron.bias") == view.bias
    inputs = digits.row(5).toarray()[0].astype(np.float64)
    products = view.weights.astype(np.float64) * inputs
    largest = int(np.abs(products).argmax())
    assert number(page, f"product.{largest}") == products[largest]
    assert number(page, f"weight.{largest}") == view.weights[largest]
    assert number(page, "curve.loss") == digits.model.history[-1].loss
    predicted = digits.model.target.decode(digits.model.outputs_of(digits.row(5)))[0]
    assert page.locator('[data-name="row.predicted"]').inner_text() == str(predicted)


def test_a_neuron_opens_by_keyboard_and_by_pointer(digits: Subject, open_view: Open) -> None:
    page = open_view(digits)
    canvas = page.locator(".network canvas[role]")
    canvas.focus()
    page.keyboard.press("ArrowDown")
    settle(page)
    assert page.locator(".readout").inner_text().startswith("Hidden 1, neuron 1, output ")
    page.keyboard.press("Enter")
    page.wait_for_selector(".neuron")
    settle(page)
    assert page.url.endswith("#/inside?layer=layers.0&neuron=1")
    page.get_by_role("button", name="Neuron after").click()
    page.wait_for_function("() => document.querySelector('.neuron h2').innerText.includes('neuron 2')")
    canvas.focus()
    page.keyboard.press("Escape")
    page.wait_for_selector(".about")
    box = canvas.bounding_box()
    assert box is not None
    # The only cells at the right end of the drawing are the outputs, ten below each other.
    for x in range(int(box["width"]) - 190, int(box["width"]), 6):
        page.mouse.move(box["x"] + x, box["y"] + box["height"] / 2)
        settle(page)
        if page.locator(".readout").inner_text().startswith("Output"):
            page.mouse.down()
            page.mouse.up()
            break
    page.wait_for_selector(".neuron")
    settle(page)
    assert "layer=layers." in page.url


def test_mistakes_are_those_of_the_model(digits: Subject, open_view: Open) -> None:
    page = open_view(digits, "mistakes")
    counts = np.array(confusion(digits)["counts"])
    for actual, predicted in np.argwhere(counts > 0):
        assert number(page, f"confusion.{actual}.{predicted}") == counts[actual, predicted]
    for name, value in measured(digits).items():
        assert number(page, f"measured.{name}") == value
    errors = counts - np.diag(np.diag(counts))
    actual, predicted = np.unravel_index(errors.argmax(), errors.shape)
    page.locator(f'[data-name="confusion.{actual}.{predicted}"]').click()
    settle(page)
    examples = page.locator(".gallery li")
    assert examples.count() == min(60, errors.max())
    assert f"actual={actual}&predicted={predicted}" in page.url
    examples.first.locator("button").click()
    page.wait_for_selector(".net")
    settle(page)
    assert page.locator('[data-name="row.actual"]').inner_text() == str(actual)
    assert page.locator('[data-name="row.predicted"]').inner_text() == str(predicted)


def test_residuals_are_those_of_the_model(diabetes: Subject, open_view: Open) -> None:
    page = open_view(diabetes, "mistakes")
    assert number(page, "residual.50") == residuals(diabetes)["quantiles"][2]
    worst = int(np.argsort(-diabetes.losses, kind="stable")[0])
    assert number(page, f"row.{worst}.loss") == diabetes.losses[worst]


def test_a_drawing_is_answered(digits: Subject, open_view: Open) -> None:
    page = open_view(digits, "try")
    box = page.locator(".board").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 120, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 150, steps=3)
    requests: list[Any] = []
    page.on("request", lambda request: requests.append(request) if request.url.endswith("/api/answer") else None)
    page.mouse.move(box["x"] + 118, box["y"] + 200)
    page.mouse.up()
    settle(page)
    drawn: Any = json.loads(requests[-1].post_data)["values"]
    assert sum(value > 128 for value in drawn) >= 6, "a stroke leaves ink"
    inputs = inputs_of_values(digits.form, digits.model, drawn)
    chances = digits.model.outputs_of(inputs)[0]
    for at, chance in enumerate(chances):
        assert number(page, f"probability.{at}") == pytest.approx(float(chance), rel=ROUNDING)
    assert number(page, "why.output") == digits.model.attributions_of(inputs).outputs[0]
    page.wait_for_selector(".likes.pictures li")
    settle(page)
    assert page.locator(".likes.pictures canvas").count() == 5


def test_a_picture_is_answered(digits: Subject, open_view: Open) -> None:
    """Chosen, dropped and pasted; the page makes large ones smaller before it sends them."""
    page = open_view(digits, "try")
    small, large = np.arange(64, dtype=np.uint8).reshape(8, 8) * 3, np.random.default_rng(0)
    page.get_by_label("Choose a file").set_input_files({"name": "a.png", "mimeType": "image/png", "buffer": png(small)})
    page.get_by_text("8 × 8 pixels of a.png").wait_for()
    settle(page)
    for inverted in (False, True):
        if inverted:
            page.get_by_role("button", name="Invert").click()
            settle(page)
        inputs = inputs_of_values(digits.form, digits.model, (255 - small if inverted else small).reshape(-1).tolist())
        for at, chance in enumerate(digits.model.outputs_of(inputs)[0]):
            assert number(page, f"probability.{at}") == pytest.approx(float(chance), rel=ROUNDING)
    requests: list[Any] = []
    page.on("request", lambda request: requests.append(request) if request.url.endswith("/api/picture") else None)
    content = png(large.integers(0, 256, (900, 900), np.uint8))
    for event, field in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        page.evaluate(
            """([event, field, content, name]) => {
                const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
                const transfer = new DataTransfer();
                transfer.items.add(new File([bytes], name, { type: "image/png" }));
                const Kind = event === "drop" ? DragEvent : ClipboardEvent;
                const target = document.querySelector(".dropzone .easel");
                target.dispatchEvent(new Kind(event, { bubbles: true, cancelable: true, [field]: transfer }));
            }""",
            [event, field, base64.b64encode(content).decode(), f"{event}.png"],
        )
        page.get_by_text(f"pixels of {event}.png").wait_for()
    assert len(content) > 700_000
    assert [len(request.post_data) < 700_000 for request in requests] == [True, True]


def png(pixels: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_changed_row_is_answered(people: Subject, open_view: Open) -> None:
    page = open_view(people, "try?row=4")
    page.get_by_label("age", exact=True).fill("55")
    page.get_by_label("age", exact=True).press("Enter")
    page.get_by_label("city", exact=True).select_option("Oslo")
    settle(page)
    frame = people.known_rows().source.take(np.array([4])).frame
    values = {column.name: frame[column.name][0] for column in people.form.columns}
    inputs = inputs_of_values(people.form, people.model, {**values, "age": 55, "city": "Oslo"})
    assert number(page, "probability.yes") == pytest.approx(float(people.model.outputs_of(inputs)[0, 0]), rel=ROUNDING)
    assert page.locator(".field.changed").count() == 2 - (values["city"] == "Oslo")
    attributions = people.model.attributions([{**values, "age": 55, "city": "Oslo"}])
    assert number(page, "why.base") == attributions.base[0]
    for name, value in attributions.largest(0):
        assert number(page, f"why.{name}") == value
    expected = responses(people, inputs)
    for name, curve in expected["curves"].items():
        shown = page.locator(f'[data-name="response.{name}"]').get_attribute("data-value")
        assert json.loads(shown or "") == curve["values"]
    page.get_by_role("button", name="city Rome").click()
    settle(page)
    assert page.get_by_label("city", exact=True).input_value() == "Rome"
    changed = inputs_of_values(people.form, people.model, {**values, "age": 55, "city": "Rome"})
    for entry in near(people, changed)["rows"]:
        assert number(page, f"near.{entry['row']}") == entry["distance"]
    page.get_by_label("Explained answer").select_option("no")
    settle(page)
    rome = people.model.attributions([{**values, "age": 55, "city": "Rome"}], output="no")
    assert number(page, "why.output") == rome.outputs[0]


@pytest.mark.parametrize(("name", "theme"), [("digits", "light"), ("people", "dark"), ("diabetes", "light")])
def test_nothing_overflows(name: str, theme: str, open_view: Open, request: pytest.FixtureRequest) -> None:
    subject: Subject = request.getfixturevalue(name)
    page = open_view(subject, color_scheme=theme)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    for path in ("inside?layer=layers.0&neuron=1", "mistakes", "try"):
        go(page, path)
        fits(page)


def test_the_token_leaves_the_address_and_a_reload_keeps_it(digits: Subject, open_view: Open) -> None:
    page = open_view(digits, "inside?row=2")
    assert "token" not in page.url
    page.reload()
    settle(page)
    assert "token" not in page.url
    assert re.search(r"#/inside\?row=2$", page.url)
    assert page.get_by_label("Row, of").input_value() == "2"


def test_the_theme_can_be_chosen(digits: Subject, open_view: Open) -> None:
    page = open_view(digits, color_scheme="light")
    page.get_by_role("button", name="Dark theme").click()
    page.wait_for_selector("html[data-theme=dark]")
    page.reload()
    page.wait_for_selector("html[data-theme=dark]")


def test_without_rows_the_pages_say_what_to_do(digits: Subject, open_view: Open) -> None:
    page = open_view(Subject(digits.model, None, "a model without rows"), "inside?layer=layers.0&neuron=1")
    assert "Largest weights" in page.locator(".neuron").inner_text()
    go(page, "mistakes")
    assert "ranvier view MODEL DATA" in page.locator(".empty").inner_text()
    go(page, "try")
    assert page.locator(".board").is_visible()


def falling(count: int) -> list[float]:
    """Losses that fall to 0.1 and then differ from epoch to epoch by chance; the last is larger than those before."""
    losses = 0.1 + 2 * np.exp(-np.arange(count)) + np.random.default_rng(0).normal(0, 0.01, count)
    losses[-1] = losses[-6] * 1.15
    return [float(loss) for loss in losses]


RISING = [*falling(34), *(0.2 + 0.05 * np.arange(6))]
FALLING = [*falling(30), *(0.09 - 0.002 * np.arange(10))]
VERDICTS = {
    "noise": (falling(40), 1e-3, "Training loss hardly changes either."),
    "noise at the end of a schedule": (falling(40), 1e-9, "Training loss hardly changes either."),
    "rises": (RISING, 1e-3, "Training loss rises: the learning rate may be too high."),
    "rises at the end of a schedule": (RISING, 1e-9, "Training loss rises."),
    "falls": (FALLING, 1e-3, "Training loss still falls: the network begins to memorise its rows."),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_a_sentence_says_how_training_went(name: str, digits: Subject, open_view: Open) -> None:
    losses, rate, end = VERDICTS[name]
    validation = [1.0 - 0.01 * min(epoch, 30) for epoch in range(1, len(losses) + 1)]
    epochs = [
        Epoch(number, float(loss), value, {}, 1e-3 if number < len(losses) else rate)
        for number, (loss, value) in enumerate(zip(losses, validation, strict=True), start=1)
    ]
    model = copy.copy(digits.model)
    model.history = History(epochs)
    page = open_view(Subject(model, digits.rows))
    start = "Validation loss has not improved for 10 epochs; the best is epoch 30."
    assert page.locator('[data-name="verdict"]').inner_text() == f"{start} {end}"


@pytest.mark.parametrize(("last", "starts"), [(1.0, "false"), (0.01, "true")])
def test_a_loss_that_falls_far_is_drawn_on_a_log_axis(
    last: float, starts: str, digits: Subject, open_view: Open
) -> None:
    model = copy.copy(digits.model)
    model.history = History([Epoch(at, float(loss), None, {}, 1e-3) for at, loss in enumerate((3.0, 2.0, last), 1)])
    page = open_view(Subject(model, digits.rows))
    assert page.get_by_role("button", name="log").first.get_attribute("aria-pressed") == starts


def test_the_weights_into_a_neuron_are_a_picture(digits: Subject, open_view: Open) -> None:
    page = open_view(digits)
    page.get_by_role("button", name="weights").click()
    page.wait_for_selector(".weight-pictures canvas")
    weights = np.asarray(digits.model.parameters["layers.0.weight"])
    assert page.locator(".weight-pictures canvas").count() == weights.shape[1]
    names = input_names(digits.model, digits.dense_layers[0])
    shape = digits.form.shape
    for neuron in range(weights.shape[1]):
        pixels = (
            page.locator(".weight-pictures canvas")
            .nth(neuron)
            .evaluate("canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]")
        )
        colours = np.reshape(pixels, (shape[0], shape[1], 4))
        for strongest in (int(weights[:, neuron].argmax()), int(weights[:, neuron].argmin())):
            row, column = map(int, names[strongest].split("_")[1:])
            red, _, blue, _ = colours[row, column].tolist()
            assert (blue > red) == (weights[strongest, neuron] > 0)
    page.get_by_role("button", name="Open neuron 4 of Hidden 1").click()
    page.wait_for_function("() => document.querySelector('.neuron h2')?.innerText === 'Hidden 1, neuron 4'")
