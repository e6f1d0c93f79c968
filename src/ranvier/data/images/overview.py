"""What a column of pictures holds, in sentences, without training: sizes, modes, broken ones, duplicates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from ranvier.data.images.decode import Survey, survey
from ranvier.data.images.load import load_pictures
from ranvier.data.repeated_cells import repeats_note
from ranvier.errors import DataError


def overview(cells: Sequence[Any], name: str, labels: Sequence[Any] | None = None) -> tuple[str, ...]:
    """Sentences on the pictures of a column.

    Parameters:
        cells: as `decode` takes them.
        name: of the column.
        labels: the class of each cell; None where there are none.

    >>> import numpy as np
    >>> overview([np.zeros((8, 9), np.uint8)] * 2, "photo")[0]
    'Pictures: 9 x 8 pixels; L (2).'
    """
    surveys = [survey for survey in map(_survey, cells) if survey is not None]
    notes: list[str] = []
    if surveys:
        widths, heights = [survey.width for survey in surveys], [survey.height for survey in surveys]
        span = f"{min(widths)} x {min(heights)}"
        if (max(widths), max(heights)) != (min(widths), min(heights)):
            span = f"widths {min(widths)} to {max(widths)}, heights {min(heights)} to {max(heights)},"
        modes = Counter(survey.mode for survey in surveys).most_common()
        notes.append(f"Pictures: {span} pixels; {', '.join(f'{mode} ({count:,})' for mode, count in modes)}.")
    try:
        loaded = load_pictures(cells, name)
    except DataError as error:
        return (*notes, str(error))
    return (*notes, *loaded.notes, *repeats_note(loaded.pixels, cells, loaded.rows, "picture", labels))


def _survey(cell: Any) -> Survey | None:
    """What a picture is; None for a broken one."""
    try:
        return survey(cell)
    except DataError:
        return None
