"""A picture from the page is what the network gets of its file: the bytes that predictions decode."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ranvier as rv
from ranvier.errors import DataError, InputError
from ranvier.view.answers import QUESTIONS
from ranvier.view.frames import read_frame
from ranvier.view.known_rows import rows_from_file
from ranvier.view.subject import Subject


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """Red and blue pictures, and a model that distinguishes them."""
    folder = tmp_path_factory.mktemp("squares")
    noise = np.random.default_rng(0)
    for label, channel in (("red", 0), ("blue", 2)):
        (folder / label).mkdir()
        for at in range(12):
            pixels = noise.integers(0, 90, (12, 12, 3), np.uint8)
            pixels[..., channel] += 150
            Image.fromarray(pixels).save(folder / label / f"{at}.png")
    options: dict[str, Any] = {"recipe": "plain", "hidden": (4,), "epochs": 2, "engine": "reference"}
    model = rv.train(folder, progress=False, **options)
    return Subject(model, rows_from_file(model, folder), "squares")


def file_of(pixels: Any, kind: str = "PNG") -> str:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return base64.b64encode(buffer.getvalue()).decode()


def test_a_file_is_decoded_as_for_a_prediction(squares: Subject, tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (50, 40, 3)).astype(np.uint8)
    content = file_of(pixels)
    _, picture = read_frame(QUESTIONS["picture"](squares, {"picture": content}))
    assert picture.shape == squares.form.shape
    path = tmp_path / "picture.png"
    path.write_bytes(base64.b64decode(content))
    answer, _ = read_frame(QUESTIONS["answer"](squares, {"values": picture.reshape(-1).tolist()}))
    probabilities = squares.model.probabilities([str(path)])[0]
    assert answer["probabilities"] == pytest.approx(probabilities.tolist())


def test_models_of_plain_pixels_take_files_too(digits: Subject) -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4
    _, picture = read_frame(QUESTIONS["picture"](digits, {"picture": file_of(grey)}))
    assert picture.reshape(8, 8).tolist() == grey.tolist()
    _, larger = read_frame(
        QUESTIONS["picture"](digits, {"picture": file_of(np.full((90, 30, 3), 77, np.uint8), "JPEG")})
    )
    assert larger.shape == (8, 8, 1)
    assert np.abs(larger.astype(int) - 77).max() <= 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no base64!", "bytes of a file in base64"),
        (base64.b64encode(b"GIF89a").decode(), "picture"),
        (base64.b64encode(b"<svg/>").decode(), "picture"),
        (file_of(np.random.default_rng(2).integers(0, 256, (40, 40), np.uint8))[:800], "picture"),
        ("", "picture"),
    ],
)
def test_what_is_no_picture_is_refused(squares: Subject, content: str, message: str) -> None:
    with pytest.raises((InputError, DataError), match=message):
        QUESTIONS["picture"](squares, {"picture": content})


def test_models_without_pictures_take_none(people: Subject) -> None:
    with pytest.raises(InputError, match="takes no pictures"):
        QUESTIONS["picture"](people, {"picture": file_of(np.zeros((4, 4), np.uint8))})
