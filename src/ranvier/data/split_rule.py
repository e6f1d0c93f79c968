"""How rows are divided besides by chance: by the order of a time column, or with the rows of a group together.

B is the number of rows.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data import parsing
from ranvier.data.sources.source import Source
from ranvier.data.target_column import check_column
from ranvier.errors import InputError
from ranvier.records import record

TIME = "time:"


@record
class SplitRule:
    """Which column decides how rows are divided; without one, chance does.

    Fields:
        time: the column whose latest rows are the test rows, and those before them the validation rows.
        group: the column whose equal cells stay in one part.

    >>> split_rule("time:day", None)
    SplitRule(time='day', group=None)
    """

    time: str | None = None
    group: str | None = None

    @property
    def column(self) -> str | None:
        """The column, if there is one."""
        return self.time or self.group

    def check(self, source: Source) -> None:
        """Raise an `InputError` unless the source has the column."""
        if self.column is not None and not source.column_names:
            raise InputError(
                f'{source.origin} has no column names, so its rows cannot be divided by "{self.column}"; give a table.'
            )
        if self.column is not None:
            check_column(source, self.column)


def split_rule(split: str | None, group: str | None) -> SplitRule:
    """The rule that the options `split` and `group` of `train` ask for.

    Raises:
        InputError: the split is not time:COLUMN, or both are given.

    >>> split_rule(None, "patient").group
    'patient'
    """
    if group is not None and not isinstance(group, str):
        raise InputError(f"group is {group!r}; it must be the name of a column.")
    if split is None:
        return SplitRule(group=group)
    if not isinstance(split, str) or not split.startswith(TIME) or len(split) == len(TIME):
        raise InputError(
            f'split is {split!r}; it must be "time:COLUMN", with a column of dates or numbers. Rows of a group stay '
            "together by group=COLUMN (--group COLUMN)."
        )
    if group is not None:
        raise InputError("Rows are divided by time or by group; give split or group, not both.")
    return SplitRule(time=split.removeprefix(TIME))


def time_order(source: Source, column: str) -> NDArray[np.float64]:
    """When each row is, as a number that grows with time, shape (B,); NaN where the cell is missing.

    Raises:
        DataError: a cell is neither a date nor a number.

    >>> from ranvier.data.sources import open_source
    >>> time_order(open_source({"day": ["2024-02-01", "2024-01-01"]}), "day").argsort().tolist()
    [1, 0]
    """
    cells = source.frame[column]
    parsing.check_dtype(cells)
    if not parsing.is_string(cells):
        codes = cells.to_physical().cast(pl.Float64)
        return codes.to_numpy(writable=True)
    values, wrong = parsing.parse_numbers(cells)
    if wrong is None:
        return values
    dates, wrong_date = parsing.parse_datetimes(cells)
    if wrong_date is not None:
        raise parsing.cell_error(cells, wrong_date, "a date or a number for --split time")
    return dates.to_physical().cast(pl.Float64).to_numpy(writable=True)


def time_parts(times: NDArray[np.float64], sizes: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Row numbers of the parts, the earliest rows in the first; rows of the same time stay in one part.

    Rows whose time is missing are in the first part.

    Parameters:
        times: shape (B,).
        sizes: about how many rows each part gets, summing to B.

    >>> [part.tolist() for part in time_parts(np.array([3.0, 1.0, 2.0, 3.0]), np.array([3, 1]))]
    [[1, 2], [0, 3]]
    """
    times = np.where(np.isnan(times), -np.inf, times)
    order = np.argsort(times, kind="stable")
    ordered = times[order]
    ends = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    edges = [0]
    for wanted, size in zip(np.cumsum(sizes)[:-1], sizes[:-1], strict=True):
        later = ends[ends > edges[-1]]
        # A part without rows ends where it starts; with too few different times it stays empty, which is refused.
        edges.append(int(later[np.abs(later - wanted).argmin()]) if size and len(later) else edges[-1])
    if not sizes[-1]:
        edges[-1] = len(times)
    return tuple(np.sort(order[start:end]) for start, end in pairwise([*edges, len(times)]))


def group_codes(source: Source, column: str) -> NDArray[np.int64]:
    """The number of each row's group, the same for equal cells, shape (B,); a row without one is a group of its own.

    >>> from ranvier.data.sources import open_source
    >>> group_codes(open_source({"patient": ["b", "a", "b", None]}), "patient").tolist()
    [1, 0, 1, 2]
    """
    ranks: NDArray[Any] = parsing.clean_strings(source.frame[column]).rank("dense").cast(pl.Float64).to_numpy()
    missing = np.isnan(ranks)
    codes = np.where(missing, 0, ranks - 1).astype(np.int64)
    present = int(codes.max()) + 1 if not missing.all() else 0
    codes[missing] = present + np.arange(int(missing.sum()))
    return codes
