"""What tells a column of texts from one of names, addresses or codes: how long its cells are and how written."""

from __future__ import annotations

import polars as pl

from ranvier.data.text.tokens import SPACELESS
from ranvier.records import record

MIN_WORDS, MIN_SPACELESS = 3.0, 6.0
"""Words, or characters of scripts without spaces, that a text has on average."""
MIN_LOWER = 0.05
"""The fraction of its words that begin with a small letter, those of names and addresses being fewer."""
MIN_CAPITAL_WORDS = 6.0
"""Words that a text in capitals has on average."""
MAX_PATTERNS = 0.5
"""The fraction of cells with digits up to which short ones are texts; addresses and codes have more."""
MANY_WORDS = 6.0
LONG, LONG_SPACES = 20, 2
SAMPLE = 10_000


LIST_SIGNS = (";", "|", ",")
MIN_LISTS = 30
"""Fewer different lists are categories."""


def n_options(different: pl.Series) -> int:
    """How many different options there are in cells that are lists of several, such as "wifi;pool"; 0 for other cells.

    Most of the cells have a sign between options, and there are at most half as many options as different cells.

    Parameters:
        different: strings, each once.

    >>> n_options(pl.Series([f"{a}|{b}|{c}" for a in "abc" for b in "defg" for c in "hijk"]))
    11
    """
    cells = different.head(SAMPLE)
    for sign in LIST_SIGNS if len(cells) >= MIN_LISTS else ():
        if 2 * int(cells.str.contains(sign, literal=True).sum()) < len(cells):
            continue
        parts = cells.str.split(sign).explode().str.strip_chars(" []{}()\"'").str.to_lowercase()
        options = parts.filter(parts != "").unique()
        if 2 <= len(options) <= len(cells) // 2 and 2 * int(options.str.contains(r"\p{L}").sum()) > len(options):
            return len(options)
    return 0


@record
class TextShape:
    """How the cells of a column of strings look.

    Fields:
        is_text: whether they are sentences, phrases or titles.
        is_long: whether they are longer than a category, and no texts.
    """

    is_text: bool
    is_long: bool


def text_shape(cells: pl.Series) -> TextShape:
    """The shape of strings, none of them missing.

    >>> text_shape(pl.Series(["What is an atom?", "Who was the first king of Spain?"])).is_text
    True
    >>> text_shape(pl.Series(["Braund, Mr. Owen Harris", "Heikkinen, Miss. Laina"])).is_text
    False
    """
    cells = cells.gather_every(-(-len(cells) // SAMPLE))
    words = _mean_matches(cells, r"\S+")
    spaceless = _mean_matches(cells, f"[{SPACELESS}]")
    digits = float(cells.str.contains(r"\d").mean() or 0.0)  # type: ignore[arg-type]
    lengths = float(cells.str.len_chars().mean() or 0.0)  # type: ignore[arg-type]
    spaces = _mean_matches(cells, " ")
    enough = words >= MIN_WORDS or spaceless >= MIN_SPACELESS
    short_patterns = digits > MAX_PATTERNS and words < MANY_WORDS and spaceless < MIN_SPACELESS
    is_text = enough and not short_patterns and _is_prose(cells, words)
    return TextShape(is_text, not is_text and lengths >= LONG and spaces >= LONG_SPACES)


def _is_prose(cells: pl.Series, words: float) -> bool:
    """Whether words begin with small letters, or have none: scripts without them, or long texts in capitals."""
    small = _mean_matches(cells, r"(?:^|[\s\"'(])\p{Ll}")
    great = _mean_matches(cells, r"(?:^|[\s\"'(])\p{Lu}")
    if small + great < words / 4:
        return _mean_matches(cells, r"\p{L}") > 0
    in_capitals = small == 0 and _mean_matches(cells, r"\p{Ll}") == 0
    return small >= MIN_LOWER * (small + great) or (in_capitals and words >= MIN_CAPITAL_WORDS)


def _mean_matches(cells: pl.Series, pattern: str) -> float:
    """How often a pattern occurs in a cell, on average."""
    return float(cells.str.count_matches(pattern).mean() or 0.0)  # type: ignore[arg-type]
