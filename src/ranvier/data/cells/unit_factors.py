"""What numbers in several units of one quantity are multiplied by, so that all are in one of these units.

Units are written as `number_parts.split` gives them: lower case, singular.
"""

from __future__ import annotations

import polars as pl

from ranvier.data.cells.number_parts import MAGNITUDES

LENGTHS = {
    **dict.fromkeys(("mm", "millimeter", "millimetre"), 0.001),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 0.01),
    **dict.fromkeys(("m", "meter", "metre"), 1.0),
    **dict.fromkeys(("km", "kilometer", "kilometre"), 1000.0),
    **dict.fromkeys(("in", "inch", "inche", '"', "\u2033"), 0.0254),
    **dict.fromkeys(("ft", "foot", "feet"), 0.3048),
    **dict.fromkeys(("yd", "yard"), 0.9144),
    **dict.fromkeys(("mi", "mile"), 1609.344),
}
AREAS = {
    **dict.fromkeys(("m²", "m2", "m^2", "sqm", "sq m", "sq. m", "sq meter", "sq. meter", "square meter"), 1.0),
    **dict.fromkeys(("square metre", "sq metre", "qm"), 1.0),
    **dict.fromkeys(("km²", "km2", "sq km", "sq. km"), 1e6),
    **dict.fromkeys(("ha", "hectare"), 1e4),
    **dict.fromkeys(("ft²", "ft2", "sqft", "sq ft", "sq. ft", "sq.ft", "square feet", "square foot"), 0.09290304),
    **dict.fromkeys(("sq yd", "sq. yd", "sqyd", "sq yard", "sq. yard"), 0.83612736),
    **dict.fromkeys(("ac", "acre"), 4046.8564224),
}
WEIGHTS = {
    **dict.fromkeys(("mg", "milligram"), 1e-6),
    **dict.fromkeys(("g", "gr", "gram", "gramm"), 1e-3),
    **dict.fromkeys(("kg", "kilo", "kilogram", "kilogramm"), 1.0),
    **dict.fromkeys(("t", "ton", "tonne"), 1000.0),
    **dict.fromkeys(("oz", "ounce"), 0.028349523125),
    **dict.fromkeys(("lb", "pound"), 0.45359237),
}
VOLUMES = {
    **dict.fromkeys(("ml", "milliliter", "millilitre", "cc"), 0.001),
    **dict.fromkeys(("cl", "centiliter", "centilitre"), 0.01),
    "dl": 0.1,
    **dict.fromkeys(("l", "liter", "litre", "ltr"), 1.0),
    **dict.fromkeys(("hl",), 100.0),
    **dict.fromkeys(("m³", "m3"), 1000.0),
}
BYTES = {
    **dict.fromkeys(("byte", "bytes"), 1.0),
    **{f"{prefix}{unit}": 1000.0 ** (at + 1) for at, prefix in enumerate("kmgt") for unit in ("b", "byte")},
    **{f"{prefix}ib": 1024.0 ** (at + 1) for at, prefix in enumerate("kmgt")},
}
TIMES = {
    **dict.fromkeys(("ns", "nanosecond"), 1e-9),
    **dict.fromkeys(("us", "µs", "μs", "microsecond"), 1e-6),
    **dict.fromkeys(("ms", "msec", "millisecond"), 1e-3),
    **dict.fromkeys(("s", "sec", "second"), 1.0),
    **dict.fromkeys(("min", "minute"), 60.0),
    **dict.fromkeys(("h", "hr", "hour"), 3600.0),
    **dict.fromkeys(("d", "day"), 86400.0),
}
SPEEDS = {
    **dict.fromkeys(("km/h", "kmh", "kph", "kmph"), 1.0),
    **dict.fromkeys(("mph", "mi/h"), 1.609344),
    "m/s": 3.6,
    **dict.fromkeys(("kn", "kt", "knot"), 1.852),
}
PRESSURES = {"pa": 1.0, "hpa": 100.0, "mbar": 100.0, "kpa": 1e3, "bar": 1e5, "psi": 6894.757293168, "atm": 101325.0}
FAMILIES: tuple[dict[str, float], ...] = (
    *(LENGTHS, AREAS, WEIGHTS, VOLUMES, BYTES, TIMES, SPEEDS, PRESSURES),
    {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9},
    {"w": 1.0, "kw": 1e3, "gw": 1e9},
    {"wh": 1.0, "kwh": 1e3, "mwh": 1e6, "gwh": 1e9},
    {f"{prefix}bp": 1000.0**at for at, prefix in enumerate(("", "k", "m", "g", "t"))},  # Mbps, without its s
    {f"{prefix}{bit}/s": 1000.0**at for at, prefix in enumerate(("", "k", "m", "g")) for bit in ("bit", "b")},
    {"cr": 1.0, "dr": -1.0},
    {**dict.fromkeys(("ad", "ce", "n. chr", "ap. j.-c", "н. э"), 1.0), **dict.fromkeys(("bc", "bce", "v. chr"), -1.0)},
    {"dozen": 12.0, "dz": 12.0, "piece": 1.0, "pc": 1.0},
)
"""Units of one quantity each -> their factors; a unit that could mean two things, such as mW and MW, is in none."""
PERCENT = {"%": 0.01}
CELSIUS, FAHRENHEIT = ("°c", "ºc"), ("°f", "ºf")


