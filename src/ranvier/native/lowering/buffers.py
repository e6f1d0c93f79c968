"""Buffers: the memory that steps work on, by what is in it. B rows of a batch, K inputs, N outputs of a layer.

    rows      (B, columns)            a row of numbers for each row of the batch
    column    (B,)                    a number for each row of the batch
    weight    (rows, columns)         a weight, or something of its shape
    table     (rows, columns)         a weight that meets sparse rows: each entry reads one of its rows
    vector    (columns,)              bias, scale and the like
    entries   (entries, columns)      some numbers for each entry of a batch of sparse rows
    partials  (any number,)           partial sums, as many as suits the one who adds them up

The weight of a layer of G groups holds G weights of (K / G, N / G): `rows` is K / G, `columns` is N. The part of a row
that belongs to group g begins at its first column.

How a buffer lies in memory is decided in `scheduling/layouts.py`.
"""

from __future__ import annotations

from ranvier.records import record


@record
class Buffer:
    """A piece of memory. `index` is its place among the buffers of a plan.

    Fields: `name`; `kind`, one of the list above; `rows` (of a table, or of one group of a weight, else 1); `columns`,
    of all groups together; `groups`, of a weight.
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
