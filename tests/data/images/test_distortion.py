"""Distorted copies follow their formula, and are the same alone and among others."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ranvier.data.images import distortion
from ranvier.data.images.distortion import DISTORTIONS, Distortion, distorted
from ranvier.random import AUGMENT, uniform

SHAPES = [(3, 12, 9, 1), (3, 9, 12, 3)]


def at(picture: np.ndarray, row: float, column: float) -> np.ndarray:
    """The numbers between four pixels, beyond the border those of its nearest pixel."""
    height, width = picture.shape[:2]
    row, column = min(max(row, 0.0), height - 1.0), min(max(column, 0.0), width - 1.0)
    top, left = min(int(row), height - 2), min(int(column), width - 2)
    down, across = row - top, column - left
    upper = picture[top, left] * (1 - across) + picture[top, left + 1] * across
    lower = picture[top + 1, left] * (1 - across) + picture[top + 1, left + 1] * across
    return upper * (1 - down) + lower * down


@pytest.mark.parametrize("shape", SHAPES)
def test_a_copy_without_elastic_field_is_that_of_the_formula(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    how = Distortion(30.0, 0.2, 0.3, 2.0, 0.0, mirror=True)
    copies = distorted(pixels, how, seed=5, copy=2)
    draws = 2 * uniform(5, AUGMENT, 2, 0, len(pixels) * distortion.DRAWS).reshape(len(pixels), -1) - 1
    middle = (shape[1] - 1) / 2, (shape[2] - 1) / 2
    for number, u in enumerate(draws):
        angle = math.radians(30.0) * u[0]
        for row in range(shape[1]):
            for column in range(shape[2]):
                y, x = row - middle[0], (column - middle[1]) * (-1 if u[6] > 0 else 1)
                across = math.exp(0.3 * u[2]) * (math.cos(angle) * x + (0.2 * u[1] - math.sin(angle)) * y) + 2 * u[4]
                down = math.exp(0.3 * u[3]) * (math.sin(angle) * x + math.cos(angle) * y) + 2 * u[5]
                expected = at(pixels[number].astype(np.float64), down + middle[0], across + middle[1])
                assert np.abs(copies[number, row, column] - expected).max() <= 0.501


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", DISTORTIONS)
def test_copies_are_the_same_alone_and_among_others(
    shape: tuple[int, ...], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8)
    together = distorted(pixels, DISTORTIONS[name], 3, 1)
    assert (together != pixels).any()
    alone = [distorted(pixels[i : i + 1], DISTORTIONS[name], 3, 1, i) for i in range(len(pixels))]
    np.testing.assert_array_equal(np.concatenate(alone), together)
    monkeypatch.setattr(distortion, "PIXELS_PER_TASK", 200)
    np.testing.assert_array_equal(distorted(pixels, DISTORTIONS[name], 3, 1), together)


def test_an_elastic_field_moves_pixels_by_little() -> None:
    """On a ramp of one grey level a column, a copy shows how far each pixel was moved."""
    ramp = np.tile(np.arange(64, dtype=np.uint8), (4, 64, 1))[..., None]
    moved = distorted(ramp, Distortion(0.0, 0.0, 0.0, 0.0, 1.5), 0, 0)[:, :, 5:-5, 0].astype(int) - ramp[:, :, 5:-5, 0]
    assert 1 <= np.abs(moved).max() <= 5
    assert len(np.unique(moved)) > 2
