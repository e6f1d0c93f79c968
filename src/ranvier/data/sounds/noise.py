"""Steady noise in a long recording, taken away band by band.

    N[f]  = the power of band f that a tenth of the frames do not reach     of the noise
    M'    = M - 2 N where that is larger than a fraction of N, else that fraction  without it

Sources: Boll, "Suppression of acoustic noise in speech using spectral subtraction", IEEE Transactions on Acoustics,
Speech, and Signal Processing, 1979; the fraction that stays: Berouti, Schwartz, Makhoul, "Enhancement of speech
corrupted by acoustic noise", ICASSP 1979.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

QUIET = 0.1
"""The fraction of the frames that are taken for noise."""
FACTOR = 2.0
"""How many times the noise is taken away, since it varies from frame to frame."""
SMOOTHING = 9
"""Frames over which power is averaged before the noise is measured."""


def without_noise(mel: NDArray[np.float32], floor: float = 0.0) -> NDArray[np.float32]:
    """The power of each band without that of steady noise, shape (F, frames).

    Parameters:
        mel: what `mel_power` gives.
        floor: the fraction of the noise that stays, so that what is left of it has no holes.

    >>> noise = np.ones((1, 100), np.float32)
    >>> noise[0, 50] = 9.0
    >>> without_noise(noise)[0, 48:53].tolist()
    [0.0, 0.0, 7.0, 0.0, 0.0]
    """
    count = mel.shape[1]
    if count < SMOOTHING:
        return mel
    sums = np.cumsum(mel, axis=1, dtype=np.float64)
    means = (sums[:, SMOOTHING - 1 :] - np.pad(sums, ((0, 0), (1, 0)))[:, : count - SMOOTHING + 1]) / SMOOTHING
    noise = np.quantile(means, QUIET, axis=1, keepdims=True)
    noise = noise.astype(np.float32)
    return np.maximum(mel - np.float32(FACTOR) * noise, np.float32(floor) * noise)
