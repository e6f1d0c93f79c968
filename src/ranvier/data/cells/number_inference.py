"""Inferring how the numbers of a column are written, from its different cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.cells.compound_units import compound_unit, values_of_compounds
from ranvier.data.cells.different_strings import MAX_ODD_FRACTION, DifferentStrings, different_strings, few
from ranvier.data.cells.durations import (
    are_fractions,
    degrees_of_angle,
    inches_of_length,
    seconds_of_duration,
    values_of_fractions,
)
from ranvier.data.cells.free_prices import hold_free_prices, with_zeros
from ranvier.data.cells.missing_marks import are_marks
from ranvier.data.cells.month_names import MONTHS
from ranvier.data.cells.number_format import PLAIN, NumberFormat
from ranvier.data.cells.number_parts import (
    APPROXIMATE,
    BODIES,
    DIGITS,
    HEMISPHERES,
    MAGNITUDES,
    SIGNED,
    are_times_of_digits,
    counted_things,
    magnitudes,
    numbers_of,
    seconds_of_day,
    split,
)
from ranvier.data.cells.other_scripts import in_ascii, in_other_scripts
from ranvier.data.cells.ranges import RANGE, middles
from ranvier.data.cells.unit_factors import can_convert
from ranvier.records import record

MAX_UNITS, MIN_UNIT_ROWS = 3, 0.005
MIN_VALUES_OF_UNITS = 10
"""Fewer different numbers in several units are taken for categories, such as "2 doors" and "1 hatch"."""
YEARS = (1700.0, 2100.0)
SAMPLE = 1000
MIN_BARE = 0.1
"""The fraction of numbers without % from which they say that all are fractions."""
THOUSANDS_OR_DECIMALS = r"^[1-9][0-9]{0,2},[0-9]{3}$"
"""Digits whose comma may stand between thousands, or before three decimals."""
MAX_LETTERS_OF_FLAGS = 2
MAX_RANGES = 0.5
"""The fraction of the different cells below which ranges count as numbers; columns of ranges are vectors."""
MIN_LETTER_ROWS, LOOK_LIKE_DIGITS = 0.1, ("o", "l", "i")
"""Letters that rarely are units, and often mistyped digits, as in 5o."""
ORDINAL = r"^(st|nd|rd|th)\b"
LEADING_ZERO = r"^[+-]?0[0-9]"
GROUPED = r"^[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})?$|^0$"
"""Digits whose point may stand between thousands, or before three decimals."""


@record(eq=False)
class WrittenNumbers:
    """How the numbers of a column are written.

    Fields:
        format: what reads them.
        ambiguous: whether all commas could stand before decimals as well as between thousands.
        points: the same of points, which stand before decimals where no other column speaks for commas.
        numbers: the different strings as numbers, NaN where they are none; None where they were not read on the way.
        different: these strings.
    """

    format: NumberFormat
    ambiguous: bool = False
    points: bool = False
    numbers: pl.Series | None = None
    different: DifferentStrings | None = None

    def read(self, cells: pl.Series) -> tuple[NDArray[np.float64], int | None]:
        """The cells, shape (B,), as `format.read` gives them; those that were read on the way are not read again.

        >>> cells = pl.Series(["5 kg", "7 kg", "5 kg"])
        >>> infer_number_format(different_strings(cells)).read(cells)
        (array([5., 7., 5.]), None)
        """
        if self.numbers is None or self.different is None:
            return self.format.read(cells)
        # Whatever is no number is a mark of a missing cell, or odd and counts as missing.
        return self.different.of_rows(self.numbers).to_numpy(writable=True), None


def infer_number_format(different: DifferentStrings, decimal_commas: bool | None = None) -> WrittenNumbers | None:
    """How the numbers of a column are written; None where the cells are not nearly all numbers.

    Parameters:
        different: the different clean strings.
        decimal_commas: whether a comma that may stand before decimals or between thousands stands before decimals;
            None where nothing is known.

    >>> from ranvier.data.cells.different_strings import different_strings
    >>> infer_number_format(different_strings(pl.Series(["27,3", "27", "n/a"]))).format.decimal
    ','
    """
    if in_other_scripts(different.values):
        read = infer_number_format(different_strings(in_ascii(different.strings)), decimal_commas)
        return None if read is None else replace(read, format=replace(read.format, scripts=True))
    if _are_words(different.sample(SAMPLE, are_marks)):
        return None
    if hold_free_prices(different.values):
        read = infer_number_format(different_strings(with_zeros(different.strings)), decimal_commas)
        return None if read is None else replace(read, format=replace(read.format, free=True))
    if _hold_ranges(different):
        read = infer_number_format(
            replace(different, values=middles(different.values), strings=middles(different.strings)), decimal_commas
        )
        return None if read is None else replace(read, format=replace(read.format, ranges=True))
    marks = are_marks(different.values)
    different = different.without(marks)
    strings = different.values
    if len(strings) < 2 and marks.any():
        return None  # "1" and "none" are two categories
    plain = parsing.cast_numbers(strings).is_not_null()
    if len(strings) == 0:
        return None
    if plain.all():
        points = points_may_group(strings)
        form = NumberFormat(",", ".") if points and decimal_commas else PLAIN
        if are_codes(strings):
            return WrittenNumbers(NumberFormat(clock=True)) if are_times_of_digits(strings) else None
        return WrittenNumbers(form, points=points)
    sample = strings.head(SAMPLE)
    for signs in _order(decimal_commas) if sample.str.contains(r"^[-+0-9.,' ]+$").all() else ():
        if sample.str.contains(SIGNED[signs]).all() and strings.str.contains(SIGNED[signs]).all():
            bodies = strings.str.strip_chars_start("+-")
            return None if are_codes(bodies) else WrittenNumbers(NumberFormat(*signs), _ambiguous(bodies))
    no_time, no_duration = seconds_of_day(strings).is_null(), _are_no_durations(strings)
    durations = WrittenNumbers(NumberFormat(duration=True, odd=bool(no_duration.any())))
    are_durations = few(no_duration, different)
    if few(no_time, different):
        if are_durations and no_duration.sum() < no_time.sum():
            return durations
        return WrittenNumbers(NumberFormat(clock=True, odd=bool(no_time.any())))
    ways = (
        NumberFormat(feet=True),
        NumberFormat(compound=compound_unit(strings)),
        NumberFormat(degrees=True),
        NumberFormat(fractions=are_fractions(strings)),
    )
    for form in ways:
        if form.whole_cells is None:
            continue
        unread = form.whole_cells(strings).is_null()
        if few(unread, different):
            return WrittenNumbers(replace(form, odd=bool(unread.any())))
    read = _with_parts(different, split(strings), decimal_commas)
    return durations if are_durations and (read is None or len(read.format.units) > 1) else read


def _hold_ranges(different: DifferentStrings) -> bool:
    """Whether some strings are ranges, such as 1100 - 1250, and most are numbers."""
    ranges = different.values.str.contains(RANGE)
    count = int(ranges.sum())
    return 0 < count < MAX_RANGES * len(ranges) and count > int(
        (middles(different.values.filter(ranges)).str.contains(RANGE)).sum()
    )


def _are_no_durations(strings: pl.Series) -> pl.Series:
    """Which strings are no durations; 3:1 is a ratio or a score, since seconds have two digits."""
    return seconds_of_duration(strings).is_null() | strings.str.contains(r":[0-9](?:[^0-9]|$)")


def _are_words(sample: pl.Series) -> bool:
    """Whether most strings of a sample are no numbers, times of day or durations, and not all are plain numbers."""
    half = len(sample) // 2
    if int((~sample.str.contains(DIGITS) & parsing.cast_numbers(sample).is_null()).sum()) > half:
        return True  # nothing below reads a string without digits, but for NaN and infinities
    several = (seconds_of_day, seconds_of_duration, inches_of_length, degrees_of_angle, values_of_fractions)
    times = (reads(sample) for reads in several)
    if split(sample)["body"].null_count() <= half or any(read.null_count() <= half for read in times):
        return False
    compound = compound_unit(sample)
    if compound and values_of_compounds(sample, compound).null_count() <= half:
        return False
    return parsing.cast_numbers(sample).null_count() > 0


def _with_parts(different: DifferentStrings, parts: pl.DataFrame, decimal_commas: bool | None) -> WrittenNumbers | None:
    """The same from strings and their parts, not all of which are plain numbers."""
    body = parts["body"]
    if not few(body.is_null(), different):
        return None
    if are_codes((parts["sign"].fill_null("") + body).drop_nulls()):
        return None
    whole_prices = bool(different.values.str.contains(r"[0-9],[-\u2013\u2014]").any())
    decimal, thousands, ambiguous = _signs(body.drop_nulls(), decimal_commas or whole_prices)
    values = numbers_of(parts, decimal, thousands)
    units_used = _units(parts, different)
    if units_used is None:
        return None
    bounds = _bounds(parts, values)
    if bounds is None:
        return None
    read = NumberFormat(decimal, thousands, units_used, _multiply(parts, units_used, values), bounds)
    if read == PLAIN and values.null_count() < parsing.cast_numbers(different.values).null_count():
        read = NumberFormat(signs=True)
    numbers = pl.Series(read.read_strings(different.values, parts))
    odd = numbers.is_nan()
    if not few(odd, different) or (read.several_units and _stand_beside_words(values)):
        return None
    points = not whole_prices and points_may_group(body.drop_nulls())
    return WrittenNumbers(replace(read, odd=bool(odd.any())), ambiguous, points, numbers, different)


def _stand_beside_words(values: pl.Series) -> bool:
    """Whether numbers in several units are few, or years, so that the units are words, as in "1896 Summer"."""
    return values.n_unique() < MIN_VALUES_OF_UNITS or bool(
        (values.is_between(*YEARS) & (values == values.round())).drop_nulls().all()
    )


def are_codes(strings: pl.Series) -> bool:
    """Whether digits are codes rather than numbers: many have leading zeros, or some in codes of one length.

    >>> are_codes(pl.Series(["01234", "98765"])), are_codes(pl.Series(["1234", "98765"]))
    (True, False)
    """
    if have_exponents_of_codes(strings) or are_telephones(strings):
        return True
    leading = strings.str.contains(LEADING_ZERO)
    if not leading.any():
        return False
    digits = strings.filter(strings.str.contains(r"^[0-9]+$"))
    one_length = 2 * len(digits) > len(strings) and digits.str.len_chars().n_unique() == 1
    return one_length or int(leading.sum()) > MAX_ODD_FRACTION * len(strings)


def are_telephones(strings: pl.Series) -> bool:
    """Whether all strings are numbers of telephones with the code of a country.

    >>> are_telephones(pl.Series(["+4930123456", "+12025550123"])), are_telephones(pl.Series(["+12"]))
    (True, False)
    """
    return all(part.str.contains(r"^\+[0-9]{8,15}$").all() for part in (strings.head(1), strings)) and len(strings) > 0


def have_exponents_of_codes(strings: pl.Series) -> bool:
    """Whether strings of one length look like integers and some like 47e78, which is no way to write a number.

    >>> have_exponents_of_codes(pl.Series(["47e78", "10254"])), have_exponents_of_codes(pl.Series(["1e78", "4.7e3"]))
    (True, False)
    """
    if strings.head(SAMPLE).str.len_bytes().n_unique() != 1:
        return False
    alike = r"^[0-9]{2,}[eE][0-9]+$"
    if not strings.str.contains(alike).any():
        return False
    return strings.str.len_bytes().n_unique() == 1 and bool(strings.str.contains(rf"^[0-9]+$|{alike}").all())


def points_may_group(strings: pl.Series) -> bool:
    """Whether all points could stand between thousands as well as before decimals; there is one.

    >>> points_may_group(pl.Series(["1.234", "950"])), points_may_group(pl.Series(["1.234", "9.5"]))
    (True, False)
    """
    if not strings.head(SAMPLE).str.contains(GROUPED).all():
        return False
    return bool(strings.str.contains(GROUPED).all() and strings.str.contains(".", literal=True).any())


def some_without_points(strings: pl.Series) -> bool:
    """Whether some numbers have no point, as hundreds have none beside thousands; decimals of one length all have one.

    >>> some_without_points(pl.Series(["1.234", "950"])), some_without_points(pl.Series(["1.234", "9.500"]))
    (True, False)
    """
    return bool(strings.str.contains(r"^[^.]*[0-9][^.]*$").any())


def _signs(bodies: pl.Series, decimal_commas: bool | None) -> tuple[str, str, bool]:
    """The decimal sign and the sign of thousands that read most digits, and whether commas could mean either."""
    read = {signs: int(bodies.str.contains(BODIES[signs]).sum()) for signs in _order(decimal_commas)}
    decimal, thousands = max(read, key=lambda signs: read[signs])
    return decimal, thousands, _ambiguous(bodies)


def _order(decimal_commas: bool | None) -> list[tuple[str, str]]:
    """The signs in the order in which they are tried."""
    return sorted(BODIES, key=lambda signs: (signs[0] == ",") != bool(decimal_commas))


def _ambiguous(bodies: pl.Series) -> bool:
    """Whether commas could stand before decimals as well as between thousands: before three digits in every cell."""
    return bool(bodies.str.contains(THOUSANDS_OR_DECIMALS).all())


def _units(parts: pl.DataFrame, different: DifferentStrings) -> tuple[str, ...] | None:
    """The units beside the numbers, the most frequent first; None where they are no units."""
    unit = parts["unit"]
    if (unit == "").all():
        return ()
    rows = different.rows
    frame = pl.DataFrame({"unit": unit, "rows": rows}).filter(parts["body"].is_not_null() & (unit != ""))
    by_unit = frame.group_by("unit").agg(pl.col("rows").sum())
    by_unit = by_unit.sort(["rows", "unit"], descending=[True, False])
    if by_unit.height == 0:
        return ()
    enough, often_enough = MIN_UNIT_ROWS * int(rows.sum()), MIN_LETTER_ROWS * int(rows.sum())
    often = {unit for unit, count in by_unit.rows() if count >= (often_enough if unit in LOOK_LIKE_DIGITS else enough)}
    units_used = [unit for unit in by_unit["unit"] if unit in often or unit == by_unit["unit"][0]]
    if units_used[0] in LOOK_LIKE_DIGITS and units_used[0] not in often:
        return ()
    if can_convert(tuple(units_used)):
        return tuple(units_used)
    if all(unit in MONTHS and (len(unit) > 3 or len(units_used) > 1) for unit in units_used):
        return None  # days of months
    suffixes = pl.Series(units_used)
    if _are_flags(suffixes, by_unit, int(rows.sum())):
        return tuple(units_used)
    if len(units_used) > MAX_UNITS or suffixes.str.contains(ORDINAL).any():
        return None
    if len(units_used) > 1 and suffixes.str.contains("/[0-9]").any():
        return None  # fractions
    single = len(units_used) > 1 and (suffixes.str.len_chars() == 1).all() and not _are_hemispheres(suffixes)
    if single and not set(units_used) <= {*MAGNITUDES, *"$€£¥₹%"}:
        return None  # codes such as 1a, 2a, 1b
    return tuple(units_used)


def _are_flags(units: pl.Series, by_unit: pl.DataFrame, rows: int) -> bool:
    """Whether units are letters beside some numbers that say how these were found, such as e for an estimate."""
    letters = bool((units.str.len_chars() <= MAX_LETTERS_OF_FLAGS).all() and units.str.contains(r"^\p{L}+$").all())
    return letters and 4 * int(by_unit["rows"].sum()) <= 3 * rows


def _are_hemispheres(units: pl.Series) -> bool:
    """Whether units are those of latitudes, or those of longitudes."""
    letters = set(units.str.to_lowercase().str.strip_chars("° ").to_list())
    degrees = bool(units.str.contains("°").any())
    return any(letters <= axis.keys() and (degrees or len(letters) == 2) for axis in HEMISPHERES)


def _are_fractions_beside_percents(bare: pl.Series, percents: pl.Series) -> bool:
    """Whether numbers without % are fractions of 1, beside others that are larger as percents, as 0.05 beside 7 %."""
    bare, percents = bare.drop_nulls(), percents.drop_nulls()
    if not len(percents) or len(bare) < MIN_BARE * (len(bare) + len(percents)):
        return False
    highest = float(bare.abs().max())  # type: ignore[arg-type]
    return highest <= 1.0 and float(percents.abs().max()) > highest  # type: ignore[arg-type]


def _multiply(parts: pl.DataFrame, units_used: tuple[str, ...], values: pl.Series) -> bool:
    """Whether units multiply: thousands and millions of one thing, hemispheres, units of one quantity, percents."""
    if units_used and _are_hemispheres(pl.Series(units_used)):
        return True
    if not can_convert(units_used) and units_used != ("%",):
        return _are_magnitudes(parts, units_used)
    unit = parts["unit"]
    bare = (unit == "") & parts["body"].is_not_null()
    if can_convert(units_used):
        return int(bare.sum()) <= MAX_ODD_FRACTION * len(parts)
    return _are_fractions_beside_percents(values.filter(bare), values.filter(unit == "%"))


def _are_magnitudes(parts: pl.DataFrame, units_used: tuple[str, ...]) -> bool:
    """Whether units are thousands, millions and billions of one thing."""
    numbers = parts.filter(parts["body"].is_not_null() & parts["unit"].is_in(["", *units_used]))
    factors, suffixes = magnitudes(numbers), numbers["suffix"].str.strip_chars(". ")
    if factors.n_unique() < 2 or numbers["prefix"].drop_nulls().n_unique() > 1:
        return False
    alone = suffixes.drop_nulls().str.to_lowercase().unique().to_list()
    metres = alone == ["l"] or (alone == ["m"] and numbers["prefix"].is_null().all())  # or litres
    counted = counted_things(suffixes)
    if counted.null_count() < len(counted) and counted.n_unique() == 1:
        return True
    return not metres and bool(suffixes.drop_nulls().str.to_lowercase().is_in(list(MAGNITUDES)).all())


def _bounds(parts: pl.DataFrame, values: pl.Series) -> bool | None:
    """Whether some numbers are bounds; None where they make ranges, which are categories."""
    bound = parts["bound"].fill_null("").replace(dict.fromkeys(APPROXIMATE, ""))
    marks = (bound + parts["plus"].fill_null("")).filter(values.is_not_null())
    bounded = int((marks != "").sum())
    if bounded == 0:
        return False
    one_sign_for_all = bounded == len(marks) and marks.n_unique() == 1
    return True if one_sign_for_all or 2 * bounded <= len(marks) else None
