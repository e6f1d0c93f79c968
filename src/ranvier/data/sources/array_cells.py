"""Columns whose cells are lists of numbers: as arrays of one shape, which are vectors or pictures.

B is the number of rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ranvier.data.sources.array_source import is_picture_shape
from ranvier.data.sources.table_source import Table

if TYPE_CHECKING:
    import polars as pl


def with_array_cells(table: Table) -> Table:
    """The table with lists of numbers as arrays, in the columns where all have one shape.

    Lists of rows that can be pictures, none of whose numbers is below 0, have the kind "image".

    >>> import polars as pl
    >>> with_array_cells(Table(pl.DataFrame({"v": [[1, 2], [3, 4]]}), "a table")).frame.schema["v"]
    Array(Int64, shape=(2,))
    """
    columns, kinds = [], dict(table.kinds)
    for cells in table.frame.iter_columns():
        array = _array(cells)
        if array is not None:
            columns.append(array)
            if _can_be_pictures(array):
                kinds.setdefault(cells.name, "image")
    return replace(table, frame=table.frame.with_columns(columns), kinds=kinds) if columns else table


def series_of_arrays(name: str, cells: Any) -> pl.Series | None:
    """A column of arrays of one shape from Python's lists or NumPy's arrays of numbers; None from anything else.

    Parameters:
        cells: lists, tuples or arrays, None where missing; or an array of two dimensions or more.

    >>> series_of_arrays("v", [[1.0, 2.0], None]).to_list()
    [[1.0, 2.0], None]
    """
    import polars as pl

    if isinstance(cells, np.ndarray):
        return pl.Series(name, cells) if cells.ndim > 1 and cells.dtype.kind in "iuf" and cells.size else None
    present = [cell for cell in cells if cell is not None]
    if not present or not all(isinstance(cell, (list, tuple, np.ndarray)) for cell in present):
        return None
    try:
        values = np.array(present)
    except ValueError:
        return None
    if values.ndim < 2 or values.dtype.kind not in "iuf" or not values.size:
        return None
    if len(present) == len(cells):
        return pl.Series(name, values)
    dtype = pl.Series(values).dtype
    listed = iter(values.tolist())
    return pl.Series(name, [None if cell is None else next(listed) for cell in cells], dtype=dtype)


def _array(cells: pl.Series) -> pl.Series | None:
    """A column of lists as one of arrays; None for others.

    Texts that are written as lists stay texts, so that the user can give their column another kind.
    """
    import polars as pl

    if isinstance(cells.dtype, pl.Array):
        return cells if _can_be_pictures(cells) else None
    if not isinstance(cells.dtype, pl.List):
        return None
    if isinstance(cells.dtype.inner, pl.List):
        return series_of_arrays(cells.name, cells.to_list())
    lengths = cells.list.len().drop_nulls().unique()
    if len(lengths) != 1 or not lengths[0] or not cells.dtype.inner.is_numeric():
        return None
    return cells.list.to_array(int(lengths[0]))


def _can_be_pictures(cells: pl.Series) -> bool:
    """Whether arrays of one shape have that of pictures, and no number below 0."""
    shape = cells.dtype.shape  # type: ignore[attr-defined]
    if len(shape) < 2 or not is_picture_shape(tuple(shape)) or cells.null_count():
        return False
    return bool((cells.to_numpy() >= 0).all())
