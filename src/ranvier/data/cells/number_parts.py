"""A number with what may stand around it, taken apart: bounds, signs, currencies, digits, units.

Patterns are those of polars, for columns; nothing here knows which signs a column uses.
"""

from __future__ import annotations

from functools import cache
from typing import TypeVar

import polars as pl

Strings = TypeVar("Strings", pl.Series, pl.Expr)
"""A column of strings, or an expression of one."""

CURRENCIES = (
    r"(?:US|A|C|NZ|HK|S|R|NT|MX|CA|AU)?\$|[€£¥₹₽₩₺₴₫฿¢₪₱₦₲₸]|S/|(?i:usd|eur|gbp|inr|chf|jpy|cny|rmb|brl|aud|cad|nzd"
    r"|sek|nok|dkk|pln|czk|huf|rub|zar|mxn|krw|sgd|hkd|idr|myr|thb|try|ils|aed|sar|rs|kr|fr|rp|rm|tl|euros?)\.?"
)
MARKS_IN_FRONT = "[#№%]"
WORDS_IN_FRONT = (
    r"(?i:days?|weeks?|months?|years?|hours?|levels?|grades?|stages?|steps?|rounds?|laps?|floors?|scores?|ages?|ph|tag"
    r"|woche|monat|jahr|stufe|jour|semaine|mois|niveau|día|semana|mes|nivel|dia|mês|giorno|settimana|livello)[\s:.=-]\s*"
)
"""Words in front of a number that say what is counted or measured, and not which one is meant."""
ABOUT = r"(?i:c\.|ca\.?|circa|approx\.?|about|etwa|rund|env\.?|environ)\s"
"""Words in front of a number that is a little less or more."""
BLANKS = "\u00a0\u2009\u202f"
PARTS = (
    rf"^(?P<opening>\()?\s*(?P<bound>[<>≤≥~≈]=?|{ABOUT})?\s*(?P<sign>[+\-\u2212\u2013])?\s*"
    rf"(?P<prefix>{CURRENCIES}|{MARKS_IN_FRONT}|{WORDS_IN_FRONT})?\s*(?P<inner_sign>[+\-\u2212\u2013])?"
    r"(?P<body>[0-9](?:[0-9.,'\u2019 \u00a0\u2009\u202f]*[0-9])?\.?|[.,][0-9]+)"
    r"(?P<exponent>[eEdD][+-]?[0-9]+|\s?[x×·∙*]\s?10(?:\^\s?[+\-\u2212]?[0-9]+|[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))?"
    r"(?:[.,/][-\u2013\u2014=]{1,2})?\s*(?:(?:/|(?i:out\s+of)\s)\s*(?P<total>[1-9][0-9]*)|(?:±|\+/?-)\s*[0-9.,]+)?"
    r"\s*(?P<inner_plus>\+)?\s*(?P<suffix>(?:/\s?)?[^0-9\s.,()<>+\-\u2212:#_=*&/±\[†‡][^0-9<>()+,±*\[†‡]{0,18}?(?:[23²³]|/\s?100\s?(?:km|g|ml))?)?"
    r"\s*(?P<plus>\+)?(?P<last_sign>-)?(?:\s*(?:\*{1,3}|[†‡]|\[[^\]]{1,30}\])|\s+\([^()]*[0-9][^()]*\))*\s*(?P<closing>\))?$"
)
BODIES = {
    (".", ""): r"^(?:[0-9]+\.?[0-9]*|\.[0-9]+)$",
    (".", ","): r"^(?:[0-9]+|[1-9][0-9]{0,2}(?:,[0-9]{3})+|[1-9][0-9]?(?:,[0-9]{2})+,[0-9]{3})(?:\.[0-9]*)?$",
    (",", ""): r"^(?:[0-9]+,?[0-9]*|,[0-9]+)$",
    (",", "."): r"^(?:[0-9]+|[1-9][0-9]{0,2}(?:\.[0-9]{3})+)(?:,[0-9]*)?$",
    (".", " "): r"^(?:[0-9]+|[1-9][0-9]{0,2}(?: [0-9]{3})+)(?:\.[0-9]*)?$",
    (",", " "): r"^(?:[0-9]+|[1-9][0-9]{0,2}(?: [0-9]{3})+)(?:,[0-9]*)?$",
    (".", "'"): r"^(?:[0-9]+|[1-9][0-9]{0,2}(?:'[0-9]{3})+)(?:\.[0-9]*)?$",
    (",", "'"): r"^(?:[0-9]+|[1-9][0-9]{0,2}(?:'[0-9]{3})+)(?:,[0-9]*)?$",
}
"""Decimal sign and sign of thousands -> the digits of a number; " " stands for any blank, "'" for any apostrophe.

Commas may stand as in India, too: 12,34,567.
"""
SIGNED = {signs: rf"^[+-]?{body[1:]}" for signs, body in BODIES.items()}
"""The same with a sign in front: all of a number that has nothing else around it."""
MAGNITUDES = {
    **dict.fromkeys(("k", "tsd", "thousand"), 1e3),
    **dict.fromkeys(("l", "lac", "lakh", "lacs", "lakhs"), 1e5),
    **dict.fromkeys(("m", "mn", "mio", "mm", "million"), 1e6),
    **dict.fromkeys(("cr", "crs", "crore", "crores"), 1e7),
    **dict.fromkeys(("b", "bn", "mrd", "billion"), 1e9),
    **dict.fromkeys(("t", "tn", "trillion"), 1e12),
    **{
        "тыс": 1e3,
        "млн": 1e6,
        "млрд": 1e9,
        "千": 1e3,
        "万": 1e4,
        "萬": 1e4,
        "億": 1e8,
        "亿": 1e8,
        "만": 1e4,
        "억": 1e8,
    },
}
"""Suffixes that multiply, where several of them stand in a column."""
COUNTED = rf"^(?:({'|'.join(sorted(MAGNITUDES))})\s+)?(\p{{L}}{{3,}})$"
"""A magnitude or none, and a word for what is counted: views, M views."""
HEMISPHERES = ({"n": 1.0, "s": -1.0}, {"e": 1.0, "w": -1.0})
"""Suffixes of latitudes and of longitudes, and the sign that they stand for."""
ACCOUNTS = rf"(?i)^\s*(?:{CURRENCIES}|{'|'.join(sorted(MAGNITUDES))})"
"""Suffixes of amounts, which are negative in parentheses."""
APPROXIMATE = ("~", "≈", "about")
"""Signs in front of a number that is a little less or more; "about" stands for all words that say so."""
FRACTIONS = {"½": ".5", "¼": ".25", "¾": ".75", "⅓": ".3333333333333333", "⅔": ".6666666666666666", "⅛": ".125"}
DIGITS = f"[0-9{''.join(FRACTIONS)}]"
"""One of these stands in every number, time of day, duration, length and angle, but for NaN and infinities."""
RAISED = dict(zip("⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹\u2212", "+-0123456789-", strict=True))
QUOTED = r"^=?['\"`](.*?)['\"`]?$"
"""A cell in quotes that stayed in it, or behind the apostrophe by which spreadsheets mark texts."""
CLOCK = (
    r"^([01]?[0-9]|2[0-4])[:h]([0-5][0-9])(?::([0-5][0-9](?:\.[0-9]+)?))?\s*(?:([AaPp])?(?:\.?\s?[Mm]\.?)?|Uhr|h)"
    r"(?:\s*(?:Z|[A-Z]{3,4}|[+-][0-9]{2}:?[0-9]{2}))?$"
)
"""A time of day."""
CLOCK_OF_DIGITS = r"^([01]?[0-9]|2[0-3])\.?([0-5][0-9])$"
"""A time of day without a colon, such as 0815 and 08.15."""
ARROWS = "[▲△↑▼▽↓]"
"""Signs of numbers that went up or down."""
RARE_SIGNS = f"['\"`({ARROWS[1:-1]}{''.join(FRACTIONS)}]"
"""One of these stands in every string that has to be written otherwise before it is taken apart."""
MIN_POINT_TIMES, MIN_DIGIT_TIMES = 3, 6
HOUR_ALONE = r"^([0-9]{1,2})\s*([AaPp])\.?\s?[Mm]\.?$"


