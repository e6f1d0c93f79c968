"""Narrower bins, or inputs for single values, for the columns of numbers where rows left out say so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.column_threads import map_columns
from ranvier.data.columns.column_schema import ColumnSchema
from ranvier.data.encoders.column import ColumnEncoder
from ranvier.data.encoders.number import NumberEncoder
from ranvier.data.encoders.number_resolution import Resolution, frequent_values, quantile_knots, resolution

N_NARROW_BINS, MAX_VALUES, MAX_VALUE_INPUTS = 128, 256, 320
"""A network knows so many of the values that have inputs; which ones, its own training rows decide."""
MAX_ROWS = 50_000
"""So many rows are looked at; of more every second, third ... row."""


def step_between(rows: int) -> int:
    """Every how manyth of so many rows is looked at.

    >>> step_between(0), step_between(50_000), step_between(50_001)
    (1, 1, 2)
    """
    return max(-(-rows // MAX_ROWS), 1)


def with_refined_numbers(
    encoders: Sequence[ColumnEncoder],
    columns: Sequence[ColumnSchema],
    cells_of: Callable[[ColumnSchema], pl.Series],
    targets: NDArray[np.float64],
    rows: int,
    max_inputs: int,
) -> tuple[ColumnEncoder, ...]:
    """The encoders, those of numbers with narrower bins or indicators of values where `resolution` finds them needed.

    Parameters:
        encoders: of the columns of a table, learned from its training rows.
        columns: their schemas.
        cells_of: from a schema to the cells of the training rows.
        targets: of every `step_between(rows)`th row, as the network learns them, (b, N), NaN where missing.
        rows: how many training rows there are.
        max_inputs: how many inputs all columns together may get in addition.
    """
    step = step_between(rows)

    def resolved(pair: tuple[ColumnEncoder, ColumnSchema]) -> tuple[Resolution, NDArray[np.float64]]:
        encoder, column = pair
        if not isinstance(encoder, NumberEncoder) or not encoder.knots:
            return "bins", np.zeros(0)
        values = encoder.read(cells_of(column).gather_every(step))
        present = np.sort(values[~np.isnan(values)])
        narrow = np.array(quantile_knots(present, N_NARROW_BINS))
        return resolution(values, targets, np.array(encoder.knots), narrow), present

    resolutions = map_columns(resolved, list(zip(encoders, columns, strict=True)), len(targets))
    refined = sum(kind != "bins" for kind, _ in resolutions)
    per_column = max_inputs // max(refined, 1)
    return tuple(
        _refined(encoder, kind, present, per_column)
        for encoder, (kind, present) in zip(encoders, resolutions, strict=True)
    )


def _refined(encoder: ColumnEncoder, kind: Resolution, present: NDArray[np.float64], max_inputs: int) -> ColumnEncoder:
    """The encoder with the resolution that its column needs, as far as so many inputs allow."""
    if kind == "bins" or not isinstance(encoder, NumberEncoder):
        return encoder
    if kind == "values":
        return replace(encoder, single_values=frequent_values(present, min(MAX_VALUE_INPUTS, max_inputs)))
    n_bins = min(N_NARROW_BINS, len(encoder.knots) - 1 + max_inputs)
    return replace(encoder, knots=quantile_knots(present, n_bins))
