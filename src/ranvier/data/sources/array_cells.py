"""Columns whose cells are lists of numbers: as arrays of one shape, which are vectors or pictures.

B is the number of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import polars as pl


CHANNELS = (1, 3, 4)
"""How many channels a picture may have."""


def is_picture_shape(shape: tuple[int, ...]) -> bool:
    """Whether rows of this shape can be pictures: (H, W), (H, W, C) or (C, H, W), C 1, 3 or 4, of 4 pixels or more.

    >>> [is_picture_shape(shape) for shape in ((28, 28), (28, 28, 3), (3, 28, 28), (28, 2))]
    [True, True, True, False]
    """
    if is_channel_first(shape):
        shape = shape[1:]
    return len(shape) in (2, 3) and min(shape[:2]) >= 4 and (len(shape) == 2 or shape[2] in CHANNELS)


def is_channel_first(shape: tuple[int, ...]) -> bool:
    """Whether a row of this shape is a picture with its channels first, as in PyTorch, (C, H, W).

    >>> is_channel_first((3, 28, 28)), is_channel_first((28, 28, 3)), is_channel_first((4, 28, 3))
    (True, False, False)
    """
    return len(shape) == 3 and shape[0] in CHANNELS and shape[2] not in CHANNELS


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


def as_array_column(cells: pl.Series) -> pl.Series | None:
    """A column of lists as one of arrays; None for others.

    Texts that are written as lists stay texts, so that the user can give their column another kind.
    """
    import polars as pl

    if isinstance(cells.dtype, pl.Array):
        return cells if can_be_pictures(cells) else None
    if not isinstance(cells.dtype, pl.List):
        return None
    if isinstance(cells.dtype.inner, pl.List):
        return series_of_arrays(cells.name, cells.to_list())
    lengths = cells.list.len().drop_nulls().unique()
    if len(lengths) != 1 or not lengths[0] or not cells.dtype.inner.is_numeric():
        return None
    return cells.list.to_array(int(lengths[0]))


def can_be_pictures(cells: pl.Series) -> bool:
    """Whether arrays of one shape have that of pictures, and no number below 0."""
    shape = cells.dtype.shape  # type: ignore[attr-defined]
    if len(shape) < 2 or not is_picture_shape(tuple(shape)) or cells.null_count():
        return False
    return bool((cells.to_numpy() >= 0).all())
