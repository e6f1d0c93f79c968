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
