"""How buffers lie in memory: every inner loop walks along it. B rows of a batch, K inputs, N outputs of a layer.

    rows      (B, stride)             one batch row after the other; the stride keeps rows in different cache sets
    panels    (panels, B, 16)         the same panel by panel, for steps that read a panel of all rows
    weight    (panels, K', 16)        16 columns side by side, all K of them below each other; see `panel_rows`
    pairs     (panels, K', 16)        the same of K / 2 rows of pairs, see pairs.py
    table     (K, N')                 row by row, N' a multiple of 16
    vector    (panels, 16)
    column    (B,)
    cells     (count,)                anything else
    entries   (entries, columns)
    packing   (threads, B, columns)   each thread's own, for what it packs
    copies    (threads, B, stride)    rows of which each thread has all by itself

What a schedule adds to the buffers of lowering: a buffer of rows may lie by panels, partial sums become cells, and the
buffers that only this way of computing needs come at the end.

Groups of a weight are weights of their own, one after the other, each with panels of its own. Rows are not cut at
groups: a step that takes the last panel of a group leaves alone what lies beyond.
"""

from __future__ import annotations

from typing import TypeVar

from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.steps import Step, Trained, fields_of
from ranvier.native.scheduling.tiles import PANEL

T = TypeVar("T")
INDEX_PADDING = 1 + 8
"""What a row of the nonzero index list holds beside the indices: how many they are, and room for eight, which are
written at once."""
PER_THREAD = ("packing", "copies")
"""Kinds of buffers of which each thread has its own."""
MIN_SPREAD_ROWS = 128
"""Rows of a panel from which on another 16 are no great loss."""


def padded(columns: int) -> int:
    """The next multiple of 16.

    >>> padded(10), padded(16)
    (16, 16)
    """
    return -(-columns // PANEL) * PANEL


def row_stride(columns: int) -> int:
    """Numbers from one row to the next: an odd number of lines where rows would else fall on few cache sets.

    >>> row_stride(54), row_stride(256), row_stride(784)
    (64, 272, 784)
    """
    lines = padded(columns) // PANEL
    return (lines + (lines % 2 == 0 and lines >= 8)) * PANEL


def panel_rows(rows: int) -> int:
    """K', the rows of a panel of a weight of K rows: a multiple of 16.

    In a large weight it is an odd multiple, so that the same row of four neighbouring panels, which a tile reads and
    updates together, falls on four parts of a cache: with K' = 512 all would compete for the same eight lines of it.

    >>> panel_rows(54), panel_rows(512), panel_rows(784)
    (64, 528, 784)
    """
    panel_length = padded(rows)
    return panel_length + (panel_length % (2 * PANEL) == 0 and panel_length >= MIN_SPREAD_ROWS) * PANEL


def stride_of(buffer: Buffer) -> int:
    """Numbers from row to row (rows, panels, column, table), or from panel to panel (weight, vector)."""
    if buffer.kind == "table":
        return padded(buffer.columns)
    if buffer.kind in ("column", "vector", "panels"):
        return 1 if buffer.kind == "column" else PANEL
    return row_stride(buffer.columns) if buffer.kind in ("rows", "copies") else panel_rows(buffer.rows) * PANEL


def group_panels_of(buffer: Buffer) -> int:
    """How many panels of 16 columns a group has."""
    return padded(buffer.width) // PANEL


def panels_of(buffer: Buffer) -> int:
    """How many panels of 16 columns there are."""
    return buffer.groups * group_panels_of(buffer)


def size_of(buffer: Buffer, batch: int) -> int:
    """How many numbers a buffer holds, for a batch of so many rows.

    Of so many entries where it is for entries; of so many rows in all threads together where each has its own.
    """
    if buffer.kind in ("entries", "packing"):
        return batch * buffer.columns
    if buffer.kind == "panels":
        return batch * padded(buffer.columns)
    if buffer.kind in ("rows", "copies", "column"):
        return batch * stride_of(buffer)
    if buffer.kind == "table":
        return buffer.rows * stride_of(buffer)
    if buffer.kind == "cells":
        return buffer.columns
    padded_size = panels_of(buffer) * panel_rows(buffer.rows) * PANEL
    return padded_size if buffer.kind in ("weight", "pairs") else padded(buffer.columns)


def laid_out(part: T, layouts: dict[str, Buffer]) -> T:
    """A step, or something in it, with the buffers of these names in place of its own."""
    if isinstance(part, Buffer):
        return layouts.get(part.name, part)  # type: ignore[return-value]
    if isinstance(part, tuple):
        return tuple(laid_out(entry, layouts) for entry in part)  # type: ignore[return-value]
    if isinstance(part, Step | Trained):
        values = dict(fields_of(part))
        return type(part)(**{name: laid_out(value, layouts) for name, value in values.items()})
    return part
