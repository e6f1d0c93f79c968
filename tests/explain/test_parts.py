"""What words, pixels, bands and frames add: they make up what the column adds, and stand where the input is."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.data.encoders.image import ImageEncoder
from ranvier.data.encoders.kinds import COLUMN_KINDS
from ranvier.data.encoders.sound import SoundEncoder
from ranvier.data.encoders.text import TextEncoder
from ranvier.data.images.patches import PatchFeatures
from ranvier.data.images.picture_format import PictureFormat
from ranvier.data.sounds.band_statistics import BandStatistics
from ranvier.data.sounds.sound_format import SoundFormat
from ranvier.explain.maps import patch_map, picture_maps, spectrogram_maps, statistics_map
from ranvier.explain.words import word_values, words_of

GENERATOR = np.random.default_rng(0)
PICTURES = (GENERATOR.random((6, 12, 10, 1)) * 255).astype(np.uint8)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("with_pixels", [False, True])
@pytest.mark.parametrize("n_patches", [0, 1, 2])
def test_maps_of_pictures_add_up_to_their_features(mirrored: bool, with_pixels: bool, n_patches: int) -> None:
    patches = tuple(
        PatchFeatures.fit(PICTURES, 4 + at, at, side=3, stride=1 + at, grid=(2, 3)) for at in range(n_patches)
    )
    encoder = ImageEncoder("x", PictureFormat(12, 10, 1), patches, mirrored and n_patches > 0, with_pixels)
    added = GENERATOR.normal(size=(6, encoder.width))
    maps = picture_maps(encoder, PICTURES, added)
    assert maps.shape == (6, 12, 10)
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), added.sum(axis=1), rtol=1e-6, atol=1e-6)


def test_pixels_that_are_inputs_keep_what_they_add() -> None:
    encoder = ImageEncoder("x", PictureFormat(2, 2, 3), as_bytes=True)
    added = np.arange(12.0)[None]
    maps = picture_maps(encoder, np.zeros((1, 2, 2, 3), np.uint8), added)
    assert maps[0].tolist() == [[3.0, 12.0], [21.0, 30.0]]


def test_a_patch_is_where_the_picture_resembles_it() -> None:
    """What a feature adds is divided among the pieces of its cell by how near they are to the centroid."""
    pictures = PICTURES.copy()
    patches = PatchFeatures.fit(pictures, 4, side=3, grid=(2, 2))
    added = np.zeros(patches.width)
    added[0] = 1.0
    pixels = patch_map(patches, pictures[0], added)
    distances, average = patches.distances(pictures[0])
    of_pieces = patches.pooling_weights(12, 10)[0] * (average[:, 0] - distances[:, 0])
    expected = np.zeros((12, 10))
    for piece, added_by_piece in enumerate(of_pieces / of_pieces.sum()):
        row, column = divmod(piece, 8)
        expected[row : row + 3, column : column + 3] += added_by_piece / 9
    np.testing.assert_allclose(pixels, expected, atol=1e-6)
    assert pixels.sum() == pytest.approx(1.0)
    # The weights of a cell fall to 0 at the centres of its neighbours.
    assert pixels[9:].sum() < 1e-6
    assert pixels[:, 8:].sum() < 1e-6
    assert pixels[:6, :5].sum() > 0.5


def test_maps_of_recordings_add_up_and_statistics_stand_in_their_band_and_third() -> None:
    spectrograms = (GENERATOR.random((4, 10, 24, 1)) * 255).astype(np.uint8)
    spectrograms[:, :, 20:] = 0
    patches = (PatchFeatures.fit(spectrograms, 3, side=3, grid=(2, 1)),)
    statistics = BandStatistics.fit(spectrograms[..., 0])
    encoder = SoundEncoder("x", SoundFormat(8000, 24, bands=10), patches, statistics)
    added = GENERATOR.normal(size=(4, encoder.width))
    maps = spectrogram_maps(encoder, spectrograms, added)
    np.testing.assert_allclose(maps.sum(axis=(1, 2)), added.sum(axis=1), atol=1e-6)
    unit = np.zeros(statistics.width)
    unit[statistics.names.index("mean of third 2 of band 4")] = 1.0
    pixels = statistics_map(spectrograms[0, :, :, 0], unit)
    assert np.flatnonzero(pixels.any(axis=1)).tolist() == [4]
    assert np.flatnonzero(pixels.any(axis=0)).tolist() == list(range(7, 14))
    plain = SoundEncoder("x", SoundFormat(8000, 24, bands=10), as_bytes=True)
    added = GENERATOR.normal(size=(4, 240))
    np.testing.assert_array_equal(spectrogram_maps(plain, spectrograms, added).reshape(4, 240), added)


def test_terms_are_divided_among_their_words() -> None:
    texts = pl.Series("note", ["good soup GOOD", "bad soup", "good soup", "bad soup SO"])
    encoder = TextEncoder.fit(texts)
    names = encoder.csr_feature_names
    (words, capitals), *_ = words_of(texts)
    assert words == ["good", "soup", "good"]
    assert capitals == [False, False, True]
    expected = {
        "note: good": [0.5, 0.0, 0.5],
        "note: good soup": [0.5, 0.5, 0.0],
        "note: (word in capitals)": [0.0, 0.0, 1.0],
        'note: "soup"': [0.0, 1.0, 0.0],
        "note: 1st word good": [1.0, 0.0, 0.0],
    }
    for name, values in expected.items():
        assert word_values(encoder, words, capitals, {names.index(name): 1.0}) == (values, 0.0), name
    assert word_values(encoder, words, capitals, {len(names) - 1: 2.0}) == ([0.0] * 3, 2.0)


def test_every_term_of_a_text_belongs_to_words() -> None:
    texts = pl.Series("note", ["It's a GOOD soup, isn't it?", "好吃的汤 is good", "a good soup again"] * 2)
    encoder = TextEncoder.fit(texts)
    rows = encoder.encode_csr(texts)
    for row, (words, capitals) in enumerate(words_of(texts)):
        indices, data = rows.row(row)
        added = dict(zip(indices.tolist(), data.tolist(), strict=True))
        values, rest = word_values(encoder, words, capitals, added)
        assert rest == 0.0
        assert sum(values) == pytest.approx(sum(added.values()))


def test_words_of_a_model_make_up_what_the_column_adds() -> None:
    notes = ["good soup", "bad soup", "good bread", "cold tea", "", "bad bread"] * 5
    rows = {"note": notes, "size": list(range(30)), "label": ["up", "down", "up", "down", "up", "down"] * 5}
    options: dict[str, Any] = {"recipe": "plain", "epochs": 30, "hidden": [8], "test": 0, "progress": False}
    model = rv.train(rows, target="label", kinds={"note": "text"}, **options)
    actual, full = model.part_attributions(rows), model.attributions(rows)
    np.testing.assert_allclose(actual.values, full.values[:, full.columns.index("note")], atol=1e-6)
    sums = [sum(value for _, value in pairs) for pairs in actual.words]
    np.testing.assert_allclose(actual.rest + sums, actual.values, atol=1e-6)
    assert [word for word, _ in actual.words[0]] == ["good", "soup"]
    assert actual.words[4] == ()
    assert np.abs(actual.rest[[0, 1, 2, 3, 5]]).max() < 1e-6
    several = model.part_attributions({name: values[:3] for name, values in rows.items()}, baseline=rows)
    assert several.values.shape == (3,)


@pytest.mark.parametrize("recipe", ["plain", "image"])
def test_pixels_of_a_model_of_pictures(recipe: str) -> None:
    pictures = np.zeros((60, 10, 10), np.uint8)
    pictures[::2, 2:5, 2:5] = 255
    pictures[1::2, 6:9, 6:9] = 255
    options: dict[str, Any] = {"recipe": recipe, "epochs": 3, "test": 0, "progress": False}
    rows = {"picture": list(pictures), "label": ["a", "b"] * 30}
    model = rv.train(rows, target="label", kinds={"picture": "image"}, **options)
    actual = model.part_attributions({"picture": list(pictures[:4])})
    assert actual.maps is not None
    assert actual.maps.shape == (4, *model.encoder.image.form.shape[:2])
    np.testing.assert_allclose(actual.maps.sum(axis=(1, 2)) + actual.rest, actual.values, atol=1e-6)


def test_typical_cells_of_all_kinds() -> None:
    cells: dict[str, Any] = {
        "number": pl.Series("x", [1.0, 2.0, None, 3.0]),
        "boolean": pl.Series("x", [True, False, None, True]),
        "category": pl.Series("x", ["a", "b", "b", None]),
        "date": pl.Series("x", ["2024-05-06", None, "2024-05-08", "2024-05-10"]),
        "text": pl.Series("x", ["good soup", "bad soup", None, "tea"]),
        "vector": pl.Series("x", [[1.0, 2.0], [3.0, 4.0], [5.0, 9.0], [0.0, 1.0]]),
        "image": pl.Series("x", np.zeros((2, 8, 8, 1), np.uint8)),
        "sound": pl.Series("x", np.zeros((2, 40, 60, 1), np.uint8)),
    }
    assert set(cells) == set(COLUMN_KINDS)
    for kind, column in cells.items():
        encoder = COLUMN_KINDS[kind].fit(column)
        out = np.zeros(encoder.width)
        encoder.encode_typical(out)
        assert np.isfinite(out).all()
        if kind == "category":
            assert out.tolist() == [1.0, 0.0, 0.0, 0.0]
        if getattr(encoder, "missing_indicator", False):
            assert out[-1] == 0.0


def test_what_cannot_be_used_is_refused() -> None:
    parameters = {"layers.0.weight": [[2.0]], "layers.0.bias": [1.0]}
    model = rv.Model.from_parameters(rv.Network(1, [rv.Dense(1)]), parameters, engine="reference")
    with pytest.raises(rv.InputError, match="the model has none"):
        model.part_attributions([[1.0]])
    with pytest.raises(rv.InputError, match='"x0" is no column of texts'):
        model.part_attributions([[1.0]], "x0")
