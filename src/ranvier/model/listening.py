"""Listening to a long recording: which sounds a model of recordings hears in it, and when."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier import user_warnings
from ranvier.data.encoders.decoding import class_probabilities
from ranvier.data.encoders.row_encoder import row_encoder
from ranvier.data.encoders.sound import SoundEncoder
from ranvier.data.sounds.activity import sounding_parts
from ranvier.data.sounds.decode import SoundError, decode, resampled
from ranvier.data.sounds.fixed_length import fixed_length, smoothed
from ranvier.data.sounds.load import LOWER, lower_rate_note
from ranvier.data.sounds.log_mel import frame_sizes, levels, mel_power
from ranvier.data.sounds.noise import without_noise
from ranvier.data.sounds.sound_format import SoundFormat
from ranvier.errors import DataError, InputError
from ranvier.model.word_boundaries import best_words, pairs_of_cuts, possible_cuts
from ranvier.records import record
from ranvier.rows import as_inputs
from ranvier.scalars import as_number

if TYPE_CHECKING:
    from ranvier.model.predictor import Predictor

MARGIN = 4
"""Frames before and behind a sound that are heard with it."""
MAX_WORD_LENGTH = 1.2
"""How many times longer than nearly all words of the training a word may be."""
MIN_WORD_FRAMES = 12
"""Frames of a word at least."""
CLEAN = 1e-3
"""A recording is clean if steady noise is less than this fraction of its power."""
FLOOR = 0.1
"""The fraction of steady noise that stays in words: without it those in noise have holes as no word of training has."""
WINDOW_STEPS = 4
"""Windows over sounds that have no words are a quarter of their length apart."""
USUAL_WORD_LENGTH = 0.7
"""How long words usually are, of the length that nearly all words of the training fit into."""
LOUD = 0.98
"""The fraction of the frames that are softer than a loud one."""
AT_ONCE = 1024
"""How many stretches of a recording are in memory at once."""
MAX_SECONDS = 24 * 3600.0


@record
class Heard:
    """A sound in a recording.

    Fields:
        start, end: in seconds.
        label: the class.
        confidence: its probability.
    """

    start: float
    end: float
    label: Any
    confidence: float


def listen(model: Predictor, recording: Any, min_confidence: float = 0.5) -> list[Heard]:
    """What a model of recordings hears in a long one, and when.

    A model of words takes steady noise away and cuts the sounds between pauses into words, so that these are most
    probable and about as long as those of the training. A model of longer sounds hears windows of their length;
    neighbours with the same label become one.

    Parameters:
        model: a classifier with one column of recordings.
        recording: a path, the bytes of a file, or (rate, array).
        min_confidence: sounds with a smaller probability are left out.

    Raises:
        InputError: the model is of another kind.
        DataError: the recording cannot be read.
    """
    sound = row_encoder(model.encoder).sound
    if sound is None or not model.task.classes:
        raise InputError(
            "Only a model that tells classes of recordings apart can listen; train one on a folder of class folders "
            "with recordings."
        )
    least = as_number(min_confidence)
    if least is None or not 0.0 <= least <= 1.0:
        raise InputError(f"min_confidence is {min_confidence!r}; a probability from 0 to 1 was expected.")
    form: SoundFormat = sound.form
    try:
        samples, rate = decode(recording, None, MAX_SECONDS)
    except SoundError as error:
        raise DataError(
            f"The recording {getattr(recording, 'name', recording)!s:.200} cannot be read: {error}."
        ) from error
    if rate < LOWER * form.rate:
        user_warnings.warn(lower_rate_note(form, [f"{getattr(recording, 'name', 'this one')!s:.200} ({rate:,} Hz)"]))
    samples = resampled(samples, rate, form.rate)
    mel = mel_power(samples, form)
    ear = _Ear(model, sound, *((mel, mel) if form.whole else (without_noise(mel), without_noise(mel, FLOOR))))
    clean = float(ear.mel.sum()) >= (1.0 - CLEAN) * float(mel.sum())
    hop = frame_sizes(form)[1] / form.rate
    length = len(samples) / form.rate
    heard = _stretches(ear) if form.whole else _words(ear, clean)
    return [
        Heard(
            round(part.start * hop, 3),
            round(min(part.stop * hop, length), 3),
            model.task.classes[int(row.argmax())],
            float(row.max()),
        )
        for part, row in heard
        if row.max() >= least
    ]


@record(eq=False)
class _Ear:
    """A model and the power of each band of a long recording, which is computed once.

    Fields:
        model: the model.
        sound: its encoder of recordings.
        mel: what `mel_power` gives, without noise, shape (F, frames).
        heard: the same with the rest of the noise that is heard.
    """

    model: Predictor
    sound: SoundEncoder
    mel: NDArray[np.float32]
    heard: NDArray[np.float32]

    def probabilities(self, parts: list[slice]) -> NDArray[np.float64]:
        """The probabilities of each part, as those of a recording of its own, (parts, classes)."""
        form, blocks = self.sound.form, []
        margin = 0 if form.whole else MARGIN
        dtype = np.uint8 if self.sound.as_bytes else self.model.training.row_dtype
        for start in range(0, len(parts), AT_ONCE):
            pictures = [
                fixed_length(levels(self.heard[:, max(part.start - margin, 0) : part.stop + margin], form), form)
                for part in parts[start : start + AT_ONCE]
            ]
            features = np.empty((len(pictures), self.sound.width), dtype)
            self.sound.encode_decoded(np.stack(pictures)[..., None], features)
            blocks.append(self.model.outputs_of(as_inputs(features)))
        return class_probabilities(self.model.task, np.concatenate(blocks))


def _stretches(ear: _Ear) -> list[tuple[slice, NDArray[np.float64]]]:
    """Stretches of the same label and their probabilities, by windows as long as the recordings of the training.

    Windows that are silent do not count.
    """
    form = ear.sound.form
    loudness = levels(ear.mel, form).max(axis=0)
    step = max(form.frames // WINDOW_STEPS, 1)
    last = max(len(loudness) - form.frames, 0)
    starts = [*range(0, last, step), last]
    windows = [slice(start, min(start + form.frames, len(loudness))) for start in starts]
    windows = [window for window in windows if loudness[window].any()]
    return _merged(windows, ear.probabilities(windows)) if windows else []


def _words(ear: _Ear, clean: bool) -> list[tuple[slice, NDArray[np.float64]]]:
    """The words, in frames, and their probabilities: sounds between pauses, cut where one holds several.

    Without noise, a sound that is no longer than nearly all words of the training is one word.
    """
    form = ear.sound.form
    spectrogram = levels(ear.mel, form)
    loudness = smoothed(spectrogram.mean(axis=0))
    loudness = np.minimum(loudness / max(float(np.quantile(loudness, LOUD)), 1.0), 1.0)
    parts = sounding_parts(spectrogram)
    cuts = [possible_cuts(loudness[part]) for part in parts]
    pairs = [
        []
        if clean and part_cuts[-1] <= form.frames
        else pairs_of_cuts(part_cuts, MIN_WORD_FRAMES, round(MAX_WORD_LENGTH * form.frames))
        for part_cuts in cuts
    ]
    pairs = [of_part or [(0, len(part_cuts) - 1)] for of_part, part_cuts in zip(pairs, cuts, strict=True)]
    stretches = [
        slice(part.start + part_cuts[first], part.start + part_cuts[last])
        for part, part_cuts, of_part in zip(parts, cuts, pairs, strict=True)
        for first, last in of_part
    ]
    if not stretches:
        return []
    probabilities = ear.probabilities(stretches)
    scores = np.log(np.maximum(probabilities.max(axis=1), 1e-9))
    words, start = [], 0
    for part, part_cuts, of_part in zip(parts, cuts, pairs, strict=True):
        numbers = slice(start, start + len(of_part))
        start = numbers.stop
        best = best_words(part_cuts, of_part, scores[numbers], loudness[part], USUAL_WORD_LENGTH * form.frames)
        words += [(stretches[numbers.start + word], probabilities[numbers.start + word]) for word in best]
    return words


def _merged(parts: list[slice], probabilities: NDArray[np.float64]) -> list[tuple[slice, NDArray[np.float64]]]:
    """Stretches of the same label: each frame has the mean probabilities of the windows over it."""
    n_frames = max(part.stop for part in parts)
    sums, counts = np.zeros((n_frames, probabilities.shape[1])), np.zeros(n_frames)
    for part, row in zip(parts, probabilities, strict=True):
        sums[part] += row
        counts[part] += 1
    labels = np.where(counts > 0, sums.argmax(axis=1), -1)
    edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), n_frames]
    return [
        (slice(start, stop), (sums[start:stop] / counts[start:stop, None]).mean(axis=0))
        for start, stop in pairwise(edges)
        if labels[start] >= 0
    ]
