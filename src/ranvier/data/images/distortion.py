"""Random distortions of pictures: rotation, shear, scale, shift, an elastic field, mirroring.

For each picture, with u uniform in (-1, 1) and n the sum of three such:

    A = [[cos a, shear u - sin a], [sin a, cos a]], a = rotation u, its rows times exp(scale u)
    (x, y) in the copy is taken from A (x, y) + shift (u, u) + (spline of elastic n, spline of elastic n)

between pixels by bilinear interpolation, beyond the border from its nearest pixel. The splines are cubic B-splines over
8 x 8 points. The numbers are those of (seed, copy, index of the picture), so copies are the same for any threads.

Source: Simard, Steinkraus, Platt, "Best practices for convolutional neural networks applied to visual document
analysis", ICDAR 2003.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.images.threads import map_by_threads
from ranvier.random import AUGMENT, uniform
from ranvier.records import record

Array = NDArray[Any]
KNOTS = 8
SINGLE = 8
"""Numbers of a picture that are not those of the elastic field."""
DRAWS = SINGLE + 2 * 3 * KNOTS * KNOTS
PIXELS_PER_TASK = 1 << 15
"""So few that a task's numbers stay in the processor's caches."""


@record
class Distortion:
    """How much pictures are distorted.

    Fields:
        rotation: in degrees.
        shear, scale: fractions.
        shift, elastic: in pixels.
        mirror: whether half of the copies are mirrored left to right.

    >>> DISTORTIONS["flip"].mirror
    True
    """

    rotation: float
    shear: float
    scale: float
    shift: float
    elastic: float
    mirror: bool = False


DISTORTIONS = {
    "affine": Distortion(10.0, 0.15, 0.1, 1.5, 1.5),
    "flip": Distortion(6.0, 0.05, 0.1, 2.0, 1.0, mirror=True),
}
"""What `augment` may be besides "none" and "auto"."""


def distorted(pixels: Array, distortion: Distortion, seed: int, copy: int, first: int = 0) -> NDArray[np.uint8]:
    """One distorted copy of each picture.

    Parameters:
        pixels: bytes, shape (B, H, W, C).
        distortion: how much.
        seed, copy: which copy; the first one is 0.
        first: the index of the first picture, of which the random numbers are a function.

    Returns bytes, shape (B, H, W, C).

    >>> same = Distortion(0.0, 0.0, 0.0, 0.0, 0.0)
    >>> pixels = np.arange(64, dtype=np.uint8).reshape(1, 8, 8, 1)
    >>> bool((distorted(pixels, same, 0, 0) == pixels).all())
    True
    """
    copies = np.empty_like(pixels)
    at_once = max(1, PIXELS_PER_TASK // max(pixels[0, ..., 0].size, 1)) if len(pixels) else 1

    def task(start: int) -> None:
        block = pixels[start : start + at_once]
        draws = uniform(seed, AUGMENT, copy, 0, len(block) * DRAWS, (first + start) * DRAWS)
        origins = _origins(block.shape, distortion, 2.0 * draws.reshape(len(block), DRAWS) - 1.0)
        copies[start : start + len(block)] = _resampled(block, *origins)

    map_by_threads(task, range(0, len(pixels), at_once))
    return copies


def _origins(shape: tuple[int, ...], distortion: Distortion, draws: Array) -> tuple[Array, Array]:
    """Where each pixel of the copies is taken from: rows and columns, each of shape (B, H, W)."""
    count, height, width = shape[:3]
    single = draws[:, :SINGLE, None, None]
    angle = np.deg2rad(distortion.rotation) * single[:, 0]
    shear = distortion.shear * single[:, 1]
    across, down = (np.exp(distortion.scale * single[:, axis]) for axis in (2, 3))
    field = draws[:, SINGLE:].reshape(count, 2, KNOTS, KNOTS, 3).sum(axis=4) * distortion.elastic
    offsets = _spline_weights(height) @ field @ _spline_weights(width).T
    y, x = np.arange(height)[:, None] - (height - 1) / 2, np.arange(width)[None, :] - (width - 1) / 2
    if distortion.mirror:
        x = np.where(single[:, 6] > 0, -x, x)
    cosine, sine = np.cos(angle), np.sin(angle)
    columns = across * (cosine * x + (shear - sine) * y) + distortion.shift * single[:, 4] + offsets[:, 0]
    rows = down * (sine * x + cosine * y) + distortion.shift * single[:, 5] + offsets[:, 1]
    return rows + (height - 1) / 2, columns + (width - 1) / 2


def _resampled(pixels: Array, rows: Array, columns: Array) -> NDArray[np.uint8]:
    """The pixels at fractional rows and columns, between four neighbours."""
    count, height, width, channels = pixels.shape
    rows, columns = (np.clip(at, 0.0, size - 1.0).astype(np.float32) for at, size in ((rows, height), (columns, width)))
    top, left = (np.minimum(at.astype(np.int32), size - 2) for at, size in ((rows, height), (columns, width)))
    down, across = (rows - top.astype(np.float32))[..., None], (columns - left.astype(np.float32))[..., None]
    words = _as_words(pixels)
    first = (np.arange(count, dtype=np.int32)[:, None, None] * height + top) * width + left

    def corner(step: int) -> Array:
        channels_of: Array = words.take(first + np.int32(step)).view(np.uint8).reshape(*first.shape, -1)
        return channels_of.astype(np.float32)

    upper, right, lower, lower_right = (corner(step) for step in (0, 1, width, width + 1))
    upper += (right - upper) * across
    lower += (lower_right - lower) * across
    mixed = upper + (lower - upper) * down + np.float32(0.5)
    return np.asarray(mixed[..., :channels], np.uint8)


def _as_words(pixels: Array) -> NDArray[Any]:
    """One number for each pixel (B, H, W, C), which is fetched at once: all its channels, C at most 4."""
    if pixels.shape[3] == 1:
        return pixels.reshape(-1)
    padded = np.zeros((pixels[..., 0].size, 4), np.uint8)
    padded[:, : pixels.shape[3]] = pixels.reshape(-1, pixels.shape[3])
    words: NDArray[Any] = padded.view(np.uint32)[:, 0]
    return words


@lru_cache(maxsize=16)
def _spline_weights(size: int) -> Array:
    """The weights of the cubic B-splines at the knots, for each pixel of a side, shape (size, KNOTS)."""
    at = np.linspace(1.0, KNOTS - 2 - 1e-6, size)
    knot = np.floor(at).astype(np.int64)
    t = at - knot
    weights = np.zeros((size, KNOTS))
    values = ((1 - t) ** 3 / 6, (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6, t**3 / 6)
    for step, value in enumerate(values):
        weights[np.arange(size), knot - 1 + step] += value
    return weights
