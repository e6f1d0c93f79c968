"""Which rows to take where all would be too many: some that lie evenly among them, or some that are drawn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ranvier.random import SAMPLE, permutation


def evenly(n_rows: int, count: int) -> NDArray[np.int64]:
    """The indices of at most so many rows that lie evenly among all.

    >>> evenly(5, 3).tolist(), evenly(2, 3).tolist()
    ([0, 2, 4], [0, 1])
    """
    return np.unique(np.linspace(0, max(n_rows - 1, 0), min(n_rows, count)).astype(np.int64))


def random_rows(n_rows: int, count: int, draw: int = 0) -> NDArray[np.int64]:
    """The indices of at most so many rows, drawn without replacement, ascending; the same ones each time.

    Parameters:
        draw: another number gives other rows.

    >>> random_rows(1000, 3).tolist() == random_rows(1000, 3).tolist(), random_rows(2, 3).tolist()
    (True, [0, 1])
    """
    return np.sort(permutation(0, SAMPLE, draw, n_rows)[:count])
