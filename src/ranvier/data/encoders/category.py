"""Categories: one place for each known value, one for every other value, one for missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data import cells as read
from ranvier.data.encoders import checks
from ranvier.errors import DataError

MOST_VALUES = 100


@dataclass(frozen=True, slots=True)
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
        words = read.text(cells).drop_nulls().rename("value")
        counted = words.value_counts(name="rows").sort(["rows", "value"], descending=[True, False])
        needed = max(fewest, 2) if counted.height > MOST_VALUES else fewest
        counted = counted.head(MOST_VALUES).filter(pl.col("rows") >= needed)
        return cls(cells.name, tuple(counted["value"].to_list()))

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
        return f"one-hot: {len(self.values)} values, other, missing"

    @property
    def words_only(self) -> bool:
        """Whether no known value could stand in a column of numbers."""
        return bool(self.values) and not any(read.is_number(value) for value in self.values)

    def fill(self, cells: pl.Series, out: NDArray[np.float32]) -> None:
        """Write one 1 into each row of `out`, shape (rows, number of values + 2).

        Raises:
            DataError: the cells are numbers, and the known values are words.
        """
        words = read.text(cells)
        if cells.dtype.is_numeric() and self.words_only and words.null_count() < len(words):
            shown = cells.drop_nulls()[0]
            raise DataError(
                f'Column "{self.column}" holds numbers, such as {shown}, and held words in training, such as '
                f'"{min(self.values)}"; give words there, or leave the cells empty where they are unknown.'
            )
        other, missing = len(self.values), len(self.values) + 1
        if len(words) <= read.FEW_ROWS:
            known = _places(self.values)
            for row, word in enumerate(words.to_list()):
                out[row, missing if word is None else known.get(word, other)] = 1.0
            return
        places = np.full(len(words), other)
        if self.values:
            codes = words.cast(_values_type(self.values), strict=False)
            found = codes.is_not_null().to_numpy()
            places[found] = codes.to_physical().drop_nulls().to_numpy()
        if words.null_count():
            places[words.is_null().to_numpy()] = missing
        out[np.arange(len(places)), places] = 1.0

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        return {"kind": "category", "column": self.column, "values": list(self.values)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CategoryEncoder:
        """The encoder that `to_dict` wrote.

        Raises:
            ModelFileError: a field is absent, of another type, or a value stands twice.
        """
        values = checks.items(data, "values", str)
        if len(set(values)) != len(values):
            raise checks.damaged('"values" has a value twice')
        return cls(checks.field(data, "column", str), values)


@lru_cache(maxsize=1024)
def _places(values: tuple[str, ...]) -> dict[str, int]:
    """The place of each value."""
    return {value: place for place, value in enumerate(values)}


@lru_cache(maxsize=1024)
def _values_type(values: tuple[str, ...]) -> pl.Enum:
    """The polars type of exactly these values; building it takes longer than reading a row with it."""
    return pl.Enum(values)
