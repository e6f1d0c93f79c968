"""Opening data: a path, the name of a set, an array, a data frame or a dict of columns becomes a Table or Arrays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ranvier.data.sources.arrays import is_idx, read_idx, read_npz
from ranvier.data.sources.files import find
from ranvier.data.sources.named import NAMED, load_named
from ranvier.data.sources.origin import sentence_start
from ranvier.data.sources.source import Arrays, Source, Table, arrays_from, checked_targets
from ranvier.errors import DataError, nearest
from ranvier.rows.csr import as_csr, is_sparse

__all__ = ["NAMED", "SUFFIXES", "Arrays", "Source", "Table", "open_source"]

SUFFIXES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".npz", ".idx", ".csv.gz", ".tsv.gz", ".idx.gz")
SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".ods", ".numbers")


def open_source(source: Any, target: Any = None) -> Source:
    """Open data of any kind that Ranvier reads.

    Parameters:
        source: the path of a CSV, TSV, Parquet, JSON Lines, NPZ or IDX file (CSV, TSV and IDX also packed as .gz);
            the name of a set that comes with scikit-learn (`digits`, `iris`, `wine`, `breast_cancer`, `diabetes`; write
            `./digits` for a file of that name); a NumPy array (rows, ...); a matrix of scipy.sparse (rows, columns);
            a data frame (pandas, polars, pyarrow); a dict of columns; a list of dicts, one a row; or what this function
            gave before.
        target: the name of the target column, or an array of target values (rows,) or (rows, columns).

    Returns a Table (named columns) or Arrays (plain numbers).

    Raises:
        DataError: the data cannot be read, or has no column of that name.

    >>> open_source("iris").rows
    150
    >>> open_source({"age": [39, 50], "income": ["low", "high"]}, target="income").target
    'income'
    """
    opened = _open(source)
    if target is None:
        return opened
    if isinstance(opened, Table):
        return _table_with_target(opened, target)
    if isinstance(target, str):
        raise DataError(
            f'The target is "{target}", but {opened.origin} holds plain arrays without column names. '
            "Give the target values as an array."
        )
    return replace(opened, targets=checked_targets(target, opened.rows, opened.origin))


def _open(source: Any) -> Source:
    if isinstance(source, (Table, Arrays)):
        return source
    if isinstance(source, str) and source in NAMED:
        return load_named(source)
    if isinstance(source, (str, Path)):
        return _open_path(Path(source))
    if isinstance(source, np.ndarray):
        return arrays_from(source, None, "the array")
    if is_sparse(source):
        return _open_sparse(source)
    from ranvier.data.sources.frames import frame_from, is_row_list

    if isinstance(source, (list, tuple)) and not is_row_list(source):
        try:
            return arrays_from(np.asarray(source), None, "the list")
        except ValueError as error:
            raise DataError("The list holds rows of different lengths. Give rows of the same length.") from error
    frame = frame_from(source)
    if frame.height == 0 or frame.width == 0:
        raise DataError(f"The table has {frame.height} rows and {frame.width} columns; at least one of each is needed.")
    return Table(frame, "the table")


def _open_sparse(matrix: Any) -> Arrays:
    if len(matrix.shape) != 2 or 0 in matrix.shape:
        raise DataError(f"The sparse matrix has shape {matrix.shape}; (rows, columns) was expected, both at least 1.")
    width = int(matrix.shape[1])
    return Arrays(as_csr(matrix, width), None, "the sparse matrix", (width,))


def _open_path(path: Path) -> Source:
    find(path, NAMED)
    if is_idx(path):
        return read_idx(path)
    name = path.name.lower()
    suffix = Path(name.removesuffix(".gz")).suffix
    if suffix in (".csv", ".tsv"):
        from ranvier.data.sources.delimited import read_delimited

        return read_delimited(path, "\t" if suffix == ".tsv" else ",")
    if name.endswith((".parquet", ".jsonl", ".ndjson")):
        from ranvier.data.sources.parquet_jsonl import read_json_lines, read_parquet

        return read_parquet(path) if suffix == ".parquet" else read_json_lines(path)
    if name.endswith(".npz"):
        return read_npz(path)
    last = "".join(Path(name).suffixes[-2:]) if name.endswith(".gz") else suffix
    advice = (
        "Save it as CSV from the spreadsheet program" if suffix in SPREADSHEETS else "Rename it if it is one of these"
    )
    raise DataError(
        f'"{path}" {f"ends in {last}" if last else "has no ending"}, which says no kind of file that is read here: '
        f"{', '.join(SUFFIXES)}. {advice}."
    )


def _table_with_target(table: Table, target: Any) -> Table:
    """The table with another default target, or with the given values as a new column."""
    if isinstance(target, str):
        if target not in table.frame.columns:
            hint = nearest(target, table.frame.columns, "Its columns are")
            raise DataError(f'{sentence_start(table.origin)} has no column "{target}". {hint}')
        return replace(table, target=target)
    from ranvier.data.sources.frames import series_from

    name = str(getattr(target, "name", None) or "target")
    if name in table.frame.columns:
        raise DataError(f'The target values are called "{name}", and {table.origin} has a column of that name already.')
    values = series_from(name, target)
    if len(values) != table.rows:
        raise DataError(f"There are {len(values)} target values and {table.rows} rows in {table.origin}.")
    return replace(table, frame=table.frame.with_columns(values), target=name)
