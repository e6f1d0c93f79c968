"""Listening to a long recording: which sounds a model of recordings hears in it, and when."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_probabilities
from ranvier.data.encoders.sound import SoundEncoder
from ranvier.data.sounds.activity import sounding_parts
from ranvier.data.sounds.decode import SoundError, decode
from ranvier.data.sounds.fixed_length import fixed_length, smoothed
from ranvier.data.sounds.log_mel import frame_sizes, levels, mel_power
from ranvier.data.sounds.noise import without_noise
from ranvier.data.sounds.sound_format import SoundFormat
from ranvier.errors import DataError, InputError
from ranvier.model.word_boundaries import best_words, pairs_of_cuts, possible_cuts
from ranvier.records import record
from ranvier.rows import as_inputs

if TYPE_CHECKING:
    from ranvier.model.predictor import Predictor

MARGIN = 4
"""Frames before and behind a sound that are heard with it."""
LONGEST = 1.2
"""How many times longer than nearly all words of the training a word may be."""
SHORTEST = 12
"""Frames of a word at least."""
WINDOW_STEPS = 4
"""Windows over sounds that have no words are a quarter of their length apart."""
LOUD = 0.98
"""The share of the frames that are softer than a loud one."""
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

    A model of words hears each sound between two pauses; one that is much longer than a word is divided where the words
    are most probable. A model of longer sounds hears windows of their length; neighbours with the same
    label become one.

    Parameters:
        model: a classifier with one column of recordings.
        recording: a path, the bytes of a file, or (rate, array).
        min_confidence: sounds with a smaller probability are left out.

    Raises:
        InputError: the model is of another kind.
        DataError: the recording cannot be read.
    """
    sound = getattr(model.encoder, "sound", None)
    if sound is None or not model.task.classes:
        raise InputError(
            "Only a model that tells classes of recordings apart can listen; train one on a folder of class folders "
            "with recordings."
        )
    if not 0.0 <= min_confidence <= 1.0:
        raise InputError(f"min_confidence is {min_confidence!r}; a probability from 0 to 1 was expected.")
    form: SoundFormat = sound.form
    try:
        samples, _ = decode(recording, form.rate, MAX_SECONDS)
    except SoundError as error:
        raise DataError(
            f"The recording {getattr(recording, 'name', recording)!s:.200} cannot be read: {error}."
        ) from error
    mel = mel_power(samples, form)
    if not form.whole:
        mel = without_noise(mel)
    ear = _Ear(model, sound, mel)
    parts = _windows(ear) if form.whole else _words(ear)
    if not parts:
        return []
    probabilities = ear.probabilities(parts)
    hop = frame_sizes(form)[1] / form.rate
    length = len(samples) / form.rate
    heard = _merged(parts, probabilities) if form.whole else list(zip(parts, probabilities, strict=True))
    return [
        Heard(
            round(part.start * hop, 3),
            round(min(part.stop * hop, length), 3),
            model.task.classes[int(row.argmax())],
            float(row.max()),
        )
        for part, row in heard
        if row.max() >= min_confidence
    ]


@record(eq=False)
class _Ear:
    """A model and the power of each band of a long recording, which is computed once.

    Fields:
        model: the model.
        sound: its encoder of recordings.
        mel: what `mel_power` gives, shape (F, frames).
    """

    model: Predictor
    sound: SoundEncoder
    mel: NDArray[np.float32]

    def probabilities(self, parts: list[slice]) -> NDArray[np.float64]:
        """The probabilities of each part, as those of a recording of its own, (parts, classes)."""
        form, blocks = self.sound.form, []
        margin = 0 if form.whole else MARGIN
        dtype = np.uint8 if self.sound.as_bytes else self.model.training.row_dtype
        for start in range(0, len(parts), AT_ONCE):
            pictures = [
                fixed_length(levels(self.mel[:, max(part.start - margin, 0) : part.stop + margin], form), form)
                for part in parts[start : start + AT_ONCE]
            ]
            features = np.empty((len(pictures), self.sound.width), dtype)
            self.sound.encode_decoded(np.stack(pictures)[..., None], features)
            blocks.append(self.model.outputs_of(as_inputs(features)))
        return class_probabilities(self.model.task, np.concatenate(blocks))


def _windows(ear: _Ear) -> list[slice]:
    """Windows as long as the recordings of the training, in frames, without those that are silent."""
    form = ear.sound.form
    loudness = levels(ear.mel, form).max(axis=0)
    step = max(form.frames // WINDOW_STEPS, 1)
    last = max(len(loudness) - form.frames, 0)
    starts = [*range(0, last, step), last]
    windows = [slice(start, min(start + form.frames, len(loudness))) for start in starts]
    return [window for window in windows if loudness[window].any()]


def _words(ear: _Ear) -> list[slice]:
    """The words, in frames: sounds between pauses, cut where one holds several."""
    form = ear.sound.form
    spectrogram = levels(ear.mel, form)
    loudness = smoothed(spectrogram.mean(axis=0))
    loudness = loudness / max(float(np.quantile(loudness, LOUD)), 1.0)
    words: list[slice] = []
    for part in sounding_parts(spectrogram):
        cuts = [part.start + cut for cut in possible_cuts(loudness[part])]
        pairs = pairs_of_cuts(cuts, min(SHORTEST, part.stop - part.start), round(LONGEST * form.frames))
        if len(pairs) < 2:
            words.append(part)
            continue
        stretches = [slice(cuts[first], cuts[last]) for first, last in pairs]
        scores = np.log(np.maximum(ear.probabilities(stretches).max(axis=1), 1e-9))
        own = [cut - part.start for cut in cuts]
        words += [stretches[number] for number in best_words(own, pairs, scores, np.minimum(loudness[part], 1.0))]
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
