"""Generated recordings that can be told apart: tones that rise, and tones that fall."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 8000
LABELS = ("falling", "rising")


def chirp(label: str, seconds: float = 0.4, seed: int = 0, rate: int = RATE) -> NDArray[np.float32]:
    """A tone that changes by an octave and a half, from somewhere between 350 and 450 Hz, with more or less noise."""
    generator = np.random.default_rng(seed)
    low = generator.uniform(350.0, 450.0)
    times = np.arange(round(seconds * rate)) / rate
    octaves = 1.5 * times / seconds
    frequencies = low * 2.0 ** (octaves if label == "rising" else 1.5 - octaves)
    tone = np.sin(2 * np.pi * np.cumsum(frequencies) / rate) * np.minimum(1.0, 20 * np.minimum(times, seconds - times))
    noise = generator.normal(0, 10 ** generator.uniform(-4, -2), len(tone))
    samples: NDArray[np.float32] = (0.4 * tone + noise).astype(np.float32)
    return samples


def chirps(count: int, seed: int = 0, rate: int = RATE) -> tuple[list[NDArray[np.float32]], list[str]]:
    """Recordings between 0.3 and 0.5 s and their labels, in turn."""
    labels = [LABELS[at % 2] for at in range(count)]
    lengths = np.random.default_rng(seed).uniform(0.3, 0.5, count)
    pairs = zip(labels, lengths, strict=True)
    return [chirp(label, length, 1000 * seed + at, rate) for at, (label, length) in enumerate(pairs)], labels


def encoded(samples: NDArray[np.generic], form: str = "WAV", subtype: str | None = None, rate: int = RATE) -> bytes:
    """The bytes of a recording in a file format."""
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=form, subtype=subtype)
    return buffer.getvalue()


def write_folder(folder: Path, count: int, seed: int = 0, form: str = "WAV") -> Path:
    """A folder of class folders; names are NUMBER_SPEAKER.wav, of three speakers."""
    for at, (samples, label) in enumerate(zip(*chirps(count, seed), strict=True)):
        path = folder / label / f"{at}_{('ann', 'bob', 'eve')[at // 2 % 3]}.{form.lower()}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(samples, form))
    return folder
