"""Lists of pictures, recordings and files in memory: paths, pictures of Pillow, arrays, samples with a rate, bytes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ranvier.data.sounds.samples import is_samples
from ranvier.data.sources.array_source import is_picture_shape
from ranvier.data.sources.file_content import HEAD, IMAGE_ENDINGS, SOUND_ENDINGS, content_kind
from ranvier.data.sources.file_reference import FileReference
from ranvier.data.sources.table_source import Table
from ranvier.errors import DataError

COLUMN = "file"


def is_picture(cell: Any) -> bool:
    """Whether a cell is a picture of Pillow.

    >>> is_picture("cat.png")
    False
    """
    return hasattr(cell, "tobytes") and hasattr(cell, "getbands") and hasattr(cell, "size")


def is_file_list(source: Any) -> bool:
    """Whether a list holds files or pictures, one a row.

    >>> is_file_list(["a.png", Path("b.png")]), is_file_list(["a", "b"])
    (True, False)
    """
    if isinstance(source, np.ndarray):
        source = source.tolist() if source.ndim == 1 and source.dtype.kind in "OU" else ()
    elif is_series(source):
        source = list(source)
    return isinstance(source, (list, tuple)) and len(source) > 0 and all(map(_is_file, source))


def is_series(source: Any) -> bool:
    """Whether this is one column of a data frame, of any maker.

    >>> is_series(["a.png"])
    False
    """
    return hasattr(source, "to_frame") and hasattr(source, "dtype") and not hasattr(source, "columns")


def _is_file(cell: Any) -> bool:
    if isinstance(cell, str):
        return cell.lower().endswith((*IMAGE_ENDINGS, *SOUND_ENDINGS))
    if isinstance(cell, np.ndarray):
        levels = cell.dtype.kind in "buif" and is_picture_shape(cell.shape) and bool((cell >= 0).all())
        return levels or (cell.ndim in (2, 3) and cell.dtype == np.uint8)
    if isinstance(cell, (bytes, bytearray)):
        return content_kind(bytes(cell[:HEAD]), "") in ("image", "sound")
    if is_samples(cell):
        return True
    return isinstance(cell, (Path, FileReference)) or is_picture(cell)


def table_of_list(cells: Sequence[Any], origin: str = "the list") -> Table:
    """A table with one column, "file", of these files or pictures.

    Raises:
        DataError: a path names no file, or none is a picture or a recording.

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


def file_of(cell: Any, at: int) -> Any:
    """A cell as a reference to a file, or as it is where it is a picture in memory.

    Parameters:
        at: the index of its row, for messages.
    """
    if isinstance(cell, (str, Path)):
        if not Path(cell).is_file():
            raise DataError(
                f'There is no file "{cell}" (row index {at}); the path of a picture or recording was expected.'
            )
        return FileReference(str(cell), Path(cell))
    if isinstance(cell, (bytes, bytearray)):
        return FileReference(f"row index {at}", content=bytes(cell))
    return cell
