"""Parquet and JSON Lines files."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from ranvier.data.sources.arrow_schema import dictionary_columns
from ranvier.data.sources.file_content import HEAD, is_binary
from ranvier.data.sources.files import read_bytes
from ranvier.data.sources.foreign_formats import refuse_other_formats
from ranvier.data.sources.frames import frame_from_columns
from ranvier.data.sources.labels import labels
from ranvier.data.sources.nested import flat_frame, flat_rows
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.row_notes import bad_rows_note
from ranvier.data.sources.table_source import Table
from ranvier.data.sources.text_encoding import as_utf8
from ranvier.errors import DataError


def read_parquet(path: Path, reading: Reading = PLAIN) -> Table:
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
    return parquet_table(read_bytes(path), str(path), f'"{path}"', reading)


def parquet_table(data: bytes, origin: str, called: str, reading: Reading = PLAIN) -> Table:
    """The table in the bytes of Parquet; see `read_parquet`.

    Parameters:
        origin: where the bytes came from.
        called: the same as the first words of a sentence.
    """
    if data[:4] != b"PAR1" or data[-4:] != b"PAR1":
        if data[:4] != b"PAR1":
            refuse_other_formats(data, called, "a Parquet file")
        text = data[:4] != b"PAR1" and not is_binary(data[:HEAD])
        raise DataError(
            f"{called} is text and no Parquet file, whatever its name says; if it is CSV, end its name in .csv."
            if text
            else f'{called} is not a whole Parquet file: its first or last four bytes are not "PAR1". Copy it again.'
        )
    try:
        frame = pl.read_parquet(data, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise DataError(
            f"{called} is a damaged Parquet file ({_first_line(error)}). Copy or write it again."
        ) from error
    return _table(called, origin, _with_declared_categories(frame, data), reading)


def _with_declared_categories(frame: pl.DataFrame, data: bytes) -> pl.DataFrame:
    """The frame with those columns as categories that were so in the pandas frame or Arrow table that was written."""
    stored = pl.read_parquet_metadata(io.BytesIO(data))
    described = json.loads(stored["pandas"])["columns"] if stored.get("pandas") else []
    names = [column["name"] for column in described if column.get("pandas_type") == "categorical"]
    names += [name for name in dictionary_columns(stored.get("ARROW:schema", "")) if name not in names]
    dictionaries = [
        name for name in names if name in frame.columns and frame.schema[name] not in (pl.Categorical, pl.Enum)
    ]
    return frame.with_columns(labels(name, frame[name].to_list()) for name in dictionaries)


def read_json_lines(path: Path, reading: Reading = PLAIN) -> Table:
    """Read a JSON Lines file: one object a line, its keys are the columns; a key that is absent is a missing cell.

    Parameters:
        path: the file.
        reading: whether lines that are no objects are left out.

    Raises:
        DataError: a line is not a JSON object, the file is no text, or has no rows.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rows.jsonl"
    ...     _ = path.write_text('{"age": 39}\\n{"age": 50}\\n')
    ...     read_json_lines(path).frame["age"].to_list()
    [39, 50]
    """
    return json_lines_table(read_bytes(path), str(path), f'"{path}"', reading)


def json_lines_table(data: bytes, origin: str, called: str, reading: Reading) -> Table:
    """The table in the bytes of JSON Lines; see `read_json_lines`.

    Parameters:
        origin: where the bytes came from.
        called: the same as the first words of a sentence.

    >>> json_lines_table(b'{"age": 39}\\n', "standard input", "Standard input", PLAIN).rows
    1
    """
    data, notes, encoding = as_utf8(data, called, reading)
    if not data or data.isspace():
        raise DataError(f"{called} is empty. One JSON object a line was expected.")
    try:
        frame = pl.read_ndjson(data, infer_schema_length=None)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        frame, bad = _json_frame(called, data, reading)
        notes += bad_rows_note(bad)
    table = _table(called, origin, frame, reading)
    return replace(table, notes=(*notes, *table.notes), absent_is_missing=True, encoding=encoding)


def read_json(path: Path, reading: Reading = PLAIN) -> Table:
    """Read a JSON file: a list of objects, one a row; an object of columns, as pandas writes it; or JSON Lines.

    Parameters:
        path, reading: as for `read_json_lines`.

    Raises:
        DataError: the file is none of these.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rows.json"
    ...     _ = path.write_text('[{"age": 39}, {"age": 50}]')
    ...     read_json(path).frame["age"].to_list()
    [39, 50]
    """
    called = f'"{path}"'
    data, notes, encoding = as_utf8(read_bytes(path), called, reading)
    try:
        document = json.loads(data)
    except (json.JSONDecodeError, RecursionError):
        table = json_lines_table(data, str(path), called, replace(reading, encoding=None))
        return replace(table, notes=(*notes, *table.notes), encoding=encoding)
    rows = _rows_of(document)
    if rows is None:
        raise DataError(
            f'{called} is JSON and no table. A list of objects, one a row, was expected, such as [{{"column": 1}}, '
            '{"column": 2}].'
        )
    frame = _frame_of_rows(rows, called, reading)
    table = _table(called, str(path), frame, reading)
    return replace(table, notes=tuple(notes), absent_is_missing=True, encoding=encoding)


def _rows_of(document: Any) -> list[dict[str, Any]] | None:
    """The rows of a list of objects, alone or as the only list of an object, or of columns; None for other values."""
    if isinstance(document, list):
        return document if document and all(isinstance(row, dict) for row in document) else None
    if not isinstance(document, dict) or not document:
        return None
    inner = [value for value in document.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
    if len(inner) == 1:
        return _rows_of(inner[0])
    columns = {name: list(cells.values()) if isinstance(cells, dict) else cells for name, cells in document.items()}
    if not all(isinstance(cells, list) for cells in columns.values()) or len(set(map(len, columns.values()))) != 1:
        return None if any(isinstance(cells, (dict, list)) for cells in document.values()) else [document]
    return [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]


def _json_frame(called: str, data: bytes, reading: Reading) -> tuple[pl.DataFrame, list[int]]:
    """Read line by line: finds the damaged lines, and reads values that polars does not mix (true and 1, NaN)."""
    bad: list[int] = []
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if not isinstance(row, dict):
                raise DataError(
                    f'{called} has {str(row)[:40]!r} in line {number}; an object {{"column": value}} was expected.'
                )
        except (json.JSONDecodeError, RecursionError, DataError) as error:
            if reading.skip_bad_rows:
                bad.append(number)
                continue
            if isinstance(error, DataError):
                raise
            where = (
                f", character {error.colno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else f": {error}"
            )
            raise DataError(
                f'{called} is not JSON in line {number}{where}. Each line must be one object such as {{"column": 1}}; '
                "correct it, or leave such lines out with --skip-bad-rows (skip_bad_rows=True)."
            ) from error
        rows.append(row)
    return _frame_of_rows(rows, called, reading), bad


def _frame_of_rows(rows: list[dict[str, Any]], called: str, reading: Reading) -> pl.DataFrame:
    """The columns of rows; a key that is absent is a missing cell."""
    flat = flat_rows(rows, reading)
    names = list(dict.fromkeys(name for row in flat for name in row))
    return frame_from_columns({name: [row.get(name) for row in flat] for name in names}, called, reading)


def _table(called: str, origin: str, frame: pl.DataFrame, reading: Reading) -> Table:
    if frame.width == 0:
        raise DataError(f"{called} has no columns. A table with named columns was expected.")
    if frame.height == 0:
        raise DataError(f"{called} has columns and no rows. Give a file with at least one row.")
    frame, notes = flat_frame(frame, reading)
    return Table(frame, origin, notes=tuple(notes))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:120] if lines else type(error).__name__
