"""Integers that are days, minutes, seconds or months: 20240229, 202402291330, 20240229133000, 202402."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.cells.date_format import DateFormat
from ranvier.data.cells.date_inference import WrittenDates
from ranvier.data.cells.different_strings import DifferentStrings, different_strings

FIRST_DAY, LAST_DAY, MIN_DAYS = 19000101, 20991231, 3
MIN_MONTHS = 6
"""Fewer different integers that could be months are numbers."""
DIGITS = {
    # how they are written: the factor of a day, and how many different ones there have to be
    r"^[0-9]{8}$": (1.0, MIN_DAYS),
    r"^[0-9]{12}$": (1e4, MIN_DAYS),
    r"^[0-9]{14}$": (1e6, MIN_DAYS),
    r"^(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])$": (1e-2, MIN_MONTHS),
}


def dates_of_digits(
    cells: pl.Series, values: NDArray[np.float64]
) -> tuple[pl.Series, DifferentStrings, WrittenDates] | None:
    """Integers all of which are dates, as strings; the different ones; and how they are written. None for others.

    Parameters:
        cells: the column.
        values: the same as numbers, NaN where missing, shape (B,).

    >>> days = pl.Series([20240228, 20240229, 20240301])
    >>> dates_of_digits(days, days.to_numpy().astype(float))[2].times.dt.day().to_list()
    [28, 29, 1]
    """
    if cells.dtype.is_float() or cells.dtype.is_decimal() or not len(values):
        return None
    low, high = float(np.fmin.reduce(values)), float(np.fmax.reduce(values))
    fits = [
        (digits, enough)
        for digits, (scale, enough) in DIGITS.items()
        if (FIRST_DAY * scale) // 1 <= low < high < (LAST_DAY + 1) * scale
    ]
    if not fits:
        return None
    digits, enough = fits[0]
    strings = parsing.clean_strings(cells)
    different = different_strings(strings)
    if len(different) < enough or not different.values.str.contains(digits).all():
        return None
    times = DateFormat().read_strings(different.values)
    return None if times.null_count() else (strings, different, WrittenDates(DateFormat(), times))
