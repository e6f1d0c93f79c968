"""The text in the bytes of a file, whose encoding nothing says."""

from __future__ import annotations

BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def decode_text(data: bytes) -> tuple[str, str]:
    """The text, and the encoding it was read in.

    UTF-8 with or without a byte order mark, UTF-16 with one, else Windows-1252, in which every text of western
    European languages can be read.

    >>> decode_text("Käse".encode()), decode_text("Käse".encode("latin-1"))
    (('Käse', 'utf-8'), ('Käse', 'cp1252'))
    """
    for mark, encoding in BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return data.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace"), encoding
    try:
        return data.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace"), "cp1252"
