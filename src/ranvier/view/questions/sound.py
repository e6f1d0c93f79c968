"""What does a recording sound like, and what does the network get of it?"""

from __future__ import annotations

import io
import wave
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.sounds.decode import decode
from ranvier.errors import InputError
from ranvier.view.row_form import row_of_sound, spectrograms_of
from ranvier.view.subject import Subject

MAX_SECONDS = 30.0
"""How much of a recording is played."""


def sound(subject: Subject, row: Any) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """A known recording as the bytes of a WAV file: one channel of 16 bits at the rate that the model works at.

    Parameters:
        row: its number among the known rows; its file is looked up, and never named by the page.

    Returns `rate` in Hz and `seconds`; and the bytes.

    Raises:
        InputError: there is no such row, or the recordings are not at hand.
        DataError: the file cannot be read any more.
    """
    subject.row(row)
    recordings = subject.known_rows().recordings
    if recordings is None:
        raise InputError("The recordings of these rows are not at hand.")
    rate = subject.model.encoder.sound.form.rate
    samples, _ = decode(recordings[row], rate, MAX_SECONDS)
    return {"rate": rate, "seconds": len(samples) / rate}, wav_bytes(samples, rate)


def heard(subject: Subject, text: Any) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """The spectrogram that the network gets of a recording from the page, low bands below, (bands, frames, 1) bytes.

    Parameters:
        text: the bytes of its file in base64.

    Returns `notes`, sentences on what of it does not count; and the bytes.

    Raises:
        InputError, DataError: it is no recording, or the model takes none.
    """
    source = row_of_sound(subject.form, subject.model, text)
    return {"notes": list(source.notes)}, spectrograms_of(subject.form, subject.model, source)[0]


def wav_bytes(samples: NDArray[np.float32], rate: int) -> NDArray[np.uint8]:
    """A WAV file of 16 bits.

    Parameters:
        samples: from -1 to 1, shape (n,).

    >>> len(wav_bytes(np.zeros(8000, np.float32), 8000))
    16044
    """
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.rint(np.clip(samples, -1.0, 1.0) * 32767.0).astype("<i2").tobytes())
    return np.frombuffer(buffer.getvalue(), np.uint8)
