"""Attributions of the features of a picture or recording as a map of its pixels, or of its frequencies and times.

B pictures of H x W pixels and C channels; spectrograms of F bands and T frames. A pixel that is an input keeps what it
adds, summed over channels. What a patch feature adds is divided among the pieces of its cell in proportion to how
strongly each of them resembles the centroid, w_p f_k(p), and evenly among the pixels of a piece. What a statistic of a
band adds is divided evenly among the frames that it is about. So a map adds up to what the column adds, but within a
piece, and within the frames of a statistic, it says nothing about where.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.image import ImageEncoder
from ranvier.data.encoders.sound import SoundEncoder
from ranvier.data.images.patches import PatchFeatures
from ranvier.data.sounds.band_statistics import NAMES

Array = NDArray[Any]


def picture_maps(encoder: ImageEncoder, pictures: Array, contributions: Array) -> NDArray[np.float64]:
    """What each pixel adds, (B, H, W).

    Parameters:
        encoder: of the column.
        pictures: decoded, (B, H, W, C).
        contributions: what each feature of the column adds, (B, width).
    """
    maps = np.zeros(pictures.shape[:3])
    for at, (picture, added) in enumerate(zip(pictures, contributions, strict=True)):
        start = 0
        for side in (1, -1) if encoder.mirrored else (1,):
            for patches in encoder.patches:
                side_map = patch_map(patches, picture[:, ::side], added[start : start + patches.width])
                maps[at] += side_map[:, ::side]
                start += patches.width
        if encoder.with_pixels or not encoder.patches:
            maps[at] += added[start:].reshape(picture.shape).sum(axis=2)
    return maps


def spectrogram_maps(encoder: SoundEncoder, spectrograms: Array, contributions: Array) -> NDArray[np.float64]:
    """What each band adds in each frame, (B, F, T); parameters as for `picture_maps`, spectrograms (B, F, T, 1)."""
    maps = np.zeros(spectrograms.shape[:3])
    n_statistics = 0 if encoder.statistics is None else encoder.statistics.width
    for at, (spectrogram, added) in enumerate(zip(spectrograms, contributions, strict=True)):
        if not encoder.patches and not n_statistics:
            maps[at] = added.reshape(maps.shape[1:])
            continue
        start = 0
        for patches in encoder.patches or (None,):
            if patches is not None:
                maps[at] += patch_map(patches, spectrogram, added[start : start + patches.width])
                start += patches.width
            if n_statistics:
                maps[at] += statistics_map(spectrogram[:, :, 0], added[start : start + n_statistics])
                start += n_statistics
    return maps


def patch_map(patches: PatchFeatures, picture: Array, contributions: Array) -> NDArray[np.float64]:
    """What the patch features of one picture (H, W, C) add, by pixel, (H, W)."""
    height, width, _ = picture.shape
    distances, average = patches.distances(picture)
    strength = (average - distances).astype(np.float64)
    weights = patches.pooling_weights(height, width).astype(np.float64)
    pooled = weights @ strength
    added = np.asarray(contributions, np.float64).reshape(pooled.shape)
    active = pooled > 1e-9
    per_strength = np.where(active, added / np.where(active, pooled, 1.0), 0.0)
    pieces = (weights * (per_strength @ strength.T)).sum(axis=0)
    pieces += np.where(active, 0.0, added).sum(axis=1) @ weights
    side, stride = patches.side, patches.stride
    grid = pieces.reshape((height - side) // stride + 1, (width - side) // stride + 1) / side**2
    pixels = np.zeros((height, width))
    for down in range(side):
        for across in range(side):
            rows = slice(down, down + stride * grid.shape[0], stride)
            pixels[rows, across : across + stride * grid.shape[1] : stride] += grid
    return pixels


def statistics_map(spectrogram: Array, contributions: Array) -> NDArray[np.float64]:
    """What the statistics of the bands of one spectrogram (F, T) add, by band and frame, (F, T)."""
    bands, frames = spectrogram.shape
    sounding = np.flatnonzero(spectrogram.max(axis=0) > 0)
    sounding = sounding if len(sounding) else np.arange(frames)
    thirds = np.array_split(sounding, 3)
    by_name = np.asarray(contributions, np.float64).reshape(len(NAMES), bands)
    pixels = np.zeros((bands, frames))
    for name, added in zip(NAMES, by_name, strict=True):
        third = int(name[-1]) - 1 if name[-1].isdigit() else -1
        about = thirds[third] if third >= 0 and len(thirds[third]) else sounding
        pixels[:, about] += added[:, None] / len(about)
    return pixels
