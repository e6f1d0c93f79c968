"""Whether a text, whose name does not say so, is a table."""

from __future__ import annotations

from ranvier.data.sources.reading import Reading
from ranvier.errors import DataError

SAMPLE_BYTES = 1 << 18


def is_table(data: bytes, called: str, reading: Reading) -> bool:
    """Whether a text is a table whose header has the columns that are asked for, or was said to be a table.

    Parameters:
        data: the first bytes, or all of them.
        called: the text, as the first words of a sentence.
        reading: the columns, and what else is known of the rows.

    >>> is_table(b"age,income\\n39,low\\n", "It", Reading(names=frozenset({"income"})))
    True
    """
    from ranvier.data.sources.delimited import divided_text, plain_text
    from ranvier.data.sources.text_encoding import as_utf8

    if reading.table or not reading.names:
        return reading.table
    try:
        head = plain_text(as_utf8(data[:SAMPLE_BYTES], called, reading)[0], ",", reading)[0]
        return bool(head.strip()) and reading.names <= set(divided_text(head, ",", reading)[1].names)
    except DataError:
        return False
