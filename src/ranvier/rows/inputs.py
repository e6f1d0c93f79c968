"""The inputs of a network: a dense block and a CSR block side by side. n rows, K = D + S columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import ShapeError
from ranvier.rows.arrays import dense_array, is_ready
from ranvier.rows.csr import CSR, as_csr, is_sparse
from ranvier.rows.csr_later import CSRLater
from ranvier.rows.csr_view import CSRView
from ranvier.rows.deferred import Deferred
from ranvier.rows.finite import check_finite
from ranvier.rows.windows import Windows

Array = NDArray[Any]
DEFERRED = (Windows, CSRView, CSRLater)
"""What stands for CSR rows whose entries are made when they are read."""


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Inputs:
    """Rows of numbers, of which some columns are stored whole and others by their entries that are not zero.

    A row is the D columns of the dense block and then the S columns of the CSR block; either block may have none. So a
    table with ten numbers and a text costs what its numbers and its words cost.

    Parameters:
        dense: (n, D), numbers, or `Deferred` columns, which are computed when they are read; None for no dense
            columns. uint8, float32 and float64 are kept as they are, other formats become float64.
        csr: (n, S), `CSR` rows, rows whose entries are made when they are read (`Windows`, `CSRView`, `CSRLater`), or
            a matrix of scipy.sparse; None for no CSR columns.

    Raises:
        ShapeError: the blocks have different numbers of rows, or there is neither.
        DataError: a block holds something other than numbers; the CSR block, one that is not finite.

    >>> rows = Inputs(np.array([[1.0, 2.0], [3.0, 4.0]]), CSR.from_dense(np.array([[0.0, 0.0, 5.0], [6.0, 0.0, 0.0]])))
    >>> rows.shape, rows.toarray().tolist()
    ((2, 5), [[1.0, 2.0, 0.0, 0.0, 5.0], [3.0, 4.0, 6.0, 0.0, 0.0]])
    """

    block: Array | Deferred
    csr: CSR | Windows | CSRView | CSRLater | None = None

    def __init__(self, dense: Any = None, csr: Any = None) -> None:
        if csr is not None and type(csr) not in (CSR, *DEFERRED):
            csr = as_csr(csr)
        if dense is None:
            if csr is None:
                raise ShapeError("Inputs were given neither dense nor CSR columns; give one of them or both.")
            dense = np.zeros((len(csr), 0), np.float32)
        elif not is_ready(dense) and type(dense) is not Deferred:
            dense = dense_array(dense)
        if csr is not None and len(csr) != len(dense):
            raise ShapeError(
                f"The dense block has {len(dense)} rows and the CSR block {len(csr)}; they must have as many."
            )
        object.__setattr__(self, "block", dense)
        object.__setattr__(self, "csr", csr)

    def __len__(self) -> int:
        return len(self.block)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> Inputs:
        """Some of the rows, in the order that `rows` says."""
        return Inputs(self.block[rows], None if self.csr is None else self.csr[rows])

    @property
    def dense(self) -> Array:
        """The dense block in memory, (n, D); deferred columns of all rows are computed for it, each time."""
        block = self.block
        return block.in_memory() if type(block) is Deferred else block  # type: ignore[return-value]

    @property
    def is_deferred(self) -> bool:
        """Whether columns are computed, or entries made, when rows are read: such rows are best read some at a time."""
        return type(self.block) is Deferred or type(self.csr) in DEFERRED

    def in_memory(self) -> Inputs:
        """The same rows with all their numbers in memory; these very rows where they are.

        >>> rows = Inputs(np.ones((1, 2)))
        >>> rows.in_memory() is rows
        True
        """
        return Inputs(self.dense, self.entries) if self.is_deferred else self

    @property
    def n_csr(self) -> int:
        """S, how many columns are in the CSR block."""
        return 0 if self.csr is None else self.csr.n_columns

    @property
    def n_dense(self) -> int:
        """D, how many columns are in the dense block."""
        return int(self.block.shape[1])

    @property
    def shape(self) -> tuple[int, int]:
        """(n, K)."""
        rows, n_dense = self.block.shape
        return rows, n_dense + (0 if self.csr is None else self.csr.n_columns)

    @property
    def mean_nnz(self) -> int | None:
        """How many entries of the CSR block a row has on average, at least 1; None without such a block."""
        return None if self.csr is None else self.csr.mean_nnz

    def toarray(self) -> Array:
        """All numbers, the zeros too, shape (n, K)."""
        if self.csr is None:
            return self.dense
        return self.csr.toarray() if not self.n_dense else np.concatenate([self.dense, self.csr.toarray()], axis=1)

    def with_blocks(self, n_dense: int, sparse: bool) -> Inputs:
        """The same rows with the first `n_dense` columns in the dense block and, where `sparse`, the others as CSR.

        >>> rows = Inputs(np.array([[1.0, 0.0, 2.0]])).with_blocks(1, sparse=True)
        >>> rows.dense.tolist(), rows.csr.indices.tolist()
        ([[1.0]], [1])
        """
        if sparse == (self.csr is not None) and (not sparse or n_dense == self.n_dense):
            return self
        rows = self.toarray()
        return Inputs(rows[:, :n_dense], CSR.from_dense(rows[:, n_dense:])) if sparse else Inputs(rows)

    @property
    def entries(self) -> CSR | None:
        """The CSR block with its entries in memory; None without such a block."""
        return self.csr.in_memory() if isinstance(self.csr, DEFERRED) else self.csr

    def arrays(self) -> list[Array]:
        """The arrays that hold the rows: those of each block that has columns."""
        parts = [] if self.csr is None else self.csr.arrays()
        dense = self.block.arrays() if isinstance(self.block, Deferred) else [self.block]
        return [*dense, *parts] if self.n_dense or self.csr is None else parts


def view_of(inputs: Inputs) -> CSRView | None:
    """The CSR block as a view, whose entries are in memory part by part; None without such a block.

    >>> view_of(Inputs(np.ones((2, 3)))) is None
    True
    """
    csr = inputs.csr if isinstance(inputs.csr, CSRView) else inputs.entries
    return None if csr is None else CSRView.of(csr)


def bytes_of(inputs: Inputs) -> int:
    """How many bytes the rows take in memory, or would where others hold their entries.

    >>> bytes_of(Inputs(np.ones((2, 3))))
    48
    """
    if isinstance(inputs.csr, (CSR, CSRView)):
        return (0 if isinstance(inputs.block, Deferred) else inputs.block.nbytes) + inputs.csr.nbytes
    return sum(array.nbytes for array in inputs.arrays())


def array_parts(inputs: Inputs) -> Iterator[tuple[str, Iterator[Array]]]:
    """The arrays that hold the rows, each as its type and shape in words, and in parts that are made one by one.

    >>> [described for described, _ in array_parts(Inputs(np.ones((2, 3))))]
    ['float64 (2, 3)']
    """
    view = inputs.csr if isinstance(inputs.csr, CSRView) else None
    in_memory = inputs if view is None else Inputs(inputs.block)
    for array in in_memory.arrays() if view is None or inputs.n_dense else ():
        yield f"{array.dtype} {array.shape}", iter((array,))
    if view is not None:
        yield from view.array_parts()


def as_inputs(X: Any, n_columns: int | None = None, finite: bool = False) -> Inputs:
    """X as inputs: an array, a matrix of scipy.sparse, CSR rows, or inputs already.

    Parameters:
        n_columns: K, where a network says so.
        finite: whether to make sure that all dense numbers are finite.

    Raises:
        ShapeError: the rows have another width.
        DataError: X holds something other than numbers, or one that is not finite.

    >>> as_inputs([[1.0, 2.0]]).shape
    (1, 2)
    """
    if type(X) is Inputs:
        inputs = X
    elif is_ready(X) and n_columns in (None, X.shape[1]):
        inputs = Inputs(X)
    elif isinstance(X, Windows):
        inputs = Inputs(None, X)
    elif is_sparse(X):
        inputs = Inputs(None, as_csr(X, n_columns))
    else:
        inputs = Inputs(dense_array(X, n_columns))
    if n_columns is not None and n_columns != inputs.shape[1]:
        raise ShapeError(
            f"X has shape {inputs.shape}; this network takes {n_columns} numbers a row, shape (rows, {n_columns})."
        )
    if finite and type(inputs.block) is not Deferred:  # those are finite for any cells
        check_finite(inputs.dense)
    return inputs