def split(strings: pl.Series) -> pl.DataFrame:
    """The parts of each string under the names of PARTS, all null where it is no number, and the unit.

    "unit" is what is compared with other units: in lower case, singular, "" for none.

    >>> split(pl.Series(["-$1,234.50", "12 kg", "seven"])).select("sign", "prefix", "body", "suffix").rows()
    [('-', '$', '1,234.50', None), (None, None, '12', 'kg'), (None, None, None, None)]
    >>> split(pl.Series(["$5", "90 Mins.", "1 min", "7"]))["unit"].to_list()
    ['$', 'min', 'min', '']
    """
    if strings.str.contains(RARE_SIGNS).any():
        strings = _with_usual_signs(strings)
    return strings.str.extract_groups(PARTS).struct.unnest().with_columns(_changed_parts())


@cache
def _changed_parts() -> list[pl.Expr]:
    """The parts that are not what the groups of PARTS are."""
    body, bound, plus = pl.col("body"), pl.col("bound"), pl.col("plus")
    unclosed = pl.col("opening").is_null() != pl.col("closing").is_null()
    usual = body.str.replace_all(f"[{BLANKS}]", " ").str.replace_all("\u2019", "'", literal=True)
    words = bound.str.contains(r"\p{L}")
    return [
        pl.when(unclosed).then(None).otherwise(usual).alias("body"),
        pl.when(words).then(pl.lit("about")).otherwise(bound).alias("bound"),
        pl.coalesce(plus, "inner_plus").alias("plus"),
        _unit().alias("unit"),
    ]


