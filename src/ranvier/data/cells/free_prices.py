"""Prices among which a word says that something costs nothing, such as Free between $0.99 and $4.99."""

from __future__ import annotations

import polars as pl

FREE = r"(?i)^(?:free|gratis|kostenlos|gratuito?|gr[aá]tis|бесплатно|ücretsiz|za darmo|免费|免費|無料|무료)$"
PRICE = r"[$€£¥₹₽₩]\s?[0-9]|[0-9]\s?[$€£¥₹₽₩]"


def hold_free_prices(strings: pl.Series) -> bool:
    """Whether some strings are prices and another one is a word for nothing.

    >>> hold_free_prices(pl.Series(["$0.99", "Free"])), hold_free_prices(pl.Series(["7", "Free"]))
    (True, False)
    """
    return bool(strings.str.contains(FREE).any() and strings.str.contains(PRICE).any())


def with_zeros(strings: pl.Series) -> pl.Series:
    """Strings with 0 in place of words for nothing.

    >>> with_zeros(pl.Series(["$0.99", "Free", None])).to_list()
    ['$0.99', '0', None]
    """
    return strings.str.replace(FREE, "0")
