"""Spectrograms of one length: the loud part of a word, or a whole recording, cut or repeated."""

from __future__ import annotations

import numpy as np

from ranvier.data.sounds.log_mel import Spectrogram
from ranvier.data.sounds.sound_format import SoundFormat

LOUD = 0.35
"""Where in the range of levels of a recording its loud part begins."""
MARGIN = 3
"""Frames that are kept before and behind the loud part."""


def fixed_length(spectrogram: Spectrogram, form: SoundFormat) -> Spectrogram:
    """The part of a spectrogram that counts, shape (F, T).

    Of a longer part the loudest T frames are taken. A shorter one is repeated where the whole recording counts, else it
    stands in the middle of zeros.

    Parameters:
        spectrogram: shape (F, frames), with one frame or more.
        form: says T, and what counts.

    >>> part = fixed_length(np.full((40, 3), 9, np.uint8), SoundFormat(8000, 5))
    >>> part[0].tolist()
    [0, 9, 9, 9, 0]
    """
    part = spectrogram if form.whole else spectrogram[:, loud_part(spectrogram)]
    length = part.shape[1]
    if length >= form.frames:
        ends = np.concatenate([[0], np.cumsum(part.sum(axis=0, dtype=np.int64))])
        start = int((ends[form.frames :] - ends[: length - form.frames + 1]).argmax())
        return part[:, start : start + form.frames]
    if form.whole:
        return np.tile(part, (1, -(-form.frames // length)))[:, : form.frames]
    left = (form.frames - length) // 2
    return np.pad(part, ((0, 0), (left, form.frames - length - left)))


def counted_frames(spectrogram: Spectrogram, form: SoundFormat) -> int:
    """How many frames of a recording count before they are cut or filled up.

    >>> counted_frames(np.full((40, 9), 7, np.uint8), SoundFormat(8000, 5, whole=True))
    9
    """
    if form.whole:
        return int(spectrogram.shape[1])
    part = loud_part(spectrogram)
    return int(part.stop - part.start)


def loud_part(spectrogram: Spectrogram) -> slice:
    """The frames without the silence at both ends.

    >>> loud_part(np.repeat([0, 0, 0, 0, 0, 9, 9, 9, 0, 0, 0, 0, 0], 2)[None].astype(np.uint8))
    slice(7, 19, None)
    """
    levels = smoothed(spectrogram.mean(axis=0))
    lowest, highest = float(levels.min()), float(levels.max())
    loud = np.flatnonzero(levels >= lowest + LOUD * (highest - lowest))
    return slice(max(int(loud[0]) - MARGIN, 0), min(int(loud[-1]) + 1 + MARGIN, spectrogram.shape[1]))


def smoothed(levels: np.ndarray) -> np.ndarray:
    """The mean over three neighbours, shape (frames,); beyond the ends there is silence.

    >>> smoothed(np.array([0.0, 3.0, 0.0])).tolist()
    [1.0, 1.0, 1.0]
    """
    return np.convolve(levels, np.full(3, 1.0 / 3.0))[1 : len(levels) + 1]
