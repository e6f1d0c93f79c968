"""Rows from standard input: CSV, or JSON Lines or Parquet where the first bytes say so."""

from __future__ import annotations

import sys

from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.table_source import Table
from ranvier.data.sources.text_encoding import decode_text
from ranvier.data.sources.text_lists import table_of_texts
from ranvier.errors import DataError

NAME = "-"
"""What stands for standard input on the command line."""


def open_standard_input(reading: Reading = PLAIN, text_column: str | None = None) -> Table:
    """The table that standard input holds, read to its end.

    Parameters:
        reading: what is known of how the rows are written.
        text_column: the only column that is wanted, of texts: then the input may hold one text a line, unless its
            first line names the column.

    Raises:
        DataError: it is empty or cannot be read.
    """
    from ranvier.data.sources.delimited import delimited_table
    from ranvier.data.sources.parquet_jsonl import json_lines_table, parquet_table

    data = sys.stdin.buffer.read()
    origin, called = "standard input", "Standard input"
    if data.startswith(b"PAR1"):
        return parquet_table(data, origin, called)
    if data.lstrip()[:1] == b"{":
        return json_lines_table(data, origin, called, reading)
    lines = decode_text(data)[0].splitlines() if text_column is not None else []
    if text_column is not None and text_column not in [name.strip(' "') for name in "".join(lines[:1]).split(",")]:
        if not lines:
            raise DataError("Standard input is empty; one text a line was expected.")
        return table_of_texts(lines, text_column, origin)
    return delimited_table(data, origin, called, ",", reading)
