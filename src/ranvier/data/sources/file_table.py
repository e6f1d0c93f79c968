"""From the frame that a library read from a file to a table, or to a sentence on what was wrong."""

from __future__ import annotations

import polars as pl

from ranvier.data.sources.nested import flat_frame
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.table_source import Table
from ranvier.errors import DataError


def flat_table(called: str, origin: str, frame: pl.DataFrame, reading: Reading = PLAIN) -> Table:
    """The table of the frame of a file, records taken apart.

    Parameters:
        called: the file, as the first words of a sentence.
        origin: where it came from.

    Raises:
        DataError: there are no columns or no rows.

    >>> flat_table("It", "rows.json", pl.DataFrame({"user": [{"age": 39}]})).column_names
    ('user.age',)
    """
    if frame.width == 0:
        raise DataError(f"{called} has no columns. A table with named columns was expected.")
    if frame.height == 0:
        raise DataError(f"{called} has columns and no rows. Give a file with at least one row.")
    frame, notes = flat_frame(frame, reading)
    return Table(frame, origin, notes=tuple(notes))


def short_message(error: BaseException) -> str:
    """The first line of what a library says of damaged bytes.

    >>> short_message(ValueError("out of spec\\nat byte 7")), short_message(OSError())
    ('out of spec', 'OSError')
    """
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__
