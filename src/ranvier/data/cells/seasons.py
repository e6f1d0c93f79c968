"""Seasons and fiscal years over two calendar years, such as 2019/20, and numbers that count in a year: 2020-001.

Patterns are those of polars, for columns.
"""

from __future__ import annotations

import polars as pl

SEASON = r"^(?:FY\s?)?((?:1[89]|20)[0-9]{2})\s?[-/\u2013]\s?([0-9]{2})$"
DAY_OF_YEAR = r"^([0-9]{4})-([0-9]{3})$"
DAYS_OF_ALL_YEARS = 365
WORDS_FOR_DATES = r"(?i)date|day|doy|time|julian|datum|jour|fecha"


def are_seasons(strings: pl.Series) -> bool:
    """Whether different strings are two years in a row each, of which some cannot be a year and a month.

    >>> are_seasons(pl.Series(["2019/20", "2011/12"])), are_seasons(pl.Series(["2011/12", "2011/11"]))
    (True, False)
    """
    if not strings.head(1).str.contains(SEASON).any() or not strings.str.contains(SEASON).all():
        return False
    years = _years(strings)
    in_a_row = (years["first"] + 1) % 100 == years["second"]
    return bool(in_a_row.all() and (len(strings) > 1 or (years["second"] > 12).any()))


def with_first_years(strings: pl.Series) -> pl.Series:
    """Strings with the first day of the first year in place of two years in a row.

    >>> with_first_years(pl.Series(["2019/20", "1999-00", "2019/12", None])).to_list()
    ['2019-01-01', '1999-01-01', '2019/12', None]
    """
    years = _years(strings)
    in_a_row = ((years["first"] + 1) % 100 == years["second"]).fill_null(False)
    return (years["first"].cast(pl.String) + "-01-01").zip_with(in_a_row, strings).rename(strings.name)


def _years(strings: pl.Series) -> pl.DataFrame:
    groups = strings.str.extract_groups(SEASON).struct.unnest()
    groups.columns = ["first", "second"]
    return groups.cast(pl.Int64)


def count_within_years(strings: pl.Series) -> bool:
    """Whether different strings are numbers that begin again with each year, such as 2020-001, and no days of a year.

    In each year they go up from 1 without a gap and end before the year does; the column is not called a date.

    >>> count_within_years(pl.Series("case", ["2020-001", "2020-002", "2021-001"]))
    True
    >>> count_within_years(pl.Series("case", ["2020-001", "2020-117", "2021-365"]))
    False
    """
    if not strings.head(1).str.contains(DAY_OF_YEAR).any() or not strings.str.contains(DAY_OF_YEAR).all():
        return False
    groups = strings.str.extract_groups(DAY_OF_YEAR).struct.unnest().cast(pl.Int64)
    groups.columns = ["year", "number"]
    number = pl.col("number")
    by_year = groups.group_by("year").agg(number.min().alias("least"), number.max().alias("most"), number.len())
    dense = by_year.select((pl.col("least") == 1) & (pl.col("most") == number) & (number < DAYS_OF_ALL_YEARS))
    return bool(dense.to_series().all()) and not pl.Series([strings.name]).str.contains(WORDS_FOR_DATES).any()
