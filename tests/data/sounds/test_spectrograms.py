"""Log-mel spectrograms of one length, statistics of bands, the choice of rate and length, parts that sound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.data.sounds.activity import sounding_parts
from ranvier.data.sounds.band_statistics import BandStatistics, statistics_of
from ranvier.data.sounds.fixed_length import fixed_length
from ranvier.data.sounds.load import choose_rate, decode_all, load_sounds, spectrogram_of
from ranvier.data.sounds.log_mel import _mel_bank, log_mel
from ranvier.data.sounds.sound_format import SoundFormat
from ranvier.errors import DataError, ModelFileError
from tests.data.recordings import RATE, chirp, chirps, encoded

FORM = SoundFormat(RATE, 50)


def test_the_level_does_not_count() -> None:
    tone = chirp("rising")
    louder, softer = log_mel(tone, FORM), log_mel(tone * np.float32(0.25), FORM)
    assert np.abs(louder.astype(int) - softer).max() <= 1
    assert louder.max() == 255


def test_a_tone_is_loudest_in_its_band() -> None:
    times = np.arange(RATE) / RATE
    bands = [
        int(log_mel(np.sin(2 * np.pi * hertz * times).astype(np.float32), FORM).mean(axis=1).argmax())
        for hertz in (150, 400, 900, 2000, 3500)
    ]
    assert bands == sorted(set(bands))


@pytest.mark.parametrize("length", [0, 1, 10, 200, 201, 5000])
@pytest.mark.parametrize("form", [FORM, SoundFormat(RATE, 300, whole=True)])
def test_any_length_has_a_spectrogram(length: int, form: SoundFormat) -> None:
    for samples in (np.zeros(length, np.float32), np.full(length, 0.5, np.float32), chirp("rising", 1.0)[:length]):
        fixed = fixed_length(log_mel(samples, form), form)
        assert fixed.shape == (form.bands, form.frames)
        assert np.isfinite(statistics_of(fixed[None])).all()
    assert not fixed_length(log_mel(np.zeros(length, np.float32), form), form).any()


@pytest.mark.parametrize(("rate", "points"), [(8000, 256), (8000, 64), (22050, 1024), (400, 16)])
def test_no_band_is_empty(rate: int, points: int) -> None:
    bank = _mel_bank(rate, points, 40).toarray()
    np.testing.assert_allclose(bank.sum(axis=1), 1.0, rtol=1e-6)


@given(st.integers(1, 40), st.integers(1, 30), st.booleans(), st.integers(0, 2**32 - 1))
def test_every_part_has_the_length_of_the_format(frames: int, wanted: int, whole: bool, seed: int) -> None:
    spectrogram = np.random.default_rng(seed).integers(0, 256, (5, frames), np.uint8)
    fixed = fixed_length(spectrogram, SoundFormat(RATE, wanted, whole, bands=5))
    assert fixed.shape == (5, wanted)
    columns = {column.tobytes() for column in spectrogram.T} | {bytes(5)}
    assert {column.tobytes() for column in fixed.T} <= columns


def test_one_sound_at_three_rates_has_nearly_the_same_features() -> None:
    cells = [(rate, chirp("rising", 0.4, rate=rate)) for rate in (8000, 16000, 44100)]
    loaded = load_sounds(cells, "clip")
    assert loaded.form.rate == 8000
    levels = loaded.spectrograms.astype(float)
    loud = levels[0] > 150
    assert np.abs(levels[1] - levels[0])[loud].mean() < 6
    assert np.abs(levels[2] - levels[0])[loud].mean() < 6
    assert any("different rates and are resampled to 8,000 Hz" in note for note in loaded.notes)


def test_a_rate_that_few_have_does_not_decide() -> None:
    assert choose_rate([16000] * 99 + [4000]) == 16000
    assert choose_rate([48000]) == 24000
    assert choose_rate([4000]) == 8000


def test_a_clip_alone_has_the_bits_it_has_among_others() -> None:
    cells = [(RATE, samples) for samples in chirps(6)[0]] + [encoded(chirp("falling"), "FLAC")]
    together = decode_all(cells, FORM, "clip")
    for at, cell in enumerate(cells):
        assert decode_all([cell], FORM, "clip")[0].tobytes() == together[at].tobytes()


def test_short_recordings_are_words_and_long_ones_count_as_a_whole() -> None:
    words = load_sounds([(RATE, samples) for samples in chirps(10)[0]], "clip")
    assert not words.form.whole
    assert 20 <= words.form.frames <= 56
    long = load_sounds([(RATE, chirp("rising", seconds)) for seconds in (3.5, 4.0, 9.0)], "clip")
    assert long.form.whole
    assert long.form.frames == spectrogram_of((RATE, chirp("rising", 4.0)), FORM).shape[1]


def test_broken_recordings_are_named_and_left_out() -> None:
    cells = [(RATE, samples) for samples in chirps(20)[0]]
    loaded = load_sounds([*cells, b"", (RATE, np.zeros(800))], "clip")
    assert loaded.rows.tolist() == [*range(20), 21]
    notes = " ".join(loaded.notes)
    assert "1 recording was left out, which cannot be read: in row 21: it is empty." in notes
    assert "1 recording is silent: in row 22." in notes
    with pytest.raises(DataError, match=r"3 of 5 recordings .* at most a tenth"):
        load_sounds([*cells[:2], b"", b"x", b"RIFF"], "clip")
    with pytest.raises(DataError, match="in row 2 of column"):
        decode_all([cells[0], b""], FORM, "clip")


def test_progress_counts_all_recordings() -> None:
    calls: list[tuple[int, int]] = []
    load_sounds([(RATE, samples) for samples in chirps(40)[0]], "clip", lambda done, total: calls.append((done, total)))
    assert calls[-1] == (40, 40)


def test_statistics_are_standardized_and_stored() -> None:
    spectrograms = decode_all([(RATE, samples) for samples in chirps(30)[0]], FORM, "clip")[..., 0]
    statistics = BandStatistics.fit(spectrograms)
    values = statistics.encode(spectrograms) * (12 / 255) - 6
    assert np.abs(values.mean(axis=0)).max() < 0.05
    assert np.abs(values.std(axis=0)).max() < 1.1
    again = BandStatistics.from_arrays(statistics.arrays(), FORM.bands)
    assert again.encode(spectrograms).tobytes() == statistics.encode(spectrograms).tobytes()
    assert len(statistics.names) == len(set(statistics.names)) == statistics.width
    with pytest.raises(ModelFileError):
        BandStatistics.from_arrays({}, FORM.bands)


@pytest.mark.parametrize("change", [{"rate": 0}, {"frames": 0}, {"hop": 0.0}, {"whole": 1}, {"bands": "x"}])
def test_a_damaged_format_is_an_error(change: dict[str, object]) -> None:
    assert SoundFormat.from_dict(FORM.to_dict()) == FORM
    with pytest.raises(ModelFileError):
        SoundFormat.from_dict({**FORM.to_dict(), **change})


def test_silence_and_one_long_sound_have_no_parts_or_one() -> None:
    assert sounding_parts(np.zeros((40, 100), np.uint8)) == []
    assert sounding_parts(np.full((40, 100), 200, np.uint8)) == [slice(0, 100)]
