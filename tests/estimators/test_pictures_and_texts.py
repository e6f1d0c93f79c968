"""Pictures and texts in the forms that people have them in: every one gives the same model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from PIL import Image

import ranvier as rv
from ranvier.data import Table, open_source
from ranvier.data.sources.array_cells import is_channel_first, is_picture_shape

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(0, 256, (30, 24, 20, 3)).astype(np.uint8)
GREYS = np.ascontiguousarray(COLOURS[..., 0])
LABELS = ["bright" if picture.mean() > np.median(GREYS.mean(axis=(1, 2))) else "dark" for picture in GREYS]
IN_COLOUR: dict[str, Callable[[NDArray[np.uint8]], Any]] = {
    "channels first": lambda pictures: np.moveaxis(pictures, -1, 1),
    "floating point": lambda pictures: pictures / 255.0,
    "channels first, floating point": lambda pictures: np.moveaxis(pictures, -1, 1) / 255.0,
    "list": list,
    "list of floating point": lambda pictures: list(pictures / 255.0),
    "list, channels first": lambda pictures: list(np.moveaxis(pictures, -1, 1)),
    "Pillow": lambda pictures: list(map(Image.fromarray, pictures)),
    "integers": lambda pictures: pictures.astype(np.int64),
}
IN_GREY: dict[str, Callable[[NDArray[np.uint8]], Any]] = {
    "one channel": lambda pictures: pictures[..., None],
    "one channel first": lambda pictures: pictures[:, None],
    "list": list,
    "floating point": lambda pictures: pictures / 255.0,
    "Pillow": lambda pictures: list(map(Image.fromarray, pictures)),
}


def pixels(source: Any) -> NDArray[np.uint8]:
    """The pixels that a model of pictures learns from."""
    model = rv.train(
        source, LABELS, recipe="image", effort="fast", epochs=1, hidden=[2], augment="none", progress=False
    )
    outputs = model.outputs(source)
    assert outputs.shape == (30, 1)
    assert np.array_equal(model.outputs(source[:3]), outputs[:3])
    return outputs


@pytest.mark.parametrize("form", IN_COLOUR)
def test_pictures_in_colour_in_any_form(form: str) -> None:
    assert np.array_equal(pixels(IN_COLOUR[form](COLOURS)), pixels(COLOURS))


@pytest.mark.parametrize("form", IN_GREY)
def test_grey_pictures_in_any_form(form: str) -> None:
    assert np.array_equal(pixels(IN_GREY[form](GREYS)), pixels(GREYS))


@pytest.mark.parametrize("form", ["channels first", "list of floating point", "list, channels first"])
def test_a_classifier_takes_them(form: str) -> None:
    X = IN_COLOUR[form](COLOURS)
    classifier = rv.Classifier(effort="fast", epochs=1, augment="none").fit(X, LABELS)
    assert classifier.n_features_in_ == 1
    assert classifier.predict(X[:4]).tolist() == classifier.predict(X)[:4].tolist()


def test_which_axis_holds_the_channels() -> None:
    shapes = {(3, 28, 28): True, (1, 8, 8): True, (28, 28, 3): False, (4, 28, 3): False, (5, 28, 28): False}
    assert {shape: is_channel_first(shape) for shape in shapes} == shapes
    assert not is_picture_shape((5, 28, 28))
    assert not is_picture_shape((3, 2, 28))


@pytest.mark.parametrize("of", ["pandas", "polars"])
def test_a_column_of_paths_alone(of: str, tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{at}.png") for at in range(30)]
    for path, picture in zip(paths, GREYS, strict=True):
        Image.fromarray(picture).save(path)
    column = pl.Series("photo", paths) if of == "polars" else pytest.importorskip("pandas").Series(paths)
    classifier, expected = (
        rv.Classifier(effort="fast", epochs=1, augment="none", random_state=0).fit(X, LABELS) for X in (column, paths)
    )
    assert np.array_equal(classifier.predict_proba(column), expected.predict_proba(paths))


HALVES = ["cut in half \ud83d", "\ude00 the other half", "both \ud83d\ude00"]
WHOLE = ["cut in half \ufffd", "\ufffd the other half", "both \U0001f600"]


@pytest.mark.parametrize("form", ["list", "array", "dict", "rows", "frame"])
def test_texts_that_no_utf_8_can_hold(form: str) -> None:
    forms: dict[str, Any] = {
        "list": HALVES,
        "array": np.array(HALVES, object),
        "dict": {"text": HALVES},
        "rows": [{"text": text} for text in HALVES],
        "frame": pytest.importorskip("pandas").DataFrame({"text": np.array(HALVES, object)}, dtype=object),
    }
    opened = open_source(forms[form])
    assert isinstance(opened, Table)
    assert opened.frame["text"].to_list() == WHOLE
