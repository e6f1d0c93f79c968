"""The one form that all recordings of a column are brought into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ranvier.data.encoders import json_fields
from ranvier.records import record

BANDS = 40
WINDOW, HOP = 0.025, 0.010
RANGE = 70.0
LOWEST = 20.0


@record
class SoundFormat:
    """How recordings become log-mel spectrograms of one length.

    Fields:
        rate: samples a second after resampling, in Hz.
        frames: T, the length of every spectrogram, in frames of `hop` seconds.
        whole: whether the whole recording counts, repeated where it is short; else its loud part, on silence.
        bands: F, the number of mel bands from 20 Hz to half the rate.
        window, hop: length of a frame, and from frame to frame, in seconds.
        range: what lies so many dB below the loudest band of a recording, or deeper, is 0.
        blank: whether a missing recording is a silent one, and not one that cannot be read.

    >>> SoundFormat(8000, 60).shape
    (40, 60, 1)
    """

    rate: int
    frames: int
    whole: bool = False
    bands: int = BANDS
    window: float = WINDOW
    hop: float = HOP
    range: float = RANGE
    blank: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """(F, T, 1), a spectrogram as a picture with one channel."""
        return self.bands, self.frames, 1

    @property
    def size(self) -> int:
        """F * T, the numbers of one spectrogram."""
        return self.bands * self.frames

    @property
    def seconds(self) -> float:
        """How long the part of a recording is that counts, in seconds."""
        return self.frames * self.hop

    def describe(self) -> str:
        """The format in words.

        >>> SoundFormat(8000, 60).describe()
        '40 mel bands at 8,000 Hz, the loud part of at most 0.6 s'
        """
        length = f"{self.seconds:.2g} s"
        part = f"{length}, repeated where shorter" if self.whole else f"the loud part of at most {length}"
        return f"{self.bands} mel bands at {self.rate:,} Hz, {part}"

    def to_dict(self) -> dict[str, Any]:
        """The format as plain JSON values."""
        # What is usual stays out, so that files are those of versions that knew nothing else.
        return {name: value for name, value in asdict(self).items() if (name, value) != ("blank", False)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SoundFormat:
        """The format that `to_dict` wrote.

        Raises:
            ModelFileError: a field is absent, of another type, or out of range.
        """
        rate, frames, bands = (json_fields.field(data, name, int) for name in ("rate", "frames", "bands"))
        window, hop, depth = (json_fields.field(data, name, float) for name in ("window", "hop", "range"))
        if min(rate, frames, bands) < 1 or not min(window, hop, depth) > 0 or round(rate * hop) < 1:
            raise json_fields.damaged(f"recordings of {frames} frames and {bands} bands at {rate} Hz")
        whole, blank = (json_fields.field({"blank": False, **data}, name, bool) for name in ("whole", "blank"))
        return cls(rate, frames, whole, bands, window, hop, depth, blank)
