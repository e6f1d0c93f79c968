"""Inferring how the dates of a column are written, from its different cells."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache

import polars as pl

from ranvier.data.cells.date_format import (
    DAY_FIRST,
    LAST_YEAR,
    MONTH_FIRST,
    ORDERS,
    DateFormat,
    are_missing_dates,
    day_and_month,
)
from ranvier.data.cells.date_parts import DateParts, date_parts
from ranvier.data.cells.different_strings import DifferentStrings, different_strings, few
from ranvier.data.cells.month_names import MONTH, is_croatian, with_croatian_october
from ranvier.data.cells.other_scripts import in_ascii, in_other_scripts
from ranvier.data.cells.seasons import are_seasons, count_within_years, with_first_years
from ranvier.records import record

SAMPLE = 200
MIN_MONTHS = 6
"""Dates on one day of the month have so many different months, in several years."""
MAYBE_A_DATE = (
    rf"^\[?(?:[^\W\d_]+\.?,?\s+)?[0-9]{{1,4}}(?:[-/.]\s?[0-9]|[\s/.-]*(?:st|nd|rd|th|er|[ºª°])?\s*(?:(?:of|de)\s+)?{MONTH}"
    r"|\s*[-/]?(?i:q|w|kw|cw|t|h|s)[\s/-]*'?[0-9]|\s*[年년]|[0-9]{4,10}(?:T|$)|[ :][0-9]{1,2}[ :][0-9]"
    r"|[0-9]{4}[ _][0-9]{4,6}$|[^\W\d_]{3}[0-9]{2}(?:[0-9]{2})?(?::|$)|M[0-9]{1,2}$"
    r"|\.?\s+tháng\s|(?:\.|st|nd|rd|th)?\s+(?i:quarter|quartal|qtr)|:[0-9]{2}\S*\s.*[0-9]{2}$)"
    rf"|^(?i:q|w|kw|cw|wk|week|t|h|s|fy)[\s-]?[0-9]|^\[?(?:[^\W\d_]+\.?,?\s+)?{MONTH}[\s/-]*(?:del?\s+)?'?[0-9]"
)
"""A pattern of Python for what a date begins with."""


@record(eq=False)
class WrittenDates:
    """How the dates of a column are written.

    Fields:
        format: what reads them.
        times: the different strings that are no marks of missing dates as dates and times, null where they are none.
        ambiguous: whether every cell could have the day or the month first.
    """

    format: DateFormat
    times: pl.Series
    ambiguous: bool = False


def infer_date_format(
    different: DifferentStrings, order: str | None = None, decimal_commas: bool | None = None
) -> WrittenDates | None:
    """How the dates of a column are written; None where the cells are not nearly all dates.

    Where every cell could have the day or the month first, points between the numbers, as in 3.4.2021, and a file with
    decimal commas speak for the day; else the month is taken to be first.

    Parameters:
        different: the different clean strings.
        order: "day-first" or "month-first" where the user knows.
        decimal_commas: whether numbers of the table have decimal commas.

    >>> from ranvier.data.cells.different_strings import different_strings
    >>> infer_date_format(different_strings(pl.Series(["31/12/2020", "1/2/2021"]))).format.order
    'day-first'
    """
    if in_other_scripts(different.values):
        read = infer_date_format(different_strings(in_ascii(different.strings)), order, decimal_commas)
        return None if read is None else replace(read, format=replace(read.format, scripts=True))
    if is_croatian(different.values.head(SAMPLE)):
        strings, values = (with_croatian_october(cells) for cells in (different.strings, different.values))
        read = _infer(replace(different, strings=strings, values=values), order, decimal_commas)
        return None if read is None else replace(read, format=replace(read.format, croatian=True))
    values = different.without(are_missing_dates(different.values)).values
    if are_seasons(values):
        strings = with_first_years(different.strings)
        read = _infer(different_strings(strings), order, decimal_commas)
        return None if read is None else replace(read, format=replace(read.format, seasons=True))
    if count_within_years(values.alias(different.strings.name)):
        return None
    return _infer(different, order, decimal_commas)


def _infer(different: DifferentStrings, order: str | None, decimal_commas: bool | None) -> WrittenDates | None:
    """The same for one script and one language."""
    sample = different.sample(SAMPLE, are_missing_dates)
    if 2 * sum(map(_maybe_a_date(), sample)) <= len(sample):
        return None
    if all(2 * DateFormat(choice).read_strings(sample).null_count() >= len(sample) for choice in ORDERS):
        return None
    different = different.without(are_missing_dates(different.values))
    strings = different.values
    parts = date_parts(strings)
    numbers = day_and_month(strings, parts)
    if numbers["first"].null_count() == len(numbers):
        return _checked(different, DateFormat(), parts, False)
    if order is not None:
        return _checked(different, DateFormat(order), parts, False)
    wrong = {choice: DateFormat(choice).read_strings(strings, parts).null_count() for choice in ORDERS}
    if wrong[DAY_FIRST] != wrong[MONTH_FIRST]:
        best = min(ORDERS, key=lambda choice: wrong[choice])
        return _checked(different, DateFormat(best), parts, False)
    monthly = _monthly(numbers, parts)
    if monthly:
        return _checked(different, DateFormat(monthly), parts, True)
    european = bool(decimal_commas) or bool((numbers["sign"].drop_nulls() == ".").all())
    same = bool((numbers["first"] == numbers["middle"]).fill_null(True).all())
    return _checked(different, DateFormat(DAY_FIRST if european else MONTH_FIRST), parts, not same)


def _monthly(numbers: pl.DataFrame, parts: DateParts) -> str:
    """The order of dates that stand once a month, on the same day, over years; "" for others.

    Parameters:
        numbers: the first two numbers of each date, as `day_and_month` gives them.
    """
    first, middle = numbers["first"].drop_nulls().n_unique(), numbers["middle"].drop_nulls().n_unique()
    if min(first, middle) > 1 or max(first, middle) < MIN_MONTHS or len(set(parts.year[parts.ordered].tolist())) == 1:
        return ""
    return DAY_FIRST if first == 1 else MONTH_FIRST


@cache
def _maybe_a_date() -> Callable[[str], bool]:
    """Whether a string begins like a date; compiled once, which takes longer than a sample of strings."""
    begins = re.compile(MAYBE_A_DATE).match
    return lambda string: begins(string) is not None


def _checked(different: DifferentStrings, form: DateFormat, parts: DateParts, ambiguous: bool) -> WrittenDates | None:
    """The format, if it reads nearly all cells."""
    times = form.read_strings(different.values, parts)
    if not few(times.is_null(), different):
        return None
    last_year = _last_year(different.values, times)
    if last_year != LAST_YEAR:
        times = replace(form, last_year=last_year).read_strings(different.values, parts)
    return WrittenDates(DateFormat(form.order, bool(times.null_count()), last_year=last_year), times, ambiguous)


def _last_year(strings: pl.Series, times: pl.Series) -> int:
    """The latest year for which two digits stand: that by which all years lie closest together.

    Years up to 2068 that are 99 years after others are of the century before, such as those of births.
    """
    years = times.dt.year().drop_nulls().unique().sort()
    if len(years) < 2 or years[-1] > LAST_YEAR or years[0] < LAST_YEAR - 99:
        return LAST_YEAR
    if strings.str.contains("[0-9]{4}").any():
        return LAST_YEAR
    # Where years are cut, those above the cut move below the others.
    spans = [(years[-1] - years[0], LAST_YEAR)]
    spans += [
        (below - (above - 100), below)
        for below, above in itertools.pairwise(years.to_list())
        if above > LAST_YEAR - 69 + 1
    ]
    return min(spans, key=lambda span: (span[0], -span[1]))[1]
