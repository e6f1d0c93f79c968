"""Dense layers, forward and the way back of the data gradient: rows times panels of weights.

    for each run of row tiles of height h (see tile.segments):
        for each v panels p of the weights:                         a panel stays in the L1 cache
            for each tile of h rows:
                chains start at the bias (forward) or 0 (back)
                contract over all K
                forward: y = activation(chain), z = chain where somebody reads it
                back:    dx = chain, times the slope of the layer before

Where a panel of all K does not stay in cache beside the rows, K is cut into blocks: the chains are stored in y between
blocks and go on from there, which changes no bit, and a last pass applies the activation or slope.
"""

from __future__ import annotations

from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.formulas import activate, slope_factor
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.stopping import unless_asked
from ranvier.native.kernels.tile import Strides, Tile, contract, panel_loops, segments
from ranvier.native.kernels.values import Value
from ranvier.native.plan.steps import Back, Buffer, Forward
from ranvier.native.plan.tiles import PANEL, Registers


class Product:
    """Writes one function `(ptr a, ptr weight, ptr bias, ptr out, ptr extra, i64 from, i64 to)`.

    Where the step may be given up, `ptr asked` comes last.

    Parameters:
        a, out: the row buffers that go in and out.
        weight: the panels.
        length: how long the chains are.
        block: length of the K-blocks, or 0.
    """

    def __init__(self, f: Function, registers: Registers, heights: tuple[int, ...], step: Forward | Back) -> None:
        self.f, self.registers, self.heights, self.step = f, registers, heights, step
        forward = isinstance(step, Forward)
        self.a: Buffer = step.x if isinstance(step, Forward) else step.dz
        self.panels_of: Buffer = step.weight if isinstance(step, Forward) else step.transposed
        out = (step.y or step.z) if isinstance(step, Forward) else step.dx
        assert out is not None
        self.out = out
        self.length = self.panels_of.rows
        self.forward = forward
        self.a_pointer, self.weight, self.bias, self.out_pointer, self.extra, self.first, self.stop = f.parameters[:7]
        self.asked = f.parameters[7] if len(f.parameters) > 7 else None
        self.strides = Strides(self.a.stride, 1, self.panels_of.stride, PANEL)

    def write(self) -> None:
        """Write the loops."""
        f, block = self.f, self.step.block
        if not block or self.length <= block:
            self.runs(Value("i64", "0"), Value("i64", str(self.length)), whole=True)
            return
        self.each_row(lambda row, column: self.start(column))
        with f.loop(0, self.length, block, name="block") as loop:
            assert loop.index is not None
            left = f.subtract(Value("i64", str(self.length)), loop.index)
            self.runs(loop.index, f.intrinsic("smin", left, Value("i64", str(block))), whole=False)
        self.each_row(self.finish_later)

    def runs(self, k: Value, length: Value, whole: bool) -> None:
        """One pass over all tiles, for `length` numbers of the chains from number k on."""
        f = self.f
        for height, first, end in segments(f, self.first, self.stop, self.heights):

            def tiles(panel: Value, count: int, height: int = height, first: Value = first, end: Value = end) -> None:
                column = f.multiply(panel, PANEL, "column")
                at = f.add(f.multiply(panel, self.strides.b_panel), f.multiply(k, PANEL))
                b = f.pointer(self.weight, at, name="panel")
                with unless_asked(f, self.asked), f.loop(first, end, height, name="row") as loop:
                    assert loop.index is not None
                    row = loop.index
                    a = f.pointer(self.a_pointer, f.add(f.multiply(row, self.a.stride), k), name="rows")
                    out = f.pointer(self.out_pointer, self.place(self.out, row, column), name="out")
                    start = self.beginning(column, out, height, count, whole)
                    chains = contract(f, a, b, self.strides, length, start)
                    self.end(chains, row, column, out, whole)

            panel_loops(f, self.panels_of.panels, height, self.registers.panels(height), tiles)

    def place(self, buffer: Buffer, row: Value, column: Value) -> Value:
        return self.f.add(self.f.multiply(row, buffer.stride), column)

    def start(self, column: Value) -> Value:
        """What a chain begins with."""
        if self.forward and isinstance(self.step, Forward) and self.step.bias is not None:
            return self.f.load(self.f.pointer(self.bias, column), name="bias")
        return self.f.constant(0.0)

    def beginning(self, column: Value, out: Value, height: int, panels: int, whole: bool) -> Tile:
        """The chains' first values; where they were stored before, those of the next tile are asked for, too."""
        f = self.f
        if whole:
            row = [self.start(f.add(column, p * PANEL) if p else column) for p in range(panels)]
            return [row] * height
        for r in range(height, 2 * height):
            for p in range(panels):
                f.prefetch(f.pointer(out, r * self.out.stride + p * PANEL), write=True)
        return [
            [f.load(f.pointer(out, r * self.out.stride + p * PANEL), name="c") for p in range(panels)]
            for r in range(height)
        ]

    def end(self, chains: Tile, row: Value, column: Value, out: Value, whole: bool) -> None:
        f = self.f
        extra = self.extra_buffer()
        beside = None
        if whole and extra is not None:
            beside = f.pointer(self.extra, self.place(extra, row, column), name="beside")
        for r, values in enumerate(chains):
            for p, value in enumerate(values):
                if whole:
                    at = f.pointer(beside, r * extra.stride + p * PANEL) if extra and beside else None
                    said = self.finish(value, at)
                else:
                    said = value
                f.store(said, f.pointer(out, r * self.out.stride + p * PANEL))

    def extra_buffer(self) -> Buffer | None:
        """Forward: where z goes beside y. Back: what the slope is seen from."""
        if isinstance(self.step, Forward):
            return self.step.z if self.step.y is not None else None
        return self.step.seen

    def finish(self, value: Value, beside: Value | None) -> Value:
        """What is stored in the end for a chain."""
        f, step = self.f, self.step
        if isinstance(step, Forward):
            if beside is not None:
                f.store(value, beside)
            return value if step.y is None else activate(f, step.activation, value)
        if step.slope is None or beside is None:
            return value
        factor = slope_factor(f, step.slope, beside, step.from_output)
        return value if factor is None else f.multiply(value, factor)

    def each_row(self, body: object) -> None:
        """A pass over all rows and panels; the body gives what is stored there."""
        f = self.f
        with f.loop(self.first, self.stop, name="row") as rows, f.loop(0, self.panels_of.panels, name="panel") as loop:
            assert rows.index is not None
            assert loop.index is not None
            column = f.multiply(loop.index, PANEL)
            out = f.pointer(self.out_pointer, self.place(self.out, rows.index, column))
            f.store(body(rows.index, column), out)  # type: ignore[operator]

    def finish_later(self, row: Value, column: Value) -> Value:
        f, extra = self.f, self.extra_buffer()
        value = f.load(f.pointer(self.out_pointer, self.place(self.out, row, column)))
        beside = None if extra is None else f.pointer(self.extra, self.place(extra, row, column))
        return self.finish(value, beside)


def write_product(
    module: Emitter,
    name: str,
    step: Forward | Back,
    registers: Registers,
    heights: tuple[int, ...],
    stoppable: bool = False,
) -> None:
    """Write the function of a forward step or of a data gradient."""
    pointers = dict.fromkeys(("a", "weight", "bias", "out", "extra"), "ptr noalias")
    asked = {"asked": "ptr"} if stoppable else {}
    with module.function(name, {**pointers, "from": "i64", "to": "i64", **asked}, internal=True) as f:
        Product(f, registers, heights, step).write()
