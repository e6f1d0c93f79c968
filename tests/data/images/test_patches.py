"""Patch features and distortions: the formulas, and the same bits for any block and thread."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier.data.encoders.image import ImageEncoder
from ranvier.data.images.distortion import DISTORTIONS, Distortion, distorted
from ranvier.data.images.patches import BYTE_OFFSET, BYTE_STEP, CONTRAST, ROUNDING, PatchFeatures
from ranvier.data.images.picture_format import PictureFormat
from ranvier.errors import ModelFileError
from tests.data.pictures import stripes


@pytest.fixture(scope="module")
def features() -> PatchFeatures:
    return PatchFeatures.fit(stripes(20, 14, 3)[0], 7, seed=1)


def test_features_follow_the_formulas(features: PatchFeatures) -> None:
    picture = stripes(3, 14, 3, seed=5)[0][2]
    pieces = [
        picture[row : row + 6, column : column + 6].transpose(2, 0, 1).reshape(-1).astype(float)
        for row in range(9)
        for column in range(9)
    ]
    assigned = []
    for piece in pieces:
        normal = (piece - piece.mean()) / np.sqrt(piece.var() + CONTRAST)
        whitened = (normal - features.mean) @ features.whitening
        distance = np.sqrt(((whitened[:, None] - features.centroids) ** 2).sum(axis=0) + ROUNDING)
        assigned.append(np.maximum(0.0, distance.mean() - distance))
    centres = (np.arange(3) + 0.5) * 3
    weights = np.maximum(0.0, 1 - np.abs(np.arange(9) + 0.5 - centres[:, None]) / 3)
    weights /= weights.sum(axis=1, keepdims=True)
    pooled = np.einsum("ir,jc,rck->ijk", weights, weights, np.array(assigned).reshape(9, 9, -1)).reshape(-1)
    expected = (pooled - features.feature_mean) / features.feature_scale
    actual = features.encode(picture[None])[0] * BYTE_STEP + BYTE_OFFSET
    np.testing.assert_allclose(actual, np.clip(expected, -6, 6), atol=BYTE_STEP * 0.6)


def test_a_picture_alone_has_the_bits_of_many(features: PatchFeatures) -> None:
    pixels = stripes(40, 14, 3, seed=2)[0]
    together = features.encode(pixels)
    alone = np.concatenate([features.encode(pixels[at : at + 1]) for at in range(len(pixels))])
    assert together.tobytes() == alone.tobytes()
    assert together.tobytes() == features.encode(pixels[::-1])[::-1].tobytes()


def test_even_pictures_have_finite_features() -> None:
    even = np.full((6, 9, 9, 1), 128, np.uint8)
    patches = PatchFeatures.fit(even, 3)
    assert all(np.isfinite(array).all() for array in patches.arrays().values())
    assert patches.encode(even).shape == (6, 27)


def test_pictures_smaller_than_a_piece() -> None:
    pixels = stripes(10, 4)[0]
    assert PatchFeatures.fit(pixels, 3).encode(pixels).shape == (10, 27)


def test_directions_of_little_variance_are_left_out() -> None:
    pixels = stripes(30, 14, 3)[0]
    patches = PatchFeatures.fit(pixels, 7)
    assert patches.whitening.shape[0] == 108
    assert 1 <= patches.whitening.shape[1] < 108
    assert patches.centroids.shape == (patches.whitening.shape[1], 7)
    # Each direction has a variance of at most 1, and they are no combinations of each other.
    inverse = np.linalg.pinv(patches.whitening)
    np.testing.assert_allclose(inverse @ patches.whitening, np.eye(patches.whitening.shape[1]), atol=1e-3)


def test_turned_features_are_the_same(features: PatchFeatures) -> None:
    """Development versions turned z back to the directions of pixels, which changes no distance."""
    directions = features.whitening.shape[1]
    turned, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(108, directions)))
    arrays = {
        **features.arrays(),
        "whitening": (features.whitening @ turned.T).astype(np.float32),
        "centroids": (turned @ features.centroids).astype(np.float32),
    }
    square = PatchFeatures.from_dict(features.to_dict(), arrays)
    assert square.whitening.shape == (108, 108)
    pixels = stripes(10, 14, 3, seed=3)[0]
    difference = square.encode(pixels).astype(int) - features.encode(pixels)
    assert np.abs(difference).max() <= 1


def test_features_come_back_from_their_parts(features: PatchFeatures) -> None:
    again = PatchFeatures.from_dict(features.to_dict(), features.arrays())
    pixels = stripes(4, 14, 3)[0]
    assert again.encode(pixels).tobytes() == features.encode(pixels).tobytes()
    for name in features.arrays():
        without = {key: array for key, array in features.arrays().items() if key != name}
        with pytest.raises(ModelFileError, match=name):
            PatchFeatures.from_dict(features.to_dict(), without)
        with pytest.raises(ModelFileError, match="shapes"):
            PatchFeatures.from_dict(features.to_dict(), {**features.arrays(), name: np.zeros((2, 9), np.float32)})


@pytest.mark.parametrize("name", DISTORTIONS)
def test_distortions_depend_on_seed_copy_and_index_alone(name: str) -> None:
    pixels = stripes(150, 12)[0]
    full = distorted(pixels, DISTORTIONS[name], 3, 1)
    assert full.tobytes() == distorted(pixels, DISTORTIONS[name], 3, 1).tobytes()
    np.testing.assert_array_equal(full[:70], distorted(pixels[:70], DISTORTIONS[name], 3, 1))
    assert (full != distorted(pixels, DISTORTIONS[name], 3, 2)).any()
    assert (full != distorted(pixels, DISTORTIONS[name], 4, 1)).any()


def test_distortions_do_what_they_are_called() -> None:
    pixels = stripes(64, 12)[0]
    none = dict.fromkeys(("rotation", "shear", "scale", "shift", "elastic"), 0.0)
    np.testing.assert_array_equal(distorted(pixels, Distortion(**none), 0, 0), pixels)
    mirrored = distorted(pixels, Distortion(**none, mirror=True), 0, 0)
    flipped = [bool((new == old[:, ::-1]).all()) for new, old in zip(mirrored, pixels, strict=True)]
    same = [bool((new == old).all()) for new, old in zip(mirrored, pixels, strict=True)]
    assert all(first or second for first, second in zip(flipped, same, strict=True))
    assert 10 < sum(flipped) < 54
    for field in none:
        changed = distorted(pixels, Distortion(**{**none, field: 0.3 if field in ("shear", "scale") else 3.0}), 0, 0)
        assert (changed != pixels).any(), field


def test_the_typical_picture_of_features_beside_pixels_is_black_there() -> None:
    """Behind patch features, average, come pixels and what fills up their number, all 0."""
    pixels = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 1)).astype(np.uint8)
    patches = (PatchFeatures.fit(pixels, 5),)
    encoder = ImageEncoder("x", PictureFormat(8, 8, 1), patches, with_pixels=True, as_bytes=True, padding=6)
    out = np.zeros(encoder.width, np.uint8)
    encoder.encode_typical(out)
    assert (out[: patches[0].width] == 127).all()
    assert not out[patches[0].width :].any()
