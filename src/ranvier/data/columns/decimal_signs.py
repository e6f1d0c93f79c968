"""What the commas and points of numbers mean where they can mean two things: the columns of a table decide together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

import polars as pl

from ranvier.data.cells.number_format import NumberFormat
from ranvier.data.cells.number_inference import some_without_points
from ranvier.data.column_threads import map_columns
from ranvier.data.columns.column_notes import comma_note, points_note
from ranvier.data.columns.kind_inference import Guess, infer_column, requested_column
from ranvier.errors import InputError
from ranvier.records import record

SAMPLE = 10_000
POINT_BEFORE_DECIMALS = r"^\s*[+-]?(?:[0-9]+\.(?:[0-9]{1,2}|[0-9]{4,})|0\.[0-9]+)\s*$"
DECIMALS = {"decimal-comma": True, "decimal-point": False}
"""How the user says that numbers are written -> whether with decimal commas."""


@record
class DecimalSigns:
    """What the columns of a table say of the signs in their numbers.

    Fields:
        commas: whether numbers of a column have commas before decimals for sure.
        thousands: whether numbers of a column have commas between thousands for sure.
        points: whether numbers of a column have points before decimals for sure.
        semicolons: whether the cells are separated by semicolons, as in files with decimal commas.

    >>> DecimalSigns(commas=True).decimal_commas, DecimalSigns(semicolons=True).decimal_commas
    (True, False)
    """

    commas: bool = False
    thousands: bool = False
    points: bool = False
    semicolons: bool = False

    @property
    def decimal_commas(self) -> bool:
        """Whether commas of the table stand before decimals, by other columns."""
        return self.commas and not self.thousands

    def have_decimal_commas(self, form: NumberFormat, ambiguous: bool, points: bool, strings: pl.Series) -> bool:
        """Whether numbers that can be read in two ways have commas before decimals, and so points between thousands.

        Parameters:
            form: how they are written where nothing is known.
            ambiguous, points: what can mean two things, as in `WrittenNumbers`.
            strings: the cells.

        >>> cells = pl.Series(["25.461", "28.972"])
        >>> DecimalSigns(commas=True).have_decimal_commas(NumberFormat(), False, True, cells)
        True
        >>> DecimalSigns(semicolons=True).have_decimal_commas(NumberFormat(), False, True, cells)
        False
        """
        if points:
            groups = self.decimal_commas or (self.semicolons and some_without_points(strings))
            return groups and not self.points
        if ambiguous:
            return self.decimal_commas or (self.semicolons and not self.points)
        return self.commas and form.thousands == ","

    def note(self, name: str, form: NumberFormat, ambiguous: bool, points: bool) -> str | None:
        """What to say of the other way in which numbers could have been read; None where nothing is to be said.

        Parameters:
            form: how they were read.

        >>> DecimalSigns().note("kg", NumberFormat(thousands=","), True, False)
        'Column "kg": 1,234 was read as 1234; if it means 1.234: --kind kg=number:decimal-comma.'
        """
        if points:
            grouped = form.decimal == ","
            return points_note(name, grouped) if grouped or form.units else None
        return comma_note(name, form) if ambiguous and not self.decimal_commas else None


def guess_column(cells: pl.Series, kinds: Mapping[str, str], decimal_commas: bool | None = None) -> Guess:
    """The schema of a column, of the kind that the user gave where there is one.

    Parameters:
        cells: the column.
        kinds: column -> kind; how the cells are written may stand behind it.
        decimal_commas: as for `infer_column`.

    Raises:
        DataError: the cells are not of that kind, or are not single values.

    >>> guess_column(pl.Series("kg", ["1,234"]), {"kg": "number:decimal-comma"}).column.number_format.decimal
    ','
    """
    kind, _, how = kinds.get(cells.name, "").partition(":")
    return requested_column(cells, kind, how, decimal_commas) if kind else infer_column(cells, decimal_commas)


def signs_of_table(
    columns: Iterable[pl.Series], kinds: Mapping[str, str], semicolons: bool, guesses: Mapping[str, Guess]
) -> DecimalSigns:
    """What all columns of a table say of the signs in their numbers: inputs, targets, and columns that are left out.

    Parameters:
        columns: all of them.
        kinds: column -> kind, where the user gave it.
        semicolons: whether the cells are separated by semicolons.
        guesses: column -> its schema, for the columns that were looked at.

    >>> cells = [pl.Series("a", ["12,5", "7,25"]), pl.Series("b", ["1.234", "950"])]
    >>> signs_of_table(cells, {}, False, {}).decimal_commas
    True
    """
    strings = [cells for cells in columns if cells.name in guesses or cells.dtype == pl.String]
    others = [cells for cells in strings if cells.name not in guesses]
    read = [guesses[cells.name] for cells in strings if cells.name in guesses]
    read += [guess for guess in map_columns(partial(_guess_or_none, kinds=kinds), others, _rows(others)) if guess]
    sure = [guess.column.number_format for guess in read if not guess.ambiguous]
    commas = any(form.decimal == "," for form in sure)
    thousands = any(form.thousands == "," for form in sure)
    unclear = any(guess.points or guess.ambiguous for guess in read) and (commas or semicolons)
    points = unclear and _have_decimal_points(strings)
    return DecimalSigns(commas, thousands, points, semicolons)


def _guess_or_none(cells: pl.Series, kinds: Mapping[str, str]) -> Guess | None:
    """The schema of a column; None where it is not what it should be, which whoever uses it will say."""
    try:
        return guess_column(cells, kinds)
    except InputError:
        return None


def _rows(columns: Sequence[pl.Series]) -> int:
    return len(columns[0]) if columns else 0


def are_undecided(guess: Guess) -> bool:
    """Whether other columns may say more of how the numbers or dates of a column are written.

    >>> are_undecided(infer_column(pl.Series("kg", ["1,234", "2,500"])))
    True
    """
    return guess.ambiguous or guess.points or guess.column.thousands_separator


def _have_decimal_points(columns: Sequence[pl.Series]) -> bool:
    """Whether numbers of a column have points that stand before decimals for sure."""
    strings = (cells for cells in columns if cells.dtype == pl.String)
    return any(cells.head(SAMPLE).str.contains(POINT_BEFORE_DECIMALS).any() for cells in strings)