def family_of(units: tuple[str, ...]) -> dict[str, float] | None:
    """The factors of units, all of one quantity, by which numbers are brought to the first unit; None for others.

    >>> family_of(("cm", "mm", "m"))
    {'cm': 1.0, 'mm': 0.1, 'm': 100.0}
    >>> family_of(("k", "m")), family_of(("$", "€")), family_of(("kg",))
    (None, None, None)
    """
    if len(units) < 2 or (set(units) <= MAGNITUDES.keys() and set(units) != {"mm", "m"}):
        return None
    for factors in FAMILIES:
        if set(units) <= factors.keys():
            first = abs(factors[units[0]])
            return {unit: round(factors[unit] / first, 15) for unit in units}
    return None


def is_negative(unit: str) -> bool:
    """Whether numbers in a unit are negative, such as debits beside credits.

    >>> is_negative("dr"), is_negative("kg")
    (True, False)
    """
    return any(factors.get(unit, 1.0) < 0.0 for factors in FAMILIES)


def can_convert(units: tuple[str, ...]) -> bool:
    """Whether `in_first_unit` converts numbers in these units.

    >>> can_convert(("kg", "g")), can_convert(("°c", "°f")), can_convert(("kg", "l"))
    (True, True, False)
    """
    return family_of(units) is not None or are_temperatures(units)


def are_temperatures(units: tuple[str, ...]) -> bool:
    """Whether units are degrees of Celsius and of Fahrenheit.

    >>> are_temperatures(("°c", "°f")), are_temperatures(("°c",))
    (True, False)
    """
    return (
        len(units) > 1
        and set(units) <= {*CELSIUS, *FAHRENHEIT}
        and not set(CELSIUS).isdisjoint(units)
        and not set(FAHRENHEIT).isdisjoint(units)
    )


def in_first_unit(values: pl.Series, unit: pl.Series, units: tuple[str, ...]) -> pl.Series:
    """Numbers in the first of several units of one quantity.

    Parameters:
        values: the numbers.
        unit: that of each, as it stands beside it.
        units: those of the column.

    >>> in_first_unit(pl.Series([5.0, 2.0, 50.0]), pl.Series(["cm", "m", "mm"]), ("cm", "m", "mm")).to_list()
    [5.0, 200.0, 5.0]
    >>> in_first_unit(pl.Series([20.0, 212.0]), pl.Series(["°c", "°f"]), ("°c", "°f")).to_list()
    [20.0, 100.0]
    """
    if are_temperatures(units):
        fahrenheit = unit.is_in(list(FAHRENHEIT))
        if units[0] in CELSIUS:
            return ((values - 32.0) / 1.8).zip_with(fahrenheit, values)
        return values.zip_with(fahrenheit, values * 1.8 + 32.0)
    factors = PERCENT if units == ("%",) else family_of(units) or {}
    return values * unit.replace_strict(factors, default=1.0, return_dtype=pl.Float64)
