"""Dates: year, month, day, weekday, hour and the days that passed, each standardized."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data import parsing
from ranvier.data.encoders import json_fields
from ranvier.data.encoders.scaling import moments, standardize
from ranvier.records import record

PARTS = ("year", "month", "day", "weekday", "hour", "elapsed days")


@record
class DateEncoder:
    """Encodes a point in time as its parts, each as (part - mean) / scale; a missing cell as the means.

    Fields:
        column: the column's name.
        parts: those of year, month, day, weekday (Monday is 1), hour (with minutes as a fraction) and elapsed days
            (since 1970-01-01) that differ between training rows.
        mean, scale: one number for each part.
        flag: whether a last number says 1 for a missing cell; so when training rows had missing ones.
    """

    column: str
    parts: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    flag: bool

    @classmethod
    def fit(cls, cells: pl.Series) -> DateEncoder:
        """Learn which parts differ, and their means and scales.

        Raises:
            DataError: a cell is no date.

        >>> DateEncoder.fit(pl.Series("day", ["2024-05-06", "2024-05-08"])).parts
        ('day', 'weekday', 'elapsed days')
        """
        values = _parts(cells, PARTS)
        mean, scale = moments(values)
        kept = [place for place in range(len(PARTS)) if scale[place] > 0] or [len(PARTS) - 1]
        return cls(
            cells.name,
            tuple(PARTS[place] for place in kept),
            tuple(float(mean[place]) for place in kept),
            tuple(float(scale[place]) for place in kept),
            bool(np.isnan(values[:, 0]).any()),
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """`column: part` for each part, and the flag's name."""
        names = tuple(f"{self.column}: {part}" for part in self.parts)
        return (*names, f"{self.column} is missing") if self.flag else names

    @property
    def width(self) -> int:
        """The number of features."""
        return len(self.parts) + self.flag

    @property
    def encoded_as(self) -> str:
        """What becomes of a cell, in words."""
        return f"{', '.join(self.parts)}, standardized" + (", and a flag for missing cells" if self.flag else "")

    def read(self, cells: pl.Series) -> NDArray[np.float64]:
        """The parts of each cell, NaN where missing, shape (rows, number of parts).

        Raises:
            DataError: a cell is no date.
        """
        return _parts(cells, self.parts)

    def write(self, values: NDArray[np.float64], out: NDArray[np.float32]) -> None:
        """Write the standardized parts, and flags, into `out`, shape (rows, number of features)."""
        standardize(values, np.array(self.mean), np.array(self.scale), out[:, : len(self.parts)])
        if self.flag:
            out[:, -1] = np.isnan(values[:, 0])

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        return {
            "kind": "date",
            "column": self.column,
            "parts": list(self.parts),
            "mean": list(self.mean),
            "scale": list(self.scale),
            "flag": self.flag,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DateEncoder:
        """The encoder that `to_dict` wrote.

        Raises:
            ModelFileError: a field is absent, of another type or length, or a part is unknown.
        """
        parts, mean = json_fields.items(data, "parts", str), json_fields.items(data, "mean", float)
        scale = json_fields.scales(data, "scale")
        if not parts or not set(parts) <= set(PARTS) or not len(parts) == len(mean) == len(scale):
            raise json_fields.damaged(f'"parts" is {list(parts)} with {len(mean)} means and {len(scale)} scales')
        return cls(json_fields.field(data, "column", str), parts, mean, scale, json_fields.field(data, "flag", bool))


def _parts(cells: pl.Series, parts: tuple[str, ...]) -> NDArray[np.float64]:
    """The parts of each date, shape (rows, len(parts)), NaN where missing."""
    times, wrong = parsing.moments_in_time(cells)
    if wrong is not None:
        raise parsing.refuse(cells, wrong, "a date like 2024-02-29")
    columns = [_part(times, part).cast(pl.Float64).to_numpy() for part in parts]
    return np.stack(columns, axis=1)


def _part(times: pl.Series, part: str) -> pl.Series:
    """One part of each point in time."""
    if part == "hour":
        return times.dt.hour() + times.dt.minute() / 60.0
    if part == "elapsed days":
        return times.cast(pl.Int64) / (1e6 * parsing.SECONDS_PER_DAY)
    readers = {"year": times.dt.year, "month": times.dt.month, "day": times.dt.day, "weekday": times.dt.weekday}
    return readers[part]()
