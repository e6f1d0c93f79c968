"""Cells of several numbers as one: durations, feet and inches, degrees, fractions.

Durations become seconds: 102:13:05, 3:25, 3'25", 2 days 04:00:00, 1 h 30 min, PT1H30M, 2 years 3 months; feet and
inches inches: 5'11"; degrees, minutes and seconds degrees: 40°26'46"N; fractions decimals: 3 1/2.

Patterns are those of polars, for columns.
"""

from __future__ import annotations

from functools import cache

import polars as pl

NUMBER = r"([0-9]+(?:[.,][0-9]+)?)"
DAYS = r"(?:([+-]?[0-9]+(?:[.,][0-9]+)?)\s*(?:d|days?|tage?n?|jours?|d[ií]as?)\.?[\s,+]*)?"
WITH_COLONS = rf"(?i)^{DAYS}([0-9]+):([0-5]?[0-9](?:[.,][0-9]+)?)(?::([0-5]?[0-9](?:[.,][0-9]+)?))?$"
WITH_UNITS = (
    rf"(?i)^{DAYS}(?:{NUMBER}\s*(?:h|hrs?|hours?|std|stunden?|heures?|horas?)\.?[\s,]*(?:and\s+)?)?"
    rf"(?:{NUMBER}\s*(?:m|mins?|minutes?|minuten?)\.?[\s,]*(?:and\s+)?)?"
    rf"(?:{NUMBER}\s*(?:s|secs?|seconds?|sek|sekunden?)\.?)?$"
)
WITH_QUOTES = (
    rf"^{DAYS}(?:([0-9]+)\s*(?:h|hrs?)\s*)?([0-9]+)\s*['\u2032\u2019]\s*"
    r"([0-5]?[0-9](?:[.,][0-9]+)?)\s*(?:\"\"?|''|\u2033|\u201d)?$"
)
"""Minutes and seconds as in 3'25"."""
ISO = rf"^P(?:{NUMBER}D)?(?:T(?:{NUMBER}H)?(?:{NUMBER}M)?(?:{NUMBER}S)?)?$"
LONG = (
    rf"(?i)^(?:{NUMBER}\s*(?:y|yrs?|years?|jahre?n?|ans?|a[nñ]os?)\.?[\s,]*(?:and\s+)?)?"
    rf"(?:{NUMBER}\s*(?:mos?|mths?|months?|monate?n?|mois|mes(?:es)?)\.?[\s,]*(?:and\s+)?)?"
    rf"(?:{NUMBER}\s*(?:w|wks?|weeks?|wochen?|semaines?|semanas?)\.?[\s,]*(?:and\s+)?)?{DAYS}$"
)
LONG_ISO = rf"^P(?:{NUMBER}Y)?(?:{NUMBER}M)?(?:{NUMBER}W)?(?:{NUMBER}D)?$"
LONG_FACTORS = (365.25 * 86400.0, 365.25 / 12.0 * 86400.0, 7.0 * 86400.0, 86400.0)
"""The seconds of a year, a month, a week and a day, on average."""
ANGLE = (
    r"(?i)^([NSEWO])?\s*([+-]?[0-9]{1,3})\s*[°º]\s*([0-9]{1,2}(?:[.,][0-9]+)?)\s*['\u2032\u2019]\s*"
    r"(?:([0-9]{1,2}(?:[.,][0-9]+)?)\s*(?:\"|''|\u2033|\u201d))?\s*([NSEWO])?$"
)
FEET = (
    r"(?i)^([0-9]+)\s*(?:'|\u2032|\u2019|ft\.?|feet|foot)\s*"
    r"(?:((?:1[01]|[0-9])(?:\.[0-9]+)?)\s*(?:\"|''|\u2033|\u201d|in\.?|inch(?:es)?)?)?$"
)
FRACTION = (
    r"^([+\-\u2212])?(?:([0-9]+)(?:\s+(?:and\s+)?|\s?-\s?))?([0-9]+)\s*[/\u2044]\s*([1-9][0-9]*)"
    r"(?:\s*[^0-9\s/.,:][^0-9/,:]{0,15})?$"
)
MIXED = r"^[+\-\u2212]?[0-9]+(?:\s+(?:and\s+)?|\s?-\s?)[0-9]+\s*[/\u2044]\s*[1-9]"
"""An integer and a fraction, with a sign in front or a unit behind."""
HALVES = r"^0*[0-9]+\s*[/\u2044]\s*(?:2|3|4|8|16|32|64)$"
MIN_FRACTIONS, SAMPLE = 4, 1000
FACTORS = (86400.0, 3600.0, 60.0, 1.0)
READ = (
    (WITH_COLONS, FACTORS),
    (WITH_UNITS, FACTORS),
    (WITH_QUOTES, FACTORS),
    (ISO, FACTORS),
    (LONG, LONG_FACTORS),
    (LONG_ISO, LONG_FACTORS),
)
"""The patterns of durations in the order in which they are tried, with the seconds of their groups."""


