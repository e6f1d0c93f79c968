"""Where in a long recording something is to be heard, between its pauses."""

from __future__ import annotations

import numpy as np

from ranvier.data.sounds.fixed_length import smoothed
from ranvier.data.sounds.log_mel import Spectrogram

QUIET, LOUD = 0.1, 0.98
"""The fractions of the frames below the level of pauses, and below that of sounds."""
THRESHOLD = 0.3
"""Where between these levels a sound begins."""
MIN_RISE = 10.0
"""How far, in bytes of the spectrogram, the two levels lie apart at least, or all is one sound or one pause."""
MAX_GAP, MIN_LENGTH = 14, 6
"""Frames of a pause inside a word at most, and of a sound at least."""


def sounding_parts(spectrogram: Spectrogram) -> list[slice]:
    """The frames of each sound, in order, without overlap.

    Parameters:
        spectrogram: of the whole recording, shape (F, frames).

    >>> frames = np.repeat([0, 90, 0, 90, 0], [30, 40, 50, 20, 30])
    >>> sounding_parts(np.tile(frames, (40, 1)).astype(np.uint8))
    [slice(29, 71, None), slice(119, 141, None)]
    """
    levels = smoothed(spectrogram.mean(axis=0))
    quiet, loud = np.quantile(levels, (QUIET, LOUD))
    if loud - quiet < MIN_RISE:
        return [slice(0, len(levels))] if loud >= MIN_RISE else []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], levels > quiet + THRESHOLD * (loud - quiet), [0]])))
    parts: list[slice] = []
    for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        if parts and start - parts[-1].stop <= MAX_GAP:
            parts[-1] = slice(parts[-1].start, stop)
        else:
            parts.append(slice(start, stop))
    return [part for part in parts if part.stop - part.start >= MIN_LENGTH]
