"""From the frame that a library read from a file to a table, or to a sentence on what was wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

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


@contextmanager
def refusing_damage(called: str, kind: str) -> Iterator[None]:
    """What polars says of damaged bytes is said in one sentence.

    Parameters:
        called: the file, as the first words of a sentence.
        kind: of file, such as "Parquet".

    Raises:
        DataError: polars cannot read them.

    >>> with refusing_damage('"rows.parquet"', "Parquet"):
    ...     raise ValueError("out of spec\\nat byte 7")
    Traceback (most recent call last):
    ranvier.errors.DataError: "rows.parquet" is a damaged Parquet file (out of spec). Copy or write it again.
    >>> with refusing_damage('"rows.arrow"', "Arrow"):
    ...     raise OSError
    Traceback (most recent call last):
    ranvier.errors.DataError: "rows.arrow" is a damaged Arrow file (OSError). Copy or write it again.
    """
    try:
        yield
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        lines = str(error).strip().splitlines()
        reason = lines[0][:120] if lines else type(error).__name__
        raise DataError(f"{called} is a damaged {kind} file ({reason}). Copy or write it again.") from error
