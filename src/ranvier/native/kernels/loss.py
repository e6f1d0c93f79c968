"""The loss of each row and the gradient along the weighted sums z of the output layer, in one pass.

    for each row b:
        log probabilities:  l = z - max - log(sum exp(z - max)), p = exp(l)      over the columns of the row
        otherwise:          y = activation(z), or z itself for losses on the logit
        losses[b] = scale * sum over columns of the loss
        dz = row_weight(b) * the derivative along z

row_weight(b) is the row's weight over the sum of the batch's weights; scale is 1 / N for a mean over the N outputs.
A target that is NaN does not count: its column adds nothing, and a mean is one over the others.
Where classes are many, their numbers may stand in place of targets; t is then 1 in the column of the number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.expressions import emit_expressions
from ranvier.native.kernels.formulas import activate, derivative
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.logarithm import log
from ranvier.native.kernels.row_vectors import VectorBody, each_vector, largest, masked, total
from ranvier.native.kernels.values import NULL, Value
from ranvier.native.kernels.vector_math import exp
from ranvier.native.lowering.steps import Answer, LossStep
from ranvier.native.scheduling.layouts import stride_of
from ranvier.network.quantile_levels import LEVEL, levels_by_output
from ranvier.rows.class_numbers import MAX_ONE_HOT

LOWEST = -3.0e38
"""Less than any weighted sum; fills the lanes after the last column."""


@contextmanager
def loss_function(module: Emitter, name: str) -> Iterator[Function]:
    """`(z, dz, losses, targets, class_numbers, order, weights, scalars, i64 shift, double weight_scale, i64 from, to)`.

    `order` gives the row of the targets and weights for each row of the batch; null stands for row + shift.
    `weights` may be null: then every row's row_weight is `weight_scale`; else it is the weight times `weight_scale`.
    """
    parameters = dict.fromkeys(("z", "dz", "losses", "targets", "class_numbers", "order", "weights", "scalars"), "ptr")
    numbers = {"shift": "i64", "weight_scale": "double", "from": "i64", "to": "i64"}
    with write_function(module, name, {**parameters, **numbers}) as f:
        yield f


def write_loss(module: Emitter, name: str, step: LossStep) -> None:
    """Write the function of a loss, row by row; see `loss_function`."""
    with loss_function(module, name) as f:
        z, dz, losses, targets, class_numbers, order, weights, scalars, shift, weight_scale, first, stop = f.parameters
        smoothing = smoothing_of(f, scalars, step)
        with f.loop(first, stop, name="b") as loop:
            row = loop.index
            source = source_row(f, order, shift, row)
            at = f.pointer(z, f.multiply(row, stride_of(step.z)), name="sums")
            row_weight = normalized_weight(f, weights, source, weight_scale)
            error = None if step.dz is None else f.pointer(dz, f.multiply(row, stride_of(step.dz)), name="error")
            target = RowTarget(f, step.z.columns, at, (targets, class_numbers), source)
            value = RowLoss(f, step, at, target, row_weight, error, smoothing).write()
            f.store(value, f.pointer(losses, f.add(row, shift)))


def smoothing_of(f: Function, scalars: Value, step: LossStep) -> tuple[Value, Value] | None:
    """What label smoothing multiplies targets by, and what it adds to them, in all lanes; None if there is none."""
    if step.smoothing is None:
        return None
    position = step.smoothing.position
    pointers = [f.pointer(scalars, number, "double") for number in (position, position + 1)]
    return f.broadcast(pointers[0], name="smoothing"), f.broadcast(pointers[1], name="smoothing")


def source_row(f: Function, order: Value, shift: Value, row: Value) -> Value:
    """The index of a row among the resident rows: order[row], or row + shift if order is null."""
    has_order = f.compare("ne", order, NULL)
    with f.when(has_order, name="ordered", carried=[f.add(row, shift)]) as when:
        when.carry(f.load(f.pointer(order, row, "i64"), "i64", name="number"))
    return when.results[0]


def normalized_weight(f: Function, weights: Value, source: Value, weight_scale: Value) -> Value:
    """The normalized weight of a row in the loss of its batch."""
    has_weights = f.compare("ne", weights, NULL)
    with f.when(has_weights, name="weighted", carried=[weight_scale]) as when:
        weight = f.load(f.pointer(weights, source, "double"), "double", name="weight")
        when.carry(f.multiply(weight, weight_scale))
    return f.from_double(when.results[0])


class Target(Protocol):
    """Where targets are read."""

    def load(self, column: Value, mask: Value | None) -> Value:
        """The targets of the columns of the mask, from a column on."""


class RowTarget:
    """Reads the targets of one row, or makes them of the number of its class.

    Parameters:
        columns: N, the number of outputs.
        z: the weighted sums of the row, which can be read in place of targets that are not there.
        pointers: to the targets and to the class numbers of all rows; one of them is null.
        source: the index of the row among them.
    """

    def __init__(self, f: Function, columns: int, z: Value, pointers: tuple[Value, Value], source: Value) -> None:
        self.f = f
        targets, class_numbers = pointers
        self.pointer = f.pointer(targets, f.multiply(source, columns), name="target")
        self.numbered: Value | None = None
        if columns > MAX_ONE_HOT:
            self.numbered = f.compare("ne", class_numbers, NULL, "numbered")
            self.pointer = f.select(self.numbered, z, self.pointer)
            with f.when(self.numbered, name="number", carried=[Value("i32", "0")]) as when:
                when.carry(f.load(f.pointer(class_numbers, source, "i32"), "i32", name="number"))
            self.number = f.splat(when.results[0], name="class")

    def load(self, column: Value, mask: Value | None) -> Value:
        """The targets of 16 columns; 0 after the last one."""
        f = self.f
        at = f.pointer(self.pointer, column)
        t = f.load(at, name="t") if mask is None else f.masked_load(at, mask, f.constant(0.0), name="t")
        if self.numbered is None:
            return t
        columns = f.add(f.lane_numbers("i32"), f.splat(f.cast("trunc", column, "i32")), "columns")
        hot = f.select(f.compare("eq", columns, self.number), f.constant(1.0), f.constant(0.0), "hot")
        return f.select(self.numbered, hot, t, "t")


class RowValues:
    """The weighted sums of a row, 16 columns in a vector, and sums over them."""

    def __init__(self, f: Function, z: Value, columns: int) -> None:
        self.f, self.z, self.columns = f, z, columns

    def sums(self, column: Value) -> Value:
        """The weighted sums from a column on."""
        return self.f.load(self.f.pointer(self.z, column), name="z")

    def each_column(self, body: VectorBody, carried: Sequence[Value] = ()) -> tuple[Any, ...]:
        """Write the body for each vector of columns; gives what it carried last."""
        return each_vector(self.f, self.columns, body, carried)

    def total(self, values: Any) -> Value:
        """The sum over all columns."""
        return total(self.f, values)

    def largest(self, values: Any) -> Value:
        """The largest number of all columns."""
        return largest(self.f, values)

    def broadcast(self, value: Value, name: str) -> Value:
        """A number of the row, for each of its columns."""
        return self.f.splat(value, name=name)

    def normalizer(self) -> tuple[Value, Value]:
        """The row's largest z and sum exp(z - largest), both for each column."""
        f = self.f

        def higher(column: Value, mask: Value | None, so_far: tuple[Value, ...]) -> tuple[Value, ...]:
            values = masked(f, self.sums(column), mask, LOWEST)
            return (f.select(f.compare("olt", so_far[0], values), values, so_far[0]),)

        def mass(column: Value, mask: Value | None, so_far: tuple[Value, ...]) -> tuple[Value, ...]:
            return (f.add(so_far[0], masked(f, exp(f, f.subtract(self.sums(column), top)), mask)),)

        top = self.broadcast(self.largest(self.each_column(higher, [f.constant(LOWEST)])[0]), "top")
        return top, self.broadcast(self.total(self.each_column(mass, [f.constant(0.0)])[0]), "mass")


