"""Parquet and JSON Lines files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from ranvier.data.sources.files import read_bytes
from ranvier.data.sources.frames import frame_from_columns
from ranvier.data.sources.table_source import Table
from ranvier.errors import DataError


def read_parquet(path: Path) -> Table:
    """Read a Parquet file.

    Raises:
        DataError: the file is damaged, not Parquet, or has no rows.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rows.parquet"
    ...     pl.DataFrame({"age": [39, 50]}).write_parquet(path)
    ...     read_parquet(path).rows
    2
    """
    data = read_bytes(path)
    if data[:4] != b"PAR1" or data[-4:] != b"PAR1":
        raise DataError(
            f'"{path}" is not a whole Parquet file: its first or last four bytes are not "PAR1". Copy it again.'
        )
    try:
        frame = pl.read_parquet(data, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise DataError(
            f'"{path}" is a damaged Parquet file ({_first_line(error)}). Copy or write it again.'
        ) from error
    return _table(path, frame)


def read_json_lines(path: Path) -> Table:
    """Read a JSON Lines file: one object a line, its keys are the columns; a key that is absent is a missing cell.

    Raises:
        DataError: a line is not a JSON object, the file is not UTF-8, or has no rows.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rows.jsonl"
    ...     _ = path.write_text('{"age": 39}\\n{"age": 50}\\n')
    ...     read_json_lines(path).frame["age"].to_list()
    [39, 50]
    """
    data = read_bytes(path)
    if not data.strip():
        raise DataError(f'"{path}" is empty. One JSON object a line was expected.')
    try:
        frame = pl.read_ndjson(data, infer_schema_length=None)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        frame = _json_frame(path, data)
    return _table(path, frame)


def _json_frame(path: Path, data: bytes) -> pl.DataFrame:
    """Read line by line: finds the damaged line, and reads values that polars does not mix (true and 1, NaN)."""
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except UnicodeDecodeError as error:
            raise DataError(f'"{path}" is not UTF-8 text in line {number}. Convert it with iconv to UTF-8.') from error
        except (json.JSONDecodeError, RecursionError) as error:
            raise DataError(f'"{path}" has a line that is not JSON: line {number} ({error}).') from error
        if not isinstance(row, dict):
            raise DataError(
                f'"{path}" has {str(row)[:40]!r} in line {number}; an object {{"column": value}} was expected.'
            )
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return frame_from_columns({name: [row.get(name) for row in rows] for name in names}, f'"{path}"')


def _table(path: Path, frame: pl.DataFrame) -> Table:
    if frame.width == 0:
        raise DataError(f'"{path}" has no columns. A table with named columns was expected.')
    if frame.height == 0:
        raise DataError(f'"{path}" has columns and no rows. Give a file with at least one row.')
    return Table(frame, str(path))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__
