"""The calls of the steps of a plan, as they stand in the loops of its entries: which function, on what rows or columns.

A function is named when a step first calls it, and shared by all steps of the same shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ranvier.native.kernels import columns, dense, gather, gradient, loss, rowops, sparse, zero_skipping
from ranvier.native.kernels.dropout import write_drop
from ranvier.native.kernels.outputs import output_buffers
from ranvier.native.kernels.values import NULL, TRUE, UNSCALED, ZERO, Value
from ranvier.native.kernels.work_stealing import WorkStealing
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.sparse import SparseForward, SparseGradient
from ranvier.native.scheduling.blocking import row_pieces
from ranvier.native.scheduling.stages import FEWEST_PACKED

if TYPE_CHECKING:
    from ranvier.native.kernels.module import ModuleWriter


class Body:
    """Writes the calls of the steps. Holds what differs from step to step of a span."""

    order: Value
    scalars: Value
    result: Value
    step: Value
    rows: Value
    left: Value
    shift: Value
    weight_scale: Value
    inverse_batch_size: Value
    packed_block: Value
    cancel_requested: Value | None = None
    stealing: WorkStealing | None = None
    helper: Value | None = None

    def __init__(self, writer: ModuleWriter) -> None:
        self.w = writer
        self.helped: list[tuple[s.Forward | s.Back, int]] = []
        self.plan = writer.plan

    def at(self, buffer: Buffer | None) -> Value:
        """The pointer to a buffer; null for none."""
        return NULL if buffer is None else self.w.buffers[buffer.index]

    def packing_buffer(self) -> Value:
        """The packing buffer of this thread."""
        f = self.w.f
        buffer = next(buffer for buffer in self.plan.buffers if buffer.kind == "packing")
        return f.pointer(
            self.at(buffer), f.multiply(self.w.thread, self.w.words["packing_stride"]), name="packing_stride"
        )

    # Rows

    def rows_of(self, thread: Value) -> tuple[Value, Value]:
        """From where to where a thread goes in the rows of a batch."""
        f, threads = self.w.f, self.w.words["threads"]
        share = f.divide(f.add(self.rows, f.subtract(threads, 1)), threads, "share")
        first = f.intrinsic("smin", f.multiply(thread, share), self.rows)
        return first, f.intrinsic("smin", f.add(first, share), self.rows)

    def row_step(self, step: Any, first: Value, stop: Value) -> None:
        """Call the function of a row step for some rows."""
        f, words = self.w.f, self.w.words
        if isinstance(step, s.Gather):
            checked = not self.plan.learns
            name = self.w.name("gather", step, gather.write_gather, step, checked)
            ahead = (self.rows, self.left) if self.plan.learns else (ZERO, ZERO)
            source = (words["inputs"], words["kind"], self.order, self.shift)
            arguments = (*source, self.at(step.x), words["saw_nonfinite"], *ahead, first, stop)
            f.call(name, *arguments)
        elif isinstance(step, s.Forward) and step.places is not None:
            self._zero_skipping(step, first, stop)
        elif isinstance(step, s.Forward | s.Back):
            self.product(step, first, stop)
        elif isinstance(step, SparseForward):
            sparse.call_forward(self, step, first, stop)
        elif isinstance(step, s.LossStep):
            self._loss(step, first, stop)
        elif isinstance(step, s.Answer):
            name = self.w.name("answer", step, loss.write_answer, step)
            f.call(name, self.at(step.z), words["outputs"], self.shift, first, stop)
        elif isinstance(step, s.Drop):
            name = self.w.name("drop", step, write_drop, step)
            buffers = (self.at(step.x), self.at(step.factors), self.at(step.y))
            f.call(name, *buffers, words["seed"], self.step, first, stop)
        else:
            kind = type(step).__name__.lower()
            name = self.w.name(kind, step, rowops.write_row_step, step)
            pointers = tuple(self.at(buffer) for buffer in rowops.buffers_of(step).values())
            f.call(name, *pointers, self.inverse_batch_size, first, stop)

    def product(
        self, step: s.Forward | s.Back, first: Value, stop: Value, share: tuple[Value, Value] | None = None
    ) -> None:
        """Call a product for some rows; for some panels only, where threads share them.

        A large product of a single row is shared with the helper thread, if there is one.
        """
        forward, registers = isinstance(step, s.Forward), self.plan.registers
        if self.helper is not None and (grain := row_pieces(step.panels_of, registers)):
            self._run_with_helper(step, grain)
            return
        heights = self.plan.all_heights if step.across else self.plan.heights
        kind = f"{'forward' if forward else 'back'}_{step.panels_of.rows}x{step.panels_of.columns}"
        cancel_requested = () if self.cancel_requested is None else (self.cancel_requested,)
        name = self.w.name(kind, step, dense.write_product, step, registers, heights, bool(cancel_requested))
        if isinstance(step, s.Forward):
            buffers: tuple[Buffer | None, ...] = (step.x, step.weight, step.bias, *output_buffers(step))
        else:
            buffers = (step.dz, step.transposed, None, step.dx, step.seen)
        packed = (self.packing_buffer(),) if step.packed else ()
        rows = self.rows if self.plan.learns else ZERO
        pointers = (self.at(buffer) for buffer in buffers)
        self.w.f.call(name, *pointers, rows, first, stop, *(share or ()), *packed, *cancel_requested)

    def _run_with_helper(self, step: s.Forward | s.Back, grain: int) -> None:
        """Run a product of a single row together with the helper thread.

        Parameters:
            grain: the panels of a piece. The function of a piece is written later; `helped` lists them.
        """
        f, helper = self.w.f, self.helper
        assert helper is not None
        run_pieces = f.load(helper, "ptr", 8, name="run_pieces")
        pieces = -(-step.panels_of.panels // grain)
        piece = f"ptr @piece.{len(self.helped)}"
        f.emit_plain(f"call void {run_pieces.text}({helper.typed}, {piece}, {self.w.argument.typed}, i64 {pieces})")
        self.helped.append((step, grain))

    def _zero_skipping(self, step: s.Forward, first: Value, stop: Value) -> None:
        """The product, without the inputs that are 0 where they are many."""
        f, registers = self.w.f, self.plan.registers
        zeros_are_many = self.w.name("zeros_are_many", step, zero_skipping.write_zeros_are_many, step, result="i1")
        nonzero_indices = self.w.name("nonzero_indices", step, zero_skipping.write_nonzero_indices, step)
        product = self.w.name("zero_skipping", step, zero_skipping.write_zero_skipping_product, step, registers)
        few = f.call(zeros_are_many, self.at(step.x), self.w.words["may_skip_zeros"], first, stop, name="few")
        with f.when(few, name="few"):
            f.call(nonzero_indices, self.at(step.x), self.at(step.places), first, stop)
            buffers = (step.x, step.places, step.weight, step.bias, *output_buffers(step))
            f.call(product, *(self.at(buffer) for buffer in buffers), first, stop)
        with f.when(f.bitwise("xor", few, TRUE), name="many"):
            self.product(step, first, stop)

    def _loss(self, step: s.LossStep, first: Value, stop: Value) -> None:
        f, words = self.w.f, self.w.words
        name = self.w.name("loss", step, loss.write_loss, step)
        if self.plan.learns:
            losses, weights = self.at(step.losses), words["weights"]
            shares = (losses, words["targets"], self.order, weights, self.shift, self.weight_scale)
            f.call(name, self.at(step.z), self.at(step.dz), *shares, first, stop)
            return
        with f.when(f.compare("ne", self.result, NULL), name="judge"):
            shares = (self.result, words["targets"], NULL, NULL, self.shift, UNSCALED)
            f.call(name, self.at(step.z), NULL, *shares, first, stop)

    # Panels

    def panels_of(self, panels: int, grain: int, thread: Value) -> tuple[Value, Value]:
        """From where to where a thread goes in so many panels, `grain` of which belong together."""
        f = self.w.f
        first, stop = self.share(-(-panels // grain), thread)
        return f.multiply(first, grain), f.intrinsic("smin", f.multiply(stop, grain), f.i64(panels))

    def panel_step(self, step: Any, number: int | None) -> None:
        """Call a product for all rows, some at a time, and for this thread's panels.

        Parameters:
            number: the step's among the things that are dealt out; None for one that is not.
        """
        f, at_once, grain = self.w.f, self.plan.all_rows, step.across
        panels = step.panels_of.panels

        def part(first: Value, stop: Value) -> None:
            with f.loop(ZERO, self.rows, at_once, name="part") as loop:
                end = f.intrinsic("smin", f.add(loop.index, at_once), self.rows)
                self.product(step, loop.index, end, (first, stop))

        if self.stealing is None or number is None:
            part(*self.panels_of(panels, grain, self.w.thread))
        else:
            least = grain * (FEWEST_PACKED if step.packed else 1)
            self.stealing.halves(
                number, lambda owner: self.panels_of(panels, grain, owner), grain, (least, panels), part
            )

    # Columns

    def share(self, count: int, thread: Value | None = None) -> tuple[Value, Value]:
        """From where to where a thread, this one if no other is named, goes in so many units."""
        f, threads, thread = self.w.f, self.w.words["threads"], thread or self.w.thread
        first = f.divide(f.multiply(thread, count), threads)
        return first, f.divide(f.multiply(f.add(thread, 1), count), threads)

    def unit_share(self, step: s.WeightGradient, strips: int, thread: Value) -> tuple[Value, Value]:
        """From where to where a thread goes in the units of a weight, the last of which have fewer rows."""
        f, threads = self.w.f, self.w.words["threads"]
        weight = step.trained.value
        block, rows, groups = step.block, weight.rows, weight.groups
        whole, rest = rows // block * strips, rows % block

        def unit(number: Value) -> Value:
            row = f.divide(f.multiply(number, rows * strips * groups), threads)
            if groups == 1:
                return within(row)
            group = f.divide(row, rows * strips)
            inside = within(f.subtract(row, f.multiply(group, rows * strips)))
            return f.add(f.multiply(group, whole + (strips if rest else 0)), inside)

        def within(row: Value) -> Value:
            among = f.intrinsic("smin", f.divide(f.add(row, block // 2), block), f.i64(whole))
            if not rest:
                return among
            after = f.intrinsic("smax", f.subtract(row, whole * block), ZERO)
            return f.add(among, f.divide(f.add(after, rest // 2), rest))

        return unit(thread), unit(f.add(thread, 1))

    def column_step(self, step: Any, number: int | None = None) -> None:
        """Call the function of a column step for this thread's share.

        Parameters:
            number: the step's among the things that are dealt out; None for one that is not.
        """
        f, decay = self.w.f, self.plan.weight_decay
        if isinstance(step, s.WeightGradient):
            self._weight_gradient(step, decay, number)
        elif isinstance(step, SparseGradient):
            sparse.call_gradient(self, step)
        elif isinstance(step, s.VectorGradient):
            rule = None if step.store else self.plan.rule
            name = self.w.name("vector", step, gradient.write_vector_gradient, step, rule, decay)
            t = step.trained
            buffers = (step.a, step.b, t.value, t.gradient, *t.slots)
            first, stop = self.share(t.value.panels)
            f.call(name, *(self.at(buffer) for buffer in buffers), self.scalars, self.rows, first, stop)
        elif isinstance(step, s.ColumnSums):
            name = self.w.name("sums", step, columns.write_column_sums, step)
            first, stop = self.share(step.sums.panels)
            f.call(name, self.at(step.a), self.at(step.b), self.at(step.sums), self.rows, first, stop)
        elif isinstance(step, s.ColumnStatistics):
            name = self.w.name("statistics", step, columns.write_column_statistics, step)
            first, stop = self.share(step.x.panels)
            f.call(name, self.at(step.x), self.at(step.mean), self.at(step.variance), self.rows, first, stop)
        elif isinstance(step, s.RunningStatistics):
            name = self.w.name("running", step, columns.write_running_statistics, step)
            first, stop = self.share(step.running.panels)
            f.call(name, self.at(step.running), self.at(step.batch), first, stop)
        elif isinstance(step, s.Norm):
            self._norm(step)
        elif isinstance(step, s.Update):
            self._update(step, decay)
        else:
            self._loss_sum(step)

    def _weight_gradient(self, step: s.WeightGradient, decay: float, number: int | None) -> None:
        rule, registers = (None if step.store else self.plan.rule), self.plan.registers
        t = step.trained
        kind = f"gradient_{t.value.rows}x{t.value.columns}"
        cancel_requested = () if self.cancel_requested is None else (self.cancel_requested,)
        about = (registers, rule, decay, bool(cancel_requested))
        name = self.w.name(kind, step, gradient.write_weight_gradient, step, *about)
        buffers = (step.x, step.dz, t.value, t.rounded, t.transposed, t.gradient, *t.slots)
        blocks, strips = gradient.weight_units(step, registers)
        pointers = [self.at(buffer) for buffer in buffers]
        f, packed = self.w.f, tuple[Value, ...]()
        if step.packed:
            f.store(f.i64(-1), self.packed_block, 8)
            packed = (self.packing_buffer(), self.packed_block)

        def call(owner: Value, first: Value, stop: Value) -> None:
            across = tuple[Value, ...]()
            if step.across:
                begin, end = self.share(strips, owner)
                across = (begin, f.subtract(end, begin))
            f.call(name, *pointers, self.scalars, self.rows, first, stop, *across, *packed, *cancel_requested)

        def bounds(owner: Value) -> tuple[Value, Value]:
            if not step.across:
                return self.unit_share(step, strips, owner)
            begin, end = self.share(strips, owner)
            return ZERO, f.multiply(f.subtract(end, begin), blocks)

        if self.stealing is None or number is None:
            call(self.w.thread, *bounds(self.w.thread))
        else:
            self.stealing.units(number, bounds, call)

    def _loss_sum(self, step: s.LossSum) -> None:
        f = self.w.f
        name = self.w.name("loss_sum", step, columns.write_loss_sum)
        with f.when(f.compare("eq", self.w.thread, 0), name="first"):
            arguments = (self.order, self.w.words["weights"], self.weight_scale, self.rows, self.result)
            f.call(name, self.at(step.losses), *arguments)

    def _norm(self, step: s.Norm) -> None:
        f, place = self.w.f, 0
        name = self.w.name("squares", (), columns.write_squares)
        for t in step.trained:
            first, stop = self.share(t.value.panels)
            stride = f.i64(t.value.stride)
            f.call(name, self.at(t.gradient), stride, f.pointer(self.at(step.partial), place), first, stop)
            place += t.value.panels

    def clipping(self, step: s.Update) -> Value:
        """What gradients are multiplied with so that their norm is not too large."""
        if step.largest is None:
            return UNSCALED
        name = self.w.name("clipping", (), columns.write_clipping, step, result="double")
        return self.w.f.call(name, self.at(step.partial), self.at(step.squares))

    def _update(self, step: s.Update, decay: float) -> None:
        f, rule = self.w.f, self.plan.rule
        assert rule is not None
        factor = self.clipping(step)
        for t in step.trained:
            name = self.w.name("update", t, columns.write_update, t, rule, decay)
            first, stop = self.share(t.value.panels)
            buffers = (t.value, t.rounded, t.transposed, t.gradient, *t.slots)
            f.call(name, *(self.at(buffer) for buffer in buffers), self.scalars, factor, first, stop)
