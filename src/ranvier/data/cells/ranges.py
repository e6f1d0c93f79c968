"""Ranges among numbers, such as 1100 - 1250 between 1075 and 1300: they are read as their middle."""

from __future__ import annotations

import polars as pl

PART = r"[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?"
RANGE = rf"^([^0-9\s+-]{{0,4}}\s?)({PART})\s*(?:[-\u2013\u2014~]|to)\s*[^0-9\s+-]{{0,4}}\s?({PART})(\s*\D{{0,16}})$"
"""What stands in front, two numbers, what stands behind."""


def middles(strings: pl.Series) -> pl.Series:
    """Strings with the middle of each range in its place; ranges that do not go up stay, such as dates.

    >>> middles(pl.Series(["1100 - 1250", "$10-$20", "75-80 kg", "9-3", "7", None])).to_list()
    ['1175', '$15', '77.5 kg', '9-3', '7', None]
    """
    at = strings.str.contains(RANGE).fill_null(False).arg_true()
    if not len(at):
        return strings
    groups = strings.gather(at).str.extract_groups(RANGE).struct.unnest()
    low, high = (groups[name].str.replace_all(",", "").cast(pl.Float64) for name in "23")
    middle = ((low + high) / 2.0).round(6).cast(pl.String).str.replace(r"\.0$", "")
    written = groups["1"] + middle + groups["4"]
    return strings.scatter(at, written.zip_with(low < high, strings.gather(at)))
