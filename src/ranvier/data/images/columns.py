"""Columns of pictures in a table: decoded once, before the rows are divided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.images.load import Progress, load_pictures
from ranvier.data.images.picture_format import PictureFormat
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
    rows = None
    known = {name: kind for name, kind in {**source.kinds, **(kinds or {})}.items() if name in source.column_names}
    for name in (name for name, kind in known.items() if kind == "image"):
        cells = source.frame[name]
        loaded = load_pictures(cells_of(cells), name, size, progress)
        kept = None if len(loaded.rows) == source.rows else loaded.rows
        names = source.row_names
        if names is None and is_object(cells):
            names = np.array([str(getattr(cell, "name", "")) for cell in cells.to_list()], object)
        source = replace(source, row_names=names) if kept is None else replace(source, row_names=names).take(kept)
        if kept is not None:
            rows = kept if rows is None else rows[kept]
        source = _with_column(source, name, loaded.pixels, loaded.form, loaded.notes)
    return source, rows


def decoded_rows(
    source: Source, targets: Any, weight: Any, kinds: Mapping[str, str] | None, size: int | None, progress: Any = None
) -> tuple[Source, Any, Any]:
    """What `with_pixels` and `with_spectrograms` make of a source, and the targets and weights of the kept rows.

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
    if rows is None:
        return source, targets, weight
    kept = [None if values is None else np.asarray(values)[rows] for values in (targets, weight)]
    return source, kept[0], kept[1]


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
