"""Numbers spelled out: the scaled value, waves of it, and ramps or hats between quantiles, for networks on tables.

A first layer on top of these features learns any smooth or piecewise linear function of the column. Ramps and hats
span the same functions: ramps are quicker to learn from, since each weight says how steep the function is, and hats
are quicker to answer from, since all but two of them are 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.encoders import json_fields
from ranvier.data.encoders.number import finite_numbers
from ranvier.data.encoders.numeric_features import Spelling
from ranvier.data.encoders.scaling import FAR
from ranvier.records import record

FARTHEST = float(np.finfo(np.float64).max) / 4


@record
class BasisEncoder:
    """Encodes x as a few numbers that a network can build any function of x from.

    Formula: z = soft((x - center) / scale), where soft(z) = z / sqrt(1 + (z / 4)**2); cos(k pi z / 8) and
    sin(k pi z / 8) for k = 1 ... waves; and for each pair of neighbouring edges the ramp
    min(max((x - low) / (high - low), 0), 1) - 1/2, or for each edge but the first the hat that is 1 there and falls to
    0 at its neighbours, or stays 1 beyond the last one. A missing cell counts as the center, with a flag.

    Fields:
        column: the column's name.
        center, scale: the median and the distance between the quartiles of the training rows that have a value; where
            the quartiles are equal half the range, and 0 where all values are the same.
        waves: how many pairs of cosine and sine.
        edges: values that part the training rows into groups of about the same size, increasing; empty for no ramps.
        flag: whether the last number says 1 for a missing cell; so when training rows had missing ones.
        hats: whether there are hats in place of ramps.

    Sources: Gorishniy, Rubachev, Babenko, "On embeddings for numerical features in tabular deep learning",
    NeurIPS 2022; scaling and soft clipping as in Holzmüller, Grinsztajn, Steinwart, "Better by default", NeurIPS 2024.
    """

    column: str
    center: float
    scale: float
    waves: int
    edges: tuple[float, ...]
    flag: bool
    hats: bool = False

    @classmethod
    def fit(cls, cells: pl.Series, waves: int, bins: int) -> BasisEncoder:
        """Learn center, scale and edges.

        Parameters:
            cells: the column, of the training rows.
            waves: how many pairs of cosine and sine.
            bins: at most so many ramps; fewer where there are fewer different values.

        Raises:
            DataError: a cell is no number, or infinite.

        >>> encoder = BasisEncoder.fit(pl.Series("age", [1.0, 2.0, 3.0, 4.0, 5.0]), waves=1, bins=2)
        >>> encoder.center, encoder.scale, encoder.edges
        (3.0, 2.0, (1.0, 3.0, 5.0))
        """
        values = np.clip(finite_numbers(cells), -FARTHEST, FARTHEST)
        present = np.sort(values[~np.isnan(values)])
        flag = present.size < values.size
        if present.size == 0 or present[0] == present[-1]:
            return cls(cells.name, float(present[0]) if present.size else 0.0, 0.0, waves, (), flag)
        low, center, high = np.quantile(present, (0.25, 0.5, 0.75))
        scale = high - low if high > low else present[-1] / 2 - present[0] / 2
        return cls(cells.name, float(center), float(scale), waves, _edges(present, bins), flag)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The column's name, its waves, its ramps or hats, and the flag."""
        waves = (f"{name} {k} {self.column}" for k in range(1, self.waves + 1) for name in ("cos", "sin"))
        ramps = (f"{self.column} from {low:.6g} to {high:.6g}" for low, high in pairwise(self.edges))
        hats = (f"{self.column} near {edge:.6g}" for edge in self.edges[1:])
        missing = (f"{self.column} is missing",) if self.flag else ()
        return (self.column, *waves, *(hats if self.hats else ramps), *missing)

    @property
    def width(self) -> int:
        """The number of features."""
        return self.spelling.width

    @property
    def encoded_as(self) -> str:
        """What becomes of a cell, in words."""
        parts = [f"(x - {self.center:.6g}) / {self.scale:.6g}, within ±{FAR:g}" if self.scale else "0"]
        parts += [f"{self.waves} waves"] if self.waves else []
        parts += (
            [f"{len(self.edges) - 1} {'hats at' if self.hats else 'ramps between'} quantiles"] if self.edges else []
        )
        return ", ".join(parts + (["a flag for missing cells"] if self.flag else []))

    @property
    def spelling(self) -> Spelling:
        """What becomes of a number."""
        return Spelling(self.center, self.scale, self.waves, self.edges, self.flag, self.hats)

    @property
    def ramps(self) -> slice:
        """Which of the features are ramps."""
        first = 1 + 2 * self.waves
        return slice(first, first if self.hats else first + max(len(self.edges) - 1, 0))

    def read(self, cells: pl.Series) -> NDArray[np.float64]:
        """The cells as numbers, NaN where missing, so near that the distance of any two is finite; shape (rows,).

        Raises:
            DataError: a cell is no number, or infinite.
        """
        values = finite_numbers(cells)
        return np.clip(values, -FARTHEST, FARTHEST, out=values)

    def to_dict(self) -> dict[str, Any]:
        """The encoder as plain JSON values."""
        plain = {name: getattr(self, name) for name in ("column", "center", "scale", "waves", "flag", "hats")}
        return {"kind": "basis", **plain, "edges": list(self.edges)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BasisEncoder:
        """The encoder that `to_dict` wrote.

        Raises:
            ModelFileError: a field is absent, of another type, or the edges do not increase.
        """
        edges = json_fields.items(data, "edges", float)
        if any(low >= high for low, high in pairwise(edges)) or len(edges) == 1:
            raise json_fields.damaged('"edges" do not increase')
        if edges and max(-edges[0], edges[-1]) > FARTHEST:
            raise json_fields.damaged(f'"edges" has a number beyond {FARTHEST:g}')
        scale = json_fields.scales({"scale": [json_fields.field(data, "scale", float)]}, "scale")[0]
        column, center = json_fields.field(data, "column", str), json_fields.field(data, "center", float)
        flag, hats = json_fields.field(data, "flag", bool), json_fields.field(data, "hats", bool)
        return cls(column, center, scale, json_fields.field(data, "waves", int), edges, flag, hats)


def _edges(present: NDArray[np.float64], bins: int) -> tuple[float, ...]:
    """Edges between which about equally many values lie; a value that fills a part alone is an edge.

    So a column that is 0 in most rows still gets edges where its other values are. All values where they are few.
    """
    if bins < 1:
        return ()
    different, rows = np.unique(present, return_counts=True)
    if len(different) <= bins + 1:
        return tuple(different.tolist())
    common = different[rows * bins > len(present)]
    others = present[~np.isin(present, common)]
    shares = np.linspace(0.0, 1.0, max(bins + 1 - len(common), 2))
    return tuple(np.unique(np.concatenate((common, np.quantile(others, shares)))).tolist())
