"""A plan as one module of IR with one entry that every thread of the team calls.

    span(thread, argument):                                     predict(thread, argument):
        for each step of the span:                                  for each block of rows of this thread:
            for each stage of the plan:                                 the row steps
                row steps on this thread's rows, some at a time
                or column steps on this thread's share
                barrier
                where the step may be given up here: leave it where some thread did
            made = number of the step, counted after the last one where none can be given up

The argument is a table of 64-bit words: first the ones named in ARGUMENTS, then one pointer for each buffer.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from ranvier.native.kernels import columns, dense, gather, gradient, loss, rowops, sparse, stopping
from ranvier.native.kernels.dropout import write_drop
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value
from ranvier.native.machine.barrier import barrier_ir
from ranvier.native.machine.target import Target
from ranvier.native.plan import steps as s
from ranvier.native.plan.arguments import ARGUMENTS
from ranvier.native.plan.plan import Code
from ranvier.native.plan.sparse import SparseForward, SparseGradient
from ranvier.native.plan.stages import Stage
from ranvier.native.plan.steps import Buffer
from ranvier.native.plan.tiles import PANEL
from ranvier.network.parameters import Entry

ZERO, NULL, NO_SHARE = Value("i64", "0"), Value("ptr", "null"), Value("double", "1.0")


class ModuleWriter:
    """Writes the module of one plan."""

    def __init__(self, plan: Code, target: Target) -> None:
        self.plan = plan
        self.module = Emitter(plan.dtype, PANEL)
        self.target = target
        self._names: dict[Any, str] = {}
        self.f: Function
        self.words: dict[str, Value] = {}
        self.buffers: dict[int, Value] = {}

    def text(self) -> str:
        """The module's IR."""
        if self.plan.learns:
            self.module.add_text(barrier_ir(self.target), {"barrier": "void"})
            self._span()
        else:
            self._predict()
            self._few()
        return self.module.text()

    # Entries

    def _begin(self, f: Function) -> None:
        self.f = f
        self.thread, argument = f.parameters
        for number, (name, type) in enumerate(ARGUMENTS.items()):
            self.words[name] = f.load(f.pointer(argument, number, "i64"), type, 8, name=name)
        for buffer in self.plan.buffers:
            at = f.pointer(argument, len(ARGUMENTS) + buffer.index, "i64")
            self.buffers[buffer.index] = f.load(at, "ptr", 8, name=buffer.name.replace(".", "_"))

    def _span(self) -> None:
        body = Body(self)
        with self.module.function("span", {"thread": "i64", "argument": "ptr"}) as f:
            self._begin(f)
            words = self.words
            last = f.pointer(words["starts"], words["steps"], "i64")
            numbers = f.load(last, "i64", name="all")
            with f.loop(ZERO, words["steps"], name="step") as loop:
                assert loop.index is not None
                at = f.pointer(words["starts"], loop.index, "i64")
                start = f.load(at, "i64", name="start")
                rows = f.subtract(f.load(f.pointer(at, 1, "i64"), "i64"), start, "rows")
                body.order = f.pointer(words["order"], start, "i64", name="numbers")
                scalars = len(self.plan.rule.scalars) if self.plan.rule else 0
                body.scalars = f.pointer(words["scalars"], f.multiply(loop.index, scalars), "double", name="scalars")
                body.result = f.pointer(words["results"], loop.index, "double", name="result")
                body.step = f.add(words["first_step"], loop.index, "number")
                body.rows, body.shift = rows, ZERO
                body.left = f.subtract(numbers, start, "left")
                body.one_share, body.row_share = self._shares(f, rows, body.order)
                share = f.divide(f.add(rows, f.subtract(words["threads"], 1)), words["threads"], "share")
                first = f.intrinsic("smin", f.multiply(self.thread, share), rows)
                stop = f.intrinsic("smin", f.add(first, share), rows)
                self._stages(f, body, first, stop)
            if not self.plan.stoppable:
                self._count(f, f.add(words["first_step"], words["steps"]))

    def _stages(self, f: Function, body: Body, first: Value, stop: Value) -> None:
        """Write the stages of a step; what comes after one that some thread gave up is left out."""
        words = self.words
        with ExitStack() as going:
            for number, stage in enumerate(self.plan.stages):
                self._stage(f, body, stage, first, stop)
                if stage.stoppable:
                    stopping.agree(f, words["asked"], words["agreed"], number)
                f.call("barrier", words["barrier"], words["threads"])
                if stage.stoppable:
                    going.enter_context(stopping.going_on(f, words["agreed"], number))
            if self.plan.stoppable:
                self._count(f, f.add(body.step, 1))

    def _count(self, f: Function, made: Value) -> None:
        """Say how many steps are made."""
        with f.when(f.compare("eq", self.thread, 0), name="made"):
            f.store(made, self.words["made"])

    def _stage(self, f: Function, body: Body, stage: Stage, first: Value, stop: Value) -> None:
        body.asked = self.words["asked"] if stage.stoppable else None
        if not stage.rows:
            for step in stage.steps:
                with stopping.unless_asked(f, body.asked):
                    body.column_step(step)
            return
        with f.loop(first, stop, self.plan.rows, name="part") as part:
            assert part.index is not None
            end = f.intrinsic("smin", f.add(part.index, self.plan.rows), stop)
            for step in stage.steps:
                with stopping.unless_asked(f, body.asked):
                    body.row_step(step, part.index, end)

    def _shares(self, f: Function, rows: Value, order: Value) -> tuple[Value, Value]:
        """What a row of weight 1 counts in the loss, and 1 / B."""
        one = f.constant(1.0, "double")
        equal = f.divide(one, f.cast("sitofp", rows, "double"), "equal")
        weights = self.words["weights"]
        with f.when(f.compare("ne", weights, NULL), name="weighted", carried=[equal]) as when:
            with f.loop(ZERO, rows, name="b", carried=[f.constant(0.0, "double")]) as loop:
                assert loop.index is not None
                number = f.load(f.pointer(order, loop.index, "i64"), "i64")
                loop.carry(f.add(loop.values[0], f.load(f.pointer(weights, number, "double"), "double")))
            mass = loop.results[0]
            some = f.compare("one", mass, 0.0)
            when.carry(f.select(some, f.divide(one, mass), f.constant(0.0, "double")))
        return when.results[0], equal

    def _predict(self) -> None:
        body = Body(self)
        rows_at_once = self.plan.rows
        with self.module.function("predict", {"thread": "i64", "argument": "ptr"}) as f:
            self._begin(f)
            words, threads = self.words, self.words["threads"]
            blocks = f.divide(f.add(words["rows"], rows_at_once - 1), rows_at_once, "blocks")
            first = f.divide(f.multiply(blocks, self.thread), threads)
            stop = f.divide(f.multiply(blocks, f.add(self.thread, 1)), threads)
            body.order = NULL
            body.one_share = body.row_share = NO_SHARE
            body.result = words["results"]
            with f.loop(first, stop, name="block") as loop:
                assert loop.index is not None
                base = f.multiply(loop.index, rows_at_once)
                begin = f.multiply(self.thread, rows_at_once)
                count = f.intrinsic("smin", f.subtract(words["rows"], base), Value("i64", str(rows_at_once)))
                body.shift = f.subtract(base, begin)
                for step in self.plan.stages[0].steps:
                    body.row_step(step, begin, f.add(begin, count))

    def _few(self) -> None:
        """Write `few(inputs, argument)`: predict on this thread from inputs whose address is not in the table."""
        with self.module.function("few", {"inputs": "ptr", "argument": "ptr"}) as f:
            inputs, argument = f.parameters
            f.store(inputs, f.pointer(argument, list(ARGUMENTS).index("inputs"), "i64"))
            f.call("predict", ZERO, argument)

    # Functions

    def name(self, kind: str, step: Any, write: Any) -> str:
        """The function for a step, written once for all steps of the same shape."""
        key = (kind, signature(step))
        if key not in self._names:
            name = kind
            number = 1
            while name in self._names.values():
                number += 1
                name = f"{kind}.{number}"
            self._names[key] = name
            write(name)
        return self._names[key]


