"""The calls of the steps of a plan, inside the loops of its entries: which function, on which rows or columns.

A function is named when a step first calls it, and all steps of the same shape call it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from ranvier.native.kernels import (
    clipping,
    columns,
    dense,
    gather,
    gradient,
    input_gradients,
    limit_norms,
    loss,
    pairs,
    rowops,
    sparse,
    zero_skipping,
)
from ranvier.native.kernels.body import Body
from ranvier.native.kernels.dropout import write_drop
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.function_names import FunctionNames
from ranvier.native.kernels.loss_of_rows import write_loss_of_rows
from ranvier.native.kernels.outputs import output_buffers
from ranvier.native.kernels.values import NULL, TRUE, UNSCALED, ZERO, Value
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.sparse import SparseForward, SparseGradient
from ranvier.native.lowering.steps import RowStep, Step
from ranvier.native.scheduling.blocking import row_pieces
from ranvier.native.scheduling.layouts import panels_of, stride_of
from ranvier.native.scheduling.plan import Code
from ranvier.native.scheduling.scheduled import (
    Scheduled,
    ScheduledLoss,
    ScheduledProduct,
    ScheduledRounding,
    ScheduledWeightGradient,
)
from ranvier.native.scheduling.stages import MIN_PACKED_GRAINS


class StepCalls(Body):
    """Writes the calls of the steps.

    Attributes: `helped`, the products of a single row that the helper thread shares, with the panels of a piece.
    """

    def __init__(self, f: Function, plan: Code, functions: FunctionNames, thread: Value, argument: Value) -> None:
        super().__init__(f, plan, functions, thread, argument)
        self.helped: list[tuple[ScheduledProduct, int]] = []

    # Rows

    def row_step(self, scheduled: Scheduled, first: Value, stop: Value) -> None:
        """Call the function of a row step for some rows."""
        if isinstance(scheduled, ScheduledRounding):
            pairs.call_rounding(self, scheduled, first, stop)
        else:
            ROW_CALLS[type(scheduled.step)](self, scheduled, first, stop)

    def _forward(self, scheduled: ScheduledProduct, first: Value, stop: Value) -> None:
        if scheduled.nonzeros is None:
            self.product(scheduled, first, stop)
        else:
            self._zero_skipping(scheduled, scheduled.nonzeros, first, stop)

    def _answer(self, scheduled: Scheduled, first: Value, stop: Value) -> None:
        step = cast(s.Answer, scheduled.step)
        name = self.name("answer", scheduled, loss.write_answer, step)
        self.f.call(name, self.at(step.z), self.words["outputs"], self.shift, first, stop)

    def _drop(self, scheduled: Scheduled, first: Value, stop: Value) -> None:
        step = cast(s.Drop, scheduled.step)
        name = self.name("drop", scheduled, write_drop, step)
        buffers = (self.at(step.x), self.at(step.factors), self.at(step.y))
        self.f.call(name, *buffers, self.scalars, self.words["seed"], self.step, first, stop)

    def _sparse_forward(self, scheduled: Scheduled, first: Value, stop: Value) -> None:
        sparse.call_forward(self, cast(SparseForward, scheduled.step), first, stop)

    def _row_operation(self, scheduled: Scheduled, first: Value, stop: Value) -> None:
        step = cast(RowStep, scheduled.step)
        name = self.name(type(step).__name__.lower(), scheduled, rowops.write_row_step, step)
        pointers = (self.at(buffer) for buffer in rowops.buffers_of(step).values())
        self.f.call(name, *pointers, self.inverse_batch_size, first, stop)

    def product(
        self, scheduled: ScheduledProduct, first: Value, stop: Value, panel_range: tuple[Value, Value] | None = None
    ) -> None:
        """Call a product for some rows; for some panels only, where threads share them.

        A large product of a single row is shared with the helper thread, if there is one.
        """
        step, registers = scheduled.step, self.plan.registers
        if self.helper is not None and (grain := row_pieces(step.matrix, registers)):
            self._run_with_helper(scheduled, grain)
            return
        heights = self.plan.all_heights if scheduled.split_n else self.plan.heights
        kind = f"{type(step).__name__.lower()}_{step.matrix.rows}x{step.matrix.columns}"
        cancel_requested = () if self.cancel_requested is None else (self.cancel_requested,)
        name = self.name(kind, scheduled, dense.write_product, scheduled, registers, heights, bool(cancel_requested))
        if isinstance(step, s.Forward):
            buffers: tuple[Buffer | None, ...] = (step.x, step.weight, step.bias, *output_buffers(step))
        else:
            buffers = (step.dz, step.transposed, None, step.dx, step.derivative_input)
        packed = (self.packing_buffer(),) if scheduled.packed else ()
        rows = self.rows if self.plan.learns else ZERO
        pointers = (self.at(buffer) for buffer in buffers)
        self.f.call(name, *pointers, rows, first, stop, *(panel_range or ()), *packed, *cancel_requested)

    def _run_with_helper(self, scheduled: ScheduledProduct, grain: int) -> None:
        """Run a product of a single row together with the helper thread.

        Parameters:
            grain: the panels of a piece. The function of a piece is written later; `helped` lists them.
        """
        f, helper = self.f, self.helper
        assert helper is not None
        run_pieces = f.load(helper, "ptr", 8, name="run_pieces")
        pieces = -(-panels_of(scheduled.step.matrix) // grain)
        piece = f"ptr @piece.{len(self.helped)}"
        f.emit_plain(f"call void {run_pieces.text}({helper.typed}, {piece}, {self.argument.typed}, i64 {pieces})")
        self.helped.append((scheduled, grain))

    def _zero_skipping(self, scheduled: ScheduledProduct, nonzeros: Buffer, first: Value, stop: Value) -> None:
        """The product; where many inputs are 0, without them."""
        f, registers, step = self.f, self.plan.registers, scheduled.step
        assert isinstance(step, s.Forward)
        counts = self.name("zeros_are_many", scheduled, zero_skipping.write_zeros_are_many, step, result="i1")
        indices = self.name("nonzero_indices", scheduled, zero_skipping.write_nonzero_indices, scheduled)
        about = (scheduled, registers)
        product = self.name("zero_skipping", scheduled, zero_skipping.write_zero_skipping_product, *about)
        few = f.call(counts, self.at(step.x), self.words["may_skip_zeros"], first, stop, name="few")
        with f.when(few, name="few"):
            f.call(indices, self.at(step.x), self.at(nonzeros), first, stop)
            buffers = (step.x, nonzeros, step.weight, step.bias, *output_buffers(step))
            f.call(product, *(self.at(buffer) for buffer in buffers), first, stop)
        with f.when(f.bitwise("xor", few, TRUE), name="many"):
            self.product(scheduled, first, stop)

    def _loss(self, scheduled: ScheduledLoss, first: Value, stop: Value) -> None:
        f, words, step = self.f, self.words, scheduled.step
        write = write_loss_of_rows if scheduled.together else loss.write_loss
        name = self.name("loss", scheduled, write, step)
        targets = words["targets"], words["class_numbers"]
        if self.plan.learns:
            losses, weights = self.at(step.losses), words["weights"]
            loss_arguments = (losses, *targets, self.order, weights, self.scalars, self.shift, self.weight_scale)
            f.call(name, self.at(step.z), self.at(step.dz), *loss_arguments, first, stop)
            return
        with f.when(f.compare("ne", self.result, NULL), name="with_losses"):
            loss_arguments = (self.result, *targets, NULL, NULL, self.scalars, self.shift, UNSCALED)
            f.call(name, self.at(step.z), NULL, *loss_arguments, first, stop)

    # Panels

    def panel_step(self, scheduled: ScheduledProduct, number: int | None) -> None:
        """Call a product for all rows, some at a time, and for this thread's panels.

        Parameters:
            number: the number of the step among those that idle threads may steal; None for others.
        """
        f, at_once, grain = self.f, self.plan.all_rows, scheduled.split_n
        panels = panels_of(scheduled.step.matrix)

        def part(first: Value, stop: Value) -> None:
            with f.loop(ZERO, self.rows, at_once, name="part") as loop:
                end = f.intrinsic("smin", f.add(loop.index, at_once), self.rows)
                self.product(scheduled, loop.index, end, (first, stop))

        if self.stealing is None or number is None:
            part(*self.panel_range(panels, grain, self.thread))
        else:
            smallest = grain * (MIN_PACKED_GRAINS if scheduled.packed else 1)
            self.stealing.halves(
                number, lambda owner: self.panel_range(panels, grain, owner), grain, (smallest, panels), part
            )

    # Columns

    def thread_units(self, scheduled: ScheduledWeightGradient, strips: int, thread: Value) -> tuple[Value, Value]:
        """The first unit of a weight that a thread computes, and the one after its last. The last have fewer rows."""
        f, threads = self.f, self.words["threads"]
        weight = scheduled.step.trained.value
        block, rows, groups = scheduled.row_block, weight.rows, weight.groups
        n_full, rest = rows // block * strips, rows % block

        def unit(number: Value) -> Value:
            row = f.divide(f.multiply(number, rows * strips * groups), threads)
            if groups == 1:
                return within(row)
            group = f.divide(row, rows * strips)
            inside = within(f.subtract(row, f.multiply(group, rows * strips)))
            return f.add(f.multiply(group, n_full + (strips if rest else 0)), inside)

        def within(row: Value) -> Value:
            among = f.intrinsic("smin", f.divide(f.add(row, block // 2), block), f.i64(n_full))
            if not rest:
                return among
            after = f.intrinsic("smax", f.subtract(row, n_full * block), ZERO)
            return f.add(among, f.divide(f.add(after, rest // 2), rest))

        return unit(thread), unit(f.add(thread, 1))

    def column_step(self, scheduled: Scheduled, number: int | None = None) -> None:
        """Call the function of a column step for this thread's range.

        Parameters:
            number: the number of the step among those that idle threads may steal; None for others.
        """
        if isinstance(scheduled, ScheduledWeightGradient):
            self._weight_gradient(scheduled, number)
        else:
            COLUMN_CALLS[type(scheduled.step)](self, scheduled)

    def _vector_gradient(self, scheduled: Scheduled) -> None:
        step = cast(s.VectorGradient, scheduled.step)
        rule, t = None if step.store else self.plan.rule, step.trained
        name = self.name("vector", scheduled, gradient.write_vector_gradient, step, rule)
        buffers = (step.a, step.b, t.value, t.gradient, *t.slots)
        first, stop = self.thread_range(panels_of(t.value))
        self.f.call(name, *(self.at(buffer) for buffer in buffers), self.scalars, self.rows, first, stop)

    def _column_sums(self, scheduled: Scheduled) -> None:
        step = cast(s.ColumnSums, scheduled.step)
        name = self.name("sums", scheduled, columns.write_column_sums, step)
        first, stop = self.thread_range(panels_of(step.sums))
        self.f.call(name, self.at(step.a), self.at(step.b), self.at(step.sums), self.rows, first, stop)

    def _column_statistics(self, scheduled: Scheduled) -> None:
        step = cast(s.ColumnStatistics, scheduled.step)
        name = self.name("statistics", scheduled, columns.write_column_statistics, step)
        first, stop = self.thread_range(panels_of(step.x))
        self.f.call(name, self.at(step.x), self.at(step.mean), self.at(step.variance), self.rows, first, stop)

    def _running_statistics(self, scheduled: Scheduled) -> None:
        step = cast(s.RunningStatistics, scheduled.step)
        name = self.name("running", scheduled, columns.write_running_statistics, step)
        first, stop = self.thread_range(panels_of(step.running))
        self.f.call(name, self.at(step.running), self.at(step.batch), first, stop)

    def _weight_gradient(self, scheduled: ScheduledWeightGradient, number: int | None) -> None:
        step, registers = scheduled.step, self.plan.registers
        rule = None if step.store else self.plan.rule
        t = step.trained
        kind = f"gradient_{t.value.rows}x{t.value.columns}"
        cancel_requested = () if self.cancel_requested is None else (self.cancel_requested,)
        about = (registers, rule, bool(cancel_requested))
        name = self.name(kind, scheduled, gradient.write_weight_gradient, scheduled, *about)
        buffers = (step.x, step.dz, t.value, t.rounded, t.transposed, t.gradient, *t.slots)
        blocks, strips = gradient.weight_units(scheduled)
        pointers = [self.at(buffer) for buffer in buffers]
        f, more = self.f, tuple[Value, ...]()
        rows = f.bitwise("lshr", f.add(self.rows, 1), 1, "pairs") if scheduled.pairs else self.rows
        if scheduled.packed:
            f.store(f.i64(-1), self.packed_block, 8)
            more += (self.packing_buffer(), self.packed_block)
        if scheduled.next_row:
            tiles = gradient.weight_tiles(scheduled, registers)
            more += self.begin_next_rows(scheduled.next_row, tiles, self.plan.copies_rows)
        more += cancel_requested

        def call(owner: Value, first: Value, stop: Value) -> None:
            strip_range = tuple[Value, ...]()
            if scheduled.split_n:
                begin, end = self.thread_range(strips, owner)
                strip_range = (begin, f.subtract(end, begin))
            f.call(name, *pointers, self.scalars, rows, first, stop, *strip_range, *more)

        def bounds(owner: Value) -> tuple[Value, Value]:
            if not scheduled.split_n:
                return self.thread_units(scheduled, strips, owner)
            begin, end = self.thread_range(strips, owner)
            return ZERO, f.multiply(f.subtract(end, begin), blocks)

        if self.stealing is None or number is None:
            call(self.thread, *bounds(self.thread))
        else:
            self.stealing.units(number, bounds, call)

    def _loss_sum(self, scheduled: Scheduled) -> None:
        f, step = self.f, cast(s.LossSum, scheduled.step)
        name = self.name("loss_sum", scheduled, columns.write_loss_sum)
        with f.when(f.compare("eq", self.thread, 0), name="first"):
            arguments = (self.order, self.words["weights"], self.weight_scale, self.rows, self.result)
            f.call(name, self.at(step.losses), *arguments)

    def _norm(self, scheduled: Scheduled) -> None:
        f, offset, step = self.f, 0, cast(s.Norm, scheduled.step)
        name = self.name("squares", (), clipping.write_squares)
        for t in step.trained:
            first, stop = self.thread_range(panels_of(t.value))
            stride = f.i64(stride_of(t.value))
            f.call(name, self.at(t.gradient), stride, f.pointer(self.at(step.partial), offset), first, stop)
            offset += panels_of(t.value)

    def _update(self, scheduled: Scheduled) -> None:
        f, rule, step = self.f, self.plan.rule, cast(s.Update, scheduled.step)
        assert rule is not None
        factor = clipping.call_clipping(self, step)
        for t in step.trained:
            name = self.name("update", t, columns.write_update, t, rule)
            first, stop = self.thread_range(panels_of(t.value))
            buffers = (t.value, t.rounded, t.transposed, t.gradient, *t.slots)
            f.call(name, *(self.at(buffer) for buffer in buffers), self.scalars, factor, first, stop)


ROW_CALLS: dict[type[Step], Callable[[StepCalls, Any, Value, Value], None]] = {
    s.Gather: gather.call_gather,
    s.Forward: StepCalls._forward,
    s.Back: StepCalls.product,
    s.LossStep: StepCalls._loss,
    s.Answer: StepCalls._answer,
    s.OutputGradient: input_gradients.call_output_gradient,
    s.InputAnswer: input_gradients.call_input_answer,
    s.Drop: StepCalls._drop,
    SparseForward: StepCalls._sparse_forward,
    **dict.fromkeys(rowops.WRITERS, StepCalls._row_operation),
}
"""How each kind of row step is called, for some rows."""

COLUMN_CALLS: dict[type[Step], Callable[[StepCalls, Any], None]] = {
    s.VectorGradient: StepCalls._vector_gradient,
    s.ColumnSums: StepCalls._column_sums,
    s.ColumnStatistics: StepCalls._column_statistics,
    s.RunningStatistics: StepCalls._running_statistics,
    s.Norm: StepCalls._norm,
    s.Update: StepCalls._update,
    s.LimitNorms: limit_norms.call_limit_norms,
    s.LossSum: StepCalls._loss_sum,
    SparseGradient: sparse.call_gradient,
}
"""How each kind of column step is called, for this thread's range; a `WeightGradient` can be stolen, too."""
