"""WAV files whose headers lie: sizes of nothing, formats cut short, chunks without the byte that fills them up.

Programs that are stopped while they record leave a size of 0 or 0xFFFFFFFF in the header. The sizes are hints here: the
samples go on to the end of the file.
"""

from __future__ import annotations

import re
import struct

HEADER, FIELDS = struct.Struct("<4sI"), struct.Struct("<HHIIHH")
FORMAT, DATA = b"fmt ", b"data"
MIN_FORMAT, GUID_END = 14, 40
"""Bytes of a format without the bits of a sample, which the oldest files have; and of one with a GUID."""
PCM, EXTENSIBLE = 1, 0xFFFE
BITS = (8, 16, 24, 32)
MAX_BLOCK, MAX_SIZE = 2**16 - 1, 2**32 - 1
_CHUNK = re.compile(rb"[A-Za-z][A-Za-z0-9 _-]{3}")


def mended(content: bytes) -> bytes | None:
    """The file with the sizes that are true; None where there are no samples to be read, or it is no WAV file.

    Parameters:
        content: the bytes of the file.

    >>> chunk = HEADER.pack(FORMAT, 16) + FIELDS.pack(1, 1, 8000, 16000, 2, 16)
    >>> stopped = HEADER.pack(b"RIFF", 0) + b"WAVE" + chunk + HEADER.pack(DATA, 0) + bytes(6)
    >>> mended(stopped)[-14:] == HEADER.pack(DATA, 6) + bytes(6)
    True
    """
    sizes = _samples(content)
    if sizes is None:
        return None
    form, start, size = sizes
    left = len(content) - start
    samples = content[start : start + (size if 0 < size <= left else left)]
    return _chunk(b"RIFF", b"WAVE" + _chunk(FORMAT, _mended_format(form)) + _chunk(DATA, samples))


def is_cut(content: bytes) -> bool:
    """Whether the header of a WAV file says that there are more samples than the file holds, or none where some are.

    >>> chunk = HEADER.pack(FORMAT, 16) + FIELDS.pack(1, 1, 8000, 16000, 2, 16)
    >>> is_cut(HEADER.pack(b"RIFF", 40) + b"WAVE" + chunk + HEADER.pack(DATA, 8) + bytes(6))
    True
    """
    sizes = _samples(content)
    if sizes is None:
        return False
    _, start, size = sizes
    return size > len(content) - start or 0 == size < len(content) - start


def _samples(content: bytes) -> tuple[bytes, int, int] | None:
    """The format, where the samples begin, and how many bytes the header says they have; None for no WAV file."""
    if content[:4] not in (b"RIFF", b"RF64") or content[8:12] != b"WAVE":
        return None
    at, form = 12, None
    while at + HEADER.size <= len(content):
        name, size = HEADER.unpack_from(content, at)
        start = at + HEADER.size
        if name == FORMAT and size >= MIN_FORMAT:
            form = content[start : start + size]
        if name == DATA and form is not None:
            return form, start, size
        if size > len(content) - start:
            return None
        at = start + size
        if size % 2 and not _CHUNK.match(content, at):
            at += 1
    return None


def _mended_format(form: bytes) -> bytes:
    """A format of plain samples whose bits, or whose GUID, are not there, as one that has them; others as they are."""
    tag, channels, rate, _, block, bits = FIELDS.unpack(form[: FIELDS.size].ljust(FIELDS.size, b"\0"))
    plain = tag == PCM or (tag == EXTENSIBLE and len(form) < GUID_END)
    bits = bits or 8 * block // max(channels, 1)
    if not plain or not channels or bits not in BITS:
        return form
    block = min(channels * bits // 8, MAX_BLOCK)
    return FIELDS.pack(PCM, channels, rate, min(rate * block, MAX_SIZE), block, bits)


def _chunk(name: bytes, body: bytes) -> bytes:
    return HEADER.pack(name, len(body)) + body + bytes(len(body) % 2)
