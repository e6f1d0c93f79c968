"""The columns of the user's table as blocks of a network's inputs. n rows, D dense and S CSR inputs, K = D + S."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.records import record
from ranvier.rows import CSR, Inputs

NOTHING = slice(0, 0)


@record
class InputBlock:
    """Which inputs a column became.

    Fields:
        column: the name of the column.
        dense: its inputs in the dense block.
        csr: its inputs in the CSR block, counted from the first of that block.
    """

    column: str
    dense: slice = NOTHING
    csr: slice = NOTHING


def input_blocks(encoder: Any, n_dense: int, n_csr: int) -> tuple[InputBlock, ...]:
    """The blocks of the inputs that an encoder makes, in the order of the columns.

    A column of texts, pictures or recordings is one block. Without an encoder of a table each input is a column: "x0",
    or what the encoder calls it; of a language model each character of the window, by how far back it stands.

    Parameters:
        encoder: of a model; None for one that takes arrays.
        n_dense, n_csr: D and S.

    >>> input_blocks(None, 1, 1)
    (InputBlock(column='x0', dense=slice(0, 1, None), csr=slice(0, 0, None)), \
InputBlock(column='x1', dense=slice(0, 0, None), csr=slice(0, 1, None)))
    """
    parts = getattr(encoder, "encoders", None)
    if parts is not None:
        return _side_by_side((part.column, part.width, part.csr_width) for part in parts)
    context = getattr(encoder, "context", None)
    if context is not None:
        symbols = n_csr // context
        return _side_by_side((f"{back} back", 0, symbols) for back in range(context, 0, -1))
    names: Sequence[str] = getattr(encoder, "feature_names", None) or [f"x{k}" for k in range(n_dense + n_csr)]
    return _side_by_side((name, int(k < n_dense), int(k >= n_dense)) for k, name in enumerate(names))


def _side_by_side(widths: Iterable[tuple[str, int, int]]) -> tuple[InputBlock, ...]:
    """Blocks one after the other, from name, dense width and CSR width of each."""
    blocks, dense, csr = [], 0, 0
    for name, n_dense, n_csr in widths:
        blocks.append(
            InputBlock(
                name,
                slice(dense, dense + n_dense) if n_dense else NOTHING,
                slice(csr, csr + n_csr) if n_csr else NOTHING,
            )
        )
        dense, csr = dense + n_dense, csr + n_csr
    return tuple(blocks)


class ChangingInputs:
    """Rows in which some blocks have the cells of other rows, made in one copy of the dense block.

    Parameters:
        inputs: the rows as they are, (n, K).

    >>> changing = ChangingInputs(Inputs(np.array([[1.0, 2.0], [3.0, 4.0]])))
    >>> changing.with_cells_of(input_blocks(None, 2, 0)[1:], np.array([1, 0])).dense.tolist()
    [[1.0, 4.0], [3.0, 2.0]]
    """

    def __init__(self, inputs: Inputs) -> None:
        self._inputs, self._csr = inputs, inputs.entries
        self._dense = inputs.dense.copy()

    def with_cells_of(self, blocks: Iterable[InputBlock], order: NDArray[np.int64]) -> Inputs:
        """The rows with the cells of row `order[i]` in the blocks of row i; valid until the next call.

        Parameters:
            order: shape (n,).
        """
        csr = self._csr
        for block in blocks:
            if block.dense != NOTHING:
                self._dense[:, block.dense] = self._inputs.dense[:, block.dense].take(order, axis=0)
            if csr is not None and self._csr is not None and block.csr != NOTHING:
                csr = with_columns_of(csr, self._csr, block.csr, order)
        return Inputs(self._dense, csr)

    def restore(self, blocks: Iterable[InputBlock]) -> None:
        """Give blocks their own cells back."""
        for block in blocks:
            self._dense[:, block.dense] = self._inputs.dense[:, block.dense]


def with_columns_of(rows: CSR, other: CSR, columns: slice, order: NDArray[np.int64]) -> CSR:
    """CSR rows with some columns of other rows: those of row `order[i]` of `other` in row i.

    >>> rows = CSR.from_dense(np.array([[1.0, 2.0, 3.0], [4.0, 0.0, 6.0]]))
    >>> with_columns_of(rows, rows, slice(1, 2), np.array([1, 0])).toarray().tolist()
    [[1.0, 0.0, 3.0], [4.0, 2.0, 6.0]]
    """
    if columns == slice(0, rows.n_columns):
        return other[order]
    before, after = rows.columns(0, columns.start), rows.columns(columns.stop, rows.n_columns)
    return CSR.hstack([before, other.columns(columns.start, columns.stop)[order], after])
