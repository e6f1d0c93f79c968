"""Recordings of a lower rate or a greater length than those of the training: read, with a warning."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from ranvier.data.sounds.decode import SoundError, decode
from ranvier.data.sounds.load import decode_all, load_known
from ranvier.data.sounds.overview import overview
from ranvier.data.sounds.sound_format import SoundFormat
from ranvier.data.sounds.wav_header import HEADER
from ranvier.data.sources.file_reference import FileReference
from tests.data.recordings import RATE, chirp, encoded

FORM = SoundFormat(16000, 50)


def test_a_lower_rate_is_named() -> None:
    usual = FileReference("usual.wav", content=encoded(chirp("rising", rate=16000), rate=16000))
    phone = FileReference("phone.wav", content=encoded(chirp("rising")))
    assert load_known([usual], FORM, "clip").notes == ()
    (note,) = load_known([usual, phone], FORM, "clip").notes
    assert note.startswith("1 recording has a lower rate than the 16,000 Hz of the training")
    assert note.endswith("phone.wav (8,000 Hz).")
    with pytest.warns(UserWarning, match=r"phone.wav \(8,000 Hz\)"):
        decode_all([phone], FORM, "clip")


@pytest.mark.parametrize("full", [False, True])
def test_a_greater_length_is_named(full: bool) -> None:
    form = SoundFormat(RATE, 50, full)
    long = (RATE, np.concatenate([chirp("rising")] * 5))
    with pytest.warns(UserWarning, match="only 0.5 s of each count: in row 2. To hear all of it: --listen"):
        decode_all([(RATE, chirp("rising")), long], form, "clip")


def test_silence_around_a_word_does_not_make_it_long() -> None:
    silence = np.zeros(3 * RATE, np.float32)
    cell = (RATE, np.concatenate([silence, chirp("rising"), silence]))
    assert load_known([cell], SoundFormat(RATE, 50), "clip").notes == ()


def wav_with_format(form: bytes, samples: bytes) -> bytes:
    body = b"WAVE" + HEADER.pack(b"fmt ", len(form)) + form + HEADER.pack(b"data", len(samples)) + samples
    return HEADER.pack(b"RIFF", len(body)) + body


SAMPLES = (chirp("rising") * 30000).astype("<i2").tobytes()
PLAIN = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
GUID = struct.pack("<HHIH", 22, 16, 4, 1) + b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"
EXTENSIBLE = struct.pack("<HHIIHH", 0xFFFE, 1, RATE, 2 * RATE, 2, 16) + GUID


@pytest.mark.parametrize(
    "form",
    [PLAIN, PLAIN + b"\0\0", EXTENSIBLE, EXTENSIBLE + bytes(8), PLAIN + struct.pack("<H", 4) + bytes(4)],
    ids=["plain", "extra size", "extensible", "extensible with more", "extra bytes"],
)
def test_more_bytes_in_the_description_of_the_samples(form: bytes) -> None:
    assert decode(wav_with_format(form, SAMPLES))[0].tobytes() == decode(wav_with_format(PLAIN, SAMPLES))[0].tobytes()


def test_a_damaged_mp3_names_the_library() -> None:
    with pytest.raises(SoundError, match=r"MP3, read by libsndfile \d"):
        decode(b"ID3\x03\0\0\0\0\0\0" + bytes(400))


def test_a_look_tells_lengths_rates_broken_silent_and_repeated_ones() -> None:
    tones = [FileReference(f"{at}.wav", content=encoded(chirp("rising", 0.4, at))) for at in range(20)]
    others = [
        FileReference("copy.wav", content=tones[0].read()),
        FileReference("still.wav", content=encoded(np.zeros(4000, np.float32))),
        FileReference("broken.wav", content=b"RIFF"),
    ]
    words = " ".join(overview([*tones, *others], "clip"))
    for part in ("0.4 to 0.5 s", "8,000 Hz; 1 channel", "copy.wav as 0.wav", "silent: still.wav", "broken.wav"):
        assert part in words
