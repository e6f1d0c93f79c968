"""Opening data: a path, the name of a set, an array, a data frame or a dict of columns becomes a Table or Arrays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ranvier.data.polars_threads import check_polars_threads
from ranvier.data.sources.array_source import Arrays, arrays_from
from ranvier.data.sources.file_cells import is_file_list, is_picture
from ranvier.data.sources.file_lists import table_of_list
from ranvier.data.sources.files import find, refuse_address
from ranvier.data.sources.manifest import with_files
from ranvier.data.sources.named import NAMED, load_named
from ranvier.data.sources.readers import SUFFIXES, reader_of
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.row_lists import are_inputs_and_targets, is_row_list
from ranvier.data.sources.source import Source
from ranvier.data.sources.table_source import Table
from ranvier.data.sources.text_lists import is_text_list, table_of_texts, texts_of_list
from ranvier.errors import DataError
from ranvier.rows.csr import as_csr, is_sparse

__all__ = ["NAMED", "SUFFIXES", "Arrays", "Reading", "Source", "Table", "open_source"]


def open_source(source: Any, target: Any = None, reading: Reading = PLAIN) -> Source:
    """Open data of any kind that Ranvier reads.

    Parameters:
        source: the path of a CSV, TSV, Parquet, Arrow, JSON Lines, NPZ or IDX file (these also packed as .gz), of
            which a table may have a column of paths; of a folder, .zip or .tar.gz of class folders with pictures,
            recordings or texts, or of train/ and test/ with such; of one such file;
            the name of a set that comes with scikit-learn (`digits`, `iris`, `wine`, `breast_cancer`, `diabetes`; write
            `./digits` for a file of that name); a NumPy array (rows, ...); a matrix of scipy.sparse (rows, columns);
            a data frame (pandas, polars, pyarrow); a dict of columns; a list of dicts, one a row; a list, series or
            array of texts; or what this function gave before.
        target: the name of the target column, or an array of target values (rows,) or (rows, columns).
        reading: what is known of how the rows are written, and what to do with rows that cannot be read.

    Returns a Table (named columns) or Arrays (plain numbers).

    Raises:
        DataError: the data cannot be read, or has no column of that name.
        EngineError: this is a forked child whose parent had read a table.

    >>> open_source("iris").rows
    150
    >>> open_source({"age": [39, 50], "income": ["low", "high"]}, target="income").target
    'income'
    """
    check_polars_threads()
    if isinstance(target, str):
        reading = replace(reading, names=reading.names | {target})
    opened = _open(source, reading)
    return opened if target is None else opened.with_target(target)


def _open(source: Any, reading: Reading) -> Source:
    if isinstance(source, Source):
        return source
    if isinstance(source, str) and source in NAMED:
        return load_named(source)
    if isinstance(source, str) and "\n" in source:
        raise DataError(
            "The string holds several lines and is no path. Give the path of a file; one text to predict is a list of "
            "it: [text]."
        )
    if isinstance(source, (str, Path)):
        refuse_address(str(source))
        return _open_path(Path(source), reading)
    if is_picture(source):
        return table_of_list([source], "the picture")
    if is_file_list(source):
        return table_of_list(list(source))
    if is_text_list(source):
        return table_of_texts(texts_of_list(source))
    if isinstance(source, np.ndarray) and source.dtype.names and source.ndim == 1:
        source = {name: source[name] for name in source.dtype.names}
    if isinstance(source, (list, tuple)) and source and all(hasattr(row, "_asdict") for row in source):
        source = [row._asdict() for row in source]  # named tuples
    if isinstance(source, np.ndarray):
        return arrays_from(source, None, "the array")
    if is_sparse(source):
        return _open_sparse(source)
    from ranvier.data.sources.frames import frame_from, index_notes

    if isinstance(source, (list, tuple)) and not source:
        raise DataError("The list holds no rows. Give at least one row.")
    if are_inputs_and_targets(source):
        raise DataError(
            f"The {type(source).__name__} holds {len(source)} arrays, as of inputs and targets, and one table was "
            "expected. Give the inputs alone and the targets behind them: train(X, y), train(X, y, sample_weight=w)."
        )
    if isinstance(source, (list, tuple)) and not is_row_list(source):
        try:
            array = np.asarray(source)
        except ValueError as error:
            raise DataError("The list holds rows of different lengths. Give rows of the same length.") from error
        return arrays_from(array, None, "the list")
    frame = frame_from(source, reading=reading)
    if frame.height == 0 or frame.width == 0:
        raise DataError(f"The table has {frame.height} rows and {frame.width} columns; at least one of each is needed.")
    notes = index_notes(source)
    table = Table(frame, "the table", notes=notes, in_memory=True, absent_is_missing=is_row_list(source))
    return with_files(table, Path())


def _open_path(path: Path, reading: Reading) -> Source:
    if path.is_dir():
        from ranvier.data.sources.folder import read_folder

        return read_folder(path, reading)
    opened = reader_of(find(path, NAMED))(path, reading)
    return with_files(opened, path.parent) if isinstance(opened, Table) and not opened.kinds else opened


def _open_sparse(matrix: Any) -> Arrays:
    if len(matrix.shape) != 2 or 0 in matrix.shape:
        raise DataError(f"The sparse matrix has shape {matrix.shape}; (rows, columns) was expected, both at least 1.")
    width = int(matrix.shape[1])
    return Arrays(as_csr(matrix, width), None, "the sparse matrix", (width,))
