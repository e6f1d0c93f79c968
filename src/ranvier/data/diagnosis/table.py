"""Input columns as a frame, so that tables and arrays are looked at in the same way. B rows."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.data.sources.array_source import Arrays
from ranvier.data.sources.source import Source
from ranvier.rows.csr import CSR

MAX_COLUMNS = 1_000
MAX_ODD_FRACTION = 0.02
"""Up to this fraction of the cells of a column of numbers may be none."""


def input_frame(source: Source, names: Collection[str] | None = None) -> pl.DataFrame | None:
    """The input columns of a source; those of an array are called x0, x1, ...; None for sparse rows and very wide ones.

    Parameters:
        names: the columns that are inputs; None for all.

    >>> from ranvier.data.sources import open_source
    >>> input_frame(open_source(np.array([[1.0, 2.0]]))).columns
    ['x0', 'x1']
    """
    if isinstance(source, Arrays):
        inputs: Any = source.inputs
        if isinstance(inputs, CSR) or getattr(inputs, "ndim", 0) != 2:
            return None
        names_of_inputs = [f"x{at}" for at in range(inputs.shape[1])]
        return pl.DataFrame(inputs, names_of_inputs) if len(names_of_inputs) <= MAX_COLUMNS else None
    frame = source.frame
    columns = [name for name in frame.columns if names is None or name in names]
    return frame.select(columns) if columns and len(columns) <= MAX_COLUMNS else None


def plain_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """The columns that hold one plain value a cell: no pictures, lists or objects."""
    return frame.select(
        [cells for cells in frame.iter_columns() if not cells.dtype.is_nested() and cells.dtype != pl.Object]
    )


def as_numbers(cells: pl.Series) -> NDArray[np.float64] | None:
    """The cells as numbers, NaN where missing; None where they are none.

    >>> as_numbers(pl.Series(["1", "2.5", None])).tolist()
    [1.0, 2.5, nan]
    """
    if cells.dtype.is_numeric() or cells.dtype == pl.Boolean or cells.dtype.is_temporal():
        return cells.to_physical().cast(pl.Float64).to_numpy(writable=True)
    if not parsing.is_string(cells):
        return None
    strings = parsing.clean_strings(cells)
    numbers = strings.cast(pl.Float64, strict=False)
    odd = numbers.null_count() - strings.null_count()
    return numbers.to_numpy(writable=True) if odd <= MAX_ODD_FRACTION * len(strings) else None