def _unit() -> pl.Expr:
    """The unit of each number."""
    suffix = pl.col("suffix").str.to_lowercase().str.strip_chars(". ").str.replace(r"([a-z]{2})s$", "${1}")
    suffix = suffix.str.replace(r"^/\s+", "/").fill_null("")
    prefix = pl.col("prefix").str.to_lowercase().str.strip_chars(".:=- ").fill_null("")
    return pl.concat_str(prefix, suffix, (pl.lit("/") + pl.col("total")).fill_null(""))


def _with_usual_signs(strings: pl.Series) -> pl.Series:
    """Strings without quotes around them, arrows as signs, fractions as decimals, currencies inside parentheses."""
    if strings.str.contains(r"^=?['\"`]").any():
        strings = strings.str.replace(QUOTED, "${1}")
    if strings.str.contains(ARROWS).any():
        strings = strings.str.replace(r"^[▼▽↓]\s*", "-").str.replace(r"^[▲△↑]\s*", "")
    if strings.str.contains("(", literal=True).any():
        strings = strings.str.replace(rf"^({CURRENCIES})\s*\((.*)\)$", "(${1}${2})")
    if strings.str.contains(f"[{''.join(FRACTIONS)}]").any():
        strings = strings.str.replace(r"([0-9])\s+([^0-9\s])", "${1}${2}")
        strings = strings.str.replace_many(list(FRACTIONS), list(FRACTIONS.values()))
    return strings


def numbers_of(parts: pl.DataFrame, decimal: str, thousands: str) -> pl.Series:
    """The numbers, null where the digits are not written with these signs; a plain number always counts as one.

    >>> numbers_of(split(pl.Series(["(1.234,5)", "7,5 kg", "1,2,3"])), ",", ".").to_list()
    [-1234.5, 7.5, None]
    """
    exponents = parts["exponent"].null_count() < len(parts)
    return parts.select(_numbers(decimal, thousands, exponents)).to_series()


@cache
def _numbers(decimal: str, thousands: str, exponents: bool) -> pl.Expr:
    body, exponent = pl.col("body"), pl.col("exponent").fill_null("")
    shaped: pl.Expr = pl.when(body.str.contains(BODIES[decimal, thousands])).then(body)
    digits = pl.coalesce(plain_digits(shaped, decimal, thousands), body)
    if exponents:
        exponent = exponent.str.replace(r"^(?:\s?[x×·∙*]\s?10\^?\s?|[dD])", "e")
        digits += exponent.str.replace_many(list(RAISED), list(RAISED.values()))
    values = digits.cast(pl.Float64, strict=False)
    minus = [pl.col(name).is_in(["-", "\u2212", "\u2013"]) for name in ("sign", "inner_sign", "last_sign")]
    # (13 votes) is a note, and (13) and ($1.2M) are accounts.
    words = pl.col("suffix").str.to_lowercase().str.contains(r"\p{L}{3}") & ~pl.col("suffix").str.contains(ACCOUNTS)
    accounts = pl.col("opening").is_not_null() & ~words.fill_null(False)
    negative = pl.any_horizontal(accounts, *(sign.fill_null(False) for sign in minus))
    # In 12.- the sign stands for no cents.
    negative &= ~(body.str.ends_with(".") & pl.col("last_sign").is_not_null()).fill_null(False)
    return pl.when(negative).then(-values).otherwise(values)


