"""Recordings in a real browser: known ones are played from memory, one's own are recorded, and both are answered."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ranvier as rv
from ranvier.view.known_rows import rows_from_file
from ranvier.view.questions.what import what
from ranvier.view.row_form import pixels_of_rows
from ranvier.view.subject import Subject
from tests.browser.conftest import Open, fits, go, number, settle
from tests.data.recordings import chirp, encoded, write_folder

KEEP = """() => {
    window.played = [];
    HTMLMediaElement.prototype.play = function () { played.push(this); return Promise.resolve(); };
}"""
LENGTH = """() => played[1].duration || new Promise((done) => {
    played[1].onloadedmetadata = () => done(played[1].duration);
})"""


@pytest.fixture(scope="module")
def chirps(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """Rising and falling tones."""
    folder = write_folder(tmp_path_factory.mktemp("chirps"), 12)
    model = rv.train(folder, recipe="plain", hidden=(4,), epochs=2, engine="reference", progress=False)
    return Subject(model, rows_from_file(model, folder), "chirps")


def test_known_recordings_are_played(chirps: Subject, open_view: Open) -> None:
    page = open_view(chirps, "mistakes")
    page.evaluate(KEEP)
    page.get_by_role("button", name="Play row 3", exact=True).click()
    page.get_by_role("button", name="Stop row 3", exact=True).wait_for()
    page.get_by_role("button", name="Play row 5", exact=True).click()
    page.get_by_role("button", name="Stop row 5", exact=True).wait_for()
    page.get_by_role("button", name="Play row 3", exact=True).wait_for()
    assert page.evaluate("played.map((audio) => audio.src.startsWith('blob:http://127.0.0.1'))") == [True, True]
    assert page.evaluate(LENGTH) > 0.2
    page.get_by_role("button", name="Stop row 5", exact=True).click()
    page.get_by_role("button", name="Play row 5", exact=True).wait_for()


def test_the_inputs_are_drawn_as_the_spectrogram(chirps: Subject, open_view: Open) -> None:
    row = chirps.row(2).dense[0]
    pixels = pixels_of_rows(chirps.form, chirps.model, chirps.known_rows(), np.array([2])).ravel()
    assert pixels[what(chirps)["inputs"]["pixels"]].tolist() == row.tolist()
    bands, frames, _ = chirps.form.shape
    page = open_view(chirps, "inside?row=2")
    assert f"Inputs, {bands} bands, {frames} frames" in str(
        page.locator("canvas[role=application]").get_attribute("aria-label")
    )


def test_a_file_and_a_recording_of_ones_own_are_answered(chirps: Subject, open_view: Open, tmp_path: Path) -> None:
    page = open_view(chirps, "try?row=2")
    path = tmp_path / "mine.wav"
    path.write_bytes(encoded(chirp("rising", 0.4, 99)))
    page.locator("input[type=file]").set_input_files(path)
    page.get_by_role("button", name="Play mine.wav").wait_for()
    settle(page)
    chances = chirps.model.outputs_of(chirps.model.inputs([path]))[0]
    assert number(page, "probability.rising") == pytest.approx(float(chances[0]), rel=1e-6)
    page.get_by_role("button", name="Record").click()
    page.locator(".level").wait_for()
    page.wait_for_function("() => Number(document.querySelector('.level').ariaValueNow) > 0")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Play your recording").wait_for()
    settle(page)
    assert 0.0 < number(page, "probability.rising") < 1.0
    assert page.locator(".heard canvas").count() == 1
    fits(page)
    go(page, "inside?row=1")
    page.get_by_role("button", name="Play row 1", exact=True).wait_for()
