"""Columns of pictures in a table: decoded once, before the rows are divided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.images.load import Pictures, load_array, load_known, load_pictures
from ranvier.data.images.picture_format import PictureFormat
from ranvier.data.images.threads import Progress
from ranvier.data.sounds.columns import with_spectrograms
from ranvier.data.sources.source import Source
from ranvier.data.sources.table_source import Table
from ranvier.errors import InputError

if TYPE_CHECKING:
    import polars as pl

MIN_SIZE, MAX_SIZE = 4, 512


def with_pixels(
    source: Source,
    size: int | None = None,
    kinds: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> tuple[Source, NDArray[np.int64] | None]:
    """The source with decoded pictures in the place of files, and the rows that are kept; None where all are.

    Rows whose picture cannot be read are left out, and named in the notes.

    Parameters:
        source: rows, of which the columns of kind "image" are decoded.
        size: height and width in pixels; None to choose them.
        kinds: column -> kind, where the user knows better.
        progress: as for `load_pictures`.

    Raises:
        DataError: more than a tenth of the pictures of a column cannot be read.
        InputError: the size is out of range.
    """
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or not MIN_SIZE <= size <= MAX_SIZE):
        raise InputError(f"image_size is {size!r}; an integer from {MIN_SIZE} to {MAX_SIZE} pixels was expected.")
    if not isinstance(source, Table):
        return source, None
    import polars as pl

    rows = None
    known = {name: kind for name, kind in {**source.kinds, **(kinds or {})}.items() if name in source.column_names}
    for name in (name for name, kind in known.items() if kind == "image"):
        cells = source.frame[name]
        as_they_are = load_array(cells.to_numpy(), name, size) if isinstance(cells.dtype, pl.Array) else None
        if as_they_are is not None:
            forms = {**source.forms, name: as_they_are.form}
            source = replace(source, forms=forms, notes=(*source.notes, *as_they_are.notes))
            continue
        source, kept = _replaced(source, name, load_pictures(cells_of(cells), name, size, progress))
        if kept is not None:
            rows = kept if rows is None else rows[kept]
    return source, rows


def with_known_pixels(
    source: Table, forms: Mapping[str, PictureFormat], progress: Progress | None = None
) -> tuple[Table, NDArray[np.int64] | None]:
    """The source with decoded pictures in the place of files, and the rows that are kept; None where all are.

    Parameters:
        source, progress: as for `with_pixels`.
        forms: column -> the format of its pictures.

    Raises:
        DataError: more than a tenth of the pictures of a column cannot be read.
    """
    rows = None
    for name, form in forms.items():
        if name not in source.column_names or not is_object(source.frame[name]):
            continue
        source, kept = _replaced(source, name, load_known(source.frame[name].to_list(), form, name, progress))
        if kept is not None:
            rows = kept if rows is None else rows[kept]
    return source, rows


def _replaced(source: Table, name: str, loaded: Pictures) -> tuple[Table, NDArray[np.int64] | None]:
    """The source with these pictures in a column, without the rows of the others; and the rows that are kept."""
    cells, names = source.frame[name], source.row_names
    kept = None if len(loaded.rows) == source.rows else loaded.rows
    if names is None and is_object(cells):
        names = np.array([str(getattr(cell, "name", "")) for cell in cells.to_list()], object)
    source = replace(source, row_names=names)
    source = source if kept is None else source.take(kept)
    return _with_column(source, name, loaded.pixels, loaded.form, loaded.notes), kept


def decoded_rows(
    source: Source, targets: Any, weight: Any, kinds: Mapping[str, str] | None, size: int | None, progress: Any = None
) -> tuple[Source, Any, Any, NDArray[np.int64] | None]:
    """What decoding makes of a source, the target values and weights of the rows that are kept, and their numbers.

    Parameters:
        targets, weight: beside the source, each for every row; None for none.
        kinds, size, progress: as for `with_pixels`.

    Raises:
        DataError: more than a tenth of the pictures or recordings of a column cannot be read.
    """
    source, rows = with_pixels(source, size, kinds, progress)
    source, heard = with_spectrograms(source, kinds, progress)
    if heard is not None:
        rows = heard if rows is None else rows[heard]
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
    import polars as pl

    return list(cells.to_numpy()) if isinstance(cells.dtype, pl.Array) else cells.to_list()


def _with_column(
    source: Table, name: str, pixels: NDArray[np.uint8], form: PictureFormat, notes: tuple[str, ...]
) -> Table:
    import polars as pl

    frame = source.frame.with_columns(pl.Series(name, pixels))
    return replace(source, frame=frame, forms={**source.forms, name: form}, notes=(*source.notes, *notes))
