"""The different strings of a column, by which it is inferred how the column is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import polars as pl

from ranvier.records import record

MAX_ODD_FRACTION, MAX_ODD_ROWS = 0.05, 0.01
"""Up to which fraction of the different cells, or of all cells of many rows, other cells count as missing."""
MAX_ODD_OTHERWISE_LEFT_OUT = 0.15
"""The fraction for columns that would be left out, since nearly all of their cells differ."""
MANY_ROWS, MIN_DISTINCT = 100, 3
HEAD = 8


@record(eq=False)
class DifferentStrings:
    """The different strings of a column.

    Fields:
        values: each once, missing ones left out, in the order of the column.
        strings: the column.
        max_odd: up to which fraction of the values other ones count as missing.
    """

    values: pl.Series
    strings: pl.Series
    max_odd: float = MAX_ODD_FRACTION

    def __len__(self) -> int:
        """The number of different strings."""
        return len(self.values)

    @cached_property
    def rows(self) -> pl.Series:
        """How many rows have each; counted when it is asked for, since most columns need no count."""
        name = self.values.name
        if len(self.values) == len(self.strings):
            return pl.Series("rows", [1], pl.UInt32).new_from_index(0, len(self.values))
        counts = self.strings.rename(name).value_counts(name="rows")
        return self.values.to_frame().join(counts, on=name, how="left", maintain_order="left")["rows"]

    def without(self, marks: pl.Series) -> DifferentStrings:
        """The strings that are not marked."""
        return replace(self, values=self.values.filter(~marks)) if marks.any() else self

    def of_rows(self, values: pl.Series) -> pl.Series:
        """The number of each row, NaN where its string is null or left out.

        Parameters:
            values: the numbers of the different strings, float64.

        >>> different_strings(pl.Series(["7", None, "8", "7"])).of_rows(pl.Series([7.0, 8.0])).to_list()
        [7.0, nan, 8.0, 7.0]
        """
        if len(self.values) == len(self.strings):
            return values
        return self.strings.replace_strict(self.values, values, default=float("nan"), return_dtype=pl.Float64)

    def sample(self, size: int, marked: Callable[[pl.Series], pl.Series]) -> pl.Series:
        """The first strings that are not marked, `size` of them where there are so many.

        >>> different_strings(pl.Series(["n/a", "7", "8", "9"])).sample(2, lambda strings: strings == "n/a").to_list()
        ['7', '8']
        """
        head = self.values.head(HEAD * size)
        sample = head.filter(~marked(head)).head(size)
        if len(sample) == size or len(head) == len(self.values):
            return sample
        return self.values.filter(~marked(self.values)).head(size)


def different_strings(strings: pl.Series) -> DifferentStrings:
    """The different ones of clean strings.

    >>> different = different_strings(pl.Series(["7", None, "8", "7"]))
    >>> different.values.to_list(), different.rows.to_list()
    (['7', '8'], [2, 1])
    """
    return DifferentStrings(strings.unique(maintain_order=True).drop_nulls().rename("value"), strings)


def few(odd: pl.Series, different: DifferentStrings) -> bool:
    """Whether so few cells are odd that the others say what the column is.

    Parameters:
        odd: which of the different cells are.

    >>> strings = different_strings(pl.Series(map(str, range(31))))
    >>> few(strings.values == "7", strings)
    True
    """
    number = int(odd.sum())
    others = len(odd) - number
    if number == 0 or number <= different.max_odd * len(odd):
        return others > 0
    if others < max(MIN_DISTINCT, number):
        return False
    count = different.rows
    rows = int(count.sum())
    return rows >= MANY_ROWS and int(count.filter(odd).sum()) <= MAX_ODD_ROWS * rows
