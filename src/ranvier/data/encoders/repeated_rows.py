"""Rows of numbers most of which repeat, such as the parts of dates: each different row is stored once. B rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.records import record


@record(eq=False)
class RepeatedRows:
    """Row b is `different[codes[b]]`; no array of all rows is ever made.

    Fields:
        different: the different rows, shape (D, K).
        codes: which of these each row is, shape (B,).

    >>> rows = RepeatedRows(np.array([[1.0, 5.0], [2.0, 6.0]]), np.array([1, 0, 1]))
    >>> rows.shape, rows[:2].tolist(), [column.tolist() for column in rows.columns()]
    ((3, 2), [[2.0, 6.0], [1.0, 5.0]], [[2.0, 1.0, 2.0], [6.0, 5.0, 6.0]])
    """

    different: NDArray[np.float64]
    codes: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: slice) -> NDArray[np.float64]:
        """Some of the rows, shape (n, K)."""
        return self.different.take(self.codes[rows], axis=0)

    @property
    def shape(self) -> tuple[int, int]:
        """(B, K)."""
        return len(self.codes), self.different.shape[1]

    def columns(self) -> Iterator[NDArray[Any]]:
        """Each column, shape (B,), one after the other."""
        return (column.take(self.codes) for column in np.ascontiguousarray(self.different.T))
