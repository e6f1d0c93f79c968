"""Numbers with commas: between thousands, as in 1,234.5, and before decimals, as in 1.234,5.

Which of the two a comma is follows from a whole column of training cells and is kept: by the encoder of a column for
thousands; for decimals a file is converted while it is read.
"""

from __future__ import annotations

import re
from typing import Any

import polars as pl

from ranvier.data import parsing

THOUSANDS = r"^[+-]?(0|[1-9][0-9]{0,2}(,[0-9]{3})*)(\.[0-9]+)?$"
"""A number that may have commas between thousands."""
UNAMBIGUOUS_THOUSANDS = r",[0-9]{3}[,.]"
"""A comma that cannot stand before decimals."""
DECIMAL_COMMA = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?([eE][+-]?\d+)?$"
"""A number that may have a comma before decimals, and points between thousands."""
UNAMBIGUOUS_DECIMAL = r"^[+-]?(0\d*|\d{4,}),|\..*,|,(\d{1,2}|\d{4,})([eE]|$)"
"""A comma that cannot stand between thousands."""


def has_thousands_separators(strings: pl.Series, unambiguous: bool = False) -> bool:
    """Whether cells are numbers with commas between thousands: all that are not missing may be, and one has a comma.

    Parameters:
        strings: what `clean_strings` gave.
        unambiguous: whether a comma must stand where it cannot be before decimals, as in 1,234,567 and in 1,234.5.

    >>> has_thousands_separators(pl.Series(["1,234", "12,500.75", "-7", None]))
    True
    >>> has_thousands_separators(pl.Series(["1,234", "1,5"]))
    False
    """
    comma = strings.str.contains(UNAMBIGUOUS_THOUSANDS if unambiguous else ",").any()
    return bool(comma and strings.str.contains(THOUSANDS).all())


def strip_thousands(cells: pl.Series) -> pl.Series:
    """The cells without the commas between thousands; a cell that is no such number stays as it is.

    >>> strip_thousands(pl.Series(["1,234", " -12,500.75 ", "1,5"])).to_list()
    ['1234', '-12500.75', '1,5']
    """
    if not parsing.is_string(cells):
        return cells
    strings = parsing.clean_strings(cells)
    return strings.str.replace_all(",", "", literal=True).zip_with(strings.str.contains(THOUSANDS), strings)


def strip_thousands_cell(cell: Any) -> Any:
    """One cell as `strip_thousands` makes it.

    >>> strip_thousands_cell("1,234"), strip_thousands_cell("1,5"), strip_thousands_cell(7)
    ('1234', '1,5', 7)
    """
    if type(cell) is not str:
        return cell
    string = cell.strip(parsing.WHITE_SPACE)
    return string.replace(",", "") if re.match(THOUSANDS, string) else cell


def convert_decimal_commas(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """Write 1,5 as 1.5 and 1.234,5 as 1234.5, and name the columns in a note.

    So only in columns of such numbers alone, once one cell of the frame has a comma that cannot be one of thousands.

    Parameters:
        frame: columns of strings.

    >>> convert_decimal_commas(pl.DataFrame({"price": ["1,5", "1.234,5"]}))[0]["price"].to_list()
    ['1.5', '1234.5']
    """
    with_comma = [cells for cells in frame.iter_columns() if cells.str.contains(",", literal=True).any()]
    columns = [
        strings for strings in map(parsing.clean_strings, with_comma) if strings.str.contains(DECIMAL_COMMA).all()
    ]
    if not any(strings.str.contains(UNAMBIGUOUS_DECIMAL).any() for strings in columns):
        return frame, []
    converted = [cells.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True) for cells in columns]
    names = ", ".join(cells.name for cells in columns[:5]) + (" and more" if len(columns) > 5 else "")
    return frame.with_columns(converted), [f"Decimal commas, such as 1,5 for 1.5, were read in: {names}."]
