"""Buffers and steps: what a plan is made of. B rows of a batch, K inputs, N outputs of a layer.

Memory is laid out so that every inner loop walks along it:

    rows     (B, stride)            one batch row after the other; the stride keeps rows in different cache sets
    panels   (panels, B, 16)        the same panel by panel, for steps that read a panel of all rows
    weight   (panels, K', 16)       16 columns side by side, all K of them below each other, K' a multiple of 16
    table    (K, N')                a weight whose rows are read one by one, N' a multiple of 16
    vector   (panels, 16)           bias, gain and the like
    column   (B,)                   one number a row
    cells    (count,)               anything else
    entries  (entries, columns)     for each entry of a batch of sparse rows
    bench    (threads, B, columns)  each thread's own, for what it packs

The weight of a layer of G groups is G weights, one after the other, each as if it were the only one: (K / G, N / G)
with panels of its own. Rows are not cut: the part of group g begins at its first column, wherever that is, and a step
that takes the last panel of a group leaves alone what lies beyond.

A `RowStep` treats rows independently, so threads share the rows out. A `ColumnStep` looks at all rows and is shared out
by columns, panels or tiles. Between the two kinds all threads wait for each other.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ranvier.native.plan.tiles import PANEL
from ranvier.network.activations import Activation
from ranvier.network.losses import Loss
from ranvier.network.parameters import Entry
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

        Of so many entries where it is for entries; of so many rows in all threads together where it is a bench.
        """
        if self.kind in ("entries", "bench"):
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


class Step:
    """Base of the steps."""

    __slots__ = ()


def parts(step: Step | Trained) -> list[tuple[str, Any]]:
    """The fields of a step: names and values."""
    return [(field.name, getattr(step, field.name)) for field in fields(step)]  # type: ignore[arg-type]


class RowStep(Step):
    """A step that treats rows independently."""

    __slots__ = ()


class ColumnStep(Step):
    """A step that looks at all rows."""

    __slots__ = ()


@record
class Gather(RowStep):
    """x[b] = inputs[order[b]], converted; bytes are divided by 255."""

    x: Buffer


@record
class Forward(RowStep):
    """z = x W + b, y = activation(z); `z` is None where nobody reads it.

    `block` is the length of the K-blocks, or 0. `packed` says whether rows are packed before they are read.
    `places` is where it is noted which x are not 0; None where zeros are never left out.
    """

    path: str
    x: Buffer
    weight: Buffer
    bias: Buffer | None
    y: Buffer | None
    z: Buffer | None
    activation: Activation
    block: int
    packed: bool
    places: Buffer | None = None


@record
class Back(RowStep):
    """dx = dz W', times the slope of the activation that made x where `slope` says one; `seen` is its z or y.

    `block` and `packed` as for Forward.
    """

    path: str
    dz: Buffer
    transposed: Buffer
    dx: Buffer
    slope: Activation | None
    seen: Buffer | None
    from_output: bool
    block: int
    packed: bool


@record
class Slope(RowStep):
    """dz = dy times the activation's slope, seen from its z or its y."""

    dy: Buffer
    seen: Buffer
    dz: Buffer
    activation: Activation
    from_output: bool


@record
class Drop(RowStep):
    """y = x m with m 0 or 1 / (1 - rate), drawn from (seed, step, layer); m is kept."""

    x: Buffer
    factors: Buffer
    y: Buffer
    rate: float
    layer: int


@record
class Multiply(RowStep):
    """y = a b, element by element, where b is a row buffer or a vector that all rows share."""

    a: Buffer
    b: Buffer
    y: Buffer


@record
class Add(RowStep):
    """y = a + b, element by element."""

    a: Buffer
    b: Buffer
    y: Buffer


@record
class NormalizeRow(RowStep):
    """n = (x - mean) / d over each row, y = gain n + shift; n and d are kept."""

    x: Buffer
    gain: Buffer
    shift: Buffer
    n: Buffer
    deviation: Buffer
    y: Buffer
    epsilon: float


