"""How rows are divided besides by chance: by the order of a time column, or with the rows of a group together.

B is the number of rows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.cells.date_format import DateFormat
from ranvier.data.cells.date_inference import infer_date_format
from ranvier.data.cells.different_strings import different_strings
from ranvier.data.cells.number_format import NumberFormat
from ranvier.data.cells.number_inference import infer_number_format
from ranvier.data.columns.column_schema import ColumnSchema
from ranvier.data.sources.source import Source
from ranvier.data.targets.target_column import check_column
from ranvier.errors import InputError
from ranvier.records import record

TIME = "time:"


@record
class SplitRule:
    """Which column decides how rows are divided; without one, chance does.

    Fields:
        time: the column whose latest rows are the test rows, and those before them the validation rows.
        group: the column whose equal cells stay in one part; or COLUMN:REGEX, where equal matches in its cells do, or
            in the names of its files. A first group in parentheses is what counts of a match.
        form: how the cells of the time column are written; None to infer it from the rows at hand.

    >>> split_rule("time:day", None)
    SplitRule(time='day', group=None, form=None)
    """

    time: str | None = None
    group: str | None = None
    form: NumberFormat | DateFormat | None = None

    @property
    def column(self) -> str | None:
        """The column, if there is one, with the pattern behind it."""
        return self.time or self.group

    def written(self, source: Source, columns: Iterable[ColumnSchema]) -> SplitRule:
        """The rule with how all cells of the time column are written, so that every part is read in one way.

        Raises:
            DataError: the cells are neither dates nor numbers.
        """
        return self if self.time is None else replace(self, form=time_format(source, self.time, columns))

    def left_out(self, source: Source) -> tuple[str, ...]:
        """The columns that divide the rows and are no inputs; one with a pattern stays one.

        >>> from ranvier.data.sources import open_source
        >>> SplitRule(group="day").left_out(open_source({"day": ["1"]})), SplitRule().left_out(open_source("iris"))
        (('day',), ())
        """
        return () if self.group is None or group_pattern(source, self.group)[1] else (self.group,)

    def check(self, source: Source, targets: Collection[str] = ()) -> None:
        """Raise an `InputError` unless the source has the column, and no target is the group."""
        if self.column is not None and not source.column_names:
            raise InputError(
                f'{source.origin} has no column names, so its rows cannot be divided by "{self.column}"; give a table.'
            )
        if self.time is not None:
            check_column(source, self.time)
        if self.group is not None:
            column = group_pattern(source, self.group)[0]
            check_column(source, column)
            if column in targets:
                raise InputError(
                    f'Column "{column}" is the target, whose values every part of the rows needs, and cannot be the '
                    "group, too. Give another column as group."
                )


def split_rule(split: str | None, group: str | None) -> SplitRule:
    """The rule that the options `split` and `group` of `train` ask for.

    Raises:
        InputError: the split is not time:COLUMN, or both are given.

    >>> split_rule(None, "patient").group
    'patient'
    """
    if group is not None and not isinstance(group, str):
        raise InputError(f"group is {group!r}; it must be the name of a column, or COLUMN:REGEX.")
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


def time_format(source: Source, column: str, columns: Iterable[ColumnSchema] = ()) -> NumberFormat | DateFormat:
    """How the cells of a time column are written, from all of its cells.

    Parameters:
        columns: the schema of the table, which knows it where the column is an input.

    Raises:
        DataError: the cells are neither nearly all dates nor nearly all numbers.

    >>> from ranvier.data.sources import open_source
    >>> time_format(open_source({"day": ["31/12/2023", "1/2/2024"]}), "day").order
    'day-first'
    """
    for schema in columns:
        if schema.name == column and schema.kind in ("date", "number"):
            return schema.date_format if schema.kind == "date" else schema.number_format
    cells = source.frame[column]
    parsing.check_dtype(cells)
    if not parsing.is_string(cells):
        return DateFormat() if cells.dtype in (pl.Date, pl.Datetime) else NumberFormat()
    strings = parsing.clean_strings(cells)
    counts = different_strings(strings)
    dates = infer_date_format(counts, None, source.decimal_commas)
    if dates is not None:
        return dates.format
    numbers = infer_number_format(counts, source.decimal_commas or None)
    if numbers is not None:
        return numbers.format
    wrong = parsing.parse_numbers(cells)[1] if parsing.parse_datetimes(cells)[1] is not None else None
    if wrong is not None:
        raise parsing.cell_error(cells, wrong, "a date or a number for --split time")
    return NumberFormat()


def time_order(source: Source, column: str, form: NumberFormat | DateFormat | None = None) -> NDArray[np.float64]:
    """When each row is, as a number that grows with time, shape (B,); NaN where the cell is missing.

    Parameters:
        form: how the cells are written; None to infer it from these rows.

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
    read, wrong = (time_format(source, column) if form is None else form).read(cells)
    if wrong is not None:
        raise parsing.cell_error(cells, wrong, "a date or a number for --split time")
    return read if isinstance(read, np.ndarray) else read.to_physical().cast(pl.Float64).to_numpy(writable=True)


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


