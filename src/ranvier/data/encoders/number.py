"""Numbers: the scaled value, periodic features, a piecewise-linear encoding, indicators of values and missing cells.

A first layer on top of these features learns any smooth or piecewise-linear function of the column. The arithmetic is
in `numeric_features`, for all columns of numbers at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.cells.number_format import PLAIN, NumberFormat
from ranvier.data.encoders import json_fields
from ranvier.data.encoders.column import CellColumns, CellEncoder, Writer
from ranvier.data.encoders.copied_features import CopiedFeatures
from ranvier.data.encoders.number_resolution import quantile_knots
from ranvier.data.encoders.numeric_features import NumericFeatures, dense_integer_codes
from ranvier.data.encoders.scaling import CLIP_RADIUS, column_mean_std
from ranvier.data.encoders.usual_range import usual_range, without_far
from ranvier.plural import plural
from ranvier.records import record

if TYPE_CHECKING:
    from ranvier.data.columns.column_schema import ColumnSchema
    from ranvier.data.encoders.feature_options import FeatureOptions

MAX_ABS = float(np.finfo(np.float64).max) / 4
"""The distance between any two values up to this size is finite."""
MIN_COPIED = 4
"""So many features of a cell are quicker copied than computed."""
EARLIER_NAMES = {
    "mean": "center",
    "flag": "missing_indicator",
    "waves": "n_frequencies",
    "edges": "knots",
    "hats": "spline",
}


@record
class NumberEncoder(CellEncoder):
    """Encodes x as z = clip((x - center) / scale), clip(z) = z / sqrt(1 + (z / 4)**2), and functions of x.

    After z follow the periodic features cos(k pi z / 8) and sin(k pi z / 8) for k = 1 ... n_frequencies; then, for each
    pair of neighbouring knots, the piecewise-linear encoding min(max((x - low) / (high - low), 0), 1) - 1/2, or in its
    place the linear spline (hat) basis: for each knot but the first a function that is 1 there and falls to 0 at its
    neighbours, or stays 1 beyond the last knot. Both span the same functions: the piecewise-linear encoding is quicker
    to learn from, since each weight is a slope; the hat basis is quicker to predict from, since all but two of its
    features are 0. Then come the indicators of single values, 1 where x is that value. A missing cell counts as the
    center.

    Fields:
        column: the column's name.
        center, scale: the mean and the standard deviation of the training rows that have a value; with knots or
            frequencies the median and the distance between the quartiles, or half the range where the quartiles are
            equal. The scale is 0 where all values are the same, and then z is 0.
        missing_indicator: whether the last feature is 1 for a missing cell; so where training rows had missing cells.
        n_frequencies: the number of pairs of cosine and sine.
        knots: values that divide the training rows into bins of about the same size, increasing; empty for none.
        spline: whether the hat basis stands in place of the piecewise-linear encoding.
        single_values: the values that have an indicator, increasing; empty for none.
        number_format: how the cells are written.

    Sources: Gorishniy, Rubachev, Babenko, "On embeddings for numerical features in tabular deep learning",
    NeurIPS 2022; scaling and smooth clipping as in Holzmüller, Grinsztajn, Steinwart, "Better by default", NeurIPS
    2024.
    """

    kind: ClassVar[str] = "number"
    column: str
    center: float
    scale: float
    missing_indicator: bool
    n_frequencies: int = 0
    knots: tuple[float, ...] = ()
    spline: bool = False
    number_format: NumberFormat = NumberFormat()
    single_values: tuple[float, ...] = ()

    @classmethod
    def fit(
        cls, cells: pl.Series, schema: ColumnSchema | None = None, options: FeatureOptions | None = None
    ) -> NumberEncoder:
        """Learn center, scale and knots.

        Without options, and for a column of at most two values, a cell becomes z alone.

        Raises:
            DataError: a cell is no number, or infinite.

        >>> encoder = NumberEncoder.fit(pl.Series("age", [1.0, 3.0, None]))
        >>> encoder.center, encoder.scale, encoder.missing_indicator
        (2.0, 1.0, True)
        """
        form = NumberFormat() if schema is None else schema.number_format
        values = finite(cells, *form.read(cells))
        if options is None or (schema is not None and schema.distinct <= 2):
            mean, std = column_mean_std(without_far(values[:, None]))
            indicator = bool(np.isnan(values).any())
            return cls(cells.name, float(mean[0]), float(std[0]), indicator, number_format=form)
        np.clip(values, -MAX_ABS, MAX_ABS, out=values)
        present = np.sort(values[~np.isnan(values)])
        center, scale = _median_and_spread(present)
        varies = present.size > 0 and present[0] != present[-1]
        knots = quantile_knots(present, options.n_bins) if varies else ()
        indicator = present.size < values.size
        return cls(cells.name, center, scale, indicator, options.n_frequencies, knots, number_format=form)

    def rescaled(self, values: NDArray[np.float64]) -> NumberEncoder:
        """The encoder with center and scale from other values, NaN where missing; for one without knots."""
        mean, std = column_mean_std(without_far(values[:, None]))
        return replace(self, center=float(mean[0]), scale=float(std[0]))

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The column's name, its periodic features, its pieces or splines, and the indicators.

        >>> NumberEncoder("Fare", 14.0, 9.0, True, 1, (0.0, 13.5, 80.0), spline=True).feature_names
        ('Fare', 'cos(1·Fare)', 'sin(1·Fare)', 'Fare≈13.5 (hat)', 'Fare≈80 (hat)', 'Fare: missing')
        """
        name = self.column
        periodic = (f"{part}({k}·{name})" for k in range(1, self.n_frequencies + 1) for part in ("cos", "sin"))
        pieces = (f"{name} in [{low:.6g}, {high:.6g}]" for low, high in pairwise(self.knots))
        splines = (f"{name}≈{knot:.6g} (hat)" for knot in self.knots[1:])
        values = (f"{name} = {repr(value).removesuffix('.0')}" for value in self.single_values)
        missing = (f"{name}: missing",) if self.missing_indicator else ()
        return (name, *periodic, *(splines if self.spline else pieces), *values, *missing)

    @property
    def width(self) -> int:
        """The number of features."""
        return self.first_single_value + len(self.single_values) + self.missing_indicator

    @property
    def first_single_value(self) -> int:
        """The index of the first feature that is the indicator of a value."""
        return 1 + 2 * self.n_frequencies + max(len(self.knots) - 1, 0)

    def describe(self) -> str:
        """What a cell is encoded as, in words."""
        parts = ["0, the same in every training row"]
        if self.scale:
            sign = "+" if self.center < 0 else "-"
            parts = [f"(x {sign} {abs(self.center):.6g}) / {self.scale:.6g}, within ±{CLIP_RADIUS:g}"]
        if self.n_frequencies:
            parts.append(plural(self.n_frequencies, "frequency", "frequencies"))
        if self.knots:
            parts += [f"{'linear spline' if self.spline else 'piecewise linear'} with {len(self.knots)} knots"]
        if self.single_values:
            parts += [f"indicators of {plural(len(self.single_values), 'value')}"]
        return ", ".join(parts + (["missing indicator"] if self.missing_indicator else []))

    @property
    def piecewise_linear(self) -> slice:
        """Which of the features are the piecewise-linear encoding; an empty slice for none."""
        first = 1 + 2 * self.n_frequencies
        return slice(first, first if self.spline else first + max(len(self.knots) - 1, 0))

    def with_spline_basis(self) -> NumberEncoder:
        """The encoder with a linear spline basis in place of its piecewise-linear encoding."""
        return replace(self, spline=True)

    def read(self, cells: pl.Series) -> NDArray[np.float64]:
        """The cells as numbers, NaN where missing, clipped so that the distance of any two is finite; shape (B,).

        Raises:
            DataError: a cell is no number, or infinite.
        """
        values = finite(cells, *self.number_format.read(cells))
        return np.clip(values, -MAX_ABS, MAX_ABS, out=values) if self.knots or self.n_frequencies else values

    def write(self, values: NDArray[np.float64], out: NDArray[Any]) -> None:
        """Write the features of what `read` gave, shape (B,), into the zeros of `out`, shape (B, width)."""
        NumericFeatures([(0, self)]).write(values[None], out)

    def writer(self, values: NDArray[np.float64]) -> Writer:
        """What writes the features of some of the rows of these values, a block at a time."""
        return NumberColumns([(0, self)]).writer([values])

    def encode_cell(self, cell: Any, out: NDArray[np.float32]) -> None:
        """Write the features of one cell into the zeros of `out`, shape (width,).

        Raises:
            NeedsColumnParser: only `encode` can read the cell, or refuse it.
        """
        NumberColumns([(0, self)]).encode_row([cell], out)

    @classmethod
    def group(cls, encoders: Sequence[tuple[int, NumberEncoder]]) -> NumberColumns:
        """All columns of numbers in a table, encoded together."""
        return NumberColumns(encoders)

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        names = ("column", "center", "scale", "missing_indicator", "n_frequencies", "spline")
        fields = {name: getattr(self, name) for name in names}
        values = {"single_values": list(self.single_values)} if self.single_values else {}
        written = self.number_format.to_dict()
        return {"kind": "number", **fields, "knots": list(self.knots), **values, "number_format": written}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NumberEncoder:
        """The encoder that `to_dict` wrote.

        Earlier versions stored two kinds, "number" without knots and frequencies and "basis", under other names.

        Raises:
            ModelFileError: a field is absent, of another type, or the knots do not increase.
        """
        if "flag" in data:
            plain = {"waves": 0, "edges": [], "hats": False} if data.get("kind") == "number" else {}
            data = json_fields.renamed({**plain, **data}, EARLIER_NAMES)
        knots = json_fields.items(data, "knots", float)
        if any(low >= high for low, high in pairwise(knots)) or len(knots) == 1:
            raise json_fields.damaged('"knots" do not increase')
        values = json_fields.items(data, "single_values", float) if "single_values" in data else ()
        if any(low >= high for low, high in pairwise(values)):
            raise json_fields.damaged('"single_values" do not increase')
        for name, numbers in (("knots", knots), ("single_values", values)):
            if numbers and max(-numbers[0], numbers[-1]) > MAX_ABS:
                raise json_fields.damaged(f'"{name}" has a number beyond {MAX_ABS:g}')
        scale = json_fields.scales({"scale": [json_fields.field(data, "scale", float)]}, "scale")[0]
        return cls(
            json_fields.field(data, "column", str),
            json_fields.field(data, "center", float),
            scale,
            json_fields.field(data, "missing_indicator", bool),
            json_fields.field(data, "n_frequencies", int),
            knots,
            json_fields.field(data, "spline", bool),
            NumberFormat.stored_in(data),
            values,
        )


