"""Numbers: standardized, far ones pulled in smoothly, missing ones filled with the mean and flagged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data import parsing
from ranvier.data.encoders import json_fields
from ranvier.data.encoders.numeric_features import Spelling
from ranvier.data.encoders.scaling import FAR, moments
from ranvier.records import record


@record
class NumberEncoder:
    """Encodes x as z = (x - mean) / scale, pulled in smoothly beyond a few scales; a missing cell as the mean, 0.

    Fields:
        column: the column's name.
        mean: over the training rows that have a value.
        scale: the standard deviation over the same rows; 0 where all are the same, and then every cell gives 0.
        flag: whether a second number says 1 for a missing cell; so when training rows had missing ones.
    """

    column: str
    mean: float
    scale: float
    flag: bool

    @classmethod
    def fit(cls, cells: pl.Series) -> NumberEncoder:
        """Learn mean and scale.

        Raises:
            DataError: a cell is no number, or infinite.

        >>> NumberEncoder.fit(pl.Series("age", [1.0, 3.0, None]))
        NumberEncoder(column='age', mean=2.0, scale=1.0, flag=True)
        """
        values = finite_numbers(cells)
        mean, scale = moments(values[:, None])
        return cls(cells.name, float(mean[0]), float(scale[0]), bool(np.isnan(values).any()))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The column's name, and the flag's."""
        return (self.column, f"{self.column} is missing") if self.flag else (self.column,)

    @property
    def width(self) -> int:
        """The number of features."""
        return 2 if self.flag else 1

    @property
    def encoded_as(self) -> str:
        """What becomes of a cell, in words."""
        text = (
            f"(x - {self.mean:.6g}) / {self.scale:.6g}, within ±{FAR:g}"
            if self.scale
            else "0, the same in every training row"
        )
        return text + (", and a flag for missing cells" if self.flag else "")

    @property
    def spelling(self) -> Spelling:
        """What becomes of a number: no waves and no ramps."""
        return Spelling(self.mean, self.scale, 0, (), self.flag)

    def read(self, cells: pl.Series) -> NDArray[np.float64]:
        """The cells as numbers, NaN where missing, shape (rows,).

        Raises:
            DataError: a cell is no number, or infinite.
        """
        return finite_numbers(cells)

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        return {"kind": "number", "column": self.column, "mean": self.mean, "scale": self.scale, "flag": self.flag}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NumberEncoder:
        """The encoder that `to_dict` wrote.

        Raises:
            ModelFileError: a field is absent or of another type.
        """
        scale = json_fields.scales({"scale": [json_fields.field(data, "scale", float)]}, "scale")[0]
        mean = json_fields.field(data, "mean", float)
        return cls(json_fields.field(data, "column", str), mean, scale, json_fields.field(data, "flag", bool))


def finite_numbers(cells: pl.Series) -> NDArray[np.float64]:
    """The cells as numbers, NaN where missing.

    Raises:
        DataError: a cell is no number, or infinite; the message names column, row and value.

    >>> finite_numbers(pl.Series("age", ["39", "?"])).tolist()
    [39.0, nan]
    """
    values, wrong = parsing.numbers(cells)
    if wrong is not None:
        raise parsing.refuse(cells, wrong, "a number")
    infinite = parsing.first_infinite(values)
    if infinite is not None:
        raise parsing.refuse(cells, infinite, "a finite number")
    return values
