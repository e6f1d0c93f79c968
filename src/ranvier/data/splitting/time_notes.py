"""What to say where rows that stand in the order of time are divided by chance."""

from __future__ import annotations

from collections.abc import Iterable
from shlex import quote

import numpy as np

from ranvier.data.columns.column_schema import ColumnSchema
from ranvier.data.sources.source import Source
from ranvier.data.splitting.split_rule import time_order

MIN_TIMES, SAMPLE = 40, 200
"""Fewer different times, or more, and how many rows are looked at first."""


def time_notes(source: Source, columns: Iterable[ColumnSchema]) -> list[str]:
    """That the rows stand in the order of a column of dates, a sentence; nothing where they do not.

    Parameters:
        source: all rows.
        columns: the schema of their columns.

    >>> from ranvier.data.columns.schema import infer_schema
    >>> from ranvier.data.sources import open_source
    >>> days = open_source({"day": [f"2024-{1 + at // 28:02}-{1 + at % 28:02}" for at in range(60)]})
    >>> print(time_notes(days, infer_schema(days.frame))[0].split(". ")[0])
    The rows stand in the order of "day", and test rows were drawn from among them
    """
    for column in columns:
        if column.used and column.kind == "date" and _in_order(source, column):
            return [
                f'The rows stand in the order of "{column.name}", and test rows were drawn from among them. To test on '
                f"the latest rows, as where the future is predicted: --split {quote(f'time:{column.name}')}."
            ]
    return []


def _in_order(source: Source, column: ColumnSchema) -> bool:
    """Whether the times of a column only grow, or only fall; the first rows decide whether all are looked at."""
    for rows in (np.arange(min(SAMPLE, source.rows)), None):
        part = source if rows is None else source.take(rows)
        times = time_order(part, column.name, column.date_format)
        steps = np.diff(times)
        if np.isnan(times).any() or not ((steps >= 0).all() or (steps <= 0).all()):
            return False
    return int(np.count_nonzero(steps)) + 1 >= MIN_TIMES
