"""Cells that are files, pictures or recordings: paths, pictures of Pillow, arrays, samples with a rate, bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ranvier.data.sounds.samples import is_samples
from ranvier.data.sources.array_cells import is_picture_shape
from ranvier.data.sources.file_content import HEAD, IMAGE_ENDINGS, SOUND_ENDINGS, content_kind
from ranvier.data.sources.file_reference import FileReference
from ranvier.errors import DataError


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
