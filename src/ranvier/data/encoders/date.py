"""Dates: year, month, day, weekday, hour and elapsed days, each standardized."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.cells.date_format import DateFormat
from ranvier.data.encoders import json_fields
from ranvier.data.encoders.column import CellEncoder, Writer
from ranvier.data.encoders.copied_features import CopiedFeatures
from ranvier.data.encoders.numeric_features import dense_integer_codes
from ranvier.data.encoders.repeated_rows import RepeatedRows
from ranvier.data.encoders.row_blocks import row_blocks
from ranvier.data.encoders.scaling import MAX_Z, column_mean_std, standardize
from ranvier.data.encoders.usual_range import without_far
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.data.columns.column_schema import ColumnSchema
    from ranvier.data.encoders.feature_options import FeatureOptions

PARTS = ("year", "month", "day", "weekday", "hour", "elapsed days")
LIMIT = 10.0
"""Where the standardized parts of a date far from all others are clipped."""
EPOCH, MICROSECOND = datetime(1970, 1, 1), timedelta(microseconds=1)
MICROSECONDS_PER_DAY = 1e6 * 86400.0


@record
class DateEncoder(CellEncoder):
    """Encodes a date and time as its parts, each as (part - mean) / scale; a missing cell as the means.

    Fields:
        column: the column's name.
        parts: those of year, month, day, weekday (Monday is 1), hour (with minutes as a fraction) and elapsed days
            (since 1970-01-01) that differ between training rows.
        mean, scale: one number for each part.
        missing_indicator: whether a last feature is 1 for a missing cell; so where training rows had missing cells.
        date_format: how the cells are written.
        limit: where a standardized part is clipped.
    """

    kind: ClassVar[str] = "date"
    column: str
    parts: tuple[str, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    missing_indicator: bool
    date_format: DateFormat = DateFormat()
    limit: float = MAX_Z

    @classmethod
    def fit(
        cls, cells: pl.Series, schema: ColumnSchema | None = None, options: FeatureOptions | None = None
    ) -> DateEncoder:
        """Learn which parts differ, and their means and standard deviations.

        Raises:
            DataError: a cell is no date.

        >>> DateEncoder.fit(pl.Series("day", ["2024-05-06", "2024-05-08"])).parts
        ('day', 'weekday', 'elapsed days')
        """
        form = DateFormat() if schema is None else schema.date_format
        times = datetimes(cells, form)
        coded = _days(_microseconds(times))
        parts = _parts(times, PARTS) if coded is None else RepeatedRows(_parts(_times(coded[0]), PARTS), coded[1])
        mean, scale = column_mean_std(without_far(parts))
        varying = [index for index in range(len(PARTS)) if scale[index] > 0] or [len(PARTS) - 1]
        return cls(
            cells.name,
            tuple(PARTS[index] for index in varying),
            tuple(float(mean[index]) for index in varying),
            tuple(float(scale[index]) for index in varying),
            bool(times.null_count()),
            form,
            LIMIT,
        )

    @property
    def feature_names(self) -> tuple[str, ...]:
        """`column: part` for each part, and the name of the indicator."""
        names = tuple(f"{self.column}: {part}" for part in self.parts)
        return (*names, f"{self.column}: missing") if self.missing_indicator else names

    @property
    def width(self) -> int:
        """The number of features."""
        return len(self.parts) + self.missing_indicator

    def describe(self) -> str:
        """What a cell is encoded as, in words."""
        return f"{', '.join(self.parts)}, standardized" + (", missing indicator" if self.missing_indicator else "")

    def read(self, cells: pl.Series) -> NDArray[np.float64]:
        """The microseconds since 1970, shape (B,), NaN where missing.

        Raises:
            DataError: a cell is no date.
        """
        return _microseconds(datetimes(cells, self.date_format))

    def writer(self, values: NDArray[np.float64]) -> Writer:
        """What writes the features of some of the rows; those of days that repeat are computed once for each day."""
        coded = _days(values)
        return super().writer(values) if coded is None else CopiedFeatures(self, *coded)

    def write(self, values: NDArray[np.float64], out: NDArray[Any]) -> None:
        """Write the features of what `read` gave, shape (B,), into the zeros of `out`, shape (B, width)."""
        values = _parts(_times(values), self.parts)
        parts = out[:, : len(self.parts)]
        standardize(values, np.array(self.mean), np.array(self.scale), parts, self.limit)
        if self.missing_indicator:
            out[:, -1] = np.isnan(values[:, 0])

    def encode_cell(self, cell: Any, out: NDArray[np.float32]) -> None:
        """Write the features of one cell, with the arithmetic of `encode`, into the zeros of `out`, shape (width,).

        Raises:
            NeedsColumnParser: only `encode` can read the cell, or refuse it.
        """
        time = parsing.parse_datetime(cell)
        if time is None:
            if self.missing_indicator:
                out[-1] = 1.0
            return
        for index, part in enumerate(self.parts):
            if self.scale[index]:
                z = (_part_of(time, part) - self.mean[index]) / self.scale[index]
                out[index] = min(max(z, -self.limit), self.limit)

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        return {
            "kind": "date",
            "column": self.column,
            "parts": list(self.parts),
            "mean": list(self.mean),
            "scale": list(self.scale),
            "missing_indicator": self.missing_indicator,
            "date_format": self.date_format.to_dict(),
            "limit": self.limit,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DateEncoder:
        """The encoder that `to_dict` wrote; earlier versions called the indicator "flag".

        Raises:
            ModelFileError: a field is absent, of another type or length, or a part is unknown.
        """
        data = json_fields.renamed(data, {"flag": "missing_indicator"})
        parts, mean = json_fields.items(data, "parts", str), json_fields.items(data, "mean", float)
        scale = json_fields.scales(data, "scale")
        if not parts or not set(parts) <= set(PARTS) or not len(parts) == len(mean) == len(scale):
            raise json_fields.damaged(f'"parts" is {list(parts)} with {len(mean)} means and {len(scale)} scales')
        column, indicator = json_fields.field(data, "column", str), json_fields.field(data, "missing_indicator", bool)
        limit = json_fields.field(data, "limit", float) if "limit" in data else MAX_Z
        return cls(column, parts, mean, scale, indicator, DateFormat.stored_in(data), limit)


def datetimes(cells: pl.Series, form: DateFormat) -> pl.Series:
    """The cells as dates and times without a time zone, null where missing.

    Raises:
        DataError: a cell is no date; the message names column, row and value.

    >>> datetimes(pl.Series("day", ["2024-02-29", "?"]), DateFormat()).dt.date().to_list()
    [datetime.date(2024, 2, 29), None]
    """
    times, wrong = form.read(cells)
    if wrong is not None:
        raise parsing.cell_error(cells, wrong, f"a date like {form.describe()}")
    return times


def _microseconds(times: pl.Series) -> NDArray[np.float64]:
    """The microseconds from 1970 to each time, NaN where missing."""
    return times.cast(pl.Int64).cast(pl.Float64).to_numpy(writable=True)


def _times(microseconds: NDArray[np.float64]) -> pl.Series:
    """The times that `_microseconds` gave."""
    return pl.Series(microseconds, nan_to_null=True).cast(pl.Int64).cast(pl.Datetime("us"))


def _days(microseconds: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]] | None:
    """The different times and the code of each, where all are days that repeat; see `dense_integer_codes`."""
    coded = dense_integer_codes(microseconds / MICROSECONDS_PER_DAY)
    if coded is None:
        return None
    days = coded[0] * MICROSECONDS_PER_DAY
    same = (
        np.array_equal(days.take(coded[1][rows]), microseconds[rows], True) for rows in row_blocks(len(microseconds))
    )
    return (days, coded[1]) if all(same) else None


def _parts(times: pl.Series, parts: tuple[str, ...]) -> NDArray[np.float64]:
    """The parts of each date, shape (B, len(parts)), NaN where missing."""
    return np.stack([_part(times, part).cast(pl.Float64).to_numpy() for part in parts], axis=1)


def _part(times: pl.Series, part: str) -> pl.Series:
    """One part of many dates."""
    if part == "hour":
        return times.dt.hour() + times.dt.minute() / 60.0
    if part == "elapsed days":
        return times.cast(pl.Int64) / MICROSECONDS_PER_DAY
    readers = {"year": times.dt.year, "month": times.dt.month, "day": times.dt.day, "weekday": times.dt.weekday}
    return readers[part]()


def _part_of(time: datetime, part: str) -> float:
    """The same part of one date."""
    if part == "hour":
        return time.hour + time.minute / 60.0
    if part == "elapsed days":
        return ((time - EPOCH) // MICROSECOND) / MICROSECONDS_PER_DAY
    return float(time.isoweekday() if part == "weekday" else getattr(time, part))
