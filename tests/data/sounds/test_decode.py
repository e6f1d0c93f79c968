"""One loader for recordings: every format of samples, headers that lie, channels, rates, and files that are none."""

from __future__ import annotations

import contextlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.data.sounds.decode import SoundError, decode, survey
from ranvier.data.sounds.log_mel import log_mel
from ranvier.data.sounds.sound_format import SoundFormat
from ranvier.data.sounds.wav_header import HEADER, mended
from ranvier.data.sources.file_reference import FileReference
from tests.data.recordings import RATE, chirp, encoded

TONE = chirp("rising", 0.25)
FORMATS = [("WAV", name) for name in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")]
FORMATS += [("WAVEX", "PCM_16"), ("WAVEX", "FLOAT"), ("RF64", "PCM_16"), ("AIFF", "PCM_24"), ("AU", "PCM_16")]
FORMATS += [("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", None)]
LOSSY = ("OGG", "MP3")


@pytest.mark.parametrize(("form", "subtype"), FORMATS)
def test_every_format_gives_the_same_samples(form: str, subtype: str | None) -> None:
    samples, rate = decode(encoded(TONE, form, subtype))
    assert rate == RATE
    step = {"PCM_U8": 2**-7, "ULAW": 2**-5, "ALAW": 2**-5}.get(subtype or "", 2**-14)
    if form in LOSSY:
        assert abs(len(samples) - len(TONE)) <= 2400  # MP3 pads with frames of its own
        assert float(np.sqrt(np.mean(samples**2))) == pytest.approx(float(np.sqrt(np.mean(TONE**2))), rel=0.3)
    else:
        assert np.abs(samples - TONE).max() <= step


def wav(
    samples: bytes = (TONE * 30000).astype("<i2").tobytes(),
    *,
    riff: int | None = None,
    data: int | None = None,
    before: bytes = b"",
    tag: int = 1,
) -> bytes:
    form = struct.pack("<HHIIHH", tag, 1, RATE, 2 * RATE, 2, 16)
    size = len(samples) if data is None else data
    body = b"WAVE" + HEADER.pack(b"fmt ", 16) + form + before + HEADER.pack(b"data", size) + samples
    return HEADER.pack(b"RIFF", len(body) if riff is None else riff) + body


LIES = {
    "nothing": {"riff": 0, "data": 0},
    "everything": {"riff": 2**32 - 1, "data": 2**32 - 1},
    "riff too small": {"riff": 40},
    "riff too large": {"riff": 10**6},
    "data too large": {"data": 10**6},
    "data empty": {"data": 0},
    "no pad byte": {"before": HEADER.pack(b"LIST", 3) + b"abc"},
    "a pad byte": {"before": HEADER.pack(b"LIST", 3) + b"abc\0"},
    "another chunk": {"before": HEADER.pack(b"bext", 8) + bytes(8)},
    "no pad byte, data empty": {"before": HEADER.pack(b"LIST", 3) + b"abc", "data": 0},
}


@pytest.mark.parametrize("lie", LIES)
def test_sizes_in_headers_are_hints(lie: str) -> None:
    content: Any = wav(**LIES[lie])  # type: ignore[arg-type]
    np.testing.assert_array_equal(decode(content)[0], decode(wav())[0])


def test_a_mended_header_is_counted() -> None:
    assert survey(wav(data=0)).mended
    assert not survey(wav()).mended
    assert survey(wav()[:-20]).mended


FORMS = {
    "no bits": struct.pack("<HHIIH", 1, 1, RATE, 2 * RATE, 2),
    "bits of 0": struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 0),
    "no GUID": struct.pack("<HHIIHH", 0xFFFE, 1, RATE, 2 * RATE, 2, 16),
}


@pytest.mark.parametrize("form", FORMS)
def test_formats_that_are_cut_short_are_mended(form: str) -> None:
    header = HEADER.pack(b"fmt ", 16) + struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    content = wav().replace(header, HEADER.pack(b"fmt ", len(FORMS[form])) + FORMS[form])
    np.testing.assert_array_equal(decode(content)[0], decode(wav())[0])
    assert survey(content).mended


def test_what_cannot_be_mended_gives_both_reasons() -> None:
    with pytest.raises(SoundError, match=r"^Error in WAV/W64/RF64 file\. Malformed 'fmt ' chunk$"):
        decode(wav(tag=0))
    silent = HEADER.pack(b"fmt ", 17) + struct.pack("<HHIIHHB", 1, 0, RATE, 2 * RATE, 2, 16, 0)
    with pytest.raises(SoundError, match="No 'data' chunk marker; with its header mended: Channel count is zero"):
        decode(wav().replace(wav()[12:36], silent))


