"""A CSR block that is made when it is first read, so that it takes no memory until then. n rows, S columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.rows.csr import CSR

Array = NDArray[Any]


class CSRLater:
    """The CSR rows that a function makes.

    Parameters:
        rows, columns: n and S.
        make: gives the block; called once, and let go of then.

    >>> rows = CSRLater(1, 2, lambda: CSR.from_dense(np.array([[0.0, 3.0]])))
    >>> rows.shape, rows.toarray().tolist()
    ((1, 2), [[0.0, 3.0]])
    """

    def __init__(self, rows: int, columns: int, make: Callable[[], CSR]) -> None:
        self.shape = (rows, columns)
        self._make: Callable[[], CSR] | None = make
        self._made: CSR | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> CSR:
        """Some of the rows, in the order that `rows` says."""
        return self.in_memory()[rows]

    @property
    def n_columns(self) -> int:
        """S, how many columns there are."""
        return self.shape[1]

    @property
    def mean_nnz(self) -> int:
        """How many entries a row has on average, rounded up, at least 1."""
        return self.in_memory().mean_nnz

    @property
    def nbytes(self) -> int:
        """How many bytes the rows take in memory."""
        return self.in_memory().nbytes

    def in_memory(self) -> CSR:
        """The rows with their entries."""
        if self._made is None:
            assert self._make is not None
            self._made, self._make = self._make(), None
        return self._made

    def toarray(self) -> Array:
        """All numbers, the zeros too, shape (n, S)."""
        return self.in_memory().toarray()

    def arrays(self) -> list[Array]:
        """What says which rows these are."""
        return self.in_memory().arrays()
