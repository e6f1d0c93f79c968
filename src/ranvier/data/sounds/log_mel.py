"""Log-mel spectrograms: how loud each band of frequencies is, frame by frame.

    P[t, k] = |FFT of frame t times a Hann window|**2 at frequency k
    M[f, t] = weighted mean of P[t, :] in band f; the weights are a triangle on the mel scale
    L[f, t] = 10 log10 M[f, t] less the largest of the recording, at least -70 dB
    byte    = 255 (L + 70) / 70

So the level of a recording does not count. The mel scale is m = 2595 log10(1 + frequency / 700).

Source: Davis, Mermelstein, "Comparison of parametric representations for monosyllabic word recognition in continuously
spoken sentences", IEEE Transactions on Acoustics, Speech, and Signal Processing, 1980.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.sounds.decode import Samples
from ranvier.data.sounds.sound_format import LOWEST, SoundFormat

Spectrogram = NDArray[np.uint8]
SILENCE = 1e-10
"""The power of a band, of samples from -1 to 1, below which there is nothing."""
FRAMES_AT_ONCE = 2048


def log_mel(samples: Samples, form: SoundFormat) -> Spectrogram:
    """The spectrogram of a recording at the rate of a format, shape (F, frames); silence is 0.

    Parameters:
        samples: shape (n,); shorter ones than a frame are filled up with zeros.
        form: the format; its `frames` do not count here.

    >>> log_mel(np.zeros(0, np.float32), SoundFormat(8000, 60)).shape
    (40, 1)
    """
    return levels(mel_power(samples, form), form)


def mel_power(samples: Samples, form: SoundFormat) -> NDArray[np.float32]:
    """M, the power in each band, frame by frame, shape (F, frames).

    Parameters:
        samples, form: as for `log_mel`.

    >>> mel_power(np.zeros(800, np.float32), SoundFormat(8000, 60)).shape
    (40, 8)
    """
    length, hop, points = frame_sizes(form)
    if len(samples) < length:
        samples = np.pad(samples, (0, length - len(samples)))
    frames = np.lib.stride_tricks.sliding_window_view(samples, length)[::hop]
    taper, bank = _taper(length), _mel_bank(form.rate, points, form.bands)
    mel = np.empty((form.bands, len(frames)), np.float32)
    for start in range(0, len(frames), FRAMES_AT_ONCE):
        spectrum = np.fft.rfft(frames[start : start + FRAMES_AT_ONCE] * taper, points, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        mel[:, start : start + FRAMES_AT_ONCE] = bank @ np.ascontiguousarray(power.T, np.float32)
    return mel


def levels(mel: NDArray[np.float32], form: SoundFormat) -> Spectrogram:
    """The spectrogram of power in each band, shape (F, frames); silence is 0.

    >>> levels(np.array([[1.0, 1e-9]], np.float32), SoundFormat(8000, 60)).tolist()
    [[255, 0]]
    """
    loudest = float(mel.max(initial=0.0))
    if loudest <= SILENCE:
        return np.zeros(mel.shape, np.uint8)
    level = 10.0 * np.log10(np.maximum(mel, np.float32(SILENCE)))
    level -= level.max()
    np.maximum(level, -form.range, out=level)
    return ((level + form.range) * (255.0 / form.range)).astype(np.uint8)


def frame_sizes(form: SoundFormat) -> tuple[int, int, int]:
    """Samples of a frame, samples from frame to frame, and points of the FFT, a power of two.

    >>> frame_sizes(SoundFormat(8000, 60))
    (200, 80, 256)
    """
    length = max(round(form.window * form.rate), 1)
    return length, max(round(form.hop * form.rate), 1), 1 << int(np.ceil(np.log2(max(length * 1.2, 2))))


@lru_cache(8)
def _taper(length: int) -> Samples:
    return np.hanning(length).astype(np.float32)


@lru_cache(8)
def _mel_bank(rate: int, points: int, bands: int) -> Any:
    """The weights of frequencies in each band, a CSR matrix (F, points / 2 + 1), each row summing to 1.

    A band that is narrower than the distance of two frequencies of the FFT takes the nearest one.
    """
    from scipy.sparse import csr_array

    lowest, highest = (2595.0 * math.log10(1.0 + hertz / 700.0) for hertz in (LOWEST, rate / 2.0))
    edges = 700.0 * (10.0 ** (np.linspace(lowest, highest, bands + 2) / 2595.0) - 1.0)
    frequencies = np.fft.rfftfreq(points, 1.0 / rate)
    rising = (frequencies - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequencies) / np.diff(edges)[1:, None]
    weights = np.maximum(0.0, np.minimum(rising, falling))
    empty = np.flatnonzero(weights.sum(axis=1) <= 0)
    weights[empty, np.abs(frequencies - edges[1:-1, None])[empty].argmin(axis=1)] = 1.0
    return csr_array((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))
