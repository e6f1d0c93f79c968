"""Durations as seconds: 102:13:05, 3:25, 2 days 04:00:00, 1 h 30 min, PT1H30M; feet and inches as inches: 5'11".

Patterns are those of polars, for columns.
"""

from __future__ import annotations

import polars as pl

NUMBER = r"([0-9]+(?:[.,][0-9]+)?)"
DAYS = rf"(?:{NUMBER}\s*(?:d|days?|tage?n?)[\s,]*)?"
WITH_COLONS = rf"(?i)^{DAYS}([0-9]+):([0-5]?[0-9](?:[.,][0-9]+)?)(?::([0-5]?[0-9](?:[.,][0-9]+)?))?$"
WITH_UNITS = (
    rf"(?i)^{DAYS}(?:{NUMBER}\s*(?:h|hrs?|hours?|std|stunden?)\.?[\s,]*(?:and\s+)?)?"
    rf"(?:{NUMBER}\s*(?:m|mins?|minutes?|minuten?)\.?[\s,]*(?:and\s+)?)?"
    rf"(?:{NUMBER}\s*(?:s|secs?|seconds?|sek|sekunden?)\.?)?$"
)
ISO = rf"^P(?:{NUMBER}D)?(?:T(?:{NUMBER}H)?(?:{NUMBER}M)?(?:{NUMBER}S)?)?$"
FEET = (
    r"(?i)^([0-9]+)\s*(?:'|\u2032|\u2019|ft\.?|feet|foot)\s*"
    r"(?:([0-9]+(?:\.[0-9]+)?)\s*(?:\"|''|\u2033|\u201d|in\.?|inch(?:es)?)?)?$"
)
FACTORS = (86400.0, 3600.0, 60.0, 1.0)


def seconds_of_duration(strings: pl.Series) -> pl.Series:
    """Durations as seconds, null where a string is none.

    Two numbers with a colon are minutes and seconds.

    >>> seconds_of_duration(pl.Series(["102:13:05", "3:25", "2 days 04:00:00", "1 h 30 min", "PT1H30M", "x"])).to_list()
    [367985.0, 205.0, 187200.0, 5400.0, 5400.0, None]
    """
    days, first, second, third = _groups(strings, WITH_COLONS)
    short = third.is_null()
    hours, minutes = first.zip_with(~short, first.clear(len(first))), second.zip_with(~short, first)
    values = _sum((days, hours, minutes, third.zip_with(~short, second)))
    for pattern in (WITH_UNITS, ISO):
        rest = (values.is_null() & strings.is_not_null()).arg_true()
        if not len(rest):
            break
        values = values.scatter(rest, _sum(_groups(strings.gather(rest), pattern)))
    return values


def _groups(strings: pl.Series, pattern: str) -> tuple[pl.Series, ...]:
    """The groups of a pattern as numbers."""
    groups = strings.str.extract_groups(pattern).struct.unnest().get_columns()
    return tuple(group.str.replace(",", ".", literal=True).cast(pl.Float64) for group in groups)


def _sum(parts: tuple[pl.Series, ...]) -> pl.Series:
    """The parts together, in seconds; null where all are."""
    seconds = [part.fill_null(0.0) * factor for part, factor in zip(parts, FACTORS, strict=True)]
    present = parts[0].is_not_null() | parts[1].is_not_null() | parts[2].is_not_null() | parts[3].is_not_null()
    return (seconds[0] + seconds[1] + seconds[2] + seconds[3]).set(~present, None)


def inches_of_length(strings: pl.Series) -> pl.Series:
    """Feet and inches as inches, null where a string is none.

    >>> inches_of_length(pl.Series(["5'11", "6 ft 2 in", "5'", "x"])).to_list()
    [71.0, 74.0, 60.0, None]
    """
    feet, inches = _groups(strings, FEET)
    return feet * 12.0 + inches.fill_null(0.0)