class NumberColumns(CellColumns):
    """Encodes several columns of numbers at once.

    Parameters:
        encoders: for each column the index of its first feature in a row, and its encoder.

    >>> row = np.zeros(2, np.float32)
    >>> NumberColumns([(1, NumberEncoder("age", 40.0, 10.0, False))]).encode_row([40], row)
    >>> row.tolist()
    [0.0, 0.0]
    """

    def __init__(self, encoders: Sequence[tuple[int, NumberEncoder]]) -> None:
        super().__init__(encoders)
        self._encoders_at = list(encoders)
        self._together = NumericFeatures(encoders)
        self._parts: dict[tuple[int, ...], NumericFeatures] = {tuple(range(len(encoders))): self._together}
        self._formats = [
            (at, encoder.number_format) for at, (_, encoder) in enumerate(encoders) if encoder.number_format != PLAIN
        ]

    def writer(self, values: Sequence[NDArray[np.float64]]) -> Writer:
        """What writes the features of some rows of all columns into zeros (rows, dense inputs of the table).

        The features of integers from a small range, such as ages, are computed once for each integer and copied.
        """
        copied: list[tuple[slice, CopiedFeatures]] = []
        others = []
        for at, ((start, encoder), numbers) in enumerate(zip(self._encoders_at, values, strict=True)):
            codes = dense_integer_codes(numbers) if encoder.width >= MIN_COPIED else None
            if codes is None:
                others.append(at)
                continue
            copied.append((slice(start, start + encoder.width), CopiedFeatures(encoder, *codes)))
        part = tuple(others)
        if part not in self._parts:
            self._parts[part] = NumericFeatures([self._encoders_at[at] for at in part])
        together = self._parts[part]

        def write(rows: slice, out: NDArray[Any]) -> None:
            for features, copy in copied:
                copy(rows, out[:, features])
            if part:
                together.write(np.stack([values[at][rows] for at in part]), out)

        return write

    def encode_row(self, cells: Sequence[Any], row: NDArray[np.float32]) -> None:
        """Write the features of one row into the zeros of `row`, shape (inputs of the table,).

        Raises:
            NeedsColumnParser: only `encode` can read a cell, or refuse it.
        """
        if self._formats:
            cells = list(cells)
            for at, form in self._formats:
                cells[at] = form.read_cell(cells[at])
        values = []
        for cell in cells:
            value = cell if type(cell) is float else parsing.parse_number(cell)
            if not -MAX_ABS <= value <= MAX_ABS and value == value:
                raise parsing.NeedsColumnParser
            values.append(value)
        self._together.write_row(values, row)


