"""Which products take pairs, where the processor adds up two terms at once, and the buffers they read.

A pair is two neighbours along the sum, rounded to bfloat16, in the place of one float32: the first in the upper half.
So a product of pairs is a product of matrices of float32 with half as many terms, and lies in memory as that one:

    forward          x (B, K / 2)     times W (K / 2, N)        pairs of inputs
    data gradient    dz (B, N / 2)    times W' (N / 2, K)       pairs of outputs
    weight gradient  x' (K, B / 2)    times dz (B / 2, N)       pairs of rows of the batch

The odd one is followed by a zero. Weights in groups take no pairs: groups may begin within one.
"""

from __future__ import annotations

from dataclasses import replace

from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.lowered import ROUNDED, TRANSPOSED, WATCH, Lowered
from ranvier.native.lowering.steps import Back, Forward, Rounding, Step, WeightGradient, fields_of
from ranvier.records import record

OPERANDS: dict[type[Step], tuple[str, ...]] = {Forward: ("x",), Back: ("dz",), WeightGradient: ("x", "dz")}
"""The rows that a product reads; what else it reads is no pairs."""


def half(count: int) -> int:
    """How many pairs so many numbers make.

    >>> half(4), half(5)
    (2, 3)
    """
    return -(-count // 2)


def is_copy(buffer: Buffer) -> bool:
    """Whether a buffer is a copy of a weight that products read, and may hold pairs."""
    return buffer.name.partition(".")[0] in (ROUNDED, TRANSPOSED) and buffer.kind == "weight" and buffer.groups == 1


def copy_of_pairs(copy: Buffer) -> Buffer:
    """A copy of a weight, with pairs along the sums."""
    return replace(copy, kind="pairs", rows=half(copy.rows))


@record
class RoundedRows:
    """What becomes of rows that are rounded, and where.

    Fields: `writes_y`, as float32; `columns`, as pairs of columns; `rows`, as pairs of rows. None where nobody reads
    that.
    """

    writes_y: bool
    columns: bool
    rows: bool


def readers_of(lowered: Lowered, rounding: Rounding) -> RoundedRows:
    """How rounded rows are read."""
    writes_y, columns, rows = lowered.purpose == WATCH, False, False
    for step in lowered.steps[lowered.steps.index(rounding) + 1 :]:
        for name, value in fields_of(step):
            if value != rounding.y:
                continue
            is_operand = name in OPERANDS.get(type(step), ()) and takes_pairs(step)
            writes_y |= not is_operand
            columns |= is_operand and not isinstance(step, WeightGradient)
            rows |= is_operand and isinstance(step, WeightGradient)
    return RoundedRows(writes_y, columns, rows)


def takes_pairs(step: Step) -> bool:
    """Whether a step takes pairs where the processor has them."""
    if isinstance(step, Forward | Back):
        return step.matrix.groups == 1
    return isinstance(step, WeightGradient) and step.trained.value.groups == 1
