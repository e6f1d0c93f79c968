"""The columns of the user's table as blocks of a network's inputs. n rows, D dense and S CSR inputs, K = D + S."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.row_encoder import row_encoder
from ranvier.errors import InputError, nearest
from ranvier.random import SAMPLE, wide_bits
from ranvier.records import record
from ranvier.rows import CSR, Inputs

NOTHING = slice(0, 0)
ROWS_AT_ONCE = 8192
"""Rows that are made at once: enough for several threads, few enough for the cache."""


@record
class InputBlock:
    """Which inputs a column became.

    Fields:
        column: the name of the column.
        dense: its inputs in the dense block.
        csr: its inputs in the CSR block, counted from the first of that block.
    """

    column: str
    dense: slice = field(default_factory=lambda: NOTHING)
    csr: slice = field(default_factory=lambda: NOTHING)


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
    rows = row_encoder(encoder)
    parts = rows.encoders
    if parts:
        return _side_by_side((part.column, part.width, part.csr_width) for part in parts)
    if rows.context:
        symbols = n_csr // rows.context
        return _side_by_side((f"{back} back", 0, symbols) for back in range(rows.context, 0, -1))
    names: Sequence[str] = rows.feature_names or [f"x{k}" for k in range(n_dense + n_csr)]
    return _side_by_side((name, int(k < n_dense), int(k >= n_dense)) for k, name in enumerate(names))


def find_block(blocks: Sequence[InputBlock], column: Any) -> InputBlock:
    """The block of a column.

    Raises:
        InputError: there is no such column.
    """
    names = [block.column for block in blocks]
    if column not in names:
        raise InputError(f'There is no column "{column}". {nearest(str(column), names)}')
    return blocks[names.index(column)]


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


class MixedRows:
    """Makes rows of which some blocks have the cells of other rows, always in the same memory.

    Parameters:
        inputs: the rows to make them of, (n, K).
        blocks: the columns with cells of other rows.

    >>> rows = Inputs(np.array([[1.0, 2.0], [3.0, 4.0]]))
    >>> MixedRows(rows, input_blocks(None, 2, 0)[1:]).make(np.array([0, 0]), np.array([0, 1])).dense.tolist()
    [[1.0, 2.0], [1.0, 4.0]]
    """

    def __init__(self, inputs: Inputs, blocks: Sequence[InputBlock]) -> None:
        self._inputs, self._entries = inputs, inputs.entries
        self._dense = [block.dense for block in blocks if block.dense != NOTHING]
        self._csr = [block.csr for block in blocks if block.csr != NOTHING]
        self._buffer = np.empty((min(ROWS_AT_ONCE, 4 * len(inputs)), inputs.n_dense), inputs.dense.dtype)

    def make(self, rows: NDArray[np.int64], sources: NDArray[np.int64]) -> Inputs:
        """Row `rows[i]` with the cells of row `sources[i]`, (m, K); valid until the next call."""
        source = self._inputs.dense
        if len(rows) > len(self._buffer):
            self._buffer = np.empty((len(rows), source.shape[1]), source.dtype)
        dense = self._buffer[: len(rows)]
        source.take(rows, axis=0, out=dense, mode="clip")  # this mode takes without a copy in between
        for columns in self._dense:
            dense[:, columns] = source[:, columns].take(sources, axis=0)
        csr = None if self._entries is None else self._entries[rows]
        for columns in self._csr:
            assert csr is not None
            assert self._entries is not None
            csr = with_columns_of(csr, self._entries, columns, sources)
        return Inputs(dense, csr)


def with_columns_of(rows: CSR, other: CSR, columns: slice, order: NDArray[np.int64]) -> CSR:
    """CSR rows with some columns of other rows: those of row `order[i]` of `other` in row i.

    >>> rows = CSR.from_dense(np.array([[1.0, 2.0, 3.0], [4.0, 0.0, 6.0]]))
    >>> with_columns_of(rows, rows, slice(1, 2), np.array([1, 0])).toarray().tolist()
    [[1.0, 0.0, 3.0], [4.0, 2.0, 6.0]]
    """
    permuted = other[order]
    if columns == slice(0, rows.n_columns):
        return permuted
    return rows.with_columns(columns, permuted.columns(columns.start, columns.stop))


def first_equal_rows(inputs: Inputs, blocks: Sequence[InputBlock]) -> NDArray[np.int64]:
    """For each row the first row with the same cells in the blocks, (n,); itself where a block has CSR inputs.

    >>> first_equal_rows(Inputs(np.array([[5.0], [7.0], [5.0]])), input_blocks(None, 1, 0)).tolist()
    [0, 1, 0]
    """
    index = np.arange(len(inputs))
    if any(block.csr != NOTHING for block in blocks) or not blocks:
        return index
    cells = np.concatenate([inputs.dense[:, block.dense] for block in blocks], axis=1)
    integers = np.ascontiguousarray(cells).view(f"u{cells.dtype.itemsize}").astype(np.uint64)
    factors = wide_bits(0, SAMPLE, 0, 0, cells.shape[1]) | np.uint64(1)
    _, first, code = np.unique(integers @ factors, return_index=True, return_inverse=True)
    equal = first[code]
    # Different cells may have one hash; then every row stands for itself.
    return equal if (cells[equal] == cells).all() else index