class Body:
    """Writes the calls of the steps. Holds what differs from step to step of a span."""

    order: Value
    scalars: Value
    result: Value
    step: Value
    rows: Value
    left: Value
    shift: Value
    one_share: Value
    row_share: Value
    asked: Value | None = None

    def __init__(self, writer: ModuleWriter) -> None:
        self.w = writer
        self.module, self.plan = writer.module, writer.plan

    def at(self, buffer: Buffer | None) -> Value:
        """The pointer to a buffer; null for none."""
        return NULL if buffer is None else self.w.buffers[buffer.index]

    # Rows

    def row_step(self, step: Any, first: Value, stop: Value) -> None:
        """Call the function of a row step for some rows."""
        f, words, module = self.w.f, self.w.words, self.module
        if isinstance(step, s.Gather):
            checked = not self.plan.learns
            name = self.w.name("gather", step, lambda name: gather.write_gather(module, name, step, checked))
            ahead = (self.rows, self.left) if self.plan.learns else (ZERO, ZERO)
            source = (words["inputs"], words["kind"], self.order, self.shift)
            arguments = (*source, self.at(step.x), words["strange"], *ahead, first, stop)
            f.call(name, *arguments)
        elif isinstance(step, (s.Forward, s.Back)):
            self._product(step, first, stop)
        elif isinstance(step, SparseForward):
            sparse.call_forward(self, step, first, stop)
        elif isinstance(step, s.LossStep):
            self._loss(step, first, stop)
        elif isinstance(step, s.Answer):
            name = self.w.name("answer", step, lambda name: loss.write_answer(module, name, step))
            f.call(name, self.at(step.z), words["outputs"], self.shift, first, stop)
        elif isinstance(step, s.Drop):
            name = self.w.name("drop", step, lambda name: write_drop(module, name, step))
            buffers = (self.at(step.x), self.at(step.factors), self.at(step.y))
            f.call(name, *buffers, words["seed"], self.step, first, stop)
        else:
            kind = type(step).__name__.lower()
            name = self.w.name(kind, step, lambda name: rowops.write_row_step(module, name, step))
            pointers = tuple(self.at(buffer) for buffer in rowops.buffers_of(step).values())
            f.call(name, *pointers, self.row_share, first, stop)

    def _product(self, step: s.Forward | s.Back, first: Value, stop: Value) -> None:
        forward = isinstance(step, s.Forward)
        registers, heights = self.plan.registers, self.plan.heights
        panels = step.weight if isinstance(step, s.Forward) else step.transposed
        kind = f"{'forward' if forward else 'back'}_{panels.rows}x{panels.columns}"
        asked = () if self.asked is None else (self.asked,)
        name = self.w.name(
            kind, step, lambda name: dense.write_product(self.module, name, step, registers, heights, bool(asked))
        )
        if isinstance(step, s.Forward):
            out, extra = (step.y, step.z) if step.y is not None else (step.z, None)
            buffers = (step.x, step.weight, step.bias, out, extra)
        else:
            buffers = (step.dz, step.transposed, None, step.dx, step.seen)
        self.w.f.call(name, *(self.at(buffer) for buffer in buffers), first, stop, *asked)

    def _loss(self, step: s.LossStep, first: Value, stop: Value) -> None:
        f, words = self.w.f, self.w.words
        name = self.w.name("loss", step, lambda name: loss.write_loss(self.module, name, step))
        if self.plan.learns:
            losses, weights = self.at(step.losses), words["weights"]
            shares = (losses, words["targets"], self.order, weights, self.shift, self.one_share)
            f.call(name, self.at(step.z), self.at(step.dz), *shares, first, stop)
            return
        with f.when(f.compare("ne", self.result, NULL), name="judge"):
            shares = (self.result, words["targets"], NULL, NULL, self.shift, NO_SHARE)
            f.call(name, self.at(step.z), NULL, *shares, first, stop)

    # Columns

    def share(self, count: int) -> tuple[Value, Value]:
        """From where to where this thread goes in so many units."""
        f, threads, thread = self.w.f, self.w.words["threads"], self.w.thread
        first = f.divide(f.multiply(thread, count), threads)
        return first, f.divide(f.multiply(f.add(thread, 1), count), threads)

    def unit_share(self, rows: int, groups: int) -> tuple[Value, Value]:
        """From where to where this thread goes in the units of a weight, the last of which have fewer rows."""
        f, threads, thread = self.w.f, self.w.words["threads"], self.w.thread
        block = gradient.BLOCK
        whole, rest = rows // block * groups, rows % block

        def unit(number: Value) -> Value:
            row = f.divide(f.multiply(number, rows * groups), threads)
            among = f.intrinsic("smin", f.divide(f.add(row, block // 2), block), Value("i64", str(whole)))
            if not rest:
                return among
            after = f.intrinsic("smax", f.subtract(row, whole * block), ZERO)
            return f.add(among, f.divide(f.add(after, rest // 2), rest))

        return unit(thread), unit(f.add(thread, 1))

    def column_step(self, step: Any) -> None:
        """Call the function of a column step for this thread's share."""
        f, module = self.w.f, self.module
        decay = self.plan.weight_decay
        if isinstance(step, s.WeightGradient):
            self._weight_gradient(step, decay)
        elif isinstance(step, SparseGradient):
            sparse.call_gradient(self, step)
        elif isinstance(step, s.VectorGradient):
            rule = None if step.store else self.plan.rule
            name = self.w.name(
                "vector", step, lambda name: gradient.write_vector_gradient(module, name, step, rule, decay)
            )
            t = step.trained
            buffers = (step.a, step.b, t.value, t.gradient, *t.slots)
            first, stop = self.share(t.value.panels)
            f.call(name, *(self.at(buffer) for buffer in buffers), self.scalars, self.rows, first, stop)
        elif isinstance(step, s.ColumnSums):
            name = self.w.name("sums", step, lambda name: columns.write_column_sums(module, name, step))
            first, stop = self.share(step.sums.panels)
            f.call(name, self.at(step.a), self.at(step.b), self.at(step.sums), self.rows, first, stop)
        elif isinstance(step, s.ColumnStatistics):
            name = self.w.name("statistics", step, lambda name: columns.write_column_statistics(module, name, step))
            first, stop = self.share(step.x.panels)
            f.call(name, self.at(step.x), self.at(step.mean), self.at(step.variance), self.rows, first, stop)
        elif isinstance(step, s.RunningStatistics):
            name = self.w.name("running", step, lambda name: columns.write_running_statistics(module, name, step))
            first, stop = self.share(step.running.panels)
            f.call(name, self.at(step.running), self.at(step.batch), first, stop)
        elif isinstance(step, s.Norm):
            self._norm(step)
        elif isinstance(step, s.Update):
            self._update(step, decay)
        else:
            self._loss_sum(step)

    def _weight_gradient(self, step: s.WeightGradient, decay: float) -> None:
        rule, registers = (None if step.store else self.plan.rule), self.plan.registers
        t = step.trained
        kind = f"gradient_{t.value.rows}x{t.value.columns}"
        asked = () if self.asked is None else (self.asked,)
        name = self.w.name(
            kind,
            step,
            lambda name: gradient.write_weight_gradient(self.module, name, step, registers, rule, decay, bool(asked)),
        )
        buffers = (step.x, step.dz, t.value, t.rounded, t.transposed, t.gradient, *t.slots)
        first, stop = self.unit_share(t.value.rows, gradient.weight_units(step, registers)[1])
        self.w.f.call(name, *(self.at(buffer) for buffer in buffers), self.scalars, self.rows, first, stop, *asked)

    def _loss_sum(self, step: s.LossSum) -> None:
        f = self.w.f
        name = self.w.name("loss_sum", step, lambda name: columns.write_loss_sum(self.module, name))
        with f.when(f.compare("eq", self.w.thread, 0), name="first"):
            arguments = (self.order, self.w.words["weights"], self.one_share, self.rows, self.result)
            f.call(name, self.at(step.losses), *arguments)

    def _norm(self, step: s.Norm) -> None:
        f, place = self.w.f, 0
        name = self.w.name("squares", (), lambda name: columns.write_squares(self.module, name))
        for t in step.trained:
            first, stop = self.share(t.value.panels)
            stride = Value("i64", str(t.value.stride))
            f.call(name, self.at(t.gradient), stride, f.pointer(self.at(step.partial), place), first, stop)
            place += t.value.panels

    def clipping(self, step: s.Update) -> Value:
        """What gradients are multiplied with so that their norm is not too large."""
        if step.largest is None:
            return NO_SHARE
        name = self.w.name("clipping", (), lambda name: columns.write_clipping(self.module, name, step))
        return self.w.f.call(name, self.at(step.partial), self.at(step.squares))

    def _update(self, step: s.Update, decay: float) -> None:
        f, rule, module = self.w.f, self.plan.rule, self.module
        assert rule is not None
        factor = self.clipping(step)
        for t in step.trained:
            name = self.w.name("update", t, lambda name, t=t: columns.write_update(module, name, t, rule, decay))
            first, stop = self.share(t.value.panels)
            buffers = (t.value, t.rounded, t.transposed, t.gradient, *t.slots)
            f.call(name, *(self.at(buffer) for buffer in buffers), self.scalars, factor, first, stop)


def signature(part: Any) -> Any:
    """What decides the code of a step: everything in it but names and places.

    Two steps of the same signature share one function.
    """
    if isinstance(part, Buffer):
        return part.kind, part.rows, part.columns
    if isinstance(part, Entry):
        return part.decayed, part.l1, part.l2
    if isinstance(part, tuple):
        return tuple(map(signature, part))
    if isinstance(part, s.Step | s.Trained):
        return type(part), *(signature(value) for name, value in s.parts(part) if name != "path")
    return part


def plan_ir(code: Code, target: Target) -> str:
    """The module of a plan, made from what decides it."""
    return ModuleWriter(code, target).text()