@record
class NormalizeRowBack(RowStep):
    """dx = (dn - mean(dn) - n mean(dn n)) / d with dn = dy gain, over each row."""

    dy: Buffer
    gain: Buffer
    n: Buffer
    deviation: Buffer
    dx: Buffer


@record
class NormalizeColumn(RowStep):
    """n = (x - mean) / sqrt(variance + epsilon) column by column, y = gain n + shift; n may be None."""

    x: Buffer
    mean: Buffer
    variance: Buffer
    gain: Buffer
    shift: Buffer
    n: Buffer | None
    y: Buffer
    epsilon: float


@record
class NormalizeColumnBack(RowStep):
    """dx = gain (dy - dshift / B - n dgain / B) / d column by column, with dgain = sum dy n and dshift = sum dy."""

    dy: Buffer
    n: Buffer
    gain: Buffer
    variance: Buffer
    dgain: Buffer
    dshift: Buffer
    dx: Buffer
    epsilon: float


@record
class Rounding(RowStep):
    """y = x rounded to bfloat16; both may be one buffer."""

    x: Buffer
    y: Buffer


@record
class LossStep(RowStep):
    """Row losses from z (or y where the last layer has no activation), and dz of each row times its share."""

    z: Buffer
    dz: Buffer | None
    losses: Buffer
    loss: Loss
    activation: Activation


@record
class Answer(RowStep):
    """outputs[b] = activation(z[b]), packed without padding."""

    z: Buffer
    activation: Activation


@record
class ColumnStatistics(ColumnStep):
    """Mean and biased variance of every column over the batch, summed in row order."""

    x: Buffer
    mean: Buffer
    variance: Buffer


@record
class ColumnSums(ColumnStep):
    """sums = sum over the rows of a, or of a b, in row order."""

    a: Buffer
    b: Buffer | None
    sums: Buffer


@record
class Trained:
    """A trained piece of the state: its table entry and buffers.

    `transposed` is the copy that data gradients read; `gradient` where the gradient goes when it is not used at once;
    `rounded` what products read where that is not the value itself, and what the transposed copy then copies.
    """

    entry: Entry
    value: Buffer
    slots: tuple[Buffer, ...]
    transposed: Buffer | None = None
    gradient: Buffer | None = None
    rounded: Buffer | None = None


@record
class WeightGradient(ColumnStep):
    """g = x' dz, summed in row order, plus penalties; then the update, or g is stored.

    `block`: the rows of the weight that a unit of work takes. `part`: the rows of the batch that it takes at once, so
    that their errors stay in the L1 cache; 0 for all. `far`: what the batch left for it does not stay in the L2 cache.
    `packed`: the inputs of a block are packed before they are read.
    """

    path: str
    x: Buffer
    dz: Buffer
    trained: Trained
    store: bool
    block: int
    part: int
    far: bool
    packed: bool


@record
class VectorGradient(ColumnStep):
    """g = sum over the rows of a, or of a b; then the update, or g is stored."""

    a: Buffer
    b: Buffer | None
    trained: Trained
    store: bool


@record
class Norm(ColumnStep):
    """The sum of squares of all gradients, panel by panel into `partial`."""

    trained: tuple[Trained, ...]
    partial: Buffer


@record
class Update(ColumnStep):
    """The update from stored gradients, scaled down so that their norm is at most `largest`, where that is a number.

    `partial` are their sums of squares, panel by panel; `squares` those of a weight of sparse rows, where there is one.
    """

    trained: tuple[Trained, ...]
    partial: Buffer | None = None
    largest: float | None = None
    squares: Buffer | None = None


@record
class RunningStatistics(ColumnStep):
    """running = momentum running + (1 - momentum) batch, for a mean or a variance."""

    running: Buffer
    batch: Buffer
    momentum: float


@record
class LossSum(ColumnStep):
    """The loss of the batch: the weighted mean of the row losses, in row order, in float64."""

    losses: Buffer
