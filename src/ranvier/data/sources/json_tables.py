"""JSON and JSON Lines files."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import polars as pl

from ranvier.data.sources.file_table import flat_table
from ranvier.data.sources.frames import frame_from_columns
from ranvier.data.sources.nested import flat_rows
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.row_notes import bad_rows_note
from ranvier.data.sources.table_source import Table
from ranvier.data.sources.text_encoding import as_utf8
from ranvier.errors import OR_SKIP, DataError


def json_lines_table(data: bytes, origin: str, called: str, reading: Reading) -> Table:
    """The table in the bytes of JSON Lines: one object a line, whose keys are columns; what is absent is missing.

    Parameters:
        origin: where the bytes came from.
        called: the same as the first words of a sentence.
        reading: whether lines that are no objects are left out.

    Raises:
        DataError: a line is not a JSON object, the bytes are no text, or there are no rows.

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
    table = flat_table(called, origin, frame, reading)
    return replace(table, notes=(*notes, *table.notes), absent_is_missing=True, encoding=encoding)


def json_table(data: bytes, origin: str, called: str, reading: Reading = PLAIN) -> Table:
    """The table in JSON: a list of objects, one a row; an object of columns, as pandas writes it; or JSON Lines.

    Parameters:
        data, origin, called, reading: as for `json_lines_table`.

    Raises:
        DataError: it is none of these.

    >>> json_table(b'[{"age": 39}, {"age": 50}]', "rows.json", "It").frame["age"].to_list()
    [39, 50]
    """
    data, notes, encoding = as_utf8(data, called, reading)
    try:
        document = json.loads(data)
    except (json.JSONDecodeError, RecursionError):
        document = _one_after_another(data)
    if document is None:
        table = json_lines_table(data, origin, called, replace(reading, encoding=None))
        return replace(table, notes=(*notes, *table.notes), encoding=encoding)
    rows = _rows_of(document)
    if rows is None:
        raise DataError(
            f'{called} is JSON and no table. A list of objects, one a row, was expected, such as [{{"column": 1}}, '
            '{"column": 2}].'
        )
    table = flat_table(called, origin, _frame_of_rows(rows, called, reading), reading)
    return replace(table, notes=(*notes, *table.notes), absent_is_missing=True, encoding=encoding)


def _one_after_another(data: bytes) -> list[dict[str, Any]] | None:
    """Objects of several lines, one behind the other, as jq and MongoDB write them; None for other text."""
    text, at, rows = data.decode().strip(), 0, []
    decoder, blank = json.JSONDecoder(), re.compile(r"\s*")
    if text.partition("\n")[0].strip() != "{":
        return None
    try:
        while at < len(text):
            row, at = decoder.raw_decode(text, at)
            rows.append(row)
            at = blank.match(text, at).end()  # type: ignore[union-attr]
    except (json.JSONDecodeError, RecursionError):
        return None
    return rows if all(isinstance(row, dict) for row in rows) else None


def _rows_of(document: Any) -> list[dict[str, Any]] | None:
    """The rows of a list of objects, alone or as the only list of an object, or of columns; None for other values.

    Columns may be named beside lists of cells, under "columns" and "data", as pandas writes them.
    """
    if isinstance(document, list):
        return document if document and all(isinstance(row, dict) for row in document) else None
    if not isinstance(document, dict) or not document:
        return None
    inner = [value for value in document.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
    if len(inner) == 1:
        return _rows_of(inner[0])
    names, cells_of_rows = document.get("columns"), document.get("data")
    if isinstance(names, list) and isinstance(cells_of_rows, list) and document.keys() <= {"columns", "index", "data"}:
        alike = all(isinstance(row, list) and len(row) == len(names) for row in cells_of_rows)
        return [dict(zip(map(str, names), row, strict=True)) for row in cells_of_rows] if alike and names else None
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
            rows.append(_row_of(line, number, called))
        except DataError:
            if not reading.skip_bad_rows:
                raise
            bad.append(number)
    return _frame_of_rows(rows, called, reading), bad


def _row_of(line: bytes, number: int, called: str) -> dict[str, Any]:
    """The object in a line, of which `number` is counted from 1; a `DataError` where it is none."""
    advice = f'Each line must be one object such as {{"column": 1}}; correct it, {OR_SKIP}.'
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        where = f"line {number}, character {error.colno}: {error.msg}"
        raise DataError(f"{called} is not JSON in {where}. {advice}") from error
    except RecursionError as error:
        raise DataError(f"{called} is not JSON in line {number}: {error}. {advice}") from error
    if not isinstance(row, dict):
        raise DataError(f"{called} has {str(row)[:40]!r} in line {number}. {advice}")
    return row


def _frame_of_rows(rows: list[dict[str, Any]], called: str, reading: Reading) -> pl.DataFrame:
    """The columns of rows; a key that is absent is a missing cell."""
    flat = flat_rows(rows, reading)
    names = list(dict.fromkeys(name for row in flat for name in row))
    return frame_from_columns({name: [row.get(name) for row in flat] for name in names}, called, reading)