def seconds_of_duration(strings: pl.Series) -> pl.Series:
    """Durations as seconds, null where a string is none.

    Two numbers with a colon are minutes and seconds.

    >>> seconds_of_duration(pl.Series(["102:13:05", "3:25", "2 days 04:00:00", "1 h 30 min", "PT1H30M", "x"])).to_list()
    [367985.0, 205.0, 187200.0, 5400.0, 5400.0, None]
    """
    values = _nulls(strings)
    for pattern, factors in READ:
        rest = (values.is_null() & strings.str.contains(pattern)).arg_true()
        if len(rest):
            groups = strings.gather(rest).str.extract_groups(pattern).struct.unnest()
            values = values.scatter(rest, groups.select(_seconds(pattern, factors)).to_series())
    return values


def _nulls(strings: pl.Series) -> pl.Series:
    return pl.Series(strings.name, [None], pl.Float64).new_from_index(0, len(strings))


@cache
def _seconds(pattern: str, factors: tuple[float, ...]) -> pl.Expr:
    """The groups of a pattern together, in seconds; null where all are."""
    parts = [_number(group) for group in "1234"]
    if pattern == WITH_COLONS:  # days, and two or three numbers: without a third, the first are minutes
        days, first, second, third = parts
        short = third.is_null()
        parts = [
            days,
            pl.when(~short).then(first),
            pl.when(short).then(first).otherwise(second),
            pl.when(short).then(second).otherwise(third),
        ]
    seconds = [part.fill_null(0.0) * factor for part, factor in zip(parts, factors, strict=True)]
    present = pl.any_horizontal(part.is_not_null() for part in parts)
    return pl.when(present).then(seconds[0] + seconds[1] + seconds[2] + seconds[3])


def _number(group: str) -> pl.Expr:
    """A group of a pattern as a number."""
    return pl.col(group).str.replace(",", ".", literal=True).cast(pl.Float64)


def degrees_of_angle(strings: pl.Series) -> pl.Series:
    r"""Degrees, minutes and seconds as degrees, null where a string is none; those of south and west are negative.

    >>> degrees_of_angle(pl.Series(["40°30'00\"N", "0° 15′ S", "x"])).to_list()
    [40.5, -0.25, None]
    """
    if not strings.str.contains(ANGLE).any():
        return _nulls(strings)
    return strings.str.extract_groups(ANGLE).struct.unnest().select(_degrees()).to_series()


@cache
def _degrees() -> pl.Expr:
    """Degrees from the groups of ANGLE: a side, degrees, minutes, seconds, and a side."""
    size = _number("2").abs() + _number("3") / 60.0 + _number("4").fill_null(0.0) / 3600.0
    sides = pl.concat_str(pl.col("1").fill_null(""), pl.col("5").fill_null(""))
    negative = pl.col("2").str.starts_with("-") | sides.str.to_uppercase().is_in(["S", "W", "O"])
    return pl.when(negative).then(-size).otherwise(size)


def inches_of_length(strings: pl.Series) -> pl.Series:
    """Feet and inches, of which there are less than twelve, as inches; null where a string is none.

    >>> inches_of_length(pl.Series(["5'11", "6 ft 2 in", "5'", "x"])).to_list()
    [71.0, 74.0, 60.0, None]
    """
    groups = strings.str.extract_groups(FEET).struct.unnest()
    return groups.select(_number("1") * 12.0 + _number("2").fill_null(0.0)).to_series()


def values_of_fractions(strings: pl.Series) -> pl.Series:
    """Fractions with integers in front or without, as decimals; plain numbers as they are, null for others.

    >>> values_of_fractions(pl.Series(["3 1/2", "1/4", "-2-3/8", "5", '7 3/4"', "x"])).to_list()
    [3.5, 0.25, -2.375, 5.0, 7.75, None]
    """
    plain = strings.str.replace(r"^([+-]?[0-9.]+)\s*[^0-9\s/.,:][^0-9/,:]{0,15}$", "${1}")
    groups = strings.str.extract_groups(FRACTION).struct.unnest()
    return groups.with_columns(plain=plain).select(_fraction()).to_series()


@cache
def _fraction() -> pl.Expr:
    """Decimals from the groups of FRACTION: a sign, an integer, above and below the line; else "plain" as a number."""
    integer, above, below = (pl.col(group).cast(pl.Float64) for group in "234")
    size = integer.fill_null(0.0) + above / below
    values = pl.when(pl.col("1") != "+").then(-size).otherwise(size)
    return pl.coalesce(values, pl.col("plain").cast(pl.Float64, strict=False))


def are_fractions(strings: pl.Series) -> bool:
    """Whether fractions are among strings: some with integers in front, or several of halves, quarters and so on.

    >>> are_fractions(pl.Series(["3 1/2", "5"])), are_fractions(pl.Series(["1/2", "3/4", "1/8", "5/8"]))
    (True, True)
    >>> are_fractions(pl.Series(["4/5", "3/5", "2/5", "1/5"])), are_fractions(pl.Series(["7", "8"]))
    (False, False)
    """
    if not strings.head(SAMPLE).str.contains("[/\u2044]").any():
        return False
    if strings.str.contains(MIXED).any():
        return True
    halves = strings.filter(strings.str.contains(HALVES)).unique()
    below = halves.str.extract(r"([0-9]+)$").n_unique()
    return len(halves) >= MIN_FRACTIONS and below > 1 and bool((values_of_fractions(halves) < 1.0).all())
