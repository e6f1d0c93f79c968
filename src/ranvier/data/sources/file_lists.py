"""Lists of files, pictures and recordings in memory: a table with one column of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ranvier.data.sounds.samples import is_samples
from ranvier.data.sources.file_cells import file_of
from ranvier.data.sources.file_content import HEAD, content_kind
from ranvier.data.sources.file_reference import FileReference
from ranvier.data.sources.table_source import Table
from ranvier.errors import DataError

COLUMN = "file"


def table_of_list(cells: Sequence[Any], origin: str = "the list") -> Table:
    """A table with one column, "file", of these files or pictures.

    Raises:
        DataError: a path names no file, or none is a picture or a recording.

    >>> import numpy as np
    >>> table_of_list([np.zeros((8, 8), np.uint8)]).kinds
    {'file': 'image'}
    """
    import polars as pl

    files = [file_of(cell, at) for at, cell in enumerate(cells)]
    references = (file for file in files if isinstance(file, FileReference))
    kinds = {content_kind(file.read(HEAD), file.name) for file in references}
    kinds = kinds or {"sound" if is_samples(files[0]) else "image"}
    if "image" not in kinds and "sound" not in kinds:
        raise DataError(f'None of the files of {origin}, such as "{files[0]}", is a picture or a recording.')
    kind = "image" if "image" in kinds else "sound"
    frame = pl.DataFrame([pl.Series(COLUMN, files, dtype=pl.Object)])
    return Table(frame, origin, kinds={COLUMN: kind}, in_memory=True)
