"""Buffers: the memory that steps work on. B rows of a batch, K inputs, N outputs of a layer.

Memory is laid out so that every inner loop walks along it:

    rows     (B, stride)            one batch row after the other; the stride keeps rows in different cache sets
    panels   (panels, B, 16)        the same panel by panel, for steps that read a panel of all rows
    weight   (panels, K', 16)       16 columns side by side, all K of them below each other, K' a multiple of 16
    table    (K, N')                a weight whose rows are read one by one, N' a multiple of 16
    vector   (panels, 16)           bias, gain and the like
    column   (B,)                   one number a row
    cells    (count,)               anything else
    entries  (entries, columns)     for each entry of a batch of sparse rows
    packing  (threads, B, columns)  a packing buffer for each thread

The weight of a layer of G groups is G weights, one after the other, each as if it were the only one: (K / G, N / G)
with panels of its own. Rows are not cut: the part of group g begins at its first column, wherever that is, and a step
that takes the last panel of a group leaves alone what lies beyond.
"""

from __future__ import annotations

from ranvier.native.scheduling.tiles import PANEL
from ranvier.records import record

BESIDE_PLACES = 1 + 8
"""What a row of places holds beside them: how many they are, and room for eight, which are written at once."""


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


@record
class Buffer:
    """A piece of memory. `index` is its place among the pointers the code is given.

    Fields: `name`; `kind`, one of the list above; `rows` (K of a table or of one group of a weight, else 1);
    `columns`, of all groups together; `groups`, of a weight.
    """

    name: str
    index: int
    kind: str
    columns: int
    rows: int = 1
    groups: int = 1

    @property
    def width(self) -> int:
        """The columns of a group."""
        return self.columns // self.groups

    @property
    def stride(self) -> int:
        """Numbers from row to row (rows, panels, column, table), or from panel to panel (weight, vector)."""
        if self.kind == "table":
            return padded(self.columns)
        if self.kind in ("column", "vector", "panels"):
            return 1 if self.kind == "column" else PANEL
        return row_stride(self.columns) if self.kind == "rows" else padded(self.rows) * PANEL

    @property
    def group_panels(self) -> int:
        """How many panels of 16 columns a group has."""
        return padded(self.width) // PANEL

    @property
    def panels(self) -> int:
        """How many panels of 16 columns there are."""
        return self.groups * self.group_panels

    def size(self, batch: int) -> int:
        """How many numbers it holds, for a batch of so many rows.

        For entries: a batch of so many entries. For packing buffers: so many rows in all threads together.
        """
        if self.kind in ("entries", "packing"):
            return batch * self.columns
        if self.kind == "panels":
            return batch * padded(self.columns)
        if self.kind in ("rows", "column"):
            return batch * self.stride
        if self.kind == "table":
            return self.rows * self.stride
        if self.kind == "cells":
            return self.columns
        return self.panels * padded(self.rows) * PANEL if self.kind == "weight" else padded(self.columns)