def group_pattern(source: Source, group: str) -> tuple[str, re.Pattern[str] | None]:
    """The column of a group, and the pattern that says what counts of its cells; None for all of them.

    Raises:
        InputError: the pattern is no regular expression.

    >>> from ranvier.data.sources import open_source
    >>> group_pattern(open_source({"file": ["7_jackson_0.wav.."]}), "file:_(.+)_")
    ('file', re.compile('_(.+)_'))
    """
    name, colon, pattern = group.partition(":")
    if group in source.column_names or name not in source.column_names or not colon:
        return group, None
    try:
        return name, re.compile(pattern)
    except re.error as error:
        raise InputError(f'The pattern "{pattern}" of group={group!r} is no regular expression: {error}.') from error


def group_codes(source: Source, group: str) -> NDArray[np.int64]:
    """The number of each row's group, the same for equal cells, shape (B,); a row without one is a group of its own.

    Parameters:
        group: a column, or COLUMN:REGEX.

    Raises:
        InputError: a cell does not match.

    >>> from ranvier.data.sources import open_source
    >>> group_codes(open_source({"patient": ["b", "a", "b", None]}), "patient").tolist()
    [1, 0, 1, 2]
    """
    column, pattern = group_pattern(source, group)
    cells = parsing.clean_strings(source.frame[column]) if pattern is None else _matches(source, column, pattern)
    ranks: NDArray[Any] = cells.rank("dense").cast(pl.Float64).to_numpy()
    missing = np.isnan(ranks)
    codes = np.where(missing, 0, ranks - 1).astype(np.int64)
    present = int(codes.max()) + 1 if not missing.all() else 0
    codes[missing] = present + np.arange(int(missing.sum()))
    return codes


def _matches(source: Source, column: str, pattern: re.Pattern[str]) -> pl.Series:
    """What a pattern finds in the cells of a column, or in the names of its files."""
    cells, names = source.frame[column], source.row_names
    if parsing.is_string(cells):
        texts = cells.to_list()
    elif isinstance(cells.dtype, pl.Array) and names is not None:
        texts = [str(name) for name in names]
    else:
        texts = [None if cell is None else str(cell) for cell in cells.to_list()]
    matches = [None if text is None else pattern.search(text) for text in texts]
    wrong = next((text for text, match in zip(texts, matches, strict=True) if text is not None and match is None), None)
    if wrong is not None:
        raise InputError(
            f'The pattern "{pattern.pattern}" finds nothing in "{wrong}" of column "{column}"; each was expected to '
            "say its group."
        )
    return pl.Series(column, [None if match is None else match[1 if pattern.groups else 0] for match in matches])
