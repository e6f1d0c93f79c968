"""Texts in memory, one a row, and files of one text each: a table with one column of texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ranvier.data.sources.fasttext import is_fasttext_file
from ranvier.data.sources.file_cells import is_file_list, is_series
from ranvier.data.sources.file_content import TEXT_ENDINGS
from ranvier.data.sources.file_reference import FileReference
from ranvier.data.sources.table_source import Table
from ranvier.data.sources.text_encoding import decode_text
from ranvier.data.sources.text_series import text_series
from ranvier.errors import DataError
from ranvier.rows.arrays import is_missing

COLUMN = "text"


def is_text_list(source: Any) -> bool:
    """Whether this is a list, a series or an array of one dimension that holds strings, and perhaps missing ones.

    >>> is_text_list(["good soup", None]), is_text_list(["good soup", 1]), is_text_list([None])
    (True, False, False)
    """
    cells = _cells(source)
    return (
        cells is not None
        and any(isinstance(cell, str) for cell in cells)
        and all(isinstance(cell, str) or is_missing(cell) for cell in cells)
        and not is_file_list(cells)
    )


def texts_of_list(source: Any) -> list[str | None]:
    """The texts of a list, a series or an array, None where they are missing.

    >>> texts_of_list(np.array(["a", float("nan")], object))
    ['a', None]
    """
    return [str(cell) if isinstance(cell, str) else None for cell in _cells(source) or ()]


def table_of_texts(texts: Sequence[str | None], column: str = COLUMN, origin: str = "the list of texts") -> Table:
    """A table with one column of texts.

    >>> table_of_texts(["good soup"]).kinds
    {'text': 'text'}
    """
    import polars as pl

    frame = pl.DataFrame([text_series(column, list(texts))])
    return Table(frame, origin, kinds={column: "text"}, in_memory=True)


def are_text_files(paths: Any) -> bool:
    """Whether this is the path of a file of text, or a list of such; not of a file with a label before each line.

    >>> are_text_files("note.txt"), are_text_files(["a.txt", "b.csv"])
    (True, False)
    """
    if isinstance(paths, (str, Path)):
        paths = [paths]
    return (
        isinstance(paths, (list, tuple))
        and bool(paths)
        and all(isinstance(path, (str, Path)) and str(path).lower().endswith(TEXT_ENDINGS) for path in paths)
        and not (len(paths) == 1 and is_fasttext_file(Path(paths[0])))
    )


def table_of_text_files(paths: Any, column: str = COLUMN) -> Table:
    """A table with the text of each file, in its encoding.

    Raises:
        DataError: a file cannot be read.
    """
    names = [str(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
    missing = next((name for name in names if not Path(name).is_file()), None)
    if missing is not None:
        raise DataError(f'There is no file "{missing}"; the path of a text was expected.')
    texts = [decode_text(FileReference(name, Path(name)).read())[0] for name in names]
    table = table_of_texts(texts, column, f"{len(names):,} files" if len(names) > 1 else names[0])
    return replace(table, row_names=np.array(names, object))


def _cells(source: Any) -> list[Any] | None:
    """The cells of a list, a series or an array of one dimension; None for anything else."""
    if isinstance(source, (list, tuple)):
        return list(source)
    if isinstance(source, np.ndarray):
        return source.tolist() if source.ndim == 1 and source.dtype.kind in "OUT" else None
    if is_series(source):
        cells = source.to_list() if hasattr(source, "to_list") else list(source)
        return cells if isinstance(cells, list) else None
    return None
