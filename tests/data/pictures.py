"""Generated pictures that can be told apart: stripes along or across, with noise."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def stripes(count: int, side: int = 12, channels: int = 1, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """Pictures (count, side, side, channels) and their labels, "along" and "across" in turn."""
    generator = np.random.default_rng(seed)
    phase = generator.integers(0, 4, (count, 1, 1, 1))
    steps = np.arange(side)
    along = ((steps[None, :, None, None] + phase) % 4 < 2) * 160
    across = ((steps[None, None, :, None] + phase) % 4 < 2) * 160
    is_along = np.arange(count) % 2 == 0
    pixels = np.where(is_along[:, None, None, None], along, across) + generator.integers(
        0, 90, (count, side, side, channels)
    )
    return pixels.astype(np.uint8), np.where(is_along, "along", "across")


def encoded(picture: NDArray[np.uint8] | Image.Image, form: str = "PNG", **options: object) -> bytes:
    """The bytes of a picture in a file format."""
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture[..., 0] if picture.shape[-1:] == (1,) else picture)
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def write_folder(folder: Path, count: int, form: str = "PNG", seed: int = 0, **options: int) -> Path:
    """A folder of class folders."""
    for at, (picture, label) in enumerate(zip(*stripes(count, seed=seed, **options), strict=True)):
        path = folder / str(label) / f"{at}.{form.lower()}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(picture, form))
    return folder