class RowLoss(RowValues):
    """Writes the loss of one row."""

    def __init__(
        self,
        f: Function,
        step: LossStep,
        z: Value,
        target: Target,
        row_weight: Value,
        error: Value | None,
        smoothing: tuple[Value, Value] | None,
    ) -> None:
        super().__init__(f, z, step.z.columns)
        self.step, self.target, self.error = step, target, error
        loss, outputs = step.loss, step.z.columns
        self.scale = 1.0 / outputs if loss.reduction == "mean" and loss.applied_to != "log_probability" else 1.0
        self.row_weight = self.broadcast(row_weight, "row_weight")
        self.smoothing = smoothing

    def write(self) -> Value:
        """The row's loss; its gradient is stored on the way."""
        if self.step.loss.applied_to == "log_probability":
            return self.log_probability()
        if self.step.activation.name == "softmax":
            return self.through_softmax()
        return self.elementwise()

    def targets(self, column: Value, mask: Value | None) -> Value:
        f, t = self.f, self.target.load(column, mask)
        if self.smoothing is not None:
            t = f.fma(t, *self.smoothing)
        return t

    def levels(self, column: Value) -> dict[str, Value]:
        """The levels of 16 outputs, where the loss has several quantiles; nothing else."""
        f, levels = self.f, self.step.loss.levels
        if not levels:
            return {}
        numbers = levels_by_output(levels, -(-self.columns // f.module.lanes) * f.module.lanes)
        return {LEVEL: self.constants(f.pointer(f.module.table("levels", numbers.tolist(), f.module.element), column))}

    def constants(self, pointer: Value) -> Value:
        """Numbers that are the same in each row."""
        return self.f.load(pointer)

    def store(self, column: Value, mask: Value | None, value: Value) -> None:
        if self.error is not None:
            value = self.f.multiply(value, self.row_weight)
            self.f.store(masked(self.f, value, mask), self.f.pointer(self.error, column))

    def add_up(self, term: Callable[[Value, Value | None], Value]) -> Value:
        """The sum over the row of `term`, called for each vector of columns."""
        f = self.f
        return self.total(
            self.each_column(lambda c, m, s: (f.add(s[0], masked(f, term(c, m), m)),), [f.constant(0.0)])[0]
        )

    def elementwise(self) -> Value:
        f, loss, activation = self.f, self.step.loss, self.step.activation
        scale = self.mean_scale()

        def term(column: Value, mask: Value | None) -> Value:
            z, t = self.sums(column), self.targets(column, mask)
            y = z if loss.applied_to == "logit" else activate(f, activation, z)
            value, change = emit_expressions(
                f, (loss.expression, loss.derivative), {loss.applied_to: y, "target": t, **self.levels(column)}
            )
            if loss.applied_to == "output" and activation.name != "identity":
                change = f.multiply(change, derivative(f, activation, z, False))
            if self.columns > 1:
                present = f.compare("ord", t, t, "present")
                value, change = (f.select(present, number, f.constant(0.0)) for number in (value, change))
            self.store(column, mask, change if scale is None else f.multiply(change, self.broadcast(scale, "scale")))
            return value

        value = self.add_up(term)
        return value if scale is None else f.multiply(value, scale)

    def mean_scale(self) -> Value | None:
        """1 / N for a mean over the outputs of a row, or over those whose target is there; None for a sum."""
        f = self.f
        if self.scale == 1.0:
            return None

        def is_number(column: Value, mask: Value | None) -> Value:
            t = self.target.load(column, mask)
            return f.select(f.compare("ord", t, t), f.constant(1.0), f.constant(0.0))

        count = self.add_up(is_number)
        all_columns = f.compare("oeq", count, float(self.columns))
        unit = f.constant(1.0, count.type)
        some = f.intrinsic("maxnum", count, unit)
        return f.select(all_columns, f.constant(self.scale, count.type), f.divide(unit, some), "mean_scale")

    def log_probability(self) -> Value:
        f, loss = self.f, self.step.loss
        top, mass = self.normalizer()
        log_mass = log(f, mass)

        def parts(column: Value, mask: Value | None) -> tuple[Value, Value, Value, Value]:
            log_p = f.subtract(f.subtract(self.sums(column), top), log_mass)
            t = self.targets(column, mask)
            value, change = emit_expressions(f, (loss.expression, loss.derivative), {loss.applied_to: log_p})
            return log_p, t, value, change

        def both(column: Value, mask: Value | None, sums: tuple[Value, ...]) -> tuple[Value, ...]:
            _log_p, t, value, change = parts(column, mask)
            losses = masked(f, f.multiply(t, value), mask)
            return f.add(sums[0], losses), f.add(sums[1], masked(f, f.multiply(t, change), mask))

        zero = f.constant(0.0)
        losses, changes = self.each_column(both, [zero, zero])
        if self.error is not None:
            together = self.broadcast(self.total(changes), "together")

            def back(column: Value, mask: Value | None, _: tuple[Value, ...]) -> tuple[Value, ...]:
                log_p, t, _value, change = parts(column, mask)
                self.store(column, mask, f.subtract(f.multiply(t, change), f.multiply(exp(f, log_p), together)))
                return ()

            self.each_column(back)
        return self.total(losses)

    def through_softmax(self) -> Value:
        """A loss on probabilities: dz = p (g - sum(p g)) with g its derivative along p."""
        f, loss = self.f, self.step.loss
        top, mass = self.normalizer()

        def parts(column: Value, mask: Value | None) -> tuple[Value, Value, Value]:
            p = f.divide(exp(f, f.subtract(self.sums(column), top)), mass)
            values = {loss.applied_to: p, "target": self.targets(column, mask), **self.levels(column)}
            value, change = emit_expressions(f, (loss.expression, loss.derivative), values)
            return p, value, change

        def both(column: Value, mask: Value | None, sums: tuple[Value, ...]) -> tuple[Value, ...]:
            p, value, change = parts(column, mask)
            return f.add(sums[0], masked(f, value, mask)), f.add(sums[1], masked(f, f.multiply(p, change), mask))

        zero = f.constant(0.0)
        values, products = self.each_column(both, [zero, zero])
        if self.error is not None:
            together = self.broadcast(self.total(products), "together")

            def back(column: Value, mask: Value | None, _: tuple[Value, ...]) -> tuple[Value, ...]:
                p, _value, change = parts(column, mask)
                error = f.multiply(p, f.subtract(change, together))
                self.store(column, mask, f.multiply(error, self.scale))
                return ()

            self.each_column(back)
        return f.multiply(self.total(values), self.scale)


def normalizer(f: Function, z: Value, columns: int) -> tuple[Value, Value]:
    """The largest z of the row at a pointer, and sum exp(z - largest), both in every lane."""
    return RowValues(f, z, columns).normalizer()


def write_answer(module: Emitter, name: str, step: Answer) -> None:
    """Write `(z, outputs, i64 shift, i64 from, i64 to)`: the outputs of the network, without padding."""
    parameters = {"z": "ptr", "outputs": "ptr", "shift": "i64", "from": "i64", "to": "i64"}
    with write_function(module, name, parameters) as f:
        z, outputs, shift, first, stop = f.parameters
        columns = step.z.columns
        with f.loop(first, stop, name="b") as loop:
            at = f.pointer(z, f.multiply(loop.index, stride_of(step.z)), name="sums")
            out = f.pointer(outputs, f.multiply(f.add(loop.index, shift), columns), name="answer")
            soft = step.activation.name == "softmax"
            top, mass = normalizer(f, at, columns) if soft else (None, None)

            def store_outputs(column: Value, mask: Value | None, _: tuple[Value, ...]) -> tuple[Value, ...]:
                value = f.load(f.pointer(at, column), name="z")
                if top is not None and mass is not None:
                    value = f.divide(exp(f, f.subtract(value, top)), mass)
                else:
                    value = activate(f, step.activation, value)
                pointer = f.pointer(out, column)
                if mask is None:
                    f.store(value, pointer)
                else:
                    f.masked_store(value, pointer, mask)
                return ()

            each_vector(f, columns, store_outputs)
