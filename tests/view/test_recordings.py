"""Rows that are recordings: their spectrograms, low bands below, and the names of their files."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import ranvier as rv
from ranvier.data.decoded_columns import names_of_rows
from ranvier.data.sounds.decode import decode
from ranvier.errors import InputError, RanvierError
from ranvier.view.answers import QUESTIONS
from ranvier.view.frames import read_frame
from ranvier.view.known_rows import rows_from_file, rows_of
from ranvier.view.questions.rows import rows_page
from ranvier.view.subject import Subject
from tests.data.recordings import write_folder
from tests.view.tried import inputs_of_values

RATE = 8000


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """Low and high tones, and a model that tells them apart."""
    folder = tmp_path_factory.mktemp("tones")
    for label, pitch in (("low", 300.0), ("high", 2500.0)):
        (folder / label).mkdir()
        for at in range(12):
            wave = np.sin(2 * np.pi * (pitch + 10 * at) * np.arange(RATE // 2) / RATE)
            soundfile.write(folder / label / f"{label}-{at:02}.wav", 0.5 * wave, RATE)
    options: dict[str, Any] = {"recipe": "plain", "hidden": (4,), "epochs": 2, "engine": "reference"}
    model = rv.train(folder, progress=False, **options)
    return Subject(model, rows_from_file(model, folder), "tones")


def test_a_low_tone_is_bright_below_and_a_high_one_above(tones: Subject) -> None:
    height, width, channels = tones.form.shape
    assert (tones.form.kind, channels) == ("sound", 1)
    rows = rows_page(tones, 0, 24)["rows"]
    assert {Path(row["name"]).parent.name for row in rows} == {"low", "high"}
    for row in rows:
        pixels = np.frombuffer(base64.b64decode(row["pixels"]), np.uint8).reshape(height, width)
        brightest = int(pixels.sum(axis=1, dtype=int).argmax())
        assert (brightest > height / 2) == (row["actual"] == "low")
        assert Path(row["name"]).stem.startswith(row["actual"])


def test_a_known_recording_is_played_as_it_is_heard(tones: Subject) -> None:
    head, array = read_frame(QUESTIONS["sound"](tones, {"row": 3}))
    samples, rate = soundfile.read(io.BytesIO(array.tobytes()), dtype="float32")
    assert (head["rate"], head["seconds"]) == (rate, len(samples) / rate)
    name = rows_page(tones, 3, 1)["rows"][0]["name"]
    assert tones.known_rows().recordings is not None
    expected, _ = decode(tones.known_rows().recordings[3], rate)  # type: ignore[index]
    assert str(tones.known_rows().recordings[3]) == name  # type: ignore[index]
    assert np.abs(samples - expected).max() <= 1.0 / 32767.0
    for wrong in ("../../etc/passwd", -1, 24, None):
        with pytest.raises(InputError, match=r"no row|an integer"):
            QUESTIONS["sound"](tones, {"row": wrong})


def test_recordings_of_a_run_are_those_of_its_test_rows(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "data", 30)
    options: dict[str, Any] = {"recipe": "plain", "hidden": (4,), "epochs": 1, "engine": "reference", "progress": False}
    model = rv.train(folder, run=tmp_path / "run", **options)
    rows = rows_of(model)
    assert rows is not None
    assert rows.recordings is not None
    assert [str(file) for file in rows.recordings] == names_of_rows(rows.source)
    inputs = model.inputs(
        {
            "recording" if "recording" in model.encoder.column_names else model.encoder.sound.column: list(
                rows.recordings
            )
        }
    )
    assert inputs.toarray().tobytes() == rows.inputs.toarray().tobytes()


def test_a_recording_from_the_page_is_answered(tones: Subject) -> None:
    assert tones.known_rows().recordings is not None
    text = base64.b64encode(tones.known_rows().recordings[20].read()).decode()  # type: ignore[index]
    for body in ({"sound": text}, {"row": 20}):
        head, _ = read_frame(QUESTIONS["answer"](tones, body))
        assert head["predicted"] == str(tones.model.target.decode(tones.model.outputs_of(tones.row(20)))[0])
    _, pixels = read_frame(QUESTIONS["heard"](tones, {"sound": text}))
    assert base64.b64encode(pixels.tobytes()).decode() == rows_page(tones, 20, 1)["rows"][0]["pixels"]
    assert QUESTIONS["contributions"](tones, {"sound": text}) == QUESTIONS["contributions"](tones, {"row": 20})
    for wrong in ("/etc/passwd", 5, base64.b64encode(b"no sound").decode()):
        for name in ("answer", "heard"):
            with pytest.raises(RanvierError):
                QUESTIONS[name](tones, {"sound": wrong})


def test_a_long_recording_from_the_page_is_answered_and_the_page_says_what_counts(tones: Subject) -> None:
    stream = io.BytesIO()
    wave = np.sin(2 * np.pi * 300.0 * np.arange(2 * RATE) / (RATE // 2))
    soundfile.write(stream, 0.5 * wave, RATE // 2, format="WAV")
    text = base64.b64encode(stream.getvalue()).decode()
    assert read_frame(QUESTIONS["answer"](tones, {"sound": text}))[0]["predicted"] in ("low", "high")
    notes = " ".join(read_frame(QUESTIONS["heard"](tones, {"sound": text}))[0]["notes"])
    assert "much longer" in notes
    assert "4,000 Hz" in notes


def test_other_models_take_no_recordings(digits: Subject) -> None:
    with pytest.raises(InputError, match="takes no recordings"):
        QUESTIONS["answer"](digits, {"sound": "AAAA"})
    with pytest.raises(InputError, match="not at hand"):
        QUESTIONS["sound"](digits, {"row": 0})


def test_a_recording_is_not_filled_in(tones: Subject) -> None:
    with pytest.raises(InputError, match="choose one of the rows"):
        inputs_of_values(tones.form, tones.model, [0] * 1600)
