"""Statistics of each band of a spectrogram, which say what it is like whenever it is.

For each band, over the frames that are not silent: mean, standard deviation, maximum, mean and standard deviation of
each third, and the mean absolute difference of neighbouring frames. Levels are bytes / 32.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders import json_fields
from ranvier.data.images.patches import BYTE_OFFSET, BYTE_STEP
from ranvier.records import record

Array = NDArray[Any]
NAMES = (
    *("mean", "deviation", "maximum"),
    *(f"{name} of third {third}" for third in (1, 2, 3) for name in ("mean", "deviation")),
    "change",
)
UNIT = np.float32(1.0 / 32.0)
MIN_FRAMES = 4
"""Of fewer frames that are not silent, all count."""


@record(eq=False)
class BandStatistics:
    """Standardized statistics of spectrograms.

    Fields:
        mean, scale: of the training recordings, shape (10 F,).
    """

    mean: Array
    scale: Array

    @classmethod
    def fit(cls, spectrograms: Array) -> BandStatistics:
        """Learn mean and scale.

        Parameters:
            spectrograms: bytes, shape (B, F, T).

        >>> BandStatistics.fit(np.zeros((3, 40, 60), np.uint8)).width
        400
        """
        values = statistics_of(spectrograms)
        scale = values.std(axis=0, dtype=np.float64)
        scale += 1e-3 * float(scale.max(initial=0.0)) + 1e-8
        return cls(values.mean(axis=0, dtype=np.float64).astype(np.float32), scale.astype(np.float32))

    @property
    def width(self) -> int:
        """10 F."""
        return int(self.mean.size)

    @property
    def names(self) -> list[str]:
        """One name for each statistic of each band."""
        return [f"{name} of band {band}" for name in NAMES for band in range(self.width // len(NAMES))]

    def encode(self, spectrograms: Array) -> NDArray[np.uint8]:
        """The statistics as bytes, shape (B, 10 F): a byte is as many standard deviations as in `PatchFeatures`."""
        values = (statistics_of(spectrograms) - self.mean) / self.scale
        rounded = np.clip(np.rint((values - np.float32(BYTE_OFFSET)) / np.float32(BYTE_STEP)), 0.0, 255.0)
        encoded: NDArray[np.uint8] = rounded.astype(np.uint8)
        return encoded

    def arrays(self) -> dict[str, Array]:
        """The arrays by name."""
        return {"mean": self.mean, "scale": self.scale}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], bands: int) -> BandStatistics:
        """The statistics that `arrays` described.

        Raises:
            ModelFileError: an array is absent or of another shape.
        """
        shapes = [arrays[name].shape if name in arrays else None for name in ("mean", "scale")]
        if shapes != [(len(NAMES) * bands,)] * 2:
            raise json_fields.damaged(f"the arrays of its band statistics have shapes {shapes}")
        return cls(arrays["mean"], arrays["scale"])


def statistics_of(spectrograms: Array) -> NDArray[np.float32]:
    """The statistics before they are standardized, shape (B, 10 F).

    >>> statistics_of(np.full((1, 2, 8), 64, np.uint8))[0, :6].tolist()
    [2.0, 2.0, 0.0, 0.0, 2.0, 2.0]
    """
    out = np.empty((len(spectrograms), len(NAMES) * spectrograms.shape[1]), np.float32)
    for row, spectrogram in zip(out, spectrograms, strict=True):
        sounding = spectrogram.max(axis=0) > 0
        levels = (spectrogram[:, sounding] if sounding.sum() >= MIN_FRAMES else spectrogram) * UNIT
        parts = [levels.mean(axis=1), levels.std(axis=1), levels.max(axis=1)]
        for third in np.array_split(levels, 3, axis=1):
            present = third if third.shape[1] else levels
            parts += [present.mean(axis=1), present.std(axis=1)]
        change = np.abs(np.diff(levels, axis=1))
        parts.append(change.mean(axis=1) if change.shape[1] else np.zeros(len(levels), np.float32))
        row[:] = np.concatenate(parts)
    return out
