"""From a cell to samples: the one loader, with the same bits in training and prediction.

Files are read with soundfile; channels are mixed down, and the rate is changed by polyphase filtering.
"""

from __future__ import annotations

import io
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.readable_cells import CellError
from ranvier.data.sounds.samples import is_samples
from ranvier.data.sounds.wav_header import is_cut, mended
from ranvier.data.sources.file_reference import FileReference
from ranvier.records import record

Samples = NDArray[np.float32]
MAX_SECONDS = 600.0
"""How much of a recording is read for training and prediction."""
CANCELLED = 0.01
"""The fraction of the loudest channel's power below which a mix of channels counts as cancelled out."""
LOUDEST = 1e6
"""The largest sample that is left as it is; 1 is the loudest that most formats can hold."""
MAX_FACTOR = 1000
MIN_RATE, MAX_RATE = 100, 1_000_000


class SoundError(CellError):
    """A recording that cannot be decoded; the message says why, without its name."""


@record
class SoundSurvey:
    """What a recording is before it is brought into a format.

    Fields:
        rate: in Hz.
        channels: how many.
        seconds: how long it is.
        mended: whether its header had to be mended, or says that there is more than the file holds.
    """

    rate: int
    channels: int
    seconds: float
    mended: bool = False


def survey(cell: Any) -> SoundSurvey:
    """Look at a recording without decoding it.

    Raises:
        SoundError: it is no recording, or a damaged one.

    >>> survey((8000, np.zeros(4000, np.float32)))
    SoundSurvey(rate=8000, channels=1, seconds=0.5, mended=False)
    """
    in_memory = _array_and_rate(cell)
    if in_memory is not None:
        array, rate = in_memory
        return SoundSurvey(rate, array.shape[1], len(array) / rate)
    content = _file_bytes(cell)
    file, was_mended = _opened(content)
    with file:
        seconds = file.frames / file.samplerate
        return SoundSurvey(file.samplerate, file.channels, seconds, was_mended or is_cut(content))


def decode(cell: Any, rate: int | None = None, max_seconds: float = MAX_SECONDS) -> tuple[Samples, int]:
    """The samples of a recording, one channel from -1 to 1, shape (n,), and their rate in Hz.

    Channels are averaged; where they cancel each other, the loudest one counts.

    Parameters:
        cell: a `FileReference`, a path, the bytes of a file; or samples in memory as (rate, array) or (array, rate), or
            as a dictionary of "array" and "sampling_rate", the array of shape (n,) or (n, channels), of integers or of
            floating point from -1 to 1.
        rate: to resample to, in Hz; None for its own.
        max_seconds: what lies behind is not read.

    Raises:
        SoundError: it is no recording, or a damaged one.

    >>> samples, rate = decode((16000, np.full((1600, 2), 8192, np.int16)), 8000)
    >>> len(samples), rate
    (800, 8000)
    """
    in_memory = _array_and_rate(cell)
    if in_memory is None:
        array, source_rate = _read(_file_bytes(cell), max_seconds)
    else:
        array, source_rate = in_memory[0][: round(in_memory[1] * max_seconds)], in_memory[1]
    if not np.isfinite(array).all():
        raise SoundError("it has samples that are not finite")
    peak = float(np.abs(array).max(initial=0.0))
    if peak > LOUDEST:
        array = array / np.float32(peak)  # squares of such samples may be infinite
    mono = _mixed(array)
    return (mono, source_rate) if rate is None else (resampled(mono, source_rate, rate), rate)


def resampled(samples: Samples, rate: int, to: int) -> Samples:
    """The samples at another rate, by polyphase filtering, shape (n * to / rate,).

    >>> resampled(np.zeros(441, np.float32), 44100, 8000).shape
    (80,)
    """
    if rate == to or not len(samples):
        return samples
    from scipy.signal import resample_poly

    ratio = Fraction(to, rate).limit_denominator(MAX_FACTOR)
    ratio = ratio or Fraction(1, MAX_FACTOR)
    out: Samples = np.asarray(resample_poly(samples, ratio.numerator, ratio.denominator), np.float32)
    return out[: max(math.ceil(len(samples) * to / rate), 1)]


