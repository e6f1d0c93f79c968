"""Columns of pictures and recordings in a table: decoded once, before the rows are divided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.columns.kind_inference import is_picture_dtype
from ranvier.data.images import load as images
from ranvier.data.images.picture_format import PictureFormat
from ranvier.data.images.threads import Progress
from ranvier.data.readable_cells import MAX_BROKEN
from ranvier.data.sounds import load as sounds
from ranvier.data.sounds.sound_format import SoundFormat
from ranvier.data.sources.source import Source
from ranvier.data.sources.table_source import Table
from ranvier.errors import InputError
from ranvier.rows.row_names import rows_called
from ranvier.scalars import as_integer

if TYPE_CHECKING:
    import polars as pl

MIN_SIZE, MAX_SIZE = 4, 512
MAX_COLUMNS_OF_FILES = 2
"""A table of more columns than one of files and a target says something of a row without its file, too."""


def with_decoded(
    source: Source,
    size: int | None = None,
    kinds: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> tuple[Source, NDArray[np.int64] | None]:
    """The source with pictures and spectrograms in the place of files, and the rows that are kept; None where all are.

    Rows whose picture or recording cannot be read are left out, and named in the notes. So are those where it is
    missing, unless there are columns beside it and a target: then it is black or silent. What is decoded already stays.

    Parameters:
        source: rows, of which the columns of kinds "image" and "sound" are decoded.
        size: height and width of pictures in pixels; None to choose them.
        kinds: column -> kind, where the user knows better.
        progress: as for `load_pictures`.

    Raises:
        DataError: more than a tenth of the pictures or recordings of a column cannot be read.
        InputError: the size is out of range.
    """
    side = as_integer(size)
    if size is not None and (side is None or not MIN_SIZE <= side <= MAX_SIZE):
        raise InputError(f"image_size is {size!r}; an integer from {MIN_SIZE} to {MAX_SIZE} pixels was expected.")
    if not isinstance(source, Table):
        return source, None
    with rows_called(source.in_memory):
        return _decoded(source, size, kinds or {}, progress)


def _decoded(
    source: Table, size: int | None, kinds: Mapping[str, str], progress: Progress | None
) -> tuple[Table, NDArray[np.int64] | None]:
    """What `with_decoded` gives for a table."""
    kind_of = {**source.kinds, **kinds}
    present = [name for name in kind_of if name in source.column_names and name not in source.forms]
    rows, blank = None, len(source.column_names) > MAX_COLUMNS_OF_FILES
    for name in (name for name in present if kind_of[name] == "image"):
        as_they_are = _array_of_pictures(source.frame[name], size)
        if as_they_are is not None:
            forms = {**source.forms, name: as_they_are.form}
            source = replace(source, forms=forms, notes=(*source.notes, *as_they_are.notes))
            continue
        pictures = images.load_pictures(cells_of(source.frame[name]), name, size, progress, blank)
        source, rows = _replaced(source, rows, name, pictures, pictures.pixels)
    for name in (name for name in present if kind_of[name] == "sound"):
        recordings = sounds.load_sounds(source.frame[name].to_list(), name, progress, blank)
        source, rows = _replaced(source, rows, name, recordings, recordings.spectrograms)
    return source, rows


def with_known_forms(
    source: Table,
    forms: Mapping[str, PictureFormat | SoundFormat],
    progress: Progress | None = None,
    max_broken: float = MAX_BROKEN,
) -> tuple[Table, NDArray[np.int64] | None]:
    """The source with pictures and spectrograms in the place of files, and the rows that are kept; None where all are.

    Parameters:
        source, progress: as for `with_decoded`.
        forms: column -> the format of its pictures or recordings.
        max_broken: the largest fraction of a column that may be left out.

    Raises:
        DataError: a larger fraction of the pictures or recordings of a column cannot be read, or none can.
    """
    rows = None
    for name, form in forms.items():
        if name not in source.column_names or _is_decoded(source.frame[name], form):
            continue
        with rows_called(source.in_memory):
            if isinstance(form, SoundFormat):
                recordings = sounds.load_known(source.frame[name].to_list(), form, name, progress, max_broken)
                source, rows = _replaced(source, rows, name, recordings, recordings.spectrograms)
            else:
                pictures = images.load_known(cells_of(source.frame[name]), form, name, progress, max_broken)
                source, rows = _replaced(source, rows, name, pictures, pictures.pixels)
    return source, rows


def _replaced(
    source: Table,
    rows: NDArray[np.int64] | None,
    name: str,
    loaded: images.Pictures | sounds.Sounds,
    decoded: NDArray[np.uint8],
) -> tuple[Table, NDArray[np.int64] | None]:
    """The source with what is decoded in a column, without the other rows; and which of the first `rows` are kept."""
    import polars as pl

    cells, names = source.frame[name], source.row_names
    if names is None and is_object(cells):
        names = np.array([str(getattr(cell, "name", "")) for cell in cells.to_list()], object)
    source = replace(source, row_names=names)
    if len(loaded.rows) < source.rows:
        source = source.take(loaded.rows)
        rows = loaded.rows if rows is None else rows[loaded.rows]
    frame = source.frame.with_columns(pl.Series(name, decoded))
    forms = {**source.forms, name: loaded.form}
    return replace(source, frame=frame, forms=forms, notes=(*source.notes, *loaded.notes)), rows


def _array_of_pictures(cells: pl.Series, size: int | None) -> images.Pictures | None:
    """The pictures of a column that needs no decoding; else None."""
    return images.load_array(cells.to_numpy(), cells.name, size) if _is_array(cells) else None


def decoded_rows(
    source: Source, targets: Any, weight: Any, kinds: Mapping[str, str] | None, size: int | None, progress: Any = None
) -> tuple[Source, Any, Any, NDArray[np.int64] | None]:
    """What decoding makes of a source, the target values and weights of the rows that are kept, and their numbers.

    Parameters:
        targets, weight: beside the source, each for every row; None for none.
        kinds, size, progress: as for `with_decoded`.

    Raises:
        DataError: more than a tenth of the pictures or recordings of a column cannot be read.
    """
    source, rows = with_decoded(source, size, kinds, progress)
    return source, *(rows_of(values, rows) for values in (targets, weight)), rows


def rows_of(values: Any, rows: NDArray[np.int64] | None) -> Any:
    """Some of the values, one for each row: None for all of them, or for no values.

    >>> rows_of([5, 6, 7], np.array([0, 2])).tolist()
    [5, 7]
    """
    return values if values is None or rows is None else np.asarray(values)[rows]


def names_of_rows(source: Source) -> list[str] | None:
    """The name of each row's file, for reports; None where rows have none."""
    if not isinstance(source, Table):
        return None
    if source.row_names is not None:
        return [str(name) for name in source.row_names]
    files = next((cells for cells in source.frame.iter_columns() if is_object(cells)), None)
    return None if files is None else [str(getattr(cell, "name", "")) for cell in files.to_list()]


def is_object(cells: pl.Series) -> bool:
    """Whether cells are references to files, or pictures of other kinds."""
    import polars as pl

    return cells.dtype == pl.Object


def cells_of(cells: pl.Series) -> Any:
    """The cells of a column of pictures, one by one."""
    return list(cells.to_numpy()) if _is_array(cells) else cells.to_list()


def _is_decoded(cells: pl.Series, form: PictureFormat | SoundFormat) -> bool:
    """Whether cells are spectrograms, or pictures in their format."""
    if not _is_array(cells) or isinstance(form, SoundFormat):
        return _is_array(cells)
    shape = tuple(cells.dtype.shape)  # type: ignore[attr-defined]
    return is_picture_dtype(cells.dtype) and (*shape, 1)[:3] == form.shape


def _is_array(cells: pl.Series) -> bool:
    """Whether cells are arrays of one shape."""
    import polars as pl

    return isinstance(cells.dtype, pl.Array)
