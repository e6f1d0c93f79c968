"""Columns of recordings in a table: decoded once, before the rows are divided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.images.threads import Progress
from ranvier.data.sounds.load import load_sounds
from ranvier.data.sources.source import Source
from ranvier.data.sources.table_source import Table


def with_spectrograms(
    source: Source, kinds: Mapping[str, str] | None = None, progress: Progress | None = None
) -> tuple[Source, NDArray[np.int64] | None]:
    """The source with spectrograms in the place of recordings, and the rows that are kept; None where all are.

    Rows whose recording cannot be read are left out, and named in the notes.

    Parameters:
        source: rows, of which the columns of kind "sound" are decoded.
        kinds: column -> kind, where the user knows better.
        progress: as for `load_sounds`.

    Raises:
        DataError: more than a tenth of the recordings of a column cannot be read.
    """
    import polars as pl

    if not isinstance(source, Table):
        return source, None
    rows = None
    known = {name: kind for name, kind in {**source.kinds, **(kinds or {})}.items() if name in source.column_names}
    for name in (name for name, kind in known.items() if kind == "sound"):
        cells = source.frame[name].to_list()
        loaded = load_sounds(cells, name, progress)
        names = source.row_names
        if names is None:
            names = np.array([str(getattr(cell, "name", "")) for cell in cells], object)
        source = replace(source, row_names=names)
        if len(loaded.rows) < len(cells):
            source = source.take(loaded.rows)
            rows = loaded.rows if rows is None else rows[loaded.rows]
        frame = source.frame.with_columns(pl.Series(name, loaded.spectrograms))
        forms = {**source.forms, name: loaded.form}
        source = replace(source, frame=frame, forms=forms, notes=(*source.notes, *loaded.notes))
    return source, rows


def table_of_sounds(name: str, cells: Sequence[Any]) -> Table:
    """A table with one column of recordings, each as `decode` takes it.

    >>> table_of_sounds("clip", [(8000, np.zeros(4))]).kinds
    {'clip': 'sound'}
    """
    import polars as pl

    frame = pl.DataFrame([pl.Series(name, list(cells), dtype=pl.Object)])
    return Table(frame, "the recordings", kinds={name: "sound"})
