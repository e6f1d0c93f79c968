"""What a plain list stands for: one row, or rows as dicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

_CELLS = frozenset((str, int, float, bool, type(None)))


def is_row_list(source: Any) -> bool:
    """Whether `source` is a list of dicts, one a row.

    >>> is_row_list([{"age": 39}]), is_row_list([39])
    (True, False)
    """
    return isinstance(source, (list, tuple)) and bool(source) and all(isinstance(row, Mapping) for row in source)


def are_inputs_and_targets(source: Any) -> bool:
    """Whether a list or tuple holds inputs of several columns, then targets, and perhaps weights, of as many rows.

    >>> are_inputs_and_targets((np.zeros((4, 2)), np.zeros(4))), are_inputs_and_targets([[1, 2], [3, 4]])
    (True, False)
    """
    if not isinstance(source, (list, tuple)) or len(source) not in (2, 3):
        return False
    shapes = [_shape(item) for item in source]
    return len(shapes[0]) > 1 and all(shape and (len(shape) == 1 or shape != shapes[0]) for shape in shapes[1:])


def _shape(item: Any) -> tuple[int, ...]:
    """The shape of an array, a frame or a list; () of others."""
    shape = getattr(item, "shape", None)
    if isinstance(shape, tuple):
        return shape
    if not isinstance(item, (list, tuple)) or not item:
        return ()
    inner = item[0]
    return (len(item), len(inner)) if isinstance(inner, (list, tuple)) else (len(item),)


def is_row(source: Any) -> bool:
    """Whether `source` is a single row: a list or tuple of cells, and not of rows.

    >>> is_row([39, "Private", None]), is_row([[39.0], [50.0]])
    (True, False)
    """
    if type(source) is not list and type(source) is not tuple:
        return False
    return bool(source) and not any(
        type(cell) not in _CELLS and isinstance(cell, (list, tuple, Mapping, np.ndarray)) for cell in source
    )
