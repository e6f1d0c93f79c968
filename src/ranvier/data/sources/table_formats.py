"""Formats of tables in files, and which of them a file has by its name or its first bytes.

A new format is a function in a file of its own, which turns the bytes of a file into a table, and a line here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ranvier.data.sources.files import PACKED, read_bytes, unpacked
from ranvier.data.sources.reading import Reading
from ranvier.data.sources.table_source import Table

BytesReader = Callable[[bytes, str, str, Reading], Table]
"""Takes the bytes, where they came from, the same as the first words of a sentence, and what is known of the rows."""


def _commas(data: bytes, origin: str, called: str, reading: Reading) -> Table:
    from ranvier.data.sources.delimited import delimited_table

    return delimited_table(data, origin, called, ",", reading)


def _tabs(data: bytes, origin: str, called: str, reading: Reading) -> Table:
    from ranvier.data.sources.delimited import delimited_table

    return delimited_table(data, origin, called, "\t", reading)


def _parquet(data: bytes, origin: str, called: str, reading: Reading) -> Table:
    from ranvier.data.sources.parquet import parquet_table

    return parquet_table(data, origin, called, reading)


def _arrow(data: bytes, origin: str, called: str, reading: Reading) -> Table:
    from ranvier.data.sources.arrow_file import arrow_table

    return arrow_table(data, origin, called, reading)


def _json_lines(data: bytes, origin: str, called: str, reading: Reading) -> Table:
    from ranvier.data.sources.json_tables import json_lines_table

    return json_lines_table(data, origin, called, reading)


def _json(data: bytes, origin: str, called: str, reading: Reading) -> Table:
    from ranvier.data.sources.json_tables import json_table

    return json_table(data, origin, called, reading)


TABLE_FORMATS: dict[str, BytesReader] = {
    ".csv": _commas,
    ".tsv": _tabs,
    ".tab": _tabs,
    ".psv": _commas,
    ".dat": _commas,
    ".data": _commas,
    ".parquet": _parquet,
    ".feather": _arrow,
    ".arrow": _arrow,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
}
"""The end of a file's name -> what reads it."""
IN_FOLDERS = tuple(ending for ending in TABLE_FORMATS if ending not in (".dat", ".data", ".json"))
"""Files that count as tables also among others: the other endings are those of settings and of anything."""
FIRST_BYTES = {b"PAR1": _parquet, b"ARROW1": _arrow}
"""How files without a name begin that are no text."""


def read_table_file(path: Path, ending: str, reading: Reading) -> Table:
    """The table in a file.

    Parameters:
        ending: a key of `TABLE_FORMATS`.
    """
    return TABLE_FORMATS[ending](read_bytes(path), str(path), f'"{path}"', reading)


def table_of_bytes(data: bytes, name: str, origin: str, called: str, reading: Reading) -> Table:
    """The table in the bytes of a file whose name ends in one of `TABLE_FORMATS`, packed or not; else it is CSV.

    >>> table_of_bytes(b"a\\tb\\n1\\t2\\n", "rows.TSV", "rows.TSV", "It", Reading()).column_names
    ('a', 'b')
    """
    return TABLE_FORMATS[table_ending(name) or ".csv"](unpacked(data, Path(name)), origin, called, reading)


def table_ending(name: str) -> str:
    """Which of `TABLE_FORMATS` the name of a file ends in, packed or not; "" for none.

    >>> table_ending("rows.CSV.gz"), table_ending("photo.jpg")
    ('.csv', '')
    """
    name = name.lower().removesuffix(Path(name).suffix.lower() if Path(name).suffix.lower() in PACKED else "")
    return next((ending for ending in TABLE_FORMATS if name.endswith(ending)), "")
