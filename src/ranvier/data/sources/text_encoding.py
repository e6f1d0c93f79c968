"""From the bytes of a text file to UTF-8: byte order marks, UTF-16, and the guess for files that are not Unicode."""

from __future__ import annotations

import codecs
import re

from ranvier.errors import DataError

MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
"""Byte order marks; those of UTF-32 begin with those of UTF-16."""
WESTERN = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}
SAMPLE = 4096
NEIGHBOURS = 0.5
"""In the languages of Western Europe letters beyond ASCII mostly stand alone; in other scripts they stand together."""


def as_utf8(data: bytes, origin: str) -> tuple[bytes, list[str]]:
    """The text as UTF-8 without a byte order mark, and a note where the encoding was guessed.

    Parameters:
        data: the bytes of a file.
        origin: what to call it in messages, as the first words of a sentence.

    Raises:
        DataError: the bytes are no text, or text in an encoding that cannot be told.

    >>> as_utf8("price €".encode("utf-16"), "The file")[0].decode()
    'price €'
    >>> as_utf8(b"caf\\xe9", "The file")[0].decode()
    'café'
    """
    encoding, name, start = _encoding(data)
    if encoding in WESTERN:
        return _western(data, encoding, name, origin)
    if encoding == "utf-8":
        return _without_zeros(data[start:] if start else data, origin), []
    try:
        text = data[start:].decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{origin} begins like {name} text and is damaged: byte {error.start + start + 1} does not fit. "
            "Save it again as UTF-8."
        ) from error
    return _without_zeros(text.encode("utf-8", "replace"), origin), []


def decode_text(data: bytes) -> tuple[str, str]:
    """The text of a file of running text, of which nothing is refused, and the encoding it was read in.

    >>> decode_text("Käse".encode()), decode_text("Käse".encode("latin-1"))
    (('Käse', 'utf-8'), ('Käse', 'cp1252'))
    """
    encoding, _, start = _encoding(data)
    return data[start:].decode(encoding, "replace"), encoding


def _encoding(data: bytes) -> tuple[str, str, int]:
    """The encoding of a text, its name, and the length of a byte order mark.

    That of the mark; UTF-16 where every other byte is zero; UTF-8 where the bytes are that; else Windows-1252 or
    Latin-1, in which every byte is a character.
    """
    for mark, encoding, name in MARKS:
        if data.startswith(mark):
            return encoding, name, len(mark)
    if is_utf_16(data):
        return ("utf-16-le" if data[1] == 0 else "utf-16-be"), "UTF-16", 0
    for encoding, name in (("utf-8", "UTF-8"), *WESTERN.items()):
        if encoding == "latin-1" or _fits(data, encoding):
            return encoding, name, 0
    raise AssertionError("every text is Latin-1")


def _fits(data: bytes, encoding: str) -> bool:
    if data.isascii():
        return True
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def is_utf_16(data: bytes) -> bool:
    """Whether every other byte of the beginning is zero, as in UTF-16 without a byte order mark.

    >>> is_utf_16("Hello".encode("utf-16-le")), is_utf_16(b"Hello")
    (True, False)
    """
    head = data[: SAMPLE - SAMPLE % 2]
    head = head[: len(head) - len(head) % 2]
    first, second = head[0::2], head[1::2]
    return bool(head) and (
        (second.count(0) > 0.9 * len(second) and first.count(0) == 0)
        or (first.count(0) > 0.9 * len(first) and second.count(0) == 0)
    )


def _without_zeros(data: bytes, origin: str) -> bytes:
    """The same bytes; zero bytes are refused, by line."""
    at = data.find(b"\x00")
    if at < 0:
        return data
    if data.count(0, 0, SAMPLE) > 8:
        raise DataError(f"{origin} is not a text file: it holds zero bytes. CSV text in UTF-8 was expected.")
    raise DataError(
        f"{origin} has a zero byte in line {line_of(data, at)}, which is no text. Correct that line, or remove the "
        "zero bytes from a copy: tr -d '\\000'."
    )


def line_of(data: bytes, at: int) -> int:
    """The line, counted from 1, in which a byte stands.

    >>> line_of(b"a\\nb", 2)
    2
    """
    return len(re.findall(rb"\r\n|\r|\n", data[:at])) + 1


def _western(data: bytes, encoding: str, name: str, origin: str) -> tuple[bytes, list[str]]:
    """Text of western European languages as UTF-8, with a note; other bytes are refused."""
    _without_zeros(data, origin)
    at = _first_odd(data)
    _check_western(data, data[at], line_of(data, at), origin)
    at = next(re.finditer(rb"[\x80-\xff]", data)).start()
    return data.decode(encoding).encode(), [
        f"The text is not UTF-8 and was read as {name}; its first letter beyond ASCII is "
        f'"{data[at : at + 1].decode(encoding)}" in line {line_of(data, at)}.'
    ]


def _first_odd(data: bytes) -> int:
    """The index of the first byte that is no UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _check_western(data: bytes, byte: int, line: int, origin: str) -> None:
    """Refuse bytes that are mostly UTF-8, and so damaged, and those of scripts that are not Latin."""
    replaced = data.decode("utf-8", "replace")
    damaged = replaced.count("\ufffd")
    valid = sum(map(len, re.findall("[^\x00-\x7f\ufffd]+", replaced)))
    if valid > damaged:
        raise DataError(
            f"{origin} is UTF-8 text except for byte 0x{byte:02X} in line {line}, which does not fit. Correct that "
            "line."
        )
    runs = re.findall(rb"[\x80-\xff]+", data)
    together = sum(len(run) for run in runs if len(run) > 1)
    if together > NEIGHBOURS * sum(map(len, runs)):
        raise DataError(
            f"{origin} is not UTF-8 text (byte 0x{byte:02X} in line {line}), and its encoding cannot be told. Convert "
            "a copy, with the encoding that the file was written in: iconv -f WINDOWS-1251 -t UTF-8 FILE > utf8.csv"
        )
