"""True and false: 1 and 0, missing ones filled with the share of true and flagged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data import parsing
from ranvier.data.encoders import json_fields
from ranvier.records import record


@record
class BooleanEncoder:
    """Encodes true as 1, false as 0 and a missing cell as the mean.

    Fields:
        column: the column's name.
        mean: the share of true among the training rows that have a value.
        flag: whether a second number says 1 for a missing cell; so when training rows had missing ones.
    """

    column: str
    mean: float
    flag: bool

    @classmethod
    def fit(cls, cells: pl.Series) -> BooleanEncoder:
        """Learn the share of true.

        Raises:
            DataError: a cell is neither true nor false.

        >>> BooleanEncoder.fit(pl.Series("smokes", ["yes", "no", "no", "no"]))
        BooleanEncoder(column='smokes', mean=0.25, flag=False)
        """
        values = _values(cells)
        present = values[~np.isnan(values)]
        mean = float(present.mean()) if present.size else 0.0
        return cls(cells.name, mean, present.size < values.size)

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
        return "1 for true, 0 for false" + (", and a flag for missing cells" if self.flag else "")

    def read(self, cells: pl.Series) -> NDArray[np.float64]:
        """The cells as 1 for true and 0 for false, NaN where missing, shape (rows,).

        Raises:
            DataError: a cell is neither true nor false.
        """
        return _values(cells)

    def write(self, values: NDArray[np.float64], out: NDArray[np.float32]) -> None:
        """Write what was read, and flags, into `out`, shape (rows, 1 or 2)."""
        missing = np.isnan(values)
        out[:, 0] = np.where(missing, self.mean, values)
        if self.flag:
            out[:, 1] = missing

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        return {"kind": "boolean", "column": self.column, "mean": self.mean, "flag": self.flag}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BooleanEncoder:
        """The encoder that `to_dict` wrote.

        Raises:
            ModelFileError: a field is absent or of another type.
        """
        mean = json_fields.field(data, "mean", float)
        if not 0.0 <= mean <= 1.0:
            raise json_fields.damaged(f'"mean" of a boolean column is {mean}')
        return cls(json_fields.field(data, "column", str), mean, json_fields.field(data, "flag", bool))


def _values(cells: pl.Series) -> NDArray[np.float64]:
    values, wrong = parsing.booleans(cells)
    if wrong is not None:
        raise parsing.refuse(cells, wrong, "true or false")
    return values