def plain_digits(strings: Strings, decimal: str, thousands: str) -> Strings:
    """Digits as a plain number has them, without signs between thousands and with a point before decimals.

    >>> plain_digits(pl.Series(["-1.234,5"]), ",", ".").to_list()
    ['-1234.5']
    """
    if thousands:
        strings = strings.str.replace_all(thousands, "", literal=True)
    return strings.str.replace(",", ".", literal=True) if decimal == "," else strings


def magnitudes(parts: pl.DataFrame) -> pl.Series:
    """What each number is multiplied by where suffixes are thousands, millions and billions, or hemispheres.

    >>> magnitudes(split(pl.Series(["1.2M", "$3 k", "7"]))).to_list()
    [1000000.0, 1000.0, 1.0]
    """
    suffix = pl.col("suffix").str.to_lowercase().str.strip_chars(". °")
    factors = {**MAGNITUDES, **HEMISPHERES[0], **HEMISPHERES[1]}
    alone = suffix.replace_strict(factors, default=None, return_dtype=pl.Float64)
    counted = suffix.str.extract(COUNTED).replace_strict(factors, default=1.0, return_dtype=pl.Float64)
    return parts.select(pl.coalesce(alone, counted)).to_series()


def counted_things(suffixes: pl.Series) -> pl.Series:
    """What suffixes of thousands and millions say is counted; null for others.

    >>> counted_things(pl.Series(["M views", "views", "K", "km"])).to_list()
    ['views', 'views', None, None]
    """
    things = suffixes.str.to_lowercase().str.extract(COUNTED, 2)
    return things.set(things.is_in(list(MAGNITUDES)).fill_null(False), None)


def seconds_of_day(strings: pl.Series) -> pl.Series:
    """Times of day as seconds since midnight, null where a string is none.

    >>> seconds_of_day(pl.Series(["13:30", "1:30:15 pm", "25:00"])).to_list()
    [48600.0, 48615.0, None]
    """
    strings = strings.str.replace(HOUR_ALONE, "${1}:00 ${2}m")
    return strings.str.extract_groups(CLOCK).struct.unnest().select(_seconds_of_day()).to_series()


@cache
def _seconds_of_day() -> pl.Expr:
    """Seconds since midnight from the groups of CLOCK: hour, minute, second, and a or p."""
    hour, minute, second = (pl.col(group).cast(pl.Float64) for group in "123")
    half = pl.col("4").str.to_lowercase()
    afternoon = 12.0 * (half == "p").cast(pl.Float64)
    hours = pl.when(half.is_null()).then(hour).otherwise(hour % 12 + afternoon)
    return hours * 3600 + minute * 60 + second.fill_null(0.0)


def seconds_of_day_or_digits(strings: pl.Series) -> pl.Series:
    """The same, where 0815 and 08.15 are times, too.

    >>> seconds_of_day_or_digits(pl.Series(["0815", "08.15", "8:15", "99"])).to_list()
    [29700.0, 29700.0, 29700.0, None]
    """
    return seconds_of_day(strings.str.replace(CLOCK_OF_DIGITS, "${1}:${2}"))


def are_times_of_digits(strings: pl.Series) -> bool:
    """Whether plain numbers, some with leading zeros, are times of day: all could be, and there are several.

    >>> are_times_of_digits(pl.Series(["08.15", "12.30", "23.59"])), are_times_of_digits(pl.Series(["0815", "0975"]))
    (True, False)
    """
    enough = MIN_POINT_TIMES if strings.head(1).str.contains(".", literal=True).all() else MIN_DIGIT_TIMES
    return len(strings) >= enough and bool(strings.str.contains(r"^(?:[01][0-9]|2[0-3])\.?[0-5][0-9]$").all())
