"""Separators that no CSV reader takes: of several characters, such as :: and ||, or beyond ASCII."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from ranvier.data.sources.layout import NONE, SEPARATORS, SOME, best_layout
from ranvier.data.sources.reading import Reading

UNIT = "\x1f"
"""ASCII's unit separator, which stands for them while the text is read."""
SHORT = ("\x01", "\x02", "\x1e", UNIT, "¦", "§", "¬")
"""Characters that are separators where every line has as many of them."""
LONG = re.compile(r"[|;,~^@#$\t]{2,4}|:{2,4}")
QUOTED = re.compile(r'"[^"]*"')
SAMPLE_LINES = 50


def long_separator(lines: Sequence[str], suggested: str, reading: Reading) -> str:
    """The separator of several characters, or of one beyond ASCII, that divides the lines; "" for none.

    Each line has as many of them. Where a separator of one character divides the lines, too, all of that character
    belong to the longer one.

    Parameters:
        lines: the first lines, with their ends.
        suggested: the separator that the name of the file suggests.
        reading: what is known of the header.

    >>> long_separator(["1::31::2.5\\n", "2::10::4.0\\n"], ",", Reading())
    '::'
    >>> long_separator(["a,,b,c\\n", "1,,2,3\\n"], ",", Reading())
    ''
    """
    lines = [QUOTED.sub('""', line.rstrip("\r\n")) for line in lines[:SAMPLE_LINES] if line.strip()]
    if len(lines) < 2:
        return ""
    first = lines[0]
    there = [*(sign for sign in SHORT if sign in first), *dict.fromkeys(LONG.findall(first))]
    several: list[str] = [
        sign for sign in there if sign not in SEPARATORS and _counts(lines, sign) == {first.count(sign)}
    ]
    if not several:
        return ""
    layout = best_layout([f"{line}\n" for line in lines], suggested, "", False, reading)
    if layout.agreement in (NONE, SOME):
        return max(several, key=first.count)
    sign = layout.separator
    return next((long for long in several if all(_belongs(line, sign, long) for line in lines)), "")


def _counts(lines: Sequence[str], sign: str) -> set[int]:
    """How often the lines have a separator."""
    return {line.count(sign) for line in lines}


def _belongs(line: str, sign: str, long: str) -> bool:
    """Whether a line has a character in separators of several characters alone."""
    return sign in long and line.count(sign) == line.count(long) * long.count(sign)


def with_unit(data: bytes, separator: str) -> bytes:
    """The text with units in the place of a separator.

    >>> with_unit(b"a::b", "::")
    b'a\\x1fb'
    """
    return data.replace(separator.encode(), UNIT.encode())


def without_unit(frame: pl.DataFrame, separator: str) -> pl.DataFrame:
    """The cells with the separator where it stood in quotes.

    >>> without_unit(pl.DataFrame({"a": ["std\\x1fmap"]}), "::")["a"].to_list()
    ['std::map']
    """
    return frame.with_columns(pl.all().str.replace_all(UNIT, separator, literal=True))


def separator_note(separator: str) -> str:
    """That cells are separated so.

    >>> separator_note("::")
    "The cells are separated by '::'."
    """
    return f"The cells are separated by {separator!r}."
