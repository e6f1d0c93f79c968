"""Texts in HTML: recognized by their tags, and read without them."""

from __future__ import annotations

import html

import polars as pl

TAG = r"(?i)<(?:/?(?:a|abbr|b|big|blockquote|body|br|button|cite|code|dd|div|dl|dt|em|font|footer|form|h[1-6]|head|header|hr|html|i|img|input|label|li|link|main|meta|nav|ol|option|p|pre|q|s|section|small|span|strike|strong|sub|sup|table|tbody|td|th|thead|title|tr|tt|u|ul)(?:\s[^<>]*)?/?|!doctype[^<>]*)>"  # noqa: E501
"""A tag of HTML, not any word between angle brackets."""
UNREAD = (r"(?is)<script\b[^<>]*>.*?</script\s*>", r"(?is)<style\b[^<>]*>.*?</style\s*>", r"(?s)<!--.*?-->")
"""What is in HTML and no text: programs, styles and comments."""
FRACTION = 0.5


def n_with_tags(texts: pl.Series) -> int:
    """How many texts hold a tag.

    >>> n_with_tags(pl.Series(["good<br />soup", "a < b", None]))
    1
    """
    return int(texts.str.contains(TAG).sum() or 0)


def is_html(texts: pl.Series) -> bool:
    """Whether most of the texts that are there hold tags.

    >>> is_html(pl.Series(["<p>good soup</p>", None])), is_html(pl.Series(["a < b", "c"]))
    (True, False)
    """
    present = len(texts) - texts.null_count()
    return present > 0 and n_with_tags(texts) > FRACTION * present


def without_html(texts: pl.Series) -> pl.Series:
    """The texts with a blank in place of each tag, and with the characters that entities stand for.

    >>> without_html(pl.Series(["<p>Käse &amp; Brot</p>"])).to_list()
    [' Käse & Brot ']
    """
    for pattern in (*UNREAD, TAG):
        texts = texts.str.replace_all(pattern, " ")
    if not texts.str.contains("&", literal=True).any():
        return texts
    return pl.Series(
        texts.name, [None if text is None else html.unescape(text) for text in texts.to_list()], dtype=pl.String
    )
