"""How the cells of a column of numbers are written: signs of decimals and of thousands, units, bounds.

It is inferred from all cells of a column, and kept by its schema and its encoder: it means the same in later files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.cells.compound_units import UNITS, values_of_compounds
from ranvier.data.cells.durations import (
    degrees_of_angle,
    inches_of_length,
    seconds_of_duration,
    values_of_fractions,
)
from ranvier.data.cells.free_prices import with_zeros
from ranvier.data.cells.missing_marks import are_marks
from ranvier.data.cells.number_parts import (
    APPROXIMATE,
    BODIES,
    SIGNED,
    magnitudes,
    numbers_of,
    plain_digits,
    seconds_of_day_or_digits,
    split,
)
from ranvier.data.cells.other_scripts import in_ascii
from ranvier.data.cells.ranges import middles
from ranvier.data.cells.unit_factors import can_convert, in_first_unit, is_negative
from ranvier.data.encoders import json_fields
from ranvier.records import record


@record
class NumberFormat:
    """How numbers are written.

    Fields:
        decimal: the sign before decimals, "." or ",".
        thousands: the sign between thousands: "", ",", ".", " " (any blank) or "'" (any apostrophe).
        units: the units that may stand beside a number, as `number_parts.split` gives them.
        magnitudes: whether the units are thousands, millions and billions, or hemispheres, by which the numbers are
            multiplied; or units of one quantity, such as kg and g, so that all are in the first; or % beside fractions.
        bounds: whether "<", ">" or "+" may stand at a number, as in <30 and 65+, which is then read as the number.
        clock: whether the cells are times of day, read as seconds since midnight.
        odd: whether a cell that is no number counts as missing; so where few cells were none in training.
        duration: whether the cells are durations, read as seconds.
        feet: whether the cells are feet and inches, read as inches.
        degrees: whether the cells are degrees, minutes and seconds, read as degrees.
        signs: whether numbers may stand in parentheses, which then are negative, in quotes, behind a ~, or before a ±
            or the mark of a footnote.
        fractions: whether the cells are integers and fractions, as in 3 1/2.
        free: whether a word such as Free stands for 0.
        ranges: whether a cell may be a range, as 1100 - 1250, which is then read as its middle.
        compound: what cells of a number in each of several units, such as 6 lb 1 oz, are read in, one of
            `compound_units.UNITS`; "" for other cells.
        negated: whether numbers have the other sign than their units say, as in models of versions for which the first
            of CR and DR was positive.
        scripts: whether digits and signs may be those of other scripts, such as ３．５, and invisible characters occur.

    >>> NumberFormat(decimal=",").read(pl.Series(["12,5", "7"]))[0].tolist()
    [12.5, 7.0]
    >>> NumberFormat(units=("kmpl",)).read(pl.Series(["23.4 kmpl", "7"]))[0].tolist()
    [23.4, 7.0]
    """

    decimal: str = "."
    thousands: str = ""
    units: tuple[str, ...] = ()
    magnitudes: bool = False
    bounds: bool = False
    clock: bool = False
    odd: bool = False
    duration: bool = False
    signs: bool = False
    feet: bool = False
    scripts: bool = False
    degrees: bool = False
    fractions: bool = False
    free: bool = False
    ranges: bool = False
    compound: str = ""
    negated: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether numbers are written as Python writes them."""
        return replace(self, odd=False) == PLAIN

    @property
    def whole_cells(self) -> Callable[[pl.Series], pl.Series] | None:
        """What reads cells that are several numbers, such as times of day; None where a cell is one number."""
        if self.clock:
            return seconds_of_day_or_digits
        if self.degrees:
            return degrees_of_angle
        if self.fractions:
            return values_of_fractions
        if self.compound:
            return lambda strings: values_of_compounds(strings, self.compound)
        return seconds_of_duration if self.duration else inches_of_length if self.feet else None

    @property
    def several_units(self) -> bool:
        """Whether the numbers are in several units, which nobody has converted."""
        return len(self.units) > 1 and not self.magnitudes

    def read(self, cells: pl.Series) -> tuple[NDArray[np.float64], int | None]:
        """The cells as numbers, NaN where missing, and the index of the first that is no number; shape (B,).

        >>> NumberFormat(thousands=",").read(pl.Series(["1,234.5", "-", "1,2"]))
        (array([1234.5,    nan,    nan]), 2)
        """
        if not parsing.is_string(cells) or self == PLAIN:
            return parsing.parse_numbers(cells)
        strings = parsing.clean_strings(cells)
        values = self.read_strings(strings)
        return values, None if self.odd else first_odd(strings, values)

    def read_strings(self, strings: pl.Series, parts: pl.DataFrame | None = None) -> NDArray[np.float64]:
        """Clean strings as numbers, NaN where missing and where they are no number; shape (B,).

        Parameters:
            parts: what `split` gives of the strings, where that is known.
        """
        strings = in_ascii(strings) if self.scripts else strings
        strings = with_zeros(strings) if self.free else strings
        strings = middles(strings) if self.ranges else strings
        values = parsing.cast_numbers(strings)
        if self.is_plain:
            return values.to_numpy(writable=True)
        written = strings.is_not_null()
        if self.thousands != "." and not self.magnitudes and not self.whole_cells:
            written &= values.is_null()  # what is a plain number is one in these formats, too
        if parts is None or self.whole_cells:
            others = self._other_numbers(strings.filter(written))
        else:
            others = self._numbers_of(parts.filter(written))
        read: NDArray[np.float64] = values.to_numpy(writable=True)
        read[written.to_numpy()] = others.to_numpy()
        return read

    def _other_numbers(self, strings: pl.Series) -> pl.Series:
        """Strings that are no plain numbers as numbers, null where they are none."""
        if (
            not self.magnitudes
            and not self.whole_cells
            and strings.str.contains(SIGNED[self.decimal, self.thousands]).all()
        ):
            return plain_digits(strings, self.decimal, self.thousands).cast(pl.Float64, strict=False)
        different = strings.unique()
        if len(different) == len(strings):
            return self._numbers(strings)
        return strings.replace_strict(different, self._numbers(different), return_dtype=pl.Float64)

    def _numbers(self, strings: pl.Series) -> pl.Series:
        """Strings as numbers, null where they are none."""
        return self.whole_cells(strings) if self.whole_cells else self._numbers_of(split(strings))

    def _numbers_of(self, parts: pl.DataFrame) -> pl.Series:
        """The numbers that have these parts, null where they are none in this format."""
        values = numbers_of(parts, self.decimal, self.thousands)
        allowed = parts["unit"].is_in(["", *self.units])
        if not self.bounds:
            allowed &= parts["bound"].fill_null("").is_in(["", *APPROXIMATE])
            allowed &= parts["plus"].is_null()
        if self.magnitudes:
            converted = can_convert(self.units) or self.units == ("%",)
            values = in_first_unit(values, parts["unit"], self.units) if converted else values * magnitudes(parts)
        values = -values if self.negated else values
        return values.set(~allowed.fill_null(False), None)

    def read_cell(self, cell: Any) -> float:
        """One cell as `read` gives it, NaN where missing.

        Raises:
            NeedsColumnParser: only `read` can read it, or refuse it.

        >>> NumberFormat(decimal=",").read_cell(12.5)
        12.5
        """
        if type(cell) is str and not self.is_plain:
            raise parsing.NeedsColumnParser
        return parsing.parse_number(cell)

    def to_dict(self) -> dict[str, Any]:
        """The format as plain JSON values."""
        return {**asdict(self), "units": list(self.units)}

    @classmethod
    def from_dict(cls, data: Any) -> NumberFormat:
        """The format that `to_dict` wrote.

        Raises:
            ModelFileError: a field is absent, of another type or unknown.
        """
        data = json_fields.mapping(data)
        decimal, thousands = (json_fields.field(data, name, str) for name in ("decimal", "thousands"))
        if (decimal, thousands) not in BODIES:
            raise json_fields.damaged(f"numbers are written with {decimal[:9]!r} and {thousands[:9]!r}")
        flags = {name: json_fields.field(data, name, bool) for name in ("magnitudes", "bounds", "clock", "odd")}
        later = ("duration", "signs", "feet", "scripts", "degrees", "fractions", "free", "ranges", "negated")
        flags |= {name: name in data and json_fields.field(data, name, bool) for name in later}
        units = json_fields.items(data, "units", str)
        if "ranges" not in data:  # of a version for which the first of several units was positive
            flags["negated"] = flags["magnitudes"] and can_convert(units) and is_negative(units[0])
        compound = json_fields.field(data, "compound", str) if "compound" in data else ""
        if compound not in ("", *UNITS):
            raise json_fields.damaged(f"numbers are written in {compound[:20]!r}")
        return cls(decimal, thousands, units, compound=compound, **flags)

    @classmethod
    def stored_in(cls, data: Mapping[str, Any]) -> NumberFormat:
        """The format in the description of a column; earlier versions stored whether thousands have commas."""
        if "number_format" in data:
            return cls.from_dict(data["number_format"])
        return cls(thousands="," if json_fields.field(data, "thousands_separator", bool) else "")


PLAIN = NumberFormat()


def first_odd(strings: pl.Series, values: NDArray[np.float64]) -> int | None:
    """The index of the first string that was not read and is no mark of a missing cell; None for none.

    >>> first_odd(pl.Series(["n/a", "x"]), np.array([np.nan, np.nan]))
    1
    """
    unread = pl.Series(np.isnan(values)) & strings.is_not_null()
    if not unread.any():
        return None
    odd = unread & ~are_marks(strings).fill_null(False)
    return odd.arg_max() if odd.any() else None
