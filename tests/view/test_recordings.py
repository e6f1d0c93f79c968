"""Rows that are recordings: their spectrograms, low bands below, and the names of their files."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import ranvier as rv
from ranvier.errors import InputError
from ranvier.view.known_rows import rows_from_file
from ranvier.view.questions.rows import rows_page
from ranvier.view.row_form import inputs_of_values
from ranvier.view.subject import Subject

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


def test_a_recording_is_not_filled_in(tones: Subject) -> None:
    with pytest.raises(InputError, match="choose one of the rows"):
        inputs_of_values(tones.form, tones.model, [0] * 1600)
