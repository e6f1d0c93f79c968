"""From the bytes of a text file to UTF-8: byte order marks, UTF-16, and the guess for files that are not Unicode."""

from __future__ import annotations

import codecs
import io
import re

from ranvier.data.sources.encoding_guess import LATIN, NAMES, EncodingGuess, guess_encoding, mostly_alone
from ranvier.data.sources.reading import PLAIN, Reading
from ranvier.errors import DataError, InputError, nearest

MARKS = (
    (codecs.BOM_UTF8, "utf-8", "UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
"""Byte order marks; those of UTF-32 begin with those of UTF-16."""
GUESSED = {**NAMES, "latin-1": "Latin-1"}
SAMPLE = 4096
MIN_ZEROS = 0.05
"""The share of the characters of ASCII, separators and digits among them, in the tables of any language."""
MAX_NAMED = 3
USUAL = "cp1251"


def as_utf8(data: bytes, origin: str, reading: Reading = PLAIN) -> tuple[bytes, list[str], str]:
    """The text as UTF-8 without a byte order mark, a note where the encoding was guessed, and its name unless Unicode.

    Parameters:
        data: the bytes of a file.
        origin: what to call it in messages, as the first words of a sentence.
        reading: has the encoding, where the user says it, and the one to try first.

    Raises:
        DataError: the bytes are no text, or text in another encoding or in one that cannot be told.
        InputError: no encoding has this name.

    >>> as_utf8("price €".encode("utf-16"), "The file")[0].decode()
    'price €'
    >>> as_utf8(b"caf\\xe9", "The file")[0].decode()
    'café'
    """
    if reading.encoding is not None:
        named = check_encoding(reading.encoding)
        return _decoded(data, named, origin), [], "" if codecs.lookup(named).name.startswith("utf") else named
    guess, name, start = _encoding(data, reading.usual_encoding)
    encoding = guess.encoding
    if name in GUESSED.values() or not encoding or encoding == reading.usual_encoding:
        return (*_guessed(data, guess, name, origin), encoding)
    if encoding == "utf-8":
        return _without_zeros(data[start:] if start else data, origin), [], ""
    try:
        text = data[start:].decode(encoding)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{origin} begins like {name} text and is damaged: byte {error.start + start + 1} does not fit. "
            "Save it again as UTF-8."
        ) from error
    return _without_zeros(text.encode("utf-8", "replace"), origin), [], ""


def decode_text(data: bytes) -> tuple[str, str]:
    """The text of a file of running text, of which nothing is refused, and the encoding it was read in.

    >>> decode_text("Käse".encode()), decode_text("Käse".encode("latin-1"))
    (('Käse', 'utf-8'), ('Käse', 'cp1252'))
    """
    guess, _, start = _encoding(data)
    encoding = guess.encoding or "latin-1"
    return data[start:].decode(encoding, "replace"), encoding


def check_encoding(name: str) -> str:
    """The name of an encoding, if Python knows it.

    Raises:
        InputError: it does not.

    >>> check_encoding("cp1251")
    'cp1251'
    """
    try:
        "".encode(name)
    except (LookupError, TypeError, ValueError):
        names = ("utf-8", "utf-16", *NAMES)
        raise InputError(f"There is no encoding {name!r}. {nearest(str(name), names)}") from None
    return name


def _decoded(data: bytes, encoding: str, origin: str) -> bytes:
    """Text in the encoding that the user named as UTF-8, without a byte order mark."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = line_of(data, error.start)
        raise DataError(
            f"{origin} is not text in {encoding}: byte 0x{data[error.start]:02X} in line {line} does not fit. Name "
            "another encoding, or leave it out to have it inferred."
        ) from error
    return _without_zeros(text.removeprefix("\ufeff").encode("utf-8", "replace"), origin)


def _encoding(data: bytes, usual: str = "") -> tuple[EncodingGuess, str, int]:
    """The encoding of a text, its name, and the length of a byte order mark.

    That of the mark; UTF-16 where zero bytes say so; UTF-8 where the bytes are that; else the usual one, where there is
    one and the bytes are text in it; else what `guess_encoding` says, or Latin-1, in which every byte is a character,
    where bytes beyond ASCII mostly stand alone.
    """
    for mark, encoding, name in MARKS:
        if data.startswith(mark):
            return EncodingGuess(encoding), name, len(mark)
    if is_utf_16(data):
        order = "be" if data[:SAMPLE:2].count(0) > data[1:SAMPLE:2].count(0) else "le"
        return EncodingGuess(f"utf-16-{order}"), "UTF-16", 0
    if _fits(data, "utf-8"):
        return EncodingGuess("utf-8"), "UTF-8", 0
    if usual and _fits(data, usual):
        return EncodingGuess(usual), GUESSED.get(usual, usual), 0
    guess = guess_encoding(data)
    if not guess.encoding and not guess.alike and mostly_alone(data):
        guess = EncodingGuess("latin-1")
    return guess, GUESSED.get(guess.encoding, ""), 0


def _fits(data: bytes, encoding: str) -> bool:
    if data.isascii():
        return True
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def is_utf_16(data: bytes) -> bool:
    """Whether the beginning is UTF-16 without a byte order mark: the characters of ASCII have a zero byte.

    >>> is_utf_16("Hello".encode("utf-16-le")), is_utf_16(b"Hello")
    (True, False)
    >>> is_utf_16("город,1\\nКазань,2\\n".encode("utf-16-be"))
    True
    """
    head = data[: SAMPLE - SAMPLE % 2]
    head = head[: len(head) - len(head) % 2]
    first, second = head[0::2].count(0), head[1::2].count(0)
    zeros, half = max(first, second), len(head) // 2
    if head and min(first, second) == 0 and zeros > 0.9 * half:
        return True
    encoding = "utf-16-be" if first > second else "utf-16-le"
    text = head.decode(encoding, "ignore")
    lines = 2 * text.count("\n") > head.count(b"\n")  # else the byte of a line feed is half of another character
    return zeros > MIN_ZEROS * half and lines and text.replace("\n", "").replace("\r", "").isprintable()


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


def text_lines(text: str) -> list[str]:
    r"""The lines of a text without their ends, which are those of files: a line feed, a carriage return, or both.

    `str.splitlines` also ends lines at signs that stand inside texts, such as the line separator U+2028.

    >>> text_lines("a\u2028b\r\nc\n")
    ['a\u2028b', 'c']
    """
    return [line.rstrip("\n") for line in io.StringIO(text, newline=None)]


def line_of(data: bytes, at: int) -> int:
    """The line, counted from 1, in which a byte stands.

    >>> line_of(b"a\\nb", 2)
    2
    """
    return len(re.findall(rb"\r\n|\r|\n", data[:at])) + 1


def _guessed(data: bytes, guess: EncodingGuess, name: str, origin: str) -> tuple[bytes, list[str]]:
    """Text in a guessed encoding as UTF-8, with a note; bytes of which nothing can be said are refused."""
    _without_zeros(data, origin)
    at = _first_odd(data)
    byte, line = data[at], line_of(data, at)
    _check_no_utf_8(data, byte, line, origin, guess.encoding)
    if not guess.encoding:
        several = [GUESSED[encoding] for encoding in guess.alike][:MAX_NAMED]
        several += ["another one"] if len(guess.alike) > MAX_NAMED else []
        which = f" (it may be {', '.join(several[:-1])} or {several[-1]})" if several else ""
        example = guess.alike[0] if guess.alike else USUAL
        raise DataError(
            f"{origin} is not UTF-8 text (byte 0x{byte:02X} in line {line}), and its encoding cannot be told{which}. "
            f"Say it: --encoding {example} (encoding='{example}')."
        )
    text = data.decode(guess.encoding)
    letter = next(re.finditer("[^\x00-\x7f]", text))
    line = text.count("\n", 0, letter.start()) + 1
    return text.encode(), [
        f'The text is not UTF-8 and was read as {name}; its first letter beyond ASCII is "{letter[0]}" in line {line}.'
    ]


def _first_odd(data: bytes) -> int:
    """The index of the first byte that is no UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return 0


def _check_no_utf_8(data: bytes, byte: int, line: int, origin: str, encoding: str) -> None:
    """Refuse bytes of which many are UTF-8: damaged text, or two files in one.

    In Latin scripts hardly two letters make a character of UTF-8; in others many pairs of bytes do by chance.
    """
    replaced = data.decode("utf-8", "replace")
    damaged = replaced.count("\ufffd")
    valid = sum(map(len, re.findall("[^\x00-\x7f\ufffd]+", replaced)))
    if (2 * valid if encoding in LATIN else valid) > damaged:
        raise DataError(
            f"{origin} is UTF-8 text except for byte 0x{byte:02X} in line {line}, which does not fit. Correct that "
            "line."
        )
