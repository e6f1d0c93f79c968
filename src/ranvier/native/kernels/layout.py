"""Where the numbers of row buffers lie: row by row, or panel by panel with all rows of the batch in each."""

from __future__ import annotations

from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.scheduling.layouts import stride_of
from ranvier.native.scheduling.tiles import PANEL


def element_index(f: Function, buffer: Buffer, row: Value, column: Value, rows: Value) -> Value:
    """The place of a row, from a column on at which a panel begins.

    Parameters:
        rows: how many rows the batch has.
    """
    columns_before = f.multiply(column, rows) if buffer.kind == "panels" else column
    return f.add(f.multiply(row, stride_of(buffer)), columns_before)


def index_distance(f: Function, buffer: Buffer, panels: int, rows: Value, below: int = 0) -> Value | int:
    """The distance to a place so many panels further on, and so many rows further down."""
    rows_below = below * stride_of(buffer)
    if panels and buffer.kind == "panels":
        return f.add(f.multiply(rows, panels * PANEL), rows_below)
    return rows_below + panels * PANEL
