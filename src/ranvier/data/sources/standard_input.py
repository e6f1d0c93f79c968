"""Rows from standard input: CSV, JSON Lines, Parquet, or a picture or a recording, as the first bytes say."""

from __future__ import annotations

import sys

from ranvier.data.sources.file_cells import is_file_list
from ranvier.data.sources.file_content import HEAD, content_kind
from ranvier.data.sources.file_lists import table_of_list
from ranvier.data.sources.file_reference import FileReference
from ranvier.data.sources.file_tree import one_file
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.table_formats import FIRST_BYTES, TABLE_FORMATS
from ranvier.data.sources.table_source import Table
from ranvier.data.sources.text_encoding import decode_text, text_lines
from ranvier.data.sources.text_lists import table_of_texts
from ranvier.errors import DataError

NAME = "-"
"""What stands for standard input on the command line."""
ORIGIN = "standard input"


def file_on_standard_input() -> FileReference:
    """The file that standard input holds, read to its end."""
    return FileReference(ORIGIN, content=sys.stdin.buffer.read())


def open_standard_input(
    reading: Reading = PLAIN, text_column: str | None = None, file_kinds: frozenset[str] = frozenset()
) -> Table:
    """The table that standard input holds, read to its end.

    Parameters:
        reading: what is known of how the rows are written.
        text_column: the only column that is wanted, of texts: then the input may hold one text a line, unless its
            first line names the column.
        file_kinds: of "image" and "sound", those that are wanted: the input may be one such file, or paths of such
            files, one a line.

    Raises:
        DataError: it is empty or cannot be read.
    """
    file = file_on_standard_input()
    data, called = file.read(), "Standard input"
    for first_bytes, read in FIRST_BYTES.items():
        if data.startswith(first_bytes):
            return read(data, ORIGIN, called, reading)
    if content_kind(data[:HEAD], "") in file_kinds:
        return one_file(file)
    if data.lstrip()[:1] == b"{":
        return TABLE_FORMATS[".jsonl"](data, ORIGIN, called, reading)
    lines = text_lines(decode_text(data)[0]) if text_column is not None or file_kinds else []
    if file_kinds and is_file_list(lines):
        return table_of_list(lines, ORIGIN)
    if text_column is not None and text_column not in [name.strip(' "') for name in "".join(lines[:1]).split(",")]:
        if not lines:
            raise DataError("Standard input is empty; one text a line was expected.")
        return table_of_texts(lines, text_column, ORIGIN)
    return TABLE_FORMATS[".csv"](data, ORIGIN, called, reading)
