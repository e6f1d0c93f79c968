"""Rows of a table that stand among the training rows and among those that the model is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ranvier.data.diagnosis.parts import with_target
from ranvier.data.diagnosis.repeats import hashes

if TYPE_CHECKING:
    from ranvier.data.labelled_rows import LabelledRows

MIN_ROWS = 500
"""Of fewer training rows nothing is said: small tables of examples repeat themselves on purpose."""
MIN_SHARE = 0.05


def repeated_rows_note(
    training: LabelledRows, held: LabelledRows | None, name: str, columns: Sequence[str]
) -> tuple[str, ...]:
    """How many rows of a part repeat a training row with its target, in a sentence; nothing for few.

    Parameters:
        training, held: the training rows, and the validation or test rows.
        name: of the part.
        columns: the input columns; none for arrays, of which nothing is said.
    """
    if held is None or not columns or len(training.values) < MIN_ROWS:
        return ()
    known, seen = (_hashes(part, columns) for part in (training, held))
    if known is None or seen is None:
        return ()
    count, total = int(np.isin(seen, known).sum()), len(seen)
    if count < MIN_SHARE * total:
        return ()
    return (
        f"{count:,} of {total:,} {name} rows repeat a training row, target included, so that the metrics are better "
        "than on new rows. Leave copies out, or keep them in one part by --group COLUMN.",
    )


def _hashes(part: LabelledRows, columns: Sequence[str]) -> NDArray[np.uint64] | None:
    """A number for each row, the same for equal rows; None where cells cannot be compared."""
    frame = part.source.frame
    if part.values.ndim > 1 or any(name not in frame.columns for name in columns):
        return None
    return hashes(with_target(frame.select(columns), part.values))
