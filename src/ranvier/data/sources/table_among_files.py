"""A table among the files of a folder or an archive: a manifest, whose cells name the others, or all that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ranvier.data.sources.array_parts import PARTS
from ranvier.data.sources.file_content import TEXT_ENDINGS
from ranvier.data.sources.file_finder import FileFinder
from ranvier.data.sources.file_reference import FileReference
from ranvier.data.sources.file_tree import several_tables, table_of_files
from ranvier.data.sources.idx_files import pictures_and_labels
from ranvier.data.sources.manifest import with_found_files
from ranvier.data.sources.natural_order import natural_key
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.source import Source
from ranvier.data.sources.table_formats import IN_FOLDERS, table_ending, table_of_bytes
from ranvier.data.sources.table_in_text import is_table
from ranvier.data.sources.table_source import Table
from ranvier.errors import DataError

if TYPE_CHECKING:
    import polars as pl


def table_from_files(
    files: Sequence[FileReference],
    origin: str,
    notes: tuple[str, ...] = (),
    in_archive: bool = False,
    reading: Reading = PLAIN,
) -> Source:
    """The rows of the files below one folder: by class folders, else by a table among them, or pictures in IDX files.

    Parameters:
        files, origin, notes, in_archive: as for `table_of_files`.
        reading: what is known of how the rows of a table are written.

    Where class folders say nothing, a table with a column of paths does, or the only table where nothing but texts
    can be read, such as a licence. Tables called train and test (val, valid, validation) become parts of one. Pictures
    in IDX files that have labels come before all of these.

    Raises:
        DataError: there is neither a file to learn from nor a table, or a table names files that are not there.

    >>> files = [FileReference("rows.csv", content=b"photo,price\\n1.png,3\\n"), FileReference("1.png", content=b"")]
    >>> table = table_from_files(files, "folder")
    >>> table.frame.columns, table.kinds, table.target
    (['photo', 'price'], {'photo': 'image'}, 'price')
    """
    in_idx = pictures_and_labels(files, origin, notes, in_archive)
    if in_idx is not None and in_idx.targets is not None:
        return in_idx
    tables = [file for file in files if table_ending(file.name) in IN_FOLDERS]
    tables.sort(key=lambda file: natural_key(file.name))
    by_folders, refused = None, None
    try:
        by_folders = table_of_files(files, origin, notes, in_archive)
    except DataError as error:
        refused = error
    if by_folders is not None and not by_folders.problem:
        return by_folders
    if in_idx is not None:
        return in_idx
    manifests = _manifests(files, tables, origin, reading)
    only_notes = by_folders is None or set(by_folders.kinds.values()) == {"text"}
    if not manifests and by_folders is not None and only_notes and len(tables) > 1:
        raise several_tables([file.name for file in tables], origin, in_archive)
    if not manifests and only_notes and not tables:
        tables = [file for file in files if table_ending(file.name)] or _tables_in_texts(files, origin, reading)
    if not manifests and only_notes and len(tables) == 1:
        manifests = {tables[0].name: _read(tables[0], origin, reading)}
    if len(manifests) > 1:
        joined = _joined(manifests, origin)
        if joined is None:
            return replace(by_folders or next(iter(manifests.values())), problem=_several(manifests, origin))
        return replace(joined, notes=(*notes, *joined.notes))
    if not manifests:
        if by_folders is None:
            assert refused is not None
            raise refused
        return by_folders
    name, table = next(iter(manifests.items()))
    return replace(_with_only_target(table), notes=(*notes, f"The rows are those of {name}.", *table.notes))


def _manifests(
    files: Sequence[FileReference], tables: Sequence[FileReference], origin: str, reading: Reading
) -> dict[str, Table]:
    """The tables that have a column of paths, by name; those that cannot be read are none."""
    manifests = {}
    find = FileFinder(files)

    def in_folder(folder: str, cell: str) -> FileReference | None:
        return find(cell, folder) or _on_disk(cell)

    for file in tables:
        try:
            table = _read(file, origin, reading)
        except DataError:
            continue
        folder = file.name.rpartition("/")[0]
        named = with_found_files(table, partial(in_folder, folder), folder or origin)
        if named.kinds and not named.problem:
            manifests[file.name] = named
    return manifests


def _tables_in_texts(files: Sequence[FileReference], origin: str, reading: Reading) -> list[FileReference]:
    """The only text, if it is a table."""
    texts = [file for file in files if file.name.lower().endswith(TEXT_ENDINGS)]
    alone = len(texts) == len(files) == 1 and is_table(texts[0].read(), _called(texts[0], origin), reading)
    return texts if alone else []


def _called(file: FileReference, origin: str) -> str:
    return f'"{file.name}" in "{origin}"'


def _read(file: FileReference, origin: str, reading: Reading) -> Table:
    """The table in a file."""
    inner = f"{origin}/{file.name}"
    return table_of_bytes(file.read(), file.name, inner, _called(file, origin), reading)


def _on_disk(cell: str) -> FileReference | None:
    """A file that a cell names by its whole path."""
    path = Path(cell)
    return FileReference(cell, path) if path.is_absolute() and path.is_file() else None


def _with_only_target(table: Table) -> Table:
    """The table with its only column besides those of files as the target."""
    others = [name for name in table.column_names if name not in table.kinds]
    return replace(table, target=others[0]) if table.kinds and len(others) == 1 else table


def _joined(manifests: Mapping[str, Table], origin: str) -> Table | None:
    """The rows of tables called like parts, with the same columns, one below the other; None for other tables."""
    import polars as pl

    parts = {name: PARTS.get(name.rpartition("/")[2].rpartition(".")[0].lower()) for name in manifests}
    tables = list(manifests.values())
    same = all(table.column_names == tables[0].column_names and table.kinds == tables[0].kinds for table in tables)
    if None in parts.values() or len(set(parts.values())) < len(parts) or not same:
        return None
    columns = [_below(name, [table.frame[name] for table in tables]) for name in tables[0].column_names]
    part_of_row = np.concatenate([np.full(table.rows, parts[name]) for name, table in manifests.items()])
    notes = (f"The rows are those of {', '.join(manifests)}.", *(note for table in tables for note in table.notes))
    return _with_only_target(
        replace(tables[0], frame=pl.DataFrame(columns), origin=origin, parts=part_of_row, notes=notes)
    )


def _below(name: str, columns: Sequence[pl.Series]) -> pl.Series:
    """The cells of several columns, one below the other."""
    import polars as pl

    if columns[0].dtype == pl.Object:
        return pl.Series(name, [cell for cells in columns for cell in cells.to_list()], dtype=pl.Object)
    return pl.concat([cells.rename(name).to_frame() for cells in columns], how="vertical_relaxed").to_series()


def _several(tables: Mapping[str, Table], origin: str) -> str:
    return (
        f'"{origin}" holds several tables that name files ({", ".join(list(tables)[:5])}); one was expected, or train '
        "and test. Give one of them in place of the folder."
    )
