"""Categories: one place for each known value, one for every other value, one for missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data import parsing
from ranvier.data.encoders import json_fields
from ranvier.errors import DataError
from ranvier.records import record

MOST_VALUES = 100


@record
class CategoryEncoder:
    """Encodes a cell as a row of zeros with a single 1 (one-hot).

    Fields:
        column: the column's name.
        values: the known values, the commonest first. The place after them is for every other value, the last one
            for missing cells.
    """

    column: str
    values: tuple[str, ...]

    @classmethod
    def fit(cls, cells: pl.Series, fewest: int = 1) -> CategoryEncoder:
        """Learn the values.

        Of more than 100 different ones, the 100 commonest that occur at least twice keep a place of their own.

        Parameters:
            cells: the column, of the training rows.
            fewest: the rows that a value needs for a place of its own.

        >>> CategoryEncoder.fit(pl.Series("sex", ["Male", "Female", "Male", "?"]))
        CategoryEncoder(column='sex', values=('Male', 'Female'))
        """
        words = parsing.text(cells).drop_nulls().rename("value")
        values, rows = words.value_counts(name="rows").get_columns()
        needed = max(fewest, 2) if len(values) > MOST_VALUES else fewest
        counted = zip(values.to_list(), rows.to_list(), strict=True)
        common = sorted((-count, value) for value, count in counted if count >= needed)
        return cls(cells.name, tuple(value for _, value in common[:MOST_VALUES]))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """`column=value` for each known value, then the two other places."""
        known = (f"{self.column}={value}" for value in self.values)
        return (*known, f"{self.column} is another value", f"{self.column} is missing")

    @property
    def width(self) -> int:
        """The number of features."""
        return len(self.values) + 2

    @property
    def encoded_as(self) -> str:
        """What becomes of a cell, in words."""
        return f"one-hot: {len(self.values):,} values, other, missing"

    @property
    def words_only(self) -> bool:
        """Whether no known value could stand in a column of numbers."""
        return bool(self.values) and not any(parsing.is_number(value) for value in self.values)

    def read(self, cells: pl.Series) -> NDArray[np.intp]:
        """The place of each cell, shape (rows,).

        Raises:
            DataError: the cells are numbers, and the known values are words.
        """
        return places_of([(self, cells)])[0]

    def words(self, cells: pl.Series) -> pl.Series:
        """The cells as words.

        Raises:
            DataError: the cells are numbers, and the known values are words.
        """
        if cells.dtype.is_numeric() and self.words_only and cells.null_count() < len(cells):
            self._refuse_numbers(cells)
        return cells if cells.dtype == pl.String else parsing.text(cells)

    def settled(self, places: NDArray[Any], words: pl.Series) -> NDArray[np.intp]:
        """The places, of which those that are NaN are found word by word."""
        if places.dtype.kind != "f":
            return places.astype(np.intp)
        unknown = np.flatnonzero(np.isnan(places))
        places[unknown] = self._places(words[unknown].to_list())
        return places.astype(np.intp)

    def _places(self, words: list[str | None]) -> list[int]:
        """The places of words that need not be written as the known values are."""
        known, other = _known(self.values), len(self.values)
        place: dict[str | None, int] = {}
        for written in set(words):
            word = None if written is None else parsing.stripped(written)
            place[written] = other + 1 if word is None else known.get(word, other)
        return [place[written] for written in words]

    def _refuse_numbers(self, cells: pl.Series) -> None:
        """Raise an error unless all of these numbers are NaN."""
        words = parsing.text(cells).is_not_null()
        if words.any():
            raise DataError(
                f'Column "{self.column}" holds numbers, such as {cells.filter(words)[0]}, and held words in training, '
                f'such as "{min(self.values)}"; give words there, or leave the cells empty where they are unknown.'
            )

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        return {"kind": "category", "column": self.column, "values": list(self.values)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CategoryEncoder:
        """The encoder that `to_dict` wrote.

        Raises:
            ModelFileError: a field is absent, of another type, or a value stands twice.
        """
        values = json_fields.items(data, "values", str)
        if len(set(values)) != len(values):
            raise json_fields.damaged('"values" has a value twice')
        for value in values:
            if value in parsing.MISSING or value != value.strip(parsing.WHITE_SPACE):
                raise json_fields.damaged(f'"values" has {value[:40]!r}, which no cell is read as')
        return cls(json_fields.field(data, "column", str), values)


def places_of(columns: Sequence[tuple[CategoryEncoder, pl.Series]]) -> list[NDArray[np.intp]]:
    """The places of the cells of several columns, as `CategoryEncoder.read` gives them.

    Most cells are written as the known values are: polars tells which, for all columns side by side. The others are
    looked at one by one.
    """
    words = [one.words(cells) for one, cells in columns]
    frame = pl.DataFrame([cells.alias(str(number)) for number, cells in enumerate(words)])
    found = frame.select(
        pl.col(str(number)).cast(_values_type(one.values), strict=False).to_physical()
        for number, (one, _) in enumerate(columns)
    )
    return [
        one.settled(places.to_numpy(), cells)
        for (one, _), places, cells in zip(columns, found.get_columns(), words, strict=True)
    ]


@lru_cache(maxsize=1024)
def _known(values: tuple[str, ...]) -> dict[str, int]:
    """The place of each value."""
    return {value: place for place, value in enumerate(values)}


@lru_cache(maxsize=1024)
def _values_type(values: tuple[str, ...]) -> pl.Enum:
    """The polars type of exactly these values; building it takes longer than reading a row with it."""
    return pl.Enum(values)
