"""Recordings of a whole column: looked at, brought into one format, decoded once by several threads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ranvier import user_warnings
from ranvier.data.images.threads import Progress
from ranvier.data.readable_cells import MAX_BROKEN, ReadableCells, listed_names
from ranvier.data.sounds.decode import MAX_SECONDS, SoundSurvey, decode, resampled, survey
from ranvier.data.sounds.fixed_length import counted_frames, fixed_length, loud_part
from ranvier.data.sounds.log_mel import Spectrogram, log_mel
from ranvier.data.sounds.sound_format import SoundFormat
from ranvier.errors import DataError
from ranvier.plural import plural
from ranvier.records import record

LONG_SECONDS = 3.0
"""Recordings that are usually so long are no words: the whole of each counts."""
HIGHEST_RATE, LOWEST_RATE = 24_000, 8_000
USUAL_FRACTION = 0.1
"""The fraction of the recordings that must have a low rate for all to be brought to it."""
MIN_FRAMES, MAX_FRAMES = 8, 1000
LOWER, LONGER = 0.9, 2.0
"""How many times the rate and the length of the training a recording has that is unlike those of the training."""
USUAL_LENGTH = 0.95
"""The fraction of the words that are to fit into the length of all."""
Result = TypeVar("Result")


@record(eq=False)
class Sounds:
    """The recordings of a column.

    Fields:
        spectrograms: of those that can be read, bytes, shape (B, F, T, 1).
        rows: the indices of these cells in the column, shape (B,).
        form: their format.
        notes: what was chosen, converted or left out, one sentence each.
    """

    spectrograms: NDArray[np.uint8]
    rows: NDArray[np.int64]
    form: SoundFormat
    notes: tuple[str, ...]


def load_sounds(cells: Sequence[Any], name: str, progress: Progress | None = None, blank: bool = False) -> Sounds:
    """Decode the recordings of a training table, in a format that is chosen by all of them.

    Parameters:
        cells: as `decode` takes them.
        name: of the column, for messages.
        progress: called with the number of recordings that are done, and of all.
        blank: whether missing recordings are silent ones, and not such as cannot be read.

    Raises:
        DataError: more than a tenth cannot be read.

    >>> tone = np.sin(np.arange(4000) * 0.3).astype(np.float32)
    >>> load_sounds([(8000, tone), (8000, tone[:2000])], "clip").spectrograms.shape
    (2, 40, 47, 1)
    """
    readable = ReadableCells(cells, name, "recording", blank=blank)
    surveys = _results(readable, survey)
    readable.check_fraction()
    good = [item for item in surveys if item is not None]
    if not good:
        raise DataError(f'Column "{name}" holds no recording.')
    rate = choose_rate([item.rate for item in good])
    full_length = float(np.median([item.seconds for item in good])) >= LONG_SECONDS
    form = SoundFormat(rate, MAX_FRAMES, full_length)
    decoded = _results(readable, lambda cell: spectrogram_of(cell, form), progress)
    readable.check_fraction()
    spectrograms = [item for item in decoded if item is not None]
    frames = choose_frames(spectrograms, full_length)
    form = SoundFormat(rate, frames, full_length, blank=bool(readable.blank_note))
    rows = readable.rows
    fixed = _stacked([None if item is None else fixed_length(item, form) for item in decoded], rows, form)
    silent = [at for at, item in enumerate(decoded) if item is not None and not item.any()]
    good = [
        item for item, spectrogram in zip(surveys, decoded, strict=True) if item is not None and spectrogram is not None
    ]
    return Sounds(fixed, rows, form, _notes(readable, good, silent, form))


def load_known(
    cells: Sequence[Any],
    form: SoundFormat,
    name: str,
    progress: Progress | None = None,
    max_broken: float = MAX_BROKEN,
) -> Sounds:
    """Decode the recordings of a column in a format that is known; those that cannot be read are left out.

    Parameters:
        cells, name, progress: as for `load_sounds`.
        form: the format.
        max_broken: the largest fraction that may be left out.

    Raises:
        DataError: a larger fraction cannot be read, or none can.

    >>> load_known([(8000, np.zeros(1))], SoundFormat(8000, 60), "clip").rows.tolist()
    [0]
    """
    readable = ReadableCells(cells, name, "recording", blank=form.blank)
    spectrograms, unlike = _in_format(readable, form, progress)
    readable.check_fraction(max_broken)
    notes = (readable.note,) if readable.broken else ()
    return Sounds(spectrograms, readable.rows, form, (*notes, *unlike))


def decode_all(cells: Sequence[Any], form: SoundFormat, name: str, first: int = 0) -> NDArray[np.uint8]:
    """The spectrograms of a column in a format that is known, shape (B, F, T, 1).

    Parameters:
        first: the index of the first cell in the column, for messages.

    Raises:
        DataError: one of them cannot be read.

    >>> decode_all([(8000, np.zeros(1))], SoundFormat(8000, 60), "clip").shape
    (1, 40, 60, 1)
    """
    readable = ReadableCells(cells, name, "recording", first, form.blank)
    spectrograms, unlike = _in_format(readable, form, None)
    readable.check_all()
    for note in unlike:
        user_warnings.warn(note)
    return spectrograms


def _in_format(
    readable: ReadableCells, form: SoundFormat, progress: Progress | None
) -> tuple[NDArray[np.uint8], list[str]]:
    """The spectrograms of the cells that can be read, (B, F, T, 1), and sentences on those unlike the training's."""

    def work(cell: Any) -> tuple[Spectrogram, int, int]:
        samples, rate = decode(cell)
        spectrogram = log_mel(resampled(samples, rate, form.rate), form)
        return fixed_length(spectrogram, form), rate, counted_frames(spectrogram, form)

    decoded = _results(readable, work, progress)
    good = [(at, *item) for at, item in enumerate(decoded) if item is not None]
    lower = [f"{readable.name(at)} ({rate:,} Hz)" for at, _, rate, _ in good if rate < LOWER * form.rate]
    longer = [readable.name(at) for at, _, _, frames in good if frames > LONGER * form.frames]
    notes = []
    if lower:
        notes.append(lower_rate_note(form, lower))
    if longer:
        what = plural(len(longer), "recording is", "recordings are")
        notes.append(
            f"{what} much longer than those of the training, and only {form.seconds:.2g} s of each count: "
            f"{listed_names(longer)}. To hear all of it: --listen, or model.listen."
        )
    return _stacked([None if item is None else item[0] for item in decoded], readable.rows, form), notes


