"""The encoders of all columns of a table together: many rows column by column, a single row cell by cell.

Columns are read first, one number a cell where their kind allows it; then features are written, block of rows by block
of rows. Where the features of all rows would take too much memory, the numbers are kept, and features are written for
the rows that a network reads next.

B is the number of rows, C the number of columns. The columns become D inputs in a dense block and S in a CSR block.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells.parsing import NeedsColumnParser
from ranvier.data.column_threads import map_row_blocks
from ranvier.data.encoders.column import CellColumns, CellEncoder, ColumnEncoder, ColumnGroup, Writer
from ranvier.data.encoders.row_blocks import row_blocks
from ranvier.rows import CSR, Inputs
from ranvier.rows.csr_later import CSRLater
from ranvier.rows.deferred import Deferred

MAX_BYTES = 1 << 31
"""Features of all rows that would take more are deferred: computed again whenever rows are read."""


class ColumnConcat:
    """Encodes rows with one encoder for each column, the encoders of a class in one group.

    Parameters:
        encoders: the encoders of the columns, in the order of their inputs.

    >>> from ranvier.data.encoders.category import CategoryEncoder
    >>> from ranvier.data.encoders.number import NumberEncoder
    >>> concat = ColumnConcat([NumberEncoder("age", 40.0, 10.0, False), CategoryEncoder("sex", ("Male", "Female"))])
    >>> concat.encode_row([40, "Female"]).tolist()
    [[0.0, 0.0, 1.0, 0.0, 0.0]]
    >>> concat.encode([pl.Series("age", [40]), pl.Series("sex", ["?"])]).tolist()
    [[0.0, 0.0, 0.0, 0.0, 1.0]]
    """

    def __init__(self, encoders: Iterable[ColumnEncoder]) -> None:
        encoders = tuple(encoders)
        members: dict[type[ColumnEncoder], list[tuple[int, int, ColumnEncoder]]] = {}
        start = 0
        for index, encoder in enumerate(encoders):
            members.setdefault(type(encoder), []).append((index, start, encoder))
            start += encoder.width
        self._n_dense = start
        self._as_bytes = bool(encoders) and all(encoder.as_bytes for encoder in encoders)
        self._csr = [(index, encoder) for index, encoder in enumerate(encoders) if encoder.csr_width]
        groups = [
            ([index for index, _, _ in group], kind.group([(first, encoder) for _, first, encoder in group]))
            for kind, group in members.items()
        ]
        self._groups: list[tuple[list[int], ColumnGroup]] = groups
        self._of_cells = [(indices, group) for indices, group in groups if isinstance(group, CellColumns)]
        self._others = [(indices, group) for indices, group in groups if not isinstance(group, CellColumns)]
        self._has_others = any(not isinstance(encoder, CellEncoder) and encoder.width for encoder in encoders)
        self._encoders = encoders

    @property
    def width(self) -> int:
        """D, the number of dense inputs."""
        return self._n_dense

    def encode(
        self, columns: Sequence[pl.Series], dtype: Any = np.float32, max_bytes: int | None = None, later: bool = False
    ) -> NDArray[Any] | Inputs:
        """The inputs of many rows: an array (B, D); `Inputs` where an encoder has CSR features, or some are deferred.

        Parameters:
            columns: one for each encoder.
            dtype: of the dense block, float32 or float64.
            max_bytes: how large the dense block may be; a larger one is deferred where each cell is one number. None
                for `MAX_BYTES`.
            later: whether the CSR block is made when it is first read; cells are checked now.

        Raises:
            DataError: a cell is not of its column's kind.
        """
        rows = len(columns[0])
        values = [group.read([columns[index] for index in indices]) for indices, group in self._of_cells]
        max_bytes = MAX_BYTES if max_bytes is None else max_bytes
        deferred = not self._has_others and rows * self._n_dense * np.dtype(dtype).itemsize > max_bytes
        out: NDArray[Any] | Deferred
        if deferred and self._n_dense:
            cells = stored_cells([cell for group in values for cell in group])
            out = Deferred(cells, np.arange(rows, dtype=np.int64), self, np.dtype(dtype))
        else:
            out = np.zeros((rows, self._n_dense), np.uint8 if self._as_bytes else dtype)
            self._write(values, out)
            for indices, group in self._others:
                group.encode([columns[index] for index in indices], out)
        if not self._csr:
            return Inputs(out) if isinstance(out, Deferred) else out
        blocks = [encoder.encode_csr_later(columns[index]) for index, encoder in self._csr]
        waiting = CSRLater(rows, sum(block.n_columns for block in blocks), partial(_side_by_side, blocks))
        return Inputs(out, waiting if later else waiting.in_memory())

    def _write(self, values: Sequence[Sequence[NDArray[Any]]], out: NDArray[Any]) -> None:
        """Write the features of cells that were read over the zeros in `out`."""
        writers: list[Writer] = [group.writer(cells) for (_, group), cells in zip(self._of_cells, values, strict=True)]

        def write(rows: slice) -> None:
            for write_group in writers:
                write_group(rows, out[rows])

        map_row_blocks(write, row_blocks(len(out)), out.size)

    def expand(self, cells: NDArray[Any], index: NDArray[np.int64], dtype: np.dtype[Any]) -> NDArray[Any]:
        """The dense inputs of some rows of the cells that were stored, (len(index), D); see `rows.deferred`."""
        out = np.zeros((len(index), self._n_dense), dtype)

        def write(rows: slice) -> None:
            columns = iter(np.ascontiguousarray(cells.take(index[rows], axis=0).T, np.float64))
            block, all_rows = out[rows], slice(None)
            for indices, group in self._of_cells:
                group.writer([next(columns) for _ in indices])(all_rows, block)

        map_row_blocks(write, row_blocks(len(index)), out.size)
        return out

    def arrays(self) -> list[NDArray[Any]]:
        """What says which inputs are made of stored cells: the encoders, as bytes."""
        described = json.dumps([encoder.to_dict() for encoder in self._encoders], sort_keys=True)
        return [np.frombuffer(described.encode(), np.uint8)]

    def encode_row(self, cells: Sequence[Any], dtype: Any = np.float32) -> NDArray[Any] | Inputs | None:
        """The inputs of one row, bit-identical to those of `encode`; None where a cell needs a column parser.

        Parameters:
            cells: one for each encoder.
            dtype: of the dense block, float32 or float64.
        """
        out = np.zeros((1, self._n_dense), np.uint8 if self._as_bytes else dtype)
        try:
            for indices, group in self._groups:
                group.encode_row([cells[index] for index in indices], out[0])
            if not self._csr:
                return out
            return Inputs(out, CSR.hstack([encoder.encode_cell_csr(cells[index]) for index, encoder in self._csr]))
        except NeedsColumnParser:
            return None


def _side_by_side(blocks: list[CSRLater]) -> CSR:
    """The blocks of all columns as one."""
    return CSR.hstack([block.in_memory() for block in blocks])


def stored_cells(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Columns of numbers (B,) as rows (B, C) of float32 where that keeps all of them as they are, else of float64.

    >>> stored_cells([np.array([0.5, np.nan]), np.array([1, 2])]).dtype
    dtype('float32')
    """
    exact = all(_is_float32(column) for column in columns)
    cells = np.empty((len(columns[0]), len(columns)), np.float32 if exact else np.float64)
    for rows in row_blocks(len(cells)):  # which stay in a cache while all columns are written
        for at, column in enumerate(columns):
            cells[rows, at] = column[rows]
    return cells


def _is_float32(column: NDArray[Any]) -> bool:
    """Whether all numbers of a column are numbers of float32."""
    parts = (column[rows] for rows in row_blocks(len(column)))
    with np.errstate(over="ignore"):
        return all(np.array_equal(part, part.astype(np.float32), equal_nan=True) for part in parts)
