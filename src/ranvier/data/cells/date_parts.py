"""Dates taken apart, a whole column at once: year, month, day and the time of day.

Strings that are alike but for their digits, such as "25/09/2021 07:05" and "03/10/2021 11:30", have one template,
"00/00/0000 00:00". A pattern is matched with each template once, and the digits are read from the bytes of the column.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells.month_names import MAYBE_MONTH, MONTHS
from ranvier.records import record

WEEKDAY = (
    r"(?:(?i:mon|tue|wed|thu|fri|sat|sun|die|mit|don|sam|son|lun|mar|mer|jeu|ven|dim|mié|mie|jue|vie|sáb|sab|dom|gio"
    r"|seg|ter|qua|qui|sex|maa|din|woe|vri|zat|zon|pon|wto|śro|czw|pią|sob|nie|пон|вто|сре|чет|пят|суб|вос)"
    r"[^\W\d_]*(?:-feira)?\.?,?\s+)?"
)
"""The first three letters of days of the week in several languages, with the rest of the word."""
PLACE = r"[A-Z][A-Za-z]+(?:/[A-Za-z_]+)+"
ZONE = (
    r"\s*(?:Z|(?:UTC|GMT|[A-Z]{3,4})?\s*(?:[+-][0-9]{1,2}(?::?[0-9]{2})?)?)"
    rf"(?:\s*(?:{PLACE}|\[{PLACE}\]|\([A-Z]{{3,5}}\)))?"
)
TIME = (
    r"(?:(?:[T:_]|\s*[-|]\s*|,?\s+(?:(?:at|um|à|às|a las?|kl\.|klo|om)\s+)?)([0-9]{1,2})[:h]([0-9]{2})"
    rf"(?::([0-9]{{2}})(?:[.,][0-9]+)?)?\s*(?:([AaPp])\.?\s?[Mm]\.?|Uhr|h|hrs?)?{ZONE})?$"
)
CLOCK = ("hour", "minute", "second", "half")
PATTERNS = (
    # The names of the groups, and the pattern in front of the time.
    (
        ("first", "sign", "middle", "sign2", "last"),
        rf"^{WEEKDAY}([0-9]{{1,4}})([-/.])\s?([0-9]{{1,2}})([-/.])\s?([0-9]{{1,4}})\.?",
    ),
    (
        ("day", "name", "year"),
        rf"^{WEEKDAY}([0-9]{{1,2}})(?:st|nd|rd|th|er|[.ºª°])?[\s/-]*(?:(?:of|de)\s+)?{MAYBE_MONTH},?(?:\s+del?)?[\s/-]*"
        r"'?([0-9]{4}|[0-9]{2})(?:\s?[гр])?\.?",
    ),
    (
        ("name", "day", "year"),
        rf"^{WEEKDAY}{MAYBE_MONTH}[\s/-]*([0-9]{{1,2}})(?:st|nd|rd|th)?(?:,\s*|[\s/-]+)'?([0-9]{{4}}|[0-9]{{2}})",
    ),
    (("year", "name", "day"), rf"^([0-9]{{4}})[\s/-]{MAYBE_MONTH}[\s/-]([0-9]{{1,2}})"),
    (("name", "year"), rf"^{MAYBE_MONTH}(?:\s+del?)?[\s,/-]*([0-9]{{4}})\.?"),
    (("year", "month"), r"^([0-9]{4})[-/.]([0-9]{1,2})"),
    (("month", "year"), r"^([0-9]{1,2})[/-]([0-9]{4})"),
    (("year", "month", "day"), r"^((?:19|20)[0-9]{2})(0[1-9]|1[0-2])([0-3][0-9])"),
    (("year",), r"^((?:1[0-9]|20)[0-9]{2})"),
    (("year", "month", "day"), r"^((?:19|20)[0-9]{2}) ([0-9]{1,2}) ([0-9]{1,2})"),
    (("year", "month", "day"), r"^((?:19|20)[0-9]{2}):(0[1-9]|1[0-2]):([0-3][0-9])"),
    (("year", "month", "day"), r"^([0-9]{4})\s*[年년]\s*([0-9]{1,2})\s*[月월]\s*([0-9]{1,2})\s*[日일]"),
    (("year", "month"), r"^([0-9]{4})\s*[年년]\s*([0-9]{1,2})\s*[月월]"),
)
ISO = re.compile(
    r"([0-9]{4})(-)([0-9]{2})(-)([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?)?()"
    r"\s?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
)
"""A date of ISO 8601, with the groups of the first pattern and of the time."""
WEEK = r"(?i:kw|cw|wk|week|w)[\s-]?"
PERIODS = (
    (("year", "week"), rf"([0-9]{{4}})[\s/-]*{WEEK}([0-9]{{1,2}})"),
    (("year", "week", "weekday"), r"([0-9]{4})-W([0-9]{2})-([0-9])"),
    (("year", "week", "weekday"), r"([0-9]{4})W([0-9]{2})([0-9])"),
    (("year", "day_of_year"), rf"([0-9]{{4}})-([0-9]{{3}}){TIME}"),
    (("week", "year"), rf"{WEEK}([0-9]{{1,2}})[\s,/-]+([0-9]{{4}})"),
    (("year", "quarter"), r"([0-9]{4})[\s/-]*[QqTt]([0-9])"),
    (("quarter", "year"), r"[Qq]([0-9])[\s/-]*'?([0-9]{4}|[0-9]{2})"),
    (("quarter", "year"), r"([0-9])[Qq][\s/-]*'?([0-9]{4}|[0-9]{2})"),
    (("quarter", "year"), r"([0-9])(?:\.|st|nd|rd|th)?\s+(?i:quarter|quartal|qtr)\s*,?\s+(?:of\s+)?([0-9]{4})"),
    (("year", "quarter"), r"(?:FY\s?)([0-9]{4}|[0-9]{2})[\s/-]*[Qq]([0-9])"),
    (("quarter", "year"), r"[Qq]([0-9])[\s/-]*FY[\s']*([0-9]{4}|[0-9]{2})"),
    (("quarter", "year"), r"[Tt]([0-9])[\s/-]*([0-9]{4})"),
    (("quarter", "year"), r"([0-9])[Tt][\s/-]*([0-9]{4})"),
    (("year", "semester"), r"([0-9]{4})[\s/-]*[HhSs]([0-9])"),
    (("semester", "year"), r"[HhSs]([0-9])[\s/-]*([0-9]{4})"),
    (("year",), r"FY[\s']*([0-9]{4}|[0-9]{2})"),
    (("year", "next"), r"([0-9]{4})[-/]([0-9]{4})"),
    (("name", "year"), rf"{MAYBE_MONTH}(?:[-/]|\s?')([0-9]{{2}})"),
    (("year", "name"), rf"([0-9]{{4}})[\s/-]+{MAYBE_MONTH}"),
)
"""Weeks, days of a week or of a year, quarters, half years, fiscal years, seasons and months, for their first day."""
DIGITS_ANYWHERE = 7
"""So many of the patterns ask where digits stand, and not which."""
WORD_OF_ASCII = r"([A-Za-z]{3,12})\.?"
MAX_WIDTH, WORD = 64, 8
"""The longest strings that are taken apart, in bytes, and how many of these are compared at once."""
BLOCK = 1 << 18
Spans: TypeAlias = dict[str, tuple[int, int]]


@record(eq=False)
class DateParts:
    """The parts of dates, shape (B,) each.

    Fields:
        year, month, day: as they are written, but for the century of a year of two digits.
        seconds: since midnight, or -1 where the time of day is none.
        sign: the character between three numbers, else 0.
        matched: which strings were taken apart; the parts of others are 0.
        ordered: whether the year comes last, so that `month` and `day` are the first and the second number.
        iso: which strings are written as in ISO 8601.
    """

    year: NDArray[np.int32]
    month: NDArray[np.int32]
    day: NDArray[np.int32]
    seconds: NDArray[np.int32]
    sign: NDArray[np.uint8]
    matched: NDArray[np.bool_]
    ordered: NDArray[np.bool_]
    iso: NDArray[np.bool_]

    def times(self, day_first: bool | None) -> pl.Series:
        """The dates and times, null where there are none.

        Parameters:
            day_first: whether the day comes first in dates such as 3/4/2021; None to read no such dates.

        >>> date_parts(pl.Series(["3/4/2021 7:05", "2021-02-30"])).times(True).dt.to_string("%F %R").to_list()
        ['2021-04-03 07:05', None]
        """
        month, day = self.month, self.day
        if day_first and self.ordered.any():
            month, day = np.where(self.ordered, day, month), np.where(self.ordered, month, day)
        valid = self.matched & (self.seconds >= 0) & (month >= 1) & (month <= 12) & (day >= 1)
        if day_first is None:
            valid &= ~self.ordered
        months = np.where(valid, (self.year.astype(np.int64) - 1970) * 12 + month - 1, 0)
        begin = months.astype("datetime64[M]").astype("datetime64[D]").view(np.int64)
        end = (months + 1).astype("datetime64[M]").astype("datetime64[D]").view(np.int64)
        valid &= day <= end - begin
        times = pl.Series(((begin + day - 1) * 86_400 + self.seconds) * 1_000_000)
        return (times if valid.all() else times.set(pl.Series(~valid), None)).cast(pl.Datetime("us"))


def date_parts(strings: pl.Series) -> DateParts:
    """The parts of dates in clean strings.

    >>> parts = date_parts(pl.Series(["25/9/2021 7:05", "Sep 25, 2021", None, "soon"]))
    >>> parts.month.tolist(), parts.matched.tolist(), int(parts.seconds[0])
    ([25, 9, 0, 0], [True, True, False, False], 25500)
    """
    rows = len(strings)
    numbers, sign, flags = np.zeros((4, rows), np.int32), np.zeros(rows, np.uint8), np.zeros((3, rows), np.bool_)
    parts = DateParts(numbers[0], numbers[1], numbers[2], numbers[3], sign, flags[0], flags[1], flags[2])
    for start in range(0, rows, BLOCK):
        _read_block(strings[start : start + BLOCK], start, parts)
    return parts


def _read_block(strings: pl.Series, start: int, parts: DateParts) -> None:
    """Write the parts of some strings, the first of which is row `start`."""
    size = strings.str.len_bytes()
    usable = (size <= MAX_WIDTH) & (size == strings.str.len_chars())
    width = -(-int(size.filter(usable).max() or 0) // WORD) * WORD  # type: ignore[arg-type]
    if not width:
        return
    padded = strings.set(~usable, None).fill_null("").str.pad_end(width)
    text = np.frombuffer(padded.str.join("")[0].encode(), np.uint8).reshape(-1, width)
    templates = np.where(text - ord("0") < 10, np.uint8(ord("0")), text)
    words = templates.view(np.uint64)
    for first, rows in _equal_rows(words):
        template = templates[first].tobytes().decode().rstrip()
        spans = _spans(template) if template.isprintable() else None
        if spans is not None:
            _write(text if rows is None else text[rows], rows, start, spans, template, parts)


def _equal_rows(words: NDArray[np.uint64]) -> list[tuple[int, NDArray[np.int64] | None]]:
    """The first of the rows that are equal, and which these are; None for all."""
    if (words == words[0]).all():
        return [(0, None)]
    factors = np.uint64(0x9E3779B97F4A7C15) ** np.arange(1, words.shape[1] + 1, dtype=np.uint64)
    hashes = ((words ^ (words >> np.uint64(29))) * factors).sum(axis=1, dtype=np.uint64)
    _, first, index, count = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(index, kind="stable")
    groups = np.split(order, np.cumsum(count)[:-1])
    return [
        (int(at), rows[(words[rows] == words[at]).all(axis=1)]) for at, rows in zip(first.tolist(), groups, strict=True)
    ]


def _spans(template: str) -> Spans | None:
    """Where the parts of a date stand in a template; None where it is none, or could be two."""
    iso = ISO.fullmatch(template)
    if iso is not None:
        return _named(iso, PATTERNS[0][0])
    matches = [
        _named(match, names) for names, pattern in _templates() if (match := pattern.match(template)) is not None
    ]
    dates = [spans for spans in matches if "name" not in spans or template[slice(*spans["name"])].lower() in MONTHS]
    return dates[0] if len(dates) == 1 else None


@cache
def _templates() -> list[tuple[tuple[str, ...], re.Pattern[str]]]:
    """The patterns of templates, made when the first date is read; any word may stand where a month does."""
    patterns = [(names, pattern + TIME) for names, pattern in PATTERNS[:DIGITS_ANYWHERE]]
    patterns += [(names, pattern + "$") for names, pattern in PERIODS]
    return [(names, re.compile(pattern.replace(MAYBE_MONTH, WORD_OF_ASCII))) for names, pattern in patterns]


def _named(match: re.Match[str], names: tuple[str, ...]) -> Spans:
    """The spans of the groups that matched, by name."""
    every = (*names, *CLOCK)[: match.re.groups]
    return {name: match.span(group) for group, name in enumerate(every, start=1) if match[group]}


def _write(
    text: NDArray[np.uint8], rows: NDArray[np.int64] | None, start: int, spans: Spans, template: str, parts: DateParts
) -> None:
    """Write the parts of strings of one template."""
    at = slice(start, start + len(text)) if rows is None else rows + start
    width = {name: end - begin for name, (begin, end) in spans.items()}
    number = {name: _number(text, *span) for name, span in spans.items() if width[name] and template[span[0]] == "0"}
    if "first" in spans:
        if template[slice(*spans["sign"])] != template[slice(*spans["sign2"])]:
            return
        year_first = width["first"] == 4 and width["last"] <= 2
        if not year_first and not (width["first"] <= 2 and width["last"] in (2, 4)):
            return
        names = ("year", "month", "day") if year_first else ("month", "day", "year")
        for name, other in zip(names, ("first", "middle", "last"), strict=True):
            number[name], width[name] = number[other], width[other]
        parts.ordered[at] = not year_first
        parts.sign[at] = ord(template[spans["sign"][0]])
    year = number["year"]
    year = year + np.where(year < 69, 2000, 1900) if width["year"] <= 2 else year
    if "quarter" in number:
        number["month"] = 3 * number["quarter"] - 2
    elif "semester" in number:
        number["month"] = 6 * number["semester"] - 5
    elif "next" in number:
        number["month"] = np.where(number["next"] == year + 1, 1, 0)
    elif "day_of_year" in number:
        number["month"], number["day"] = _day_of_year(year, number["day_of_year"])
    elif "week" in number:
        year, number["month"], number["day"] = _day_of_week(year, number["week"], number.get("weekday", np.int32(1)))
    parts.year[at] = year
    parts.month[at] = MONTHS[template[slice(*spans["name"])].lower()] if "name" in spans else number.get("month", 1)
    parts.day[at] = number.get("day", 1)
    parts.seconds[at] = _seconds(number, template[slice(*spans["half"])].lower() if "half" in spans else "")
    parts.iso[at] = ISO.fullmatch(template) is not None
    parts.matched[at] = True


def _day_of_year(year: NDArray[np.int32], number: NDArray[np.int32]) -> tuple[NDArray[np.int32], ...]:
    """Month and day of a day that is counted from the first of January; month 0 where the year has no such day."""
    first = (year.astype(np.int64) - 1970).astype("datetime64[Y]").astype("datetime64[D]")
    days = first + (number.astype(np.int64) - 1)
    months = days.astype("datetime64[M]")
    valid = (number >= 1) & (days.astype("datetime64[Y]") == first)
    day = (days - months.astype("datetime64[D]")).view(np.int64) + 1
    return np.where(valid, months.view(np.int64) % 12 + 1, 0).astype(np.int32), day.astype(np.int32)


def _day_of_week(
    year: NDArray[np.int32], week: NDArray[np.int32], weekday: NDArray[np.int32] | np.int32
) -> tuple[NDArray[np.int32], ...]:
    """Year, month and day of a day of a week of ISO 8601, Monday being 1; the first week has the fourth of January."""
    fourth = (year.astype(np.int64) - 1970).astype("datetime64[Y]").astype("datetime64[D]").view(np.int64) + 3
    monday = fourth - (fourth + 3) % 7 + 7 * (week.astype(np.int64) - 1)  # 1970-01-01 is a Thursday
    days = (monday + weekday - 1).view("datetime64[D]")
    months = days.astype("datetime64[M]")
    day, count = (days - months.astype("datetime64[D]")).view(np.int64) + 1, months.view(np.int64)
    month = np.where((week >= 1) & (week <= 53) & (weekday >= 1) & (weekday <= 7), count % 12 + 1, 0)
    return (count // 12 + 1970).astype(np.int32), month.astype(np.int32), day.astype(np.int32)


def _seconds(number: dict[str, NDArray[np.int32]], half: str) -> NDArray[np.int32] | int:
    """The seconds since midnight, -1 where they are none."""
    if "hour" not in number:
        return 0
    hour, minute, second = number["hour"], number["minute"], number.get("second", np.int32(0))
    hour = hour % 12 + 12 * (half == "p") if half else hour
    valid = ((hour < 24) & (minute < 60) & (second < 61)) | ((hour == 24) & (minute == 0) & (second == 0))
    return np.where(valid, hour * 3600 + minute * 60 + second, -1)


def _number(text: NDArray[np.uint8], begin: int, end: int) -> NDArray[np.int32]:
    """The number of the digits in some columns."""
    value = np.zeros(len(text), np.int32)
    for column in range(begin, end):
        value = value * 10 + (text[:, column] - ord("0"))
    return value
