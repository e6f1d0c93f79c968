"""A column of strings, also of those that no UTF-8 can hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


def text_series(name: str, texts: Sequence[str | None]) -> pl.Series:
    """A column of texts; half of a pair of surrogates becomes U+FFFD, and a pair the character that it stands for.

    Such halves are left where a text was cut inside an emoji, or where bytes of a file name are no text.

    >>> text_series("note", ["a", None, "b" + chr(0xD83D)]).to_list()
    ['a', None, 'b\ufffd']
    """
    import polars as pl

    try:
        return pl.Series(name, texts, dtype=pl.String)
    except UnicodeEncodeError:
        return pl.Series(name, [None if text is None else _whole(text) for text in texts], dtype=pl.String)


def _whole(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
