"""The losses of 16 rows at once, where a row has few columns: a vector holds the same column of 16 rows.

    for each 16 rows:
        turn their weighted sums and targets: a vector for each column
        the loss as in loss.py, with vectors in place of numbers and a list of columns in place of a vector
        turn the gradients back

A sum over the columns of a row is the same tree of sums as there, so its bits are the same. It takes additions alone,
where a row by itself needs shuffles that wait for each other. Rows after the last one repeat it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.loss import RowLoss, loss_function, smoothing_of
from ranvier.native.kernels.row_vectors import INLINE, VectorBody, tail_mask
from ranvier.native.kernels.transpose import transposed_panel
from ranvier.native.kernels.values import NULL, Value, vector_of
from ranvier.native.lowering.steps import LossStep
from ranvier.native.scheduling.layouts import stride_of
from ranvier.native.scheduling.tiles import PANEL
from ranvier.records import record


def write_loss_of_rows(module: Emitter, name: str, step: LossStep) -> None:
    """Write the function of a loss of up to 16 columns; see `loss.loss_function`. Class numbers are for more."""
    with loss_function(module, name) as f:
        _write(f, step)


def _write(f: Function, step: LossStep) -> None:
    z, dz, losses, targets, _, order, weights, scalars, shift, weight_scale, first, stop = f.parameters
    smoothing = smoothing_of(f, scalars, step)
    columns = step.z.columns
    sums, wanted, errors = (f.stack(f.module.vector, PANEL, name=name) for name in ("sums", "wanted", "errors"))
    with f.loop(first, stop, PANEL, name="b") as loop:
        last = f.subtract(stop, 1)
        rows = [f.intrinsic("smin", f.add(loop.index, r), last) for r in range(PANEL)]
        sources = source_rows(f, order, shift, rows)
        turn(f, [f.load(f.pointer(z, f.multiply(row, stride_of(step.z)))) for row in rows], sums, columns)
        turn(f, [target_of(f, targets, source, columns) for source in sources], wanted, columns)
        row_weight = normalized_weights(f, weights, sources, weight_scale)
        target = TurnedTarget(f, wanted)
        error = None if step.dz is None else errors
        value = LossOfRows(f, step, sums, target, row_weight, error, smoothing).write()
        inside = f.compare("slt", f.lane_numbers(), f.splat(f.subtract(stop, loop.index)))
        f.masked_store(value, f.pointer(losses, f.add(loop.index, shift)), inside)
        if step.dz is not None:
            of_columns = [f.load(f.pointer(errors, c * PANEL)) for c in range(columns)]
            back = transposed_panel(f, of_columns + [f.constant(0.0)] * (PANEL - columns))
            for row, error_of_row in zip(rows, back, strict=True):
                f.store(error_of_row, f.pointer(dz, f.multiply(row, stride_of(step.dz))))


def source_rows(f: Function, order: Value, shift: Value, rows: list[Value]) -> list[Value]:
    """The indices of some rows among the resident rows; see `loss.source_row`."""
    has_order = f.compare("ne", order, NULL)
    with f.when(has_order, name="ordered", carried=[f.add(row, shift) for row in rows]) as when:
        when.carry(*(f.load(f.pointer(order, row, "i64"), "i64", name="number") for row in rows))
    return list(when.results)


def target_of(f: Function, targets: Value, source: Value, columns: int) -> Value:
    """The targets of a row; 0 after the last one."""
    at = f.pointer(targets, f.multiply(source, columns), name="target")
    return f.load(at) if columns == PANEL else f.masked_load(at, tail_mask(columns), f.constant(0.0))


def normalized_weights(f: Function, weights: Value, sources: list[Value], weight_scale: Value) -> Value:
    """The normalized weights of some rows; see `loss.normalized_weight`."""
    doubles = vector_of("double", PANEL)
    has_weights = f.compare("ne", weights, NULL)
    with f.when(has_weights, name="weighted", carried=[f.splat(weight_scale)]) as when:
        of_rows = f.constant(0.0, doubles)
        for lane, source in enumerate(sources):
            of_rows = f.insert(of_rows, f.load(f.pointer(weights, source, "double"), "double"), lane)
        when.carry(f.multiply(of_rows, f.splat(weight_scale)))
    return f.from_double(when.results[0])


def turn(f: Function, rows: list[Value], memory: Value, columns: int) -> None:
    """Store 16 rows column by column."""
    for column, values in enumerate(transposed_panel(f, rows)[:columns]):
        f.store(values, f.pointer(memory, column * PANEL))


@record
class TurnedTarget:
    """The targets of 16 rows, column by column."""

    f: Function
    memory: Value

    def load(self, column: Value, _: Value | None) -> Value:
        """The targets of a column."""
        return self.f.load(self.f.pointer(self.memory, self.f.multiply(column, PANEL)), name="t")


class LossOfRows(RowLoss):
    """Writes the losses of 16 rows. What is a vector of 16 columns of a row there is one column of 16 rows here."""

    def sums(self, column: Value) -> Value:
        return self.f.load(self.f.pointer(self.z, self.f.multiply(column, PANEL)), name="z")

    def store(self, column: Value, mask: Value | None, value: Value) -> None:
        if self.error is not None:
            at = self.f.pointer(self.error, self.f.multiply(column, PANEL))
            self.f.store(self.f.multiply(value, self.row_weight), at)

    def constants(self, pointer: Value) -> Value:
        return self.f.broadcast(pointer)

    def broadcast(self, value: Value, name: str) -> Value:
        return value

    def each_column(self, body: VectorBody, carried: Sequence[Value] = ()) -> tuple[list[Value], ...]:
        """Write the body for each column; gives what it carried for each of 16: those after the last carry nothing."""
        f, start = self.f, tuple(carried)
        if self.columns <= INLINE:
            results = [body(f.i64(column), None, start) for column in range(self.columns)]
        else:
            memories = [f.stack(f.module.vector, PANEL, name="kept") for _ in start]
            with f.loop(0, self.columns, name="column") as loop:
                for value, memory in zip(body(loop.index, None, start), memories, strict=True):
                    f.store(value, f.pointer(memory, f.multiply(loop.index, PANEL)))
            results = [
                tuple(f.load(f.pointer(memory, column * PANEL)) for memory in memories)
                for column in range(self.columns)
            ]
        results += [start] * (PANEL - self.columns)
        return tuple([values[number] for values in results] for number in range(len(start)))

    def total(self, values: list[Value]) -> Value:
        return self._tree(values, self.f.add)

    def largest(self, values: list[Value]) -> Value:
        f = self.f
        return self._tree(values, lambda a, b: f.select(f.compare("olt", a, b), b, a))

    def _tree(self, values: list[Value], combine: Callable[[Value, Value], Value]) -> Value:
        while len(values) > 1:
            half = len(values) // 2
            values = [combine(low, high) for low, high in zip(values[:half], values[half:], strict=True)]
        return values[0]
