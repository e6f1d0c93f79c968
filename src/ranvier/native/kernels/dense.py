"""Dense layers, forward and data gradient: rows of the batch times panels of the weight.

    for each run of row tiles of height h (see tile.segments):
        pack the rows of a K-block, if many panels read them (packed.py)
        for each v panels p of the weight:
            for each tile of h rows:
                accumulators = bias (forward) or 0 (data gradient)
                contract over all K
                forward:        y = activation(accumulator); z = accumulator, if it is read later
                data gradient:  dx = accumulator, times the derivative of the previous activation

If a panel of all K does not stay in the cache beside the rows, K is cut into blocks. Between blocks the accumulators
are stored in y, which changes no bit, and a last pass applies the activation or derivative.

Threads share the rows, or the panels: then each thread computes all rows for its own panels.

Groups are separate products, one after the other. If a group does not fill its last panel, the next columns belong to
the next group: they are neither read as a bias nor written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ranvier.native.kernels.cancellation import unless_requested
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.formulas import activate, derivative_factor
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.groups import tail_mask
from ranvier.native.kernels.layout import element_index, index_distance
from ranvier.native.kernels.outputs import output_buffers, positive_zero
from ranvier.native.kernels.packed import pack_rows
from ranvier.native.kernels.tile import (
    Strides,
    Tile,
    contract,
    panel_loops,
    prefetch_rows,
    segments,
    shared_panel_loops,
)
from ranvier.native.kernels.values import Value
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
        a, out: the row buffers that go in and out.
        weight: the panels.
        length: the number of terms of each sum, K.
        block: length of the K-blocks, or 0.
    """

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
            self.runs(f.i64(0), f.i64(self.length), whole=True)
            return
        self.for_each_row(lambda row, column, tail: self.start(column, tail))
        with f.loop(0, self.length, block, name="block") as loop:
            left = f.subtract(f.i64(self.length), loop.index)
            self.runs(loop.index, f.intrinsic("smin", left, f.i64(block)), whole=False)
        self.for_each_row(self.finish_later)

    def runs(self, k: Value, length: Value, whole: bool) -> None:
        """One pass over all tiles, for the terms k to k + length."""
        f = self.f
        for height, first, end in segments(f, self.first, self.stop, self.heights):
            if self.packed is not None:
                pack_rows(f, self.packed, (self.a_pointer, self.a, self.rows), (first, end, height), (k, length))

            def tiles(panel: Value, count: int, height: int = height, first: Value = first, end: Value = end) -> None:
                column = f.multiply(panel, PANEL, "column")
                at = f.add(f.multiply(panel, self.strides.b_panel), f.multiply(k, PANEL))
                b = f.pointer(self.weight, at, name="panel")
                with unless_requested(f, self.cancel_requested), f.loop(first, end, height, name="row") as loop:
                    row = loop.index
                    if self.packed is None:
                        a = f.pointer(self.a_pointer, f.add(f.multiply(row, stride_of(self.a)), k), name="rows")
                    else:
                        done = f.subtract(row, first)
                        a = f.pointer(self.packed, f.multiply(done, length), name="rows")
                        rows_per_tile = f.divide(f.multiply(length, height), f.subtract(end, first), "share")
                        self.prefetch(b, count, f.divide(done, height), rows_per_tile)
                    out = f.pointer(self.out_pointer, self.element_index(self.out, row, column), name="out")
                    tail = self.tail is not None and panel.is_constant
                    start = self.beginning(column, out, (height, count), whole, tail)
                    strides = self.strides if self.packed is None else replace(self.strides, a_row=1, a_k=height)
                    accumulators = contract(f, a, b, strides, length, start)
                    self.end(accumulators, row, column, out, whole, tail)

            if self.panel_range is None:
                panel_loops(f, self.panels, height, self.registers.panels(height), tiles, apart=self.tail is not None)
            else:
                grain = self.scheduled.split_n
                at_once, ragged = self.registers.shared_panels(height, grain), self.panels % grain > 0
                shared_panel_loops(f, self.panel_range, height, at_once, ragged, tiles)

    def prefetch(self, b: Value, count: int, tile: Value, rows_per_tile: Value) -> None:
        """Prefetch a fraction of the panels after these `count` ones; together all tiles prefetch all of them."""
        f = self.f
        following = [p * stride_of(self.matrix) for p in range(count, 2 * count)]
        prefetch_rows(
            f, b, PANEL, following, f.multiply(tile, rows_per_tile), f.multiply(f.add(tile, 1), rows_per_tile)
        )

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
            return f.masked_load(at, self.tail, f.constant(0.0)) if tail and self.tail else f.load(at, name="bias")
        return f.constant(0.0)

    def store(self, value: Value, pointer: Value, tail: bool) -> None:
        """Store 16 columns; in a tail only those of the group."""
        if tail and self.tail:
            self.f.masked_store(value, pointer, self.tail)
        else:
            self.f.store(value, pointer)

    def beginning(self, column: Value, out: Value, tile: tuple[int, int], whole: bool, tail: bool) -> Tile:
        """The first values of the accumulators; those stored before are loaded, and the next tile's prefetched."""
        f, (height, panels) = self.f, tile
        if whole:
            last = panels - 1 if tail else panels
            row = [self.start(f.add(column, p * PANEL) if p else column, p == last) for p in range(panels)]
            return [row] * height
        for r in range(height, 2 * height):
            for p in range(panels):
                f.prefetch(f.pointer(out, self.index_distance(self.out, p, r)), write=True)
        return [
            [f.load(f.pointer(out, self.index_distance(self.out, p, r)), name="c") for p in range(panels)]
            for r in range(height)
        ]

    def end(self, accumulators: Tile, row: Value, column: Value, out: Value, whole: bool, tail: bool) -> None:
        f = self.f
        extra = self.extra_buffer
        extra_at = None
        if whole and extra is not None:
            extra_at = f.pointer(self.extra, self.element_index(extra, row, column), name="beside")
        for r, values in enumerate(accumulators):
            for p, value in enumerate(values):
                last = tail and p == len(values) - 1
                if whole:
                    at = f.pointer(extra_at, self.index_distance(extra, p, r)) if extra and extra_at else None
                    result = self.finish(value, at, last)
                else:
                    result = value
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

    def for_each_row(self, body: Callable[[Value, Value, bool], Value]) -> None:
        """A pass over all rows and panels; the body returns what is stored there."""
        f = self.f
        with f.loop(self.first, self.stop, name="row") as rows:
            row = rows.index

            def store_panel(panel: Value, tail: bool) -> None:
                column = f.multiply(panel, PANEL)
                out = f.pointer(self.out_pointer, self.element_index(self.out, row, column))
                self.store(body(row, column, tail), out, tail)

            whole = self.panels - (self.tail is not None)
            begin, end = self.panel_range or (0, whole)
            if whole:
                with f.loop(begin, end, name="panel") as loop:
                    store_panel(loop.index, False)
            if self.tail is not None:
                store_panel(f.i64(whole), True)

    def finish_later(self, row: Value, column: Value, tail: bool) -> Value:
        f, extra = self.f, self.extra_buffer
        value = f.load(f.pointer(self.out_pointer, self.element_index(self.out, row, column)))
        at = None if extra is None else f.pointer(self.extra, self.element_index(extra, row, column))
        return self.finish(value, at, tail)


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
    with module.function(name, {**pointers, **numbers, **rest}) as f:
        Product(f, registers, heights, scheduled).write()
