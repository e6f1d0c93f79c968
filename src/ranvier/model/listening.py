"""Listening to a long recording: which sounds a model of recordings hears in it, and when."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.sound import SoundEncoder
from ranvier.data.sounds.activity import sounding_parts
from ranvier.data.sounds.decode import Samples, SoundError, decode
from ranvier.data.sounds.log_mel import frame_sizes, log_mel
from ranvier.data.sounds.sound_format import SoundFormat
from ranvier.errors import DataError, InputError
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.model.predictor import Predictor

MARGIN = 4
"""Frames before and behind a sound that are heard with it."""
LONGEST = 1.5
"""A sound that is so many times longer than the words of the training may hold several."""
STEP, SHORTEST = 4, 12
"""Frames from cut to cut between the words of such a sound, and frames of a word at least."""
WINDOW_STEPS = 4
"""Windows over sounds that have no words are a quarter of their length apart."""
CUT_COST = 3.0
"""What a cut between two words costs, in frames times nats."""
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
    parts = _windows(samples, form) if form.whole else _words(model, sound, samples)
    if not parts:
        return []
    probabilities = _probabilities(model, sound, samples, parts)
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


def _windows(samples: Samples, form: SoundFormat) -> list[slice]:
    """Windows as long as the recordings of the training, in frames, without those that are silent."""
    levels = log_mel(samples, form).max(axis=0)
    step = max(form.frames // WINDOW_STEPS, 1)
    last = max(len(levels) - form.frames, 0)
    starts = [*range(0, last, step), last]
    windows = [slice(start, min(start + form.frames, len(levels))) for start in starts]
    return [window for window in windows if levels[window].any()]


def _words(model: Predictor, sound: SoundEncoder, samples: Samples) -> list[slice]:
    """The words between pauses, in frames."""
    words: list[slice] = []
    for part in sounding_parts(log_mel(samples, sound.form)):
        if part.stop - part.start <= LONGEST * sound.form.frames:
            words.append(part)
        else:
            words += _divided(model, sound, samples, part)
    return words


def _divided(model: Predictor, sound: SoundEncoder, samples: Samples, part: slice) -> list[slice]:
    """A long sound cut into words, so that the sum of length times log probability, less the cuts, is largest."""
    cuts = [*range(part.start, part.stop - SHORTEST + 1, STEP), part.stop]
    longest = round(LONGEST * sound.form.frames)
    pairs = [
        (first, last)
        for first in range(len(cuts))
        for last in range(first + 1, len(cuts))
        if SHORTEST <= cuts[last] - cuts[first] <= longest
    ]
    probabilities = _probabilities(model, sound, samples, [slice(cuts[a], cuts[b]) for a, b in pairs])
    scores = np.log(np.maximum(probabilities.max(axis=1), 1e-9))
    best = np.full(len(cuts), -np.inf)
    best[0], before = 0.0, [0] * len(cuts)
    for (first, last), score in zip(pairs, scores, strict=True):
        total = best[first] + (cuts[last] - cuts[first]) * score - CUT_COST
        if total > best[last]:
            best[last], before[last] = total, first
    ends = [len(cuts) - 1]
    while ends[-1]:
        ends.append(before[ends[-1]])
    return [slice(cuts[first], cuts[last]) for first, last in pairwise(reversed(ends))]


def _probabilities(model: Predictor, sound: SoundEncoder, samples: Samples, parts: list[slice]) -> NDArray[np.float64]:
    """The probabilities of each part, as those of a recording of its own, (parts, classes)."""
    margin = 0 if sound.form.whole else MARGIN
    length, hop, _ = frame_sizes(sound.form)
    cells = [
        (sound.form.rate, samples[max(part.start - margin, 0) * hop : (part.stop + margin - 1) * hop + length])
        for part in parts
    ]
    return model.probabilities(cells)


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