def _array_and_rate(cell: Any) -> tuple[NDArray[np.float32], int] | None:
    """Samples in memory, shape (n, channels), and their rate; None for a file."""
    if not is_samples(cell):
        if isinstance(cell, np.ndarray):
            raise SoundError("it is an array without a rate; (rate, array) was expected")
        return None
    if isinstance(cell, dict):
        array, rate = np.asarray(cell["array"]), int(cell["sampling_rate"])
    else:
        array, rate = (cell[0], cell[1]) if isinstance(cell[0], np.ndarray) else (cell[1], cell[0])
    if not MIN_RATE <= int(rate) <= MAX_RATE:
        raise SoundError(f"its rate is {rate} Hz")
    if array.ndim > 2 or array.dtype.kind not in "iuf" or (array.ndim == 2 and not array.shape[1]):
        raise SoundError(f"its samples are an array of shape {array.shape} and type {array.dtype}")
    if array.dtype.kind != "f":
        info = np.iinfo(array.dtype)
        middle = 2.0 ** (info.bits - 1)
        array = (array.astype(np.float64) - (middle if array.dtype.kind == "u" else 0.0)) / middle
    shaped = array.astype(np.float32).reshape(len(array), -1 if array.size else 1)
    return shaped, int(rate)


def _file_bytes(cell: Any) -> bytes:
    if isinstance(cell, (bytes, bytearray)):
        return bytes(cell)
    if isinstance(cell, (str, Path)):
        cell = FileReference(str(cell), Path(cell))
    if cell is None:
        raise SoundError("it is missing")
    if not isinstance(cell, FileReference):
        raise SoundError(f"a {type(cell).__name__} is no recording; a file or (rate, array) was expected")
    return cell.read()


def _opened(content: bytes) -> tuple[Any, bool]:
    """The file, opened by soundfile, and whether its header had to be mended."""
    import soundfile

    if not content:
        raise SoundError("it is empty")
    reason = ""
    try:
        file = soundfile.SoundFile(io.BytesIO(content))
        if file.frames:
            return file, False
        file.close()
    except (soundfile.LibsndfileError, RuntimeError) as error:
        reason = _reason(error)
    for other, is_header in ((mended(content), True), (_without_id3(content), False)):
        if other is not None:
            try:
                return soundfile.SoundFile(io.BytesIO(other)), is_header and other != content
            except (soundfile.LibsndfileError, RuntimeError) as error:
                again = _reason(error)
                if is_header and again not in reason:
                    reason = f"{reason}; with its header mended: {again}"
    if not reason:
        return soundfile.SoundFile(io.BytesIO(content)), False
    raise SoundError(_advice(content, reason))


def _reason(error: Exception) -> str:
    """What libsndfile says, without the stop at its end; other errors in their own words."""
    return str(getattr(error, "error_string", error)).strip().rstrip(".")


def _advice(content: bytes, reason: str) -> str:
    """Why a file cannot be read."""
    if content[4:8] == b"ftyp" or content[:2] in (b"\xff\xf1", b"\xff\xf9"):
        return "it is M4A or AAC, which is not supported; convert it: ffmpeg -i a.m4a a.wav"
    if content[:4] == b"\x30\x26\xb2\x75":
        return "it is WMA, which is not supported; convert it: ffmpeg -i a.wma a.wav"
    message = reason.strip().rstrip(".")[:200] or "it is no recording"
    if content[:3] == b"ID3" or content[:1] == b"\xff":
        import soundfile

        return f"{message} (MP3, read by libsndfile {soundfile.__libsndfile_version__})"
    return message


def _without_id3(content: bytes) -> bytes | None:
    """An MP3 file without its tags in front, whose size is written in seven bits a byte; None without such."""
    if content[:3] != b"ID3" or len(content) < 10:
        return None
    size = sum((byte & 0x7F) << (7 * (3 - at)) for at, byte in enumerate(content[6:10]))
    return content[10 + size :] or None


def _read(content: bytes, max_seconds: float) -> tuple[NDArray[np.float32], int]:
    """The samples of a file, shape (n, channels), and their rate."""
    import soundfile

    file, _ = _opened(content)
    with file:
        try:
            frames = math.ceil(min(max_seconds * file.samplerate, 2**40))
            array = file.read(min(frames, file.frames), dtype="float32", always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError, MemoryError) as error:
            raise SoundError(_reason(error)[:200]) from error
        if not MIN_RATE <= file.samplerate <= MAX_RATE:
            raise SoundError(f"its rate is {file.samplerate} Hz")
        return array, int(file.samplerate)


def _mixed(array: NDArray[np.float32]) -> Samples:
    """The mean of the channels, or the loudest one where they cancel each other; shape (n,)."""
    if array.shape[1] == 1 or not len(array):
        return np.ascontiguousarray(array[:, 0])
    powers = np.einsum("ij,ij->j", array, array, dtype=np.float64)
    mean: Samples = array.mean(axis=1, dtype=np.float32)
    if np.einsum("i,i->", mean, mean, dtype=np.float64) < CANCELLED * powers.max():
        return np.ascontiguousarray(array[:, int(powers.argmax())])
    return mean
