"""Rows of pictures and of distorted copies of them, as features of patches or as pixels. B pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.images.distortion import DISTORTIONS, distorted
from ranvier.data.images.patches import PatchFeatures
from ranvier.data.images.threads import Progress
from ranvier.data.text.free_memory import give_back
from ranvier.rows import Rows
from ranvier.rows.pages import empty_pages

Array = NDArray[Any]
CELLS = 9
"""Of the patch features of a picture."""
PICTURES_AT_ONCE = 1024


def rows_with_copies(
    patches: PatchFeatures | None,
    pixels: Array,
    rows: Rows,
    augmentation: str,
    copies: int,
    seed: int,
    progress: Progress | None = None,
    precomputed: Array | None = None,
) -> Rows:
    """The features of pictures and of distorted copies of them, with their targets and weights.

    Parameters:
        patches: what makes the features; None for pixels, one by one.
        pixels, rows: the pictures, shape (B, H, W, C), and their targets.
        augmentation: a key of `DISTORTIONS`; without copies it does not count.
        copies: how many.
        seed: of the distortions.
        progress: called with how much is done, and of how much.
        precomputed: the features of the pictures themselves, where they were made before; None to make them.
    """
    count, total = len(pixels), (copies + 1) * len(pixels)
    features = empty_pages((total, pixels[0].size if patches is None else patches.width))
    # By blocks, since distorted pictures need memory, too.
    for at in range(0, total, PICTURES_AT_ONCE):
        for copy in range(copies + 1):
            start, stop = max(at - copy * count, 0), min(at + PICTURES_AT_ONCE - copy * count, count)
            if start >= stop:
                continue
            pictures = pixels[start:stop]
            if copy:
                pictures = distorted(pictures, DISTORTIONS[augmentation], seed, copy - 1, start)
            out = features[copy * count + start : copy * count + stop]
            if not copy and precomputed is not None:
                out[:] = precomputed[start:stop]
            elif patches is None:
                out[:] = pictures.reshape(len(pictures), -1)
            else:
                patches.encode(pictures, out)
        give_back()
        if progress is not None:
            progress(min(at + PICTURES_AT_ONCE, total), total)
    weights = None if rows.weights is None else np.tile(rows.weights, copies + 1)
    return Rows(features, np.tile(rows.targets, (copies + 1, 1)), weights)


def is_mirrored(augmentation: str) -> bool:
    """Whether predictions are the mean over a picture and its mirror image.

    >>> is_mirrored("flip"), is_mirrored("none")
    (True, False)
    """
    return augmentation in DISTORTIONS and DISTORTIONS[augmentation].mirror
