"""Digits and signs of other scripts, such as ٣٫٥, ３．５ and ३.५, as those of ASCII; and invisible characters.

Patterns are those of polars, for columns.
"""

from __future__ import annotations

import polars as pl

ZEROS = (
    *(0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66, 0xDE6, 0xE50, 0xED0, 0xF20),
    *(0x1040, 0x17E0, 0x1810, 0x1946, 0xFF10),
)
"""The zero of each script, which its other digits follow: Arabic, Persian, Devanagari, Bengali, Thai, full width ..."""
INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
"""Soft hyphens, joiners, marks of the direction of writing, and marks of byte order."""
SIGNS = {
    **{chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)},
    **{chr(zero + digit): str(digit) for zero in ZEROS for digit in range(10)},
    **{"\u066a": "%", "\u066b": ".", "\u066c": ",", "\u060c": ",", "\uffe5": "¥", "\uffe1": "£", "\uffe6": "₩"},
    **dict.fromkeys(INVISIBLE, ""),
}
"""Character -> what it is in ASCII."""
DIGITS = "".join(f"{chr(zero)}-{chr(zero + 9)}" for zero in ZEROS)
OTHER = f"[{DIGITS}{INVISIBLE}\u060c\uff01-\uff5e\uffe1\uffe5\uffe6\u066a-\u066c]"
"""A pattern for one of them."""


def in_other_scripts(strings: pl.Series) -> bool:
    """Whether a string has such digits, signs or invisible characters.

    >>> in_other_scripts(pl.Series(["3.5", "٣٫٥"])), in_other_scripts(pl.Series(["3.5", "3,5 €"]))
    (True, False)
    """
    return bool(strings.str.contains(OTHER).any())


def in_ascii(strings: pl.Series) -> pl.Series:
    """The strings with the digits and signs of ASCII, and without invisible characters.

    >>> in_ascii(pl.Series(["٣٫٥", "１，２３４", "२५/०३/२०२१", None])).to_list()
    ['3.5', '1,234', '25/03/2021', None]
    """
    if not in_other_scripts(strings):
        return strings
    return strings.str.replace_many(list(SIGNS), list(SIGNS.values())).str.strip_chars()