def _stacked(
    spectrograms: Sequence[Spectrogram | None], rows: NDArray[np.int64], form: SoundFormat
) -> NDArray[np.uint8]:
    """The spectrograms of some cells, (B, F, T, 1), silent where there is none."""
    stacked = np.zeros((len(rows), *form.shape), np.uint8)
    for position, at in enumerate(rows.tolist()):
        spectrogram = spectrograms[at]
        if spectrogram is not None:
            stacked[position, :, :, 0] = spectrogram
    return stacked


def _results(
    readable: ReadableCells, work: Callable[[Any], Result], progress: Progress | None = None
) -> list[Result | None]:
    """What `work` makes of each cell, None where it cannot be read."""
    results: list[Result | None] = [None] * len(readable.cells)

    def fill(at: int) -> None:
        results[at] = work(readable.cells[at])

    readable.for_each(fill, progress)
    return results


def spectrogram_of(cell: Any, form: SoundFormat) -> Spectrogram:
    """The whole spectrogram of a recording, shape (F, frames).

    Raises:
        SoundError: it is no recording, or a damaged one.
    """
    return log_mel(decode(cell, form.rate)[0], form)


def lower_rate_note(form: SoundFormat, names: Sequence[str]) -> str:
    """A sentence on recordings of a lower rate than those of the training.

    >>> lower_rate_note(SoundFormat(16000, 60), ["a.wav (8,000 Hz)"])[:66]
    '1 recording has a lower rate than the 16,000 Hz of the training, s'
    """
    what = plural(len(names), "recording has", "recordings have")
    return (
        f"{what} a lower rate than the {form.rate:,} Hz of the training, so that the upper bands are silent: "
        f"{listed_names(names)}."
    )


