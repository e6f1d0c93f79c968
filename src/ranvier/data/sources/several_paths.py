"""Several paths as one table: files, folders and archives of pictures, recordings or texts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ranvier.data.sources.file_lists import table_of_list
from ranvier.data.sources.file_reference import FileReference
from ranvier.data.sources.source import Source
from ranvier.data.sources.table_source import Table
from ranvier.data.sources.text_lists import are_text_files, table_of_text_files, table_of_texts
from ranvier.errors import DataError


def table_of_paths(
    paths: Sequence[str], open_path: Callable[[str], Source], kind: str | None, column: str | None
) -> Table:
    """The files that several paths name, with those in folders and archives, as one table of one column.

    Parameters:
        paths: of files, folders and archives.
        open_path: what opens one of them.
        kind: the kind of files that is wanted, "image", "sound" or "text"; None where a model takes no files.
        column: the name of the column of texts.

    Raises:
        DataError: one of them cannot be read, or holds no such files.
    """
    if kind is None:
        more = " and more" if len(paths) > 2 else ""
        raise DataError(
            f"{len(paths):,} paths were given ({paths[0]}, {paths[1]}{more}), and this model takes the rows of one "
            "table. Give one table at a time."
        )
    cells: list[Any] = []
    names: list[str] = []
    notes: list[str] = []
    for path in paths:
        opened = table_of_text_files(path) if kind == "text" and are_text_files(path) else open_path(path)
        columns = [name for name in opened.column_names if name == column or opened.kinds.get(name) == kind]
        if not isinstance(opened, Table) or len(columns) != 1:
            raise DataError(f'"{path}" holds no column of kind {kind}; files or folders of these were expected.')
        below = opened.frame[columns[0]].to_list()
        cells += below
        inner = opened.row_names if opened.row_names is not None else [str(cell) for cell in below]
        names += [path if opened.rows == 1 and Path(path).is_file() else f"{path.rstrip('/')}/{name}" for name in inner]
        notes += [note for note in opened.notes if note not in notes]
    if kind == "text":
        texts = table_of_texts(cells, column or "text", f"{len(paths):,} paths")
        return replace(texts, row_names=np.array(names, object), notes=tuple(notes))
    files = [
        replace(cell, name=name) if isinstance(cell, FileReference) else cell
        for cell, name in zip(cells, names, strict=True)
    ]
    return replace(table_of_list(files, f"{len(paths):,} paths"), notes=tuple(notes))
