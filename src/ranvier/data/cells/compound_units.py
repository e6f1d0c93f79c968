"""Cells of a number in each of several units as one number: 6 lb 1 oz, 11 st 4 lb, 1 m 75 cm, 2 kg 300 g.

Patterns are those of polars, for columns.
"""

from __future__ import annotations

from functools import cache

import polars as pl

NUMBER = r"([0-9]+(?:[.,][0-9]+)?)"
UNITS: dict[str, tuple[tuple[str, float], ...]] = {
    "pounds": ((r"st|stones?", 14.0), (r"lbs?|pounds?", 1.0), (r"oz|ounces?", 1.0 / 16.0)),
    "kilograms": ((r"t|tons?|tonnes?", 1000.0), (r"kgs?|kilos?|kilograms?", 1.0), (r"g|gr|grams?", 0.001)),
    "metres": ((r"km|kilomet(?:er|re)s?", 1000.0), (r"m|met(?:er|re)s?", 1.0), (r"cm|centimet(?:er|re)s?", 0.01)),
}
"""What the numbers become -> the units that may follow each other, with their factors."""
SEVERAL = (
    r"(?i)^[0-9]+\s*(?:st|stones?|lbs?|pounds?|t|tons?|tonnes?|kgs?|kilos?|kilograms?|km|m|met(?:er|re)s?)\b[.,]?"
    r"\s*[0-9]"
)
"""How a cell begins that has a second number behind its first unit."""
METRES = r"(?i)^([0-9])\s*m\s*([0-9]{2})$"
"""Metres and centimetres as in 1m75."""
SAMPLE = 1000


def compound_unit(strings: pl.Series) -> str:
    """Which of `UNITS` reads most strings, where one of the first has several numbers; "" for none.

    >>> compound_unit(pl.Series(["6 lb 1 oz", "7 lb"])), compound_unit(pl.Series(["6 lb", "7 lb"]))
    ('pounds', '')
    """
    sample = strings.head(SAMPLE)
    if not (sample.str.contains(SEVERAL) | sample.str.contains(METRES)).any():
        return ""
    unread = {unit: values_of_compounds(sample, unit).null_count() for unit in UNITS}
    return min(unread, key=lambda unit: unread[unit])


def values_of_compounds(strings: pl.Series, unit: str) -> pl.Series:
    """Strings as numbers in a unit of `UNITS`, null where they are none.

    >>> values_of_compounds(pl.Series(["6 lb 1 oz", "11 st 4 lb", "8 oz", "x"]), "pounds").to_list()
    [6.0625, 158.0, 0.5, None]
    >>> values_of_compounds(pl.Series(["1 m 75 cm", "1m75", "1,5 m"]), "metres").to_list()
    [1.75, 1.75, 1.5]
    """
    if unit == "metres":
        strings = strings.str.replace(METRES, "${1} m ${2} cm")
    return strings.str.extract_groups(_pattern(unit)).struct.unnest().select(_value(unit)).to_series()


@cache
def _pattern(unit: str) -> str:
    parts = (rf"(?:{NUMBER}\s*(?:{names})\.?[\s,]*(?:and\s+)?)?" for names, _ in UNITS[unit])
    return f"(?i)^{''.join(parts)}$"


@cache
def _value(unit: str) -> pl.Expr:
    """The groups of the pattern together; null where all are."""
    numbers = [pl.col(group).str.replace(",", ".", literal=True).cast(pl.Float64) for group in "123"]
    terms = [number.fill_null(0.0) * factor for number, (_, factor) in zip(numbers, UNITS[unit], strict=True)]
    return pl.when(pl.any_horizontal(number.is_not_null() for number in numbers)).then(terms[0] + terms[1] + terms[2])