def test_a_file_cut_off_inside_a_sample_gives_the_others() -> None:
    assert len(decode(wav()[:-3])[0]) == len(TONE) - 2


@given(st.binary(max_size=80), st.integers(0, 60))
def test_mending_takes_any_bytes(noise: bytes, cut: int) -> None:
    content = wav(bytes(8))
    for damaged in (noise, content[:cut] + noise, content[:cut] + noise + content[cut:]):
        result = mended(damaged)
        assert result is None or result[:4] == b"RIFF"


@given(st.binary(max_size=60), st.integers(0, 60))
def test_damaged_files_are_errors_and_never_crashes(noise: bytes, cut: int) -> None:
    content = wav(bytes(40))
    for damaged in (noise, content[:cut] + noise, content[:cut] + noise + content[cut + len(noise) :]):
        with contextlib.suppress(SoundError):
            samples, rate = decode(damaged)
            assert samples.dtype == np.float32
            assert rate > 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<html>404 not found</html>", "recogni"),
        (b"\0\0\0\x20ftypM4A isom" + bytes(40), "ffmpeg"),
        (b"\xff\xf1" + bytes(40), "ffmpeg"),
        (b"RIFF\x24\0\0\0WAVE", "."),
        (wav(tag=0x4242), "."),
    ],
)
def test_what_is_no_recording_says_why(content: bytes, words: str) -> None:
    with pytest.raises(SoundError, match=words):
        decode(content)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_an_error(value: float) -> None:
    with pytest.raises(SoundError, match="not finite"):
        decode((RATE, np.array([0.0, value])))


@pytest.mark.parametrize("loudness", [1e9, 1e20, 1e38])
def test_samples_far_too_loud_sound_like_others(loudness: float) -> None:
    loud = encoded((TONE * loudness).astype(np.float32), "WAV", "FLOAT")
    form = SoundFormat(RATE, 50)
    spectrogram = log_mel(decode(loud)[0], form)
    assert np.abs(spectrogram.astype(int) - log_mel(decode((RATE, TONE))[0], form)).max() <= 1


def test_tags_in_front_of_an_mp3_are_skipped() -> None:
    plain = encoded(TONE, "MP3")
    size = 300_000
    tag = b"ID3\x03\0\0" + bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0)) + bytes(size)
    assert len(decode(tag + plain)[0]) == len(decode(plain)[0])


def test_no_samples_and_one_sample() -> None:
    assert len(decode(wav(b""))[0]) == 0
    assert len(decode(wav(b"\0\0"))[0]) == 1
    assert len(decode((RATE, np.zeros((0, 2))), 16000)[0]) == 0
    assert len(decode((44100, np.zeros(1)), 8000)[0]) == 1


def test_channels_are_mixed_and_those_that_cancel_are_not() -> None:
    two = np.stack([TONE, 0.5 * TONE], axis=1)
    np.testing.assert_allclose(decode((RATE, two))[0], 0.75 * TONE, atol=1e-6)
    np.testing.assert_array_equal(decode((RATE, np.stack([TONE, -TONE], axis=1)))[0], TONE)
    np.testing.assert_array_equal(decode(encoded(np.stack([TONE, -TONE], axis=1), "WAV", "FLOAT"))[0], TONE)


@pytest.mark.parametrize("rate", [4000, 11025, 16000, 22050, 44100, 44056, 48000, 96000])
def test_a_sound_is_the_same_at_every_rate(rate: int) -> None:
    times = np.arange(rate // 2) / rate
    tone = np.sin(2 * np.pi * 440.0 * times)
    expected = np.sin(2 * np.pi * 440.0 * np.arange(RATE // 2) / RATE)
    samples, now = decode((rate, tone), RATE)
    assert now == RATE
    assert abs(len(samples) - RATE // 2) <= 1
    middle = slice(200, 3000)
    assert np.abs(samples[middle] - expected[middle]).max() < 0.03


def test_the_same_samples_however_they_are_given(tmp_path: Path) -> None:
    content = wav()
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    expected = decode(content)[0]
    integers = (TONE * 30000).astype("<i2")
    ways = [path, str(path), FileReference("a", path), FileReference("a", content=content), bytearray(content)]
    ways += [(RATE, integers), (integers, RATE), {"array": integers, "sampling_rate": RATE}, (RATE, expected)]
    for way in ways:
        assert decode(way)[0].tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "cell", [np.zeros(4), 3, (0, np.zeros(4)), (RATE, np.zeros((1, 2, 3))), (RATE, np.array(["a"]))]
)
def test_cells_that_are_no_recordings(cell: Any) -> None:
    with pytest.raises(SoundError):
        decode(cell)
