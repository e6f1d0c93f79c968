"""Pairs of bfloat16, which processors with a dot product of them read: rows and weights, rounded and put side by side.

    pairs of columns      x[b][2k], x[b][2k + 1]          of neighbours in a row: what forward and data gradient read
    pairs of rows         x[2b][k], x[2b + 1][k]          of neighbours below each other: what weight gradients read

`scheduling/pairs.py` says what they are for. The first of a pair is in the upper half of 32 bits: the instruction takes
it first.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ranvier.engine.bfloat16 import SMALLEST
from ranvier.native.kernels.bfloat16 import to_bfloat16
from ranvier.native.kernels.body import Body
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.row_vectors import masked, tail_mask
from ranvier.native.kernels.transpose import SIDE, turned
from ranvier.native.kernels.values import TRUE, Value
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.steps import Trained
from ranvier.native.scheduling.layouts import stride_of
from ranvier.native.scheduling.packing import LOW
from ranvier.native.scheduling.scheduled import ScheduledRounding
from ranvier.native.scheduling.tiles import PANEL

BOTH = 2 * PANEL
"""Numbers that are rounded at once."""
SMALLEST_BITS = int(np.float32(SMALLEST).view(np.uint32)) >> LOW
"""The smallest operand, as bfloat16."""


def rounded_both(f: Function, first: Value, second: Value) -> Value:
    """The numbers of two vectors (16,), one after the other, as bfloat16."""
    converted = f.call("llvm.x86.avx512bf16.cvtne2ps2bf16.512", second, first, result=f"<{BOTH} x bfloat>")
    bits = f.emit(f"<{BOTH} x i16>", f"bitcast {converted.typed} to <{BOTH} x i16>", "bits")
    without_sign, zero = f.bitwise("shl", bits, 1), f.constant(0, bits.type)
    return f.select(f.compare("ult", without_sign, SMALLEST_BITS << 1, "small"), zero, bits, "kept")


def neighbours(f: Function, numbers: Value) -> Value:
    """The pairs of neighbours of 32 numbers."""
    return _pairs(f, f.shuffle(numbers, None, [number ^ 1 for number in range(BOTH)]))


def one_below_the_other(f: Function, above: Value, below: Value, part: int) -> Value:
    """Pairs of the numbers at the same position of two rows: of the first 16 columns, or of the second."""
    lanes = range(part * PANEL, (part + 1) * PANEL)
    return _pairs(f, f.shuffle(below, above, [number for lane in lanes for number in (lane, BOTH + lane)]))


def first_with_second(f: Function, numbers: Value) -> Value:
    """Pairs of the first 16 numbers with the second 16."""
    return _pairs(f, f.shuffle(numbers, None, [number for lane in range(PANEL) for number in (lane + PANEL, lane)]))


def _pairs(f: Function, numbers: Value) -> Value:
    return f.emit(f.module.vector, f"bitcast {numbers.typed} to {f.module.vector}", "pairs")


# Rows


def call_rounding(body: Body, scheduled: ScheduledRounding, first: Value, stop: Value) -> None:
    """Call the rounding of some rows, written by the first call."""
    name = body.name("rounding", scheduled, write_rounding, scheduled)
    buffers = (scheduled.step.x, scheduled.step.y, scheduled.columns, scheduled.rows)
    body.f.call(name, *(body.at(buffer) for buffer in buffers), first, stop)


def write_rounding(module: Emitter, name: str, scheduled: ScheduledRounding) -> None:
    """Write `(x, y, columns, rows, i64 from, i64 to)`; where pairs of rows are made, `from` is even."""
    pointers = dict.fromkeys(("x", "y", "columns", "rows"), "ptr")
    with write_function(module, name, {**pointers, "from": "i64", "to": "i64"}) as f:
        x, *made, first, stop = f.parameters
        step = scheduled.step
        buffers = (step.y if scheduled.writes_y else None, scheduled.columns, scheduled.rows)
        writer = PairsOfRows(f, step.x.columns, tuple(made), buffers)

        def rows(row: Value, count: int) -> None:
            def number(r: int, column: Value, width: int) -> Value:
                at = f.add(f.multiply(f.add(row, r), stride_of(step.x)), column)
                return masked(f, f.load(f.pointer(x, at)), tail_mask(width) if width < PANEL else None)

            writer.write(row, count, number)

        if scheduled.rows is not None:
            by_twos(f, first, stop, rows)
        else:
            with f.loop(first, stop, name="b") as loop:
                rows(loop.index, 1)


def by_twos(f: Function, first: Value, stop: Value, body: Callable[[Value, int], None]) -> None:
    """Loop over rows, two at a time; the last one may be alone. The body gets the first one and how many they are."""
    with f.loop(first, stop, 2, name="b") as loop:
        two = f.compare("slt", f.add(loop.index, 1), stop, "two")
        with f.when(two, name="two"):
            body(loop.index, 2)
        with f.when(f.bitwise("xor", two, TRUE), name="one"):
            body(loop.index, 1)


class PairsOfRows:
    """Writes what becomes of one or two rows.

    Parameters:
        width: how many columns they have.
        pointers, buffers: where they go as float32, as pairs of columns and as pairs of rows; None for nowhere.
    """

    def __init__(
        self, f: Function, width: int, pointers: tuple[Value, ...], buffers: tuple[Buffer | None, ...]
    ) -> None:
        self.f, self.width, self.pointers, self.buffers = f, width, pointers, buffers

    def write(self, row: Value, count: int, number: Callable[[int, Value, int], Value]) -> None:
        """Write the loop over the columns of so many rows.

        Parameters:
            number: gives 16 numbers of one of the rows from a column on, of which so many are real and others 0.
        """
        f = self.f
        full_columns = self.width // BOTH * BOTH
        if full_columns:
            with f.loop(0, full_columns, BOTH, name="column") as loop:
                self._part(row, count, loop.index, BOTH, number)
        if self.width > full_columns:
            self._part(row, count, f.i64(full_columns), self.width - full_columns, number)

    def _part(
        self, row: Value, count: int, column: Value, width: int, number: Callable[[int, Value, int], Value]
    ) -> None:
        """Up to 32 columns."""
        f, zero, (y, columns, rows) = self.f, self.f.constant(0.0), self.buffers
        panels = range(0, width, PANEL)
        numbers = [[number(r, f.add(column, p), min(width - p, PANEL)) for p in panels] for r in range(count)]
        both = [rounded_both(f, *parts, *[zero] * (2 - len(panels))) for parts in numbers]
        for r, bits in enumerate(both if columns else []):
            self._store(neighbours(f, bits), 1, f.add(row, r), f.bitwise("lshr", column, 1))
        for part, p in enumerate(panels):
            at = f.add(column, p)
            rounded = [] if rows else [to_bfloat16(f, parts[part]) for parts in numbers]
            if rows:
                below = both[1] if count > 1 else f.constant(0, both[0].type)
                pairs = one_below_the_other(f, both[0], below, part)
                self._store(pairs, 2, f.bitwise("lshr", row, 1), at)
                rounded = halves(f, pairs)[:count]
            for r, values in enumerate(rounded if y else []):
                self._store(values, 0, f.add(row, r), at)

    def _store(self, values: Value, number: int, row: Value, column: Value) -> None:
        f, buffer = self.f, self.buffers[number]
        assert buffer is not None
        f.store(values, f.pointer(self.pointers[number], f.add(f.multiply(row, stride_of(buffer)), column)))


def halves(f: Function, pairs: Value) -> list[Value]:
    """The first and the second numbers of pairs, as float32."""
    bits = f.cast("bitcast", pairs, "i32")
    upper, lower = f.bitwise("and", bits, -1 << LOW), f.bitwise("shl", bits, LOW)
    return [f.cast("bitcast", part, "float") for part in (upper, lower)]


# Weights


def holds_pairs(trained: Trained) -> bool:
    """Whether the copies of a weight hold pairs."""
    return any(copy is not None and copy.kind == "pairs" for copy in (trained.rounded, trained.transposed))


def copy_pairs(
    f: Function,
    trained: Trained,
    panel: Value,
    rows: tuple[Value, Value],
    pointers: tuple[Value, Value, Value],
) -> None:
    """Copy rows of a panel of a weight into its copies, as pairs: of rows into the rounded one, else of columns.

    Parameters:
        rows: the first one, a multiple of 8, and the one after the last.
        pointers: to the weight and to both copies, each from its first panel on.
    """
    value, rounded, transposed = pointers
    source = f.pointer(value, f.multiply(panel, stride_of(trained.value)))
    with f.loop(*rows, SIDE, name="side") as loop:
        at = f.pointer(source, f.multiply(loop.index, PANEL))
        numbers = [f.load(f.pointer(at, r * PANEL), name="w") for r in range(SIDE)]
        both = [rounded_both(f, numbers[r], numbers[r + 1]) for r in range(0, SIDE, 2)]
        if trained.rounded is not None:
            start = f.add(f.multiply(panel, stride_of(trained.rounded)), f.multiply(loop.index, PANEL // 2))
            for r, bits in enumerate(both):
                f.store(first_with_second(f, bits), f.pointer(rounded, f.add(start, r * PANEL)))
        if trained.transposed is not None:
            inside = f.bitwise("and", loop.index, PANEL - 1)
            start = f.multiply(f.bitwise("lshr", loop.index, PANEL.bit_length() - 1), stride_of(trained.transposed))
            to = f.pointer(transposed, f.add(f.add(start, f.multiply(panel, PANEL // 2 * PANEL)), inside))
            for c, column in enumerate(turned(f, _rows_of_neighbours(f, both))):
                f.store(column, f.pointer(to, c * PANEL))


def _rows_of_neighbours(f: Function, both: list[Value]) -> list[Value]:
    """The pairs of neighbours of eight rows, (8,) each, given two by two."""
    pairs = [neighbours(f, bits) for bits in both]
    return [f.shuffle(part, None, range(start, start + SIDE)) for part in pairs for start in (0, SIDE)]
