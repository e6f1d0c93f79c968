"""Rows from standard input: CSV, or JSON Lines or Parquet where the first bytes say so."""

from __future__ import annotations

import sys

from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.table_source import Table

NAME = "-"
"""What stands for standard input on the command line."""


def open_standard_input(reading: Reading = PLAIN) -> Table:
    """The table that standard input holds, read to its end.

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
    return delimited_table(data, origin, called, ",", reading)
