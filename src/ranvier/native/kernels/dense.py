"""Dense layers, forward and data gradient: rows of the batch times panels of the weight.

    for each run of row tiles of height h (see tile.segments):
        for each v panels p of the weight:
            for each tile of h rows:
                accumulators = bias (forward) or 0 (data gradient)
                contract over all K
                forward:        y = activation(accumulator); z = accumulator, if it is read later
                data gradient:  dx = accumulator, times the derivative of the previous activation

If many panels read the rows, these are packed (packed.py); then all runs are inside of the loop over panels.

If a panel of all K does not stay in the cache beside the rows, K is cut into blocks. Between blocks the accumulators
are stored in y, which changes no bit.

Threads share the rows, or the panels: then each thread computes all rows for its own panels.

Groups are separate products, one after the other. If a group does not fill its last panel, the next columns belong to
the next group: they are neither read as a bias nor written.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from dataclasses import replace

from ranvier.native.kernels.bfloat16 import start_of_sums
from ranvier.native.kernels.cancellation import unless_requested
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.formulas import activate, derivative_factor
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.layout import element_index, index_distance
from ranvier.native.kernels.outputs import output_buffers, positive_zero
from ranvier.native.kernels.packed import pack_rows
from ranvier.native.kernels.row_vectors import tail_mask
from ranvier.native.kernels.tile import (
    Interleaved,
    Strides,
    Tile,
    contract,
    lanes_for,
    panel_loops,
    segments,
    shared_panel_loops,
)
from ranvier.native.kernels.values import TRUE, Value
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.steps import Forward
from ranvier.native.scheduling.layouts import group_panels_of, stride_of
from ranvier.native.scheduling.scheduled import ScheduledProduct
from ranvier.native.scheduling.tiles import PANEL, Registers


class Product:
    """Writes one function `(ptr a, ptr weight, ptr bias, ptr out, ptr extra, i64 rows, i64 from, i64 to)`.

    If threads share panels, `i64 from_panel, i64 to_panel` follow; if rows are packed, `ptr packed`; if the step can be
    cancelled, `ptr cancel_requested` is last.

    Parameters:
        heights: of the tiles, descending to 1.
        scheduled: the product, and how it runs.

    `a` and `out` are the row buffers that go in and out, `matrix` the panels, `length` the terms of each sum, K.
    """

    part: tuple[Value, Value]
    """Whether a K-block is the first one, and whether it is the last one."""

    def __init__(
        self, f: Function, registers: Registers, heights: tuple[int, ...], scheduled: ScheduledProduct
    ) -> None:
        self.f, self.registers, self.heights, self.scheduled = f, registers, heights, scheduled
        self.step = step = scheduled.step
        forward = isinstance(step, Forward)
        self.a: Buffer = step.x if isinstance(step, Forward) else step.dz
        self.matrix = step.matrix
        self.out, self.extra_buffer = (
            output_buffers(step) if isinstance(step, Forward) else (step.dx, step.derivative_input)
        )
        self.length = self.matrix.rows
        self.forward = forward
        self.a_pointer, self.weight, self.bias, self.out_pointer, self.extra, *rest = f.parameters
        self.rows, self.first, self.stop = (rest.pop(0) for _ in range(3))
        self.panel_range = (rest.pop(0), rest.pop(0)) if scheduled.split_n else None
        self.packed = rest.pop(0) if scheduled.packed else None
        self.cancel_requested = rest.pop(0) if rest else None
        self.strides = Strides(stride_of(self.a), 1, stride_of(self.matrix), PANEL)
        self.panels = group_panels_of(self.matrix)
        ragged = self.matrix.groups > 1 and self.matrix.width % PANEL
        self.tail = tail_mask(self.matrix.width) if ragged else None

    def write(self) -> None:
        """Write the loops."""
        f, panels = self.f, self.matrix
        if panels.groups == 1:
            self.group()
            return
        with f.loop(0, panels.groups, name="group") as loop:
            first = f.multiply(loop.index, panels.width, "first")
            saved = self.a_pointer, self.weight, self.bias, self.out_pointer, self.extra
            self.a_pointer = f.pointer(self.a_pointer, f.multiply(loop.index, self.length))
            self.weight = f.pointer(self.weight, f.multiply(loop.index, group_panels_of(panels) * stride_of(panels)))
            self.bias, self.out_pointer, self.extra = (f.pointer(at, first) for at in saved[2:])
            self.group()

    def group(self) -> None:
        """The product of the group that the pointers point to."""
        f, block = self.f, self.scheduled.k_block
        if not block or self.length <= block:
            self.runs(f.i64(0), f.i64(self.length), all_terms=True)
            return
        with f.loop(0, self.length, block, name="block") as loop:
            left = f.subtract(f.i64(self.length), loop.index)
            self.part = f.compare("eq", loop.index, 0, "first"), f.compare("sle", left, block, "last")
            self.runs(loop.index, f.intrinsic("smin", left, f.i64(block)), all_terms=False)

    def runs(self, k: Value, length: Value, all_terms: bool) -> None:
        """One pass over all tiles, for the terms k to k + length.

        Packed rows are all packed first, and all of them read a panel before the next panel is read.
        """
        f = self.f
        if self.packed is None:
            for run in segments(f, self.first, self.stop, self.heights):
                self.panel_loop(run[0], functools.partial(self.tiles, run, (k, length), all_terms))
            return
        for height, first, end in segments(f, self.first, self.stop, self.heights):
            pack_rows(
                f, self.packed_at(first, length), (self.a_pointer, self.a, self.rows), (first, end, height), (k, length)
            )

        def all_tiles(panel: Value, count: int) -> None:
            for run in segments(f, self.first, self.stop, self.heights):
                self.tiles(run, (k, length), all_terms, panel, count)

        self.panel_loop(self.heights[0], all_tiles)

    def packed_at(self, row: Value, length: Value) -> Value:
        """Where a row is packed; all rows before it are, too."""
        assert self.packed is not None
        return self.f.pointer(self.packed, self.f.multiply(self.f.subtract(row, self.first), length), name="rows")

    def panel_loop(self, height: int, body: Callable[[Value, int], None]) -> None:
        """Loop over this thread's panels, as many of them at once as suit tiles of a height."""
        if self.panel_range is None:
            at_once, apart = self.registers.panels(height), self.tail is not None
            panel_loops(self.f, self.panels, height, at_once, body, apart=apart)
            return
        grain = self.scheduled.split_n
        at_once, ragged = self.registers.shared_panels(height, grain), self.panels % grain > 0
        shared_panel_loops(self.f, self.panel_range, height, at_once, ragged, body)

    def tiles(
        self, run: tuple[int, Value, Value], terms: tuple[Value, Value], all_terms: bool, panel: Value, count: int
    ) -> None:
        """The tiles of a run of rows in some panels."""
        f, (height, first, end), (k, length) = self.f, run, terms
        column = f.multiply(panel, PANEL, "column")
        at = f.add(f.multiply(panel, self.strides.b_panel), f.multiply(k, PANEL))
        b = f.pointer(self.weight, at, name="panel")
        with unless_requested(f, self.cancel_requested), f.loop(first, end, height, name="row") as loop:
            row = loop.index
            if self.packed is None:
                a = f.pointer(self.a_pointer, f.add(f.multiply(row, stride_of(self.a)), k), name="rows")
            else:
                a = self.packed_at(row, length)
            out = f.pointer(self.out_pointer, self.element_index(self.out, row, column), name="out")
            tail = self.tail is not None and panel.is_constant
            start = self.beginning(column, out, (height, count), all_terms, tail)
            strides = self.strides if self.packed is None else replace(self.strides, a_row=1, a_k=height)
            following = None
            if self.packed is not None and height == self.heights[0]:
                per_tile = f.divide(f.multiply(length, height), f.subtract(end, first), "per_tile")
                following = self.following(b, count, f.divide(f.subtract(row, first), height), per_tile)
            accumulators = contract(f, a, b, strides, length, start, following, self.scheduled.pairs)
            self.end(accumulators, row, column, out, all_terms, tail)

    def following(self, b: Value, count: int, tile: Value, per_tile: Value) -> Interleaved:
        """Prefetching a part of the panels after these `count` ones, on the way; all tiles together prefetch all."""
        f = self.f

        def work(number: Value, part: int, parts: int) -> None:
            row = f.pointer(b, f.multiply(number, PANEL))
            for p in range(part, count, parts):
                f.prefetch(f.pointer(row, (count + p) * stride_of(self.matrix)))

        return Interleaved(f.multiply(tile, per_tile), f.multiply(f.add(tile, 1), per_tile), work)

    def element_index(self, buffer: Buffer, row: Value, column: Value) -> Value:
        return element_index(self.f, buffer, row, column, self.rows)

    def index_distance(self, buffer: Buffer, panel: int, row: int) -> Value | int:
        return index_distance(self.f, buffer, panel, self.rows, row)

    def start(self, column: Value, tail: bool = False) -> Value:
        """The first value of an accumulator; `tail`: in the last panel of a group, which the group does not fill."""
        f = self.f
        if self.forward and isinstance(self.step, Forward) and self.step.bias is not None:
            at = f.pointer(self.bias, column)
            # Beyond the last group there may be no memory.
            bias = f.masked_load(at, self.tail, f.constant(0.0)) if tail and self.tail else f.load(at, name="bias")
            return start_of_sums(f, bias) if self.step.bfloat16 else bias
        return f.constant(0.0)

    def store(self, value: Value, pointer: Value, tail: bool) -> None:
        """Store 16 columns; in a tail only those of the group."""
        if tail and self.tail:
            self.f.masked_store(value, pointer, self.tail)
        else:
            self.f.store(value, pointer)

    def beginning(self, column: Value, out: Value, tile: tuple[int, int], all_terms: bool, tail: bool) -> Tile:
        """The first values of the accumulators; those stored before are loaded, and the next tile's prefetched."""
        f, (height, panels) = self.f, tile
        if all_terms:
            return [self.starts(column, panels, tail)] * height
        for r in range(height, 2 * height):
            for p in range(panels):
                f.prefetch(f.pointer(out, self.index_distance(self.out, p, r)), write=True)
        row = self.starts(column, panels, tail)
        with f.when(f.bitwise("xor", self.part[0], TRUE), name="later", carried=row * height) as later:
            positions = itertools.product(range(height), range(panels))
            later.carry(*(f.load(f.pointer(out, self.index_distance(self.out, p, r)), name="c") for r, p in positions))
        return [list(later.results[r * panels : (r + 1) * panels]) for r in range(height)]

    def starts(self, column: Value, panels: int, tail: bool) -> list[Value]:
        """The first values of a row of accumulators."""
        f, last = self.f, panels - 1 if tail else panels
        return [self.start(f.add(column, p * PANEL) if p else column, p == last) for p in range(panels)]

    def end(self, accumulators: Tile, row: Value, column: Value, out: Value, all_terms: bool, tail: bool) -> None:
        """Store what comes out of accumulators; those that are not complete as they are."""
        f = self.f
        if all_terms:
            self.store_tile(accumulators, (row, column), out, True, tail)
            return
        with f.when(self.part[1], name="complete"):
            self.store_tile(accumulators, (row, column), out, True, tail)
        with f.when(f.bitwise("xor", self.part[1], TRUE), name="incomplete"):
            self.store_tile(accumulators, (row, column), out, False, tail)

    def store_tile(
        self, accumulators: Tile, position: tuple[Value, Value], out: Value, complete: bool, tail: bool
    ) -> None:
        f, extra, extra_at = self.f, self.extra_buffer, None
        if complete and extra is not None:
            extra_at = f.pointer(self.extra, self.element_index(extra, *position), name="beside")
        for r, values in enumerate(accumulators):
            for p, value in enumerate(values):
                last = tail and p == len(values) - 1
                result = value
                if complete:
                    at = f.pointer(extra_at, self.index_distance(extra, p, r)) if extra and extra_at else None
                    result = self.finish(value, at, last)
                self.store(result, f.pointer(out, self.index_distance(self.out, p, r)), last)

    def finish(self, value: Value, extra_at: Value | None, tail: bool) -> Value:
        """What is stored for a complete accumulator."""
        f, step = self.f, self.step
        if isinstance(step, Forward):
            if self.scheduled.nonzeros is not None:
                value = positive_zero(f, value)
            if extra_at is not None:
                self.store(value, extra_at, tail)
            return value if step.y is None else activate(f, step.activation, value)
        if step.activation is None or extra_at is None:
            return value
        factor = derivative_factor(f, step.activation, extra_at, step.from_output)
        return value if factor is None else f.multiply(value, factor)


def write_product(
    module: Emitter,
    name: str,
    scheduled: ScheduledProduct,
    registers: Registers,
    heights: tuple[int, ...],
    cancellable: bool = False,
) -> None:
    """Write the function of a forward step or of a data gradient."""
    pointers = dict.fromkeys(("a", "weight", "bias", "out", "extra"), "ptr noalias")
    rest = dict.fromkeys(("from_panel", "to_panel"), "i64") if scheduled.split_n else {}
    rest |= {"packed": "ptr noalias"} if scheduled.packed else {}
    rest |= {"cancel_requested": "ptr"} if cancellable else {}
    numbers = dict.fromkeys(("rows", "from", "to"), "i64")
    bfloat16 = scheduled.pairs or (isinstance(scheduled.step, Forward) and scheduled.step.bfloat16)
    lanes = module.lanes if bfloat16 else lanes_for(scheduled.step.matrix, module.lanes)
    with write_function(module, name, {**pointers, **numbers, **rest}, lanes=lanes) as f:
        Product(f, registers, heights, scheduled).write()
