"""The structure of delimited text as bytes: where rows end, and whether every quote stands where a quote may stand.

In text whose quoting is regular (RFC 4180) a quote opens a cell right after a separator or the end of a line, closes it
right before one, or is doubled. Every reader reads such text alike, and its rows can be counted from bytes.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from ranvier.records import record

QUOTE, LINE_FEED, RETURN = ord('"'), ord("\n"), ord("\r")
CHUNK, COUNTED = 1 << 23, 1 << 18
"""Bytes that are looked at together: few enough for small temporary arrays; those counted at once fit the L2 cache."""


@record
class Structure:
    """What the bytes say.

    Fields:
        regular: whether the quoting is that of RFC 4180.
        rows: the number of rows, blank lines counted.
        separators: the number of separators between cells, or None where they were not counted.
    """

    regular: bool
    rows: int
    separators: int | None


def structure(data: bytes, start: int, separator: str, count_separators: bool = False) -> Structure:
    """The structure of text whose lines end in line feeds, with carriage returns before them or without.

    Parameters:
        data: the text.
        start: the first byte of the first row.
        separator: one ASCII character.
        count_separators: whether to count them.

    >>> structure(b'a,"b\\n""c"\\nd,e', 0, ",", True)
    Structure(regular=True, rows=2, separators=2)
    >>> structure(b'"5" pipe",1', 0, ",").regular
    False
    """
    unfinished = int(start < len(data) and data[-1] != LINE_FEED)
    buffer = np.frombuffer(data, np.uint8)
    mark = ord(separator)
    if data.find(b'"', start) < 0:
        separators = _count(buffer[start:], mark) if count_separators else None
        return Structure(True, _count(buffer[start:], LINE_FEED) + unfinished, separators)
    inside = 0
    rows = separators = 0
    for begin in range(start, len(data), CHUNK):
        chunk = buffer[begin : begin + CHUNK]
        quotes = np.flatnonzero(chunk == QUOTE)
        # A quote opens a cell outside of one and closes it inside.
        opening, closing = quotes[inside::2], quotes[1 - inside :: 2]
        if not _regular(buffer, opening + begin, closing + begin, mark, start):
            return Structure(False, 0, None)
        line_feeds = np.flatnonzero(chunk == LINE_FEED)
        rows += int(np.count_nonzero((np.searchsorted(quotes, line_feeds) + inside) % 2 == 0))
        inside = (inside + len(quotes)) % 2
        if count_separators:
            before = np.cumsum(chunk == mark, dtype=np.int32)
            quoted = int(before[closing].sum(dtype=np.int64)) - int(before[opening].sum(dtype=np.int64))
            separators += int(before[-1]) * (1 - inside) - quoted
    return Structure(inside == 0, rows + unfinished, separators if count_separators else None)


def _regular(
    buffer: NDArray[np.uint8], opening: NDArray[np.int64], closing: NDArray[np.int64], mark: int, start: int
) -> bool:
    """Whether opening quotes stand after, and closing ones before, a separator, the end of a line or another quote."""
    before = buffer[opening[opening > start] - 1]
    after = buffer[closing[closing + 1 < len(buffer)] + 1]
    fits = np.zeros(256, bool)
    fits[[mark, LINE_FEED, QUOTE]] = True
    if not fits[before].all():
        return False
    fits[RETURN] = True
    return bool(fits[after].all())


def is_regular(row: str, separator: str) -> bool:
    """Whether the quoting of one row, of one line or of several, is that of RFC 4180.

    >>> is_regular('"6"" pipe",1', ","), is_regular('6" pipe,1', ",")
    (True, False)
    """
    cell = rf'(?:"[^"]*(?:""[^"]*)*"|[^"\r\n{re.escape(separator)}]*)'
    return re.fullmatch(rf"{cell}(?:{re.escape(separator)}{cell})*(?:\r\n|\r|\n)?", row) is not None


def _count(buffer: NDArray[np.uint8], byte: int) -> int:
    """How often a byte stands in a buffer; `bytes.count` would stop at each of them."""
    starts = range(0, len(buffer), COUNTED)
    return sum(int(np.count_nonzero(buffer[start : start + COUNTED] == byte)) for start in starts)
