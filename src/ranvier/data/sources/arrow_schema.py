"""Which columns are dictionary-encoded in an Arrow schema, and so declared as categories.

The schema is an IPC message: a flatbuffer, whose tables begin with the offset of a list of the offsets of their fields.
Arrow files begin with it; Parquet files have it in their metadata.

Source: the Apache Arrow columnar format, "Encapsulated message format", and its Schema.fbs and Message.fbs.
"""

from __future__ import annotations

import struct

MESSAGE_HEADER, SCHEMA_FIELDS, FIELD_NAME, FIELD_DICTIONARY = 2, 1, 0, 4
"""The numbers of the fields in their tables."""


def dictionary_columns(message: bytes) -> tuple[str, ...]:
    """The names of the dictionary-encoded columns; none where the schema cannot be read.

    Parameters:
        message: the schema, and whatever follows.

    >>> dictionary_columns(b"nothing")
    ()
    """
    try:
        start = 8 if message[:4] == b"\xff\xff\xff\xff" else 4
        schema = _follow(message, _field(message, _follow(message, start), MESSAGE_HEADER))
        fields = _follow(message, _field(message, schema, SCHEMA_FIELDS))
        tables = [_follow(message, fields + 4 + 4 * number) for number in range(_integer(message, fields))]
        return tuple(_name(message, table) for table in tables if _field(message, table, FIELD_DICTIONARY))
    except (ValueError, struct.error):
        return ()


def _integer(message: bytes, at: int) -> int:
    return int(struct.unpack_from("<I", message, at)[0])


def _follow(message: bytes, at: int) -> int:
    """The position that an offset at a position leads to."""
    return at + _integer(message, at)


def _field(message: bytes, table: int, number: int) -> int:
    """The position of a field of a table; 0 where the table has none."""
    offsets = table - int(struct.unpack_from("<i", message, table)[0])
    size = int(struct.unpack_from("<H", message, offsets)[0])
    entry = 4 + 2 * number
    offset = int(struct.unpack_from("<H", message, offsets + entry)[0]) if entry < size else 0
    return table + offset if offset else 0


def _name(message: bytes, table: int) -> str:
    text = _follow(message, _field(message, table, FIELD_NAME))
    return message[text + 4 : text + 4 + _integer(message, text)].decode()
