"""Files of Apache Arrow, also called Feather."""

from __future__ import annotations

import io

import polars as pl

from ranvier.data.sources.arrow_schema import dictionary_columns
from ranvier.data.sources.file_content import HEAD, is_binary
from ranvier.data.sources.file_table import flat_table, refusing_damage
from ranvier.data.sources.foreign_formats import refuse_other_formats
from ranvier.data.sources.labels import with_categories
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.data.sources.table_source import Table
from ranvier.errors import DataError

FILE, STREAM, FIRST_FEATHER = b"ARROW1", b"\xff\xff\xff\xff", b"FEA1"
"""How the bytes of each of the formats begin."""


def arrow_table(data: bytes, origin: str, called: str, reading: Reading = PLAIN) -> Table:
    """The table in the bytes of an Arrow file, or of a stream of Arrow that was written to a file.

    Parameters:
        origin: where the bytes came from.
        called: the same as the first words of a sentence.

    Raises:
        DataError: they are damaged, not Arrow, of the first version of Feather, or have no rows.

    Source: Apache Arrow, "Arrow columnar format", section on the file and streaming formats.

    >>> buffer = io.BytesIO()
    >>> _ = pl.DataFrame({"age": [39, 50]}).write_ipc(buffer)
    >>> arrow_table(buffer.getvalue(), "rows.feather", "It").rows
    2
    """
    if data.startswith(FIRST_FEATHER):
        raise DataError(f"{called} is of the first version of Feather. Write it again with pandas' to_feather.")
    if not data.startswith((FILE, STREAM)):
        text = not is_binary(data[:HEAD])
        refuse_other_formats(data, called, "an Arrow file")
        advice = "if it is CSV, end its name in .csv" if text else "copy or write it again"
        raise DataError(f"{called} is {'text and ' if text else ''}no Arrow file, whatever its name says; {advice}.")
    read = pl.read_ipc if data.startswith(FILE) else pl.read_ipc_stream
    with refusing_damage(called, "Arrow"):
        frame = read(io.BytesIO(data))
    schema = data[8:] if data.startswith(FILE) else data
    frame = with_categories(frame, dictionary_columns(schema[: int.from_bytes(schema[4:8], "little") + 8]))
    return flat_table(called, origin, frame, reading)
