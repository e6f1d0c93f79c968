"""WAV files whose headers lie: sizes of nothing, chunks without the byte that fills them up.

Programs that are stopped while they record leave a size of 0 or 0xFFFFFFFF in the header. The sizes are hints here: the
samples go on to the end of the file.
"""

from __future__ import annotations

import re
import struct

HEADER = struct.Struct("<4sI")
FORMAT, DATA = b"fmt ", b"data"
MIN_FORMAT = 16
_CHUNK = re.compile(rb"[A-Za-z][A-Za-z0-9 _-]{3}")


def mended(content: bytes) -> bytes | None:
    """The file with the sizes that are true; None where there are no samples to be found, or it is no WAV file.

    Parameters:
        content: the bytes of the file.

    >>> chunk = HEADER.pack(FORMAT, 16) + struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    >>> stopped = HEADER.pack(b"RIFF", 0) + b"WAVE" + chunk + HEADER.pack(DATA, 0) + bytes(6)
    >>> mended(stopped)[-14:]
    b'data\\x06\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00'
    """
    if content[:4] not in (b"RIFF", b"RF64") or content[8:12] != b"WAVE":
        return None
    at, form = 12, None
    while at + HEADER.size <= len(content):
        name, size = HEADER.unpack_from(content, at)
        start = at + HEADER.size
        left = len(content) - start
        if name == FORMAT and size >= MIN_FORMAT:
            form = content[start : start + size]
        if name == DATA and form is not None:
            samples = content[start : start + (size if 0 < size <= left else left)]
            body = b"WAVE" + _chunk(FORMAT, form) + _chunk(DATA, samples)
            return _chunk(b"RIFF", body)
        if size > left:
            return None
        at = start + size
        if size % 2 and not _CHUNK.match(content, at):
            at += 1
    return None


def _chunk(name: bytes, body: bytes) -> bytes:
    return HEADER.pack(name, len(body)) + body + bytes(len(body) % 2)
