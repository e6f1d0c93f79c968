"""How the cells of a column of dates are written: whether day or month comes first.

Dates that say it themselves need no format: 2021-09-25, 2021/9/25, September 25, 2021, 25 Sep 2021. The order of
25/9/2021 and 9/25/2021 is inferred from all cells of a column and kept by its schema and its encoder.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from typing import Any

import polars as pl

from ranvier.data.cells import parsing
from ranvier.data.cells.date_parts import CLOCK, PATTERNS, TIME, DateParts, date_parts
from ranvier.data.cells.missing_marks import are_marks
from ranvier.data.cells.month_names import LETTER, MAYBE_MONTH, MONTHS, with_croatian_october
from ranvier.data.cells.other_scripts import in_ascii
from ranvier.data.cells.seasons import with_first_years
from ranvier.data.encoders import json_fields
from ranvier.records import record

DAY_FIRST, MONTH_FIRST = "day-first", "month-first"
ORDERS = (DAY_FIRST, MONTH_FIRST)
ZERO_DATE = r"^0{1,4}([-/.])0{1,2}[-/.]0{1,4}(?:[T ]00:00(?::00(?:\.0+)?)?)?$"
"""What databases write for no date."""


REWRITTEN = (
    # What stands where in `ctime`, compact forms of ISO 8601, logs of servers, and hours without minutes.
    (
        rf"^(?:{LETTER}{{3}}\s+)?({MAYBE_MONTH}\s+[0-9]{{1,2}})\s+([0-9:]{{5,8}})(?:\s+([A-Z]{{3,4}}|[+-][0-9]{{4}}))?\s+([0-9]{{4}})(?:\s+[+-][0-9]{{4}})?$",
        "${1} ${5} ${3}",
    ),
    (rf"^([0-9]{{1,2}})({LETTER}{{3}})([0-9]{{4}}|[0-9]{{2}})$", "${1} ${2} ${3}"),
    (rf"^([0-9]{{1,2}})({LETTER}{{3}})([0-9]{{4}}|[0-9]{{2}}):([0-9:.]+)$", "${1} ${2} ${3} ${4}"),
    (r"^([0-9]{4})M([0-9]{1,2})$", "${1}-${2}"),
    (r"^((?:19|20)[0-9]{2})(0[1-9]|1[0-2])$", "${1}-${2}"),
    (rf"^{MAYBE_MONTH}(?:[-/]|\s?')([0-9]{{2}})$", "1 ${1} ${2}"),
    (r"^([0-9]{8})[T_ ]?([0-9]{2})([0-9]{2})(Z|[+-][0-9:]+)?$", "${1}T${2}:${3}"),
    (r"^([0-9]{8})[T_ ]?([0-9]{2})([0-9]{2})([0-9]{2})(?:\.[0-9]+)?(Z|[+-][0-9:]+)?$", "${1}T${2}:${3}:${4}"),
    (r"^\[(.*)\]$", "${1}"),
    (r"( GMT[+-][0-9]{4}) \([\p{L} ]+\)$", "${1}"),
    (r"^(?:ngày\s+)?([0-9]{1,2})\.?\s+tháng\s+([0-9]{1,2}),?\s+(?:năm\s+)?([0-9]{4})\b", "${3}-${2}-${1}"),
    (r"^([0-3][0-9])([0-3][0-9])((?:19|20)[0-9]{2})$", "${1}/${2}/${3}"),
    (r"^([0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?:\s?[AaPp]\.?[Mm]\.?)?)[\s,|·-]+(.*[0-9]{2})$", "${2} ${1}"),
    (
        rf"^([0-9/.-]{{8,10}}|[0-9]{{1,2}}-{LETTER}{{3}}-[0-9]{{2,4}})\s+([0-9]{{2}})\.([0-9]{{2}})(?:\.([0-9]{{2}})(?:\.[0-9]+)?)?"
        r"(\s*[AaPp][Mm])?$",
        "${1} ${2}:${3}:${4}${5}",
    ),
    (r"( [0-9]{2}:[0-9]{2}):( ?[AaPp][Mm])?$", "${1}${2}"),
    (r"([\sT,-])([0-9]{1,2})[\s-]?([AaPp])\.?\s?[Mm]\.?$", "${1}${2}:00 ${3}m"),
)
"""Patterns and what stands for them before dates are read."""
LAST_YEAR = 2068
"""The latest year for which two digits stand unless a column says otherwise."""
MIN_REPEATS = 4
"""How often dates stand in a column, on average, where each different one is read once."""


@record
class DateFormat:
    """How dates are written.

    Fields:
        order: "day-first" or "month-first" where dates such as 3/4/2021 occur, else "".
        odd: whether a cell that is no date counts as missing; so where few cells were none in training.
        scripts: whether digits and signs may be those of other scripts, such as ２０２１／９／２５.
        last_year: the latest year for which two digits stand; the earliest one is 99 years before.
        croatian: whether "listopada" is October, as in Croatian, and not November, as in Polish and Czech.
        seasons: whether 2011/12 is the season that begins in 2011, and no December.

    >>> DateFormat("day-first").read(pl.Series(["3/4/2021", "0000-00-00"]))[0].dt.date().to_list()
    [datetime.date(2021, 4, 3), None]
    """

    order: str = ""
    odd: bool = False
    scripts: bool = False
    last_year: int = LAST_YEAR
    croatian: bool = False
    seasons: bool = False

    def read(self, cells: pl.Series) -> tuple[pl.Series, int | None]:
        """The cells as dates and times without a time zone, null where missing; and the index of the first wrong cell.

        Integers are read as 20210925, or as a year.
        """
        if not parsing.is_string(cells) and (cells.dtype.is_temporal() or cells.dtype == pl.Null):
            return parsing.parse_datetimes(cells)
        strings = parsing.clean_strings(cells)
        times = self.read_strings(strings)
        odd = times.is_null() & strings.is_not_null()
        if self.odd or not odd.any():
            return times, None
        odd &= ~are_missing_dates(strings).fill_null(False)
        return times, odd.arg_max() if odd.any() else None

    def read_strings(self, strings: pl.Series, parts: DateParts | None = None) -> pl.Series:
        """Clean strings as dates and times, null where missing and where they are none.

        Parameters:
            parts: what `date_parts` gives of the strings in ASCII, where that is known.

        >>> DateFormat("day-first", last_year=2025).read_strings(pl.Series(["31/12/40", "1/2/25"])).dt.year().to_list()
        [1940, 2025]
        """
        times = self._read_strings(strings, parts)
        late = times.dt.year() > self.last_year if self.last_year < LAST_YEAR else None
        if late is None or not late.any():
            return times
        late &= ~strings.str.contains("[0-9]{4}")
        return times.dt.offset_by("-100y").zip_with(late.fill_null(False), times)

    def _read_strings(self, strings: pl.Series, parts: DateParts | None) -> pl.Series:
        """The same, years of two digits being 1969 to 2068."""
        strings = in_ascii(strings) if self.scripts else strings
        strings = with_croatian_october(strings) if self.croatian else strings
        strings = with_first_years(strings) if self.seasons else strings
        if parts is None and len(strings) >= parsing.LARGE_ROWS:
            different = strings.unique()
            if MIN_REPEATS * len(different) < len(strings):
                return strings.replace_strict(
                    different, self._read_strings(different, None), return_dtype=pl.Datetime("us")
                )
        parts = date_parts(strings) if parts is None else parts
        times = parts.times(self.day_first).rename(strings.name)
        rest = strings.is_not_null() & ~pl.Series(parts.matched)
        if not rest.any():
            return times
        others = strings.filter(rest)
        different = others.unique()
        if len(different) < len(others):
            read = others.replace_strict(different, parse_written_dates(different, self.order))
        else:
            read = parse_written_dates(others, self.order)
        return times.scatter(rest.arg_true(), read)

    @property
    def day_first(self) -> bool | None:
        """Whether the day comes first in dates such as 3/4/2021; None where there are none."""
        return self.order == DAY_FIRST if self.order else None

    def describe(self) -> str:
        """An example of a date as it is written, for messages."""
        return {DAY_FIRST: "31/12/2024 (day first)", MONTH_FIRST: "12/31/2024 (month first)"}.get(
            self.order, "2024-02-29"
        )

    def to_dict(self) -> dict[str, Any]:
        """The format as plain JSON values."""
        return asdict(self)

    @classmethod
    def stored_in(cls, data: Mapping[str, Any]) -> DateFormat:
        """The format in the description of a column; earlier versions read ISO dates alone.

        Raises:
            ModelFileError: a field is absent, of another type or unknown.
        """
        if "date_format" not in data:
            return cls()
        stored = json_fields.mapping(data["date_format"])
        order = json_fields.field(stored, "order", str)
        if order not in ("", *ORDERS):
            raise json_fields.damaged(f"dates are written {order[:20]!r}")
        scripts = "scripts" in stored and json_fields.field(stored, "scripts", bool)
        last_year = json_fields.field(stored, "last_year", int) if "last_year" in stored else LAST_YEAR
        croatian = "croatian" in stored and json_fields.field(stored, "croatian", bool)
        seasons = "seasons" in stored and json_fields.field(stored, "seasons", bool)
        return cls(order, json_fields.field(stored, "odd", bool), scripts, last_year, croatian, seasons)


def are_missing_dates(strings: pl.Series) -> pl.Series:
    """Whether strings stand for no date; null stays null.

    >>> are_missing_dates(pl.Series(["n/a", "0000-00-00", "2021-09-25"])).to_list()
    [True, True, False]
    """
    return are_marks(strings) | strings.str.contains(ZERO_DATE)


def parse_written_dates(strings: pl.Series, order: str = "") -> pl.Series:
    """Dates in any of the usual forms as dates and times, null where a string is none.

    Two digits of a year stand for 1969 to 2068. An offset or the name of a time zone is dropped, so that the hour stays
    the local one.

    Parameters:
        order: "day-first" or "month-first"; "" reads no dates such as 3/4/2021.

    >>> parse_written_dates(pl.Series(["September 25, 2021", "2021/9/25 1:30 PM"])).dt.to_string("%F %R").to_list()
    ['2021-09-25 00:00', '2021-09-25 13:30']
    """
    times = pl.Series(strings.name, [None], pl.Datetime("us")).new_from_index(0, len(strings))
    rest = strings.is_not_null().arg_true()
    unread = _rewritten(strings.gather(rest))
    for names, pattern in PATTERNS:
        if not len(rest):
            break
        groups = unread.str.extract_groups(pattern + TIME).struct.unnest()
        if groups.to_series(0).null_count() < len(rest):
            groups.columns = [*names, *CLOCK]
            read = _times(groups, order)
            times = times.scatter(rest, read)
            rest, unread = rest.filter(read.is_null()), unread.filter(read.is_null())
    return times


def _rewritten(strings: pl.Series) -> pl.Series:
    """Forms that the patterns lack in a form that they have."""
    expression = pl.col("string")
    for pattern, other in REWRITTEN:
        expression = expression.str.replace(pattern, other)
    return strings.to_frame("string").select(expression).to_series()


def day_and_month(strings: pl.Series, parts: DateParts) -> pl.DataFrame:
    """The first two numbers of dates such as 3/4/2021, "first" and "middle", and "sign"; null for other strings.

    Parameters:
        parts: what `date_parts` gives of the strings.

    >>> strings = pl.Series(["25/9/2021", "2021-09-25"])
    >>> day_and_month(strings, date_parts(strings)).rows()
    [(25, 9, '/'), (None, None, None)]
    """
    signs = pl.Series(parts.sign).replace_strict({ord(sign): sign for sign in "-/."}, default="")
    columns = pl.DataFrame({"first": parts.month, "middle": parts.day, "sign": signs}).cast(
        {"first": int, "middle": int}
    )
    columns = columns.with_columns(pl.when(pl.Series(parts.ordered)).then(pl.all()))
    rest = (strings.is_not_null() & ~pl.Series(parts.matched)).arg_true()
    if not len(rest):
        return columns
    groups = _rewritten(strings.gather(rest)).str.extract_groups(PATTERNS[0][1] + TIME).struct.unnest()
    groups.columns = [*PATTERNS[0][0], *CLOCK]
    wanted = (groups["first"].str.len_chars() <= 2) & (groups["sign"] == groups["sign2"])
    others = groups.select(pl.col("first", "middle").cast(pl.Int64), "sign")
    others = others.with_columns(pl.when(wanted).then(pl.all()))
    return pl.DataFrame([cells.scatter(rest, others[cells.name]) for cells in columns.iter_columns()])


def _times(groups: pl.DataFrame, order: str) -> pl.Series:
    """The dates and times of the groups of one pattern, null where there is none."""
    return groups.with_columns(_numbers_of_date(tuple(groups.columns), order)).select(_time()).to_series()


@cache
def _numbers_of_date(columns: tuple[str, ...], order: str) -> list[pl.Expr]:
    """Year, month and day from the groups of one pattern; a month or a day that is not written is the first."""
    written = {name: pl.col(name) for name in columns}
    parts: dict[str, pl.Expr] = _ordered(order) if "first" in columns else written
    if "name" in columns:
        short = written["name"].str.to_lowercase()
        parts["month"] = short.replace_strict(MONTHS, default=None, return_dtype=pl.Int64)
    year = parts["year"]
    number = year.cast(pl.Int64, strict=False)
    century = 1900 + 100 * (number < 69).cast(pl.Int64)
    in_full = pl.when(year.str.len_chars() <= 2).then(number + century).otherwise(number)
    others = [parts.get(name, pl.lit(1)).cast(pl.Int64, strict=False).alias(name) for name in ("month", "day")]
    return [in_full.alias("year"), *others]


@cache
def _time() -> pl.Expr:
    """Dates and times from year, month and day as numbers, and the groups of the time of day."""
    year, month, day = (pl.col(name).cast(pl.String) for name in ("year", "month", "day"))
    written = pl.concat_str(year.str.zfill(4), month.str.zfill(2), day.str.zfill(2), separator="-")
    date = written.str.to_date("%Y-%m-%d", strict=False)
    hour, minute, second = (pl.col(name).cast(pl.Int64).fill_null(0) for name in ("hour", "minute", "second"))
    half = pl.col("half").str.to_lowercase()
    hour = pl.when(half.is_null()).then(hour).otherwise(hour % 12 + 12 * (half == "p").cast(pl.Int64))
    valid = ((hour < 24) & (minute < 60) & (second < 61)) | ((hour == 24) & (minute == 0) & (second == 0))
    times = date.cast(pl.Datetime("us")).cast(pl.Int64) + (hour * 3600 + minute * 60 + second) * 1_000_000
    return pl.when(valid).then(times).cast(pl.Datetime("us"))


def _ordered(order: str) -> dict[str, pl.Expr]:
    """Year, month and day of dates of three numbers, as strings; null where they are no date."""
    first, middle, last = (pl.col(name) for name in ("first", "middle", "last"))
    same_sign = pl.col("sign") == pl.col("sign2")
    year_first = (first.str.len_chars() == 4) & (last.str.len_chars() <= 2)
    year_last = (first.str.len_chars() <= 2) & last.str.len_chars().is_in([2, 4]) & pl.lit(bool(order))
    day, month = (first, middle) if order == DAY_FIRST else (middle, first)
    valid = same_sign & (year_first | year_last)
    return {
        "year": pl.when(valid & year_first).then(first).when(valid).then(last),
        "month": pl.when(valid & year_first).then(middle).when(valid).then(month),
        "day": pl.when(valid & year_first).then(last).when(valid).then(day),
    }
