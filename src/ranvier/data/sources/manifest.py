"""Tables with a column of paths: each path becomes the file that it names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.data.sounds.samples import is_samples
from ranvier.data.sources.array_cells import as_array_column, can_be_pictures
from ranvier.data.sources.arrays import vector_in_npy
from ranvier.data.sources.file_cells import is_picture
from ranvier.data.sources.file_content import HEAD, IMAGE_ENDINGS, SOUND_ENDINGS, TEXT_ENDINGS, content_kind
from ranvier.data.sources.file_finder import FileFinder, Find, beside
from ranvier.data.sources.file_reference import FileReference
from ranvier.data.sources.table_source import Table
from ranvier.data.sources.text_encoding import decode_text
from ranvier.errors import DataError
from ranvier.plural import plural
from ranvier.rows.row_names import at_row, row_name, rows_called

if TYPE_CHECKING:
    import polars as pl

ARRAY_ENDING = ".npy"
ENDINGS = (*IMAGE_ENDINGS, *SOUND_ENDINGS, *TEXT_ENDINGS, ARRAY_ENDING)
LOOKED_AT = 20
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://(?!/)")
MAX_PATH, MAX_NAME = 1024, 200


def with_files(table: Table, folder: Path) -> Table:
    """The table with references to files, or their texts or vectors, in the columns that hold paths of files.

    Bytes of pictures and recordings in cells, alone or with their "path", are files, too. A column holds paths if its
    first cells end like pictures, recordings, texts or NPY, or are the names of pictures or recordings without their
    ending. Paths are relative to the table's folder, else to the current one, or are names that only one file in the
    folders beside the table has.

    Parameters:
        folder: the one that the table was read from.

    Raises:
        DataError: a path names no file.
    """

    others: list[FileFinder] = []

    def find(name: str) -> FileReference | None:
        plain = Path(name.replace("\\", "/"))
        path = next((path for path in (folder / plain, plain) if path.is_file()), None)
        if path is not None:
            return FileReference(name, path)
        if not others:
            others.append(beside(folder))
        return others[0](name, "")

    return with_found_files(table, find, str(folder))


def with_found_files(table: Table, find: Find, folder: str) -> Table:
    """The table that `with_files` gives, with files that a function finds.

    Parameters:
        find: from the path in a cell to its file, or None.
        folder: where the files were expected, for messages.
    """
    import polars as pl

    with rows_called(table.in_memory):
        for cells in table.frame.iter_columns():
            if cells.dtype == pl.Object or cells.dtype == pl.Binary or cells.dtype == pl.Struct:
                table = _with_contents(table, cells)
            elif _holds_paths(cells, find):
                table = _with_column(table, cells, find, folder)
        return with_array_cells(table)


def _with_contents(table: Table, cells: pl.Series) -> Table:
    """The table with a column of files whose bytes are in its cells, alone or with their path beside them."""
    import polars as pl

    files = [_content(cell, f"{cells.name}, {row_name(at)}") for at, cell in enumerate(cells.to_list())]
    first = next((file for file in files if file is not None), None)
    kind = content_kind(first.read(HEAD), first.name) if isinstance(first, FileReference) else None
    kind = "image" if is_picture(first) or isinstance(first, np.ndarray) else kind
    kind = "sound" if is_samples(first) else kind
    if kind not in ("image", "sound"):
        return table
    column = pl.Series(cells.name, files, dtype=pl.Object)
    return replace(table, frame=table.frame.with_columns(column), kinds={**table.kinds, cells.name: kind})


def _content(cell: Any, name: str) -> Any:
    """A cell as a file in memory; cells that are pictures or files already, and others, unchanged."""
    if isinstance(cell, dict) and is_samples(cell):
        return cell
    if isinstance(cell, dict):
        name, cell = str(cell.get("path") or name), cell.get("bytes")
    return FileReference(name, content=bytes(cell)) if isinstance(cell, (bytes, bytearray)) else cell


def _holds_paths(cells: pl.Series, find: Find) -> bool:
    """Whether the first cells end like files, or all of them are different names that files have without an ending."""
    import polars as pl

    if cells.dtype != pl.String:
        return False
    stripped = (cell.strip() for cell in cells.head(10 * LOOKED_AT).to_list() if cell is not None)
    names = list(islice((name for name in stripped if name), LOOKED_AT))
    if not names or max(map(len, names)) > MAX_PATH:
        return False
    if all(name.lower().endswith(ENDINGS) for name in names):
        return True
    if len(set(names)) < len(names) or len(names) < 2 or max(map(len, names)) > MAX_NAME:
        return False
    return all(len(name.split()) == 1 and find(name) is not None for name in names)


def _with_column(table: Table, cells: pl.Series, find: Find, folder: str) -> Table:
    import polars as pl

    names = [None if cell is None or not cell.strip() else cell.strip() for cell in cells.to_list()]
    by_path = {name: find(name) for name in dict.fromkeys(names) if name is not None}
    absent = [name for name, file in by_path.items() if file is None]
    if absent and len(absent) == len(by_path):
        return _without_files(table, cells.name, absent, folder)
    if absent:
        shown = ", ".join(absent[:5]) + (f" and {len(absent) - 5:,} more" if len(absent) > 5 else "")
        where = at_row(names.index(absent[0]))
        raise DataError(
            f'Column "{cells.name}" of {table.origin} names {plural(len(absent), "file")} of '
            f"{len(by_path):,} that {'do' if len(absent) > 1 else 'does'} not exist ({shown}; the first {where}); "
            f'paths relative to "{folder}" were expected.'
        )
    files = [None if name is None else by_path[name] for name in names]
    if all(name.lower().endswith(ARRAY_ENDING) for name in by_path):
        from ranvier.data.cells.vectors import series_of_vectors

        vectors = {name: vector_in_npy(file.read(), name) for name, file in by_path.items() if file is not None}
        column = series_of_vectors(cells.name, [None if name is None else vectors[name] for name in names])
        return replace(table, frame=table.frame.with_columns(column))
    first = islice((file for file in files if file is not None), LOOKED_AT)
    kinds = Counter(content_kind(file.read(HEAD), file.name) for file in first)
    kind = kinds.most_common(1)[0][0]
    if kind is None:
        return table
    if kind == "text":
        texts = [None if file is None else decode_text(file.read())[0] for file in files]
        return replace(table, frame=table.frame.with_columns(pl.Series(cells.name, texts, dtype=pl.String)))
    column = pl.Series(cells.name, files, dtype=pl.Object)
    return replace(table, frame=table.frame.with_columns(column), kinds={**table.kinds, cells.name: kind})


def _without_files(table: Table, column: str, names: Sequence[str], folder: str) -> Table:
    """The table with what to say of a column of names none of which is a file; a problem where it is all there is."""
    if all(map(_ADDRESS.match, names)):
        what = f"holds addresses on a network such as {names[0]}, and only files on this machine are read"
        advice = f'. Download them, and give a column of their paths, relative to "{folder}".'
    else:
        what = f'holds names such as {names[0]}, which are no files in "{folder}"'
        advice = "." if table.frame.width > 2 else "; paths relative to that folder were expected."
    note = f'Column "{column}" {what}{advice}'
    return replace(table, problem=note) if table.frame.width <= 2 else replace(table, notes=(*table.notes, note))


def with_array_cells(table: Table) -> Table:
    """The table with lists of numbers as arrays, in the columns where all have one shape.

    Lists of rows that can be pictures, none of whose numbers is below 0, have the kind "image".

    >>> import polars as pl
    >>> with_array_cells(Table(pl.DataFrame({"v": [[1, 2], [3, 4]]}), "a table")).frame.schema["v"]
    Array(Int64, shape=(2,))
    """
    columns, kinds = [], dict(table.kinds)
    for cells in table.frame.iter_columns():
        array = as_array_column(cells)
        if array is not None:
            columns.append(array)
            if can_be_pictures(array):
                kinds.setdefault(cells.name, "image")
    return replace(table, frame=table.frame.with_columns(columns), kinds=kinds) if columns else table