def choose_rate(rates: Sequence[int]) -> int:
    """The rate for recordings of these rates: the lowest that a tenth of them have, so that all have the same bands.

    A rate above 24,000 Hz is halved until it is not.

    >>> choose_rate([44100] * 9), choose_rate([16000] * 5 + [8000] * 5), choose_rate([16000] * 50 + [8000])
    (22050, 8000, 16000)
    """
    usual = [rate for rate, count in Counter(rates).items() if count >= USUAL_FRACTION * len(rates)]
    rate = max(min(usual or [int(np.median(rates))]), LOWEST_RATE)
    while rate > HIGHEST_RATE:
        rate = round(rate / 2)
    return rate


def choose_frames(spectrograms: Sequence[Spectrogram], full_length: bool) -> int:
    """The length of all spectrograms: the usual one of whole recordings, or one that nearly all loud parts fit into.

    >>> choose_frames([np.zeros((40, 500), np.uint8)] * 3, True)
    500
    """
    if full_length:
        frames = float(np.median([item.shape[1] for item in spectrograms]))
    else:
        parts = [loud_part(item) for item in spectrograms]
        frames = float(np.quantile([part.stop - part.start for part in parts], USUAL_LENGTH))
    return min(max(round(frames), MIN_FRAMES), MAX_FRAMES)


def rates_text(rates: Sequence[int]) -> str:
    """How many recordings have which rate.

    >>> rates_text([8000, 8000]), rates_text([8000, 16000, 8000])
    ('8,000 Hz', '8,000 Hz (2), 16,000 Hz (1)')
    """
    counts = Counter(rates).most_common()
    if len(counts) == 1:
        return f"{counts[0][0]:,} Hz"
    more = f" and {len(counts) - 4:,} more rates" if len(counts) > 4 else ""
    return ", ".join(f"{rate:,} Hz ({count:,})" for rate, count in counts[:4]) + more


def _notes(
    readable: ReadableCells, surveys: Sequence[SoundSurvey], silent: Sequence[int], form: SoundFormat
) -> tuple[str, ...]:
    """What was chosen, converted or left out."""
    rates = [item.rate for item in surveys]
    seconds = [item.seconds for item in surveys]
    rates_and_lengths = f"{rates_text(rates)}; {min(seconds):.2g} to {max(seconds):.2g} s"
    notes = [f'The recordings of column "{readable.column}" ({rates_and_lengths}) are read as {form.describe()}.']
    if len(set(rates)) > 1:
        lower = sum(rate < form.rate for rate in rates)
        empty = f"; {plural(lower, 'of them has', 'of them have')} a lower one, and no upper bands" if lower else ""
        notes.append(f"The recordings have different rates and are resampled to {form.rate:,} Hz{empty}.")
    notes += [note for note in (readable.note, readable.blank_note) if note]
    if silent:
        names = listed_names(list(map(readable.name, silent)))
        notes.append(f"{plural(len(silent), 'recording is', 'recordings are')} silent: {names}.")
    counts = {
        "several channels, which are mixed": sum(item.channels > 1 for item in surveys),
        "a header that does not fit the file, of which all that is there counts": sum(item.mended for item in surveys),
        f"more than {MAX_SECONDS:.0f} s, of which the first count": sum(value > MAX_SECONDS for value in seconds),
    }
    notes += [f"{plural(count, 'recording has', 'recordings have')} {what}." for what, count in counts.items() if count]
    return tuple(notes)
