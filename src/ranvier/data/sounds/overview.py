"""What a column of recordings holds, in sentences, without training: lengths, rates, silent and broken ones, copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ranvier.data.repeated_cells import repeats_note
from ranvier.data.sounds.decode import SoundSurvey, survey
from ranvier.data.sounds.load import load_sounds, rates_text
from ranvier.errors import DataError


def overview(cells: Sequence[Any], name: str, labels: Sequence[Any] | None = None) -> tuple[str, ...]:
    """Sentences on the recordings of a column.

    Parameters:
        cells: as `decode` takes them.
        name: of the column.
        labels: the class of each cell; None where there are none.

    >>> overview([(8000, np.zeros(4000, np.float32)), (8000, np.ones(8000, np.float32))], "clip")[0]
    'Recordings: 0.5 to 1 s, half of them longer than 0.75 s; 8,000 Hz; 1 channel.'
    """
    surveys = [survey for survey in map(_survey, cells) if survey is not None]
    notes: list[str] = []
    if surveys:
        seconds = [survey.seconds for survey in surveys]
        spread = f"{min(seconds):.2g} to {max(seconds):.2g} s, half of them longer than {np.median(seconds):.2g} s"
        channels = sorted({survey.channels for survey in surveys})
        counted = f"{' or '.join(map(str, channels))} channel{'s' if channels != [1] else ''}"
        notes.append(f"Recordings: {spread}; {rates_text([survey.rate for survey in surveys])}; {counted}.")
    try:
        loaded = load_sounds(cells, name)
    except DataError as error:
        return (*notes, str(error))
    return (*notes, *loaded.notes, *repeats_note(loaded.spectrograms, cells, loaded.rows, "recording", labels))


def _survey(cell: Any) -> SoundSurvey | None:
    """What a recording is; None for a broken one."""
    try:
        return survey(cell)
    except DataError:
        return None