def finite_numbers(cells: pl.Series) -> NDArray[np.float64]:
    """The cells as numbers, NaN where missing.

    Raises:
        DataError: a cell is no number, or infinite; the message names column, row and value.

    >>> finite_numbers(pl.Series("age", ["39", "?"])).tolist()
    [39.0, nan]
    """
    return finite(cells, *parsing.parse_numbers(cells))


def finite(cells: pl.Series, values: NDArray[np.float64], wrong: int | None) -> NDArray[np.float64]:
    """The numbers of cells, if all are numbers and finite.

    Parameters:
        cells: what was read.
        values: the numbers, NaN where missing, shape (B,).
        wrong: the index of the first cell that is no number, or None.

    Raises:
        DataError: a cell is no number, or infinite; the message names column, row and value.

    >>> finite(pl.Series(["39"]), np.array([39.0]), None).tolist()
    [39.0]
    """
    if wrong is not None:
        raise parsing.cell_error(cells, wrong, "a number")
    infinite = parsing.first_inf(values)
    if infinite is not None:
        raise parsing.cell_error(cells, infinite, "a finite number")
    return values


def _median_and_spread(present: NDArray[np.float64]) -> tuple[float, float]:
    """The median of sorted values, and the distance between their quartiles or half their range; 0 for equal values.

    Values far from all others do not count for the range.
    """
    if present.size == 0:
        return 0.0, 0.0
    if present[0] == present[-1]:
        return float(present[0]), 0.0
    low, center, high = np.quantile(present, (0.25, 0.5, 0.75))
    if high > low:
        return float(center), float(high - low)
    low, high = usual_range(present)
    return float(center), high / 2 - low / 2 if high > low else float(present[-1] / 2 - present[0] / 2)
