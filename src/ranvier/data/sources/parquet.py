"""Parquet files."""

from __future__ import annotations

import base64
import io
import json

import polars as pl

from ranvier.data.sources.arrow_schema import dictionary_columns
from ranvier.data.sources.file_content import HEAD, is_binary
from ranvier.data.sources.file_table import flat_table, refusing_damage
from ranvier.data.sources.foreign_formats import refuse_other_formats
from ranvier.data.sources.labels import with_categories
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.table_source import Table
from ranvier.errors import DataError


def parquet_table(data: bytes, origin: str, called: str, reading: Reading = PLAIN) -> Table:
    """The table in the bytes of Parquet.

    Parameters:
        origin: where the bytes came from.
        called: the same as the first words of a sentence.

    Raises:
        DataError: they are damaged, not Parquet, or have no rows.

    >>> buffer = io.BytesIO()
    >>> pl.DataFrame({"age": [39, 50]}).write_parquet(buffer)
    >>> parquet_table(buffer.getvalue(), "rows.parquet", "It").rows
    2
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
    with refusing_damage(called, "Parquet"):
        frame = _with_declared_categories(pl.read_parquet(data, glob=False), data)
    return flat_table(called, origin, frame, reading)


def _with_declared_categories(frame: pl.DataFrame, data: bytes) -> pl.DataFrame:
    """The frame with those columns as categories that were so in the pandas frame or Arrow table that was written."""
    stored = pl.read_parquet_metadata(io.BytesIO(data))
    described = json.loads(stored["pandas"]).get("columns", []) if stored.get("pandas") else []
    names = [column["name"] for column in described if column.get("pandas_type") == "categorical"]
    names += [name for name in dictionary_columns(_decoded(stored.get("ARROW:schema", ""))) if name not in names]
    return with_categories(frame, names)


def _decoded(text: str) -> bytes:
    """The bytes of Base64; none where it is damaged."""
    try:
        return base64.b64decode(text)
    except ValueError:
        return b""
