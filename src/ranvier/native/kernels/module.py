"""A plan as IR, with one entry that every thread of the team calls.

    span(thread, argument):                                     predict(thread, argument):
        for each step of the span:                                  for each block of rows that this thread takes:
            for each stage of the plan:                                 the row steps
                row steps on this thread's rows, some at a time
                or a product of all rows with this thread's panels
                or column steps on this thread's share
                barrier
                leave the step if it can be cancelled and a thread cancelled it
            steps_done += 1, stored after the last step if none can be cancelled

The argument is a table of 64-bit words: those named in ARGUMENTS, one pointer per buffer, and, in code that measures
times, a pointer to them. Each entry runs its body in our floating-point mode; see `machine/floating_point_mode.py`.

The text comes as several modules: the entry, then the functions it calls, about `LINES` lines each. Modules are
compiled in parallel, the first ones while the others are being written. Functions that two plans share, such as a
product of the same shape, are mostly found in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from ranvier.native.kernels import cancellation
from ranvier.native.kernels.body import Body
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.next_rows import WORDS, NextRows
from ranvier.native.kernels.timing import TOTAL, timed, timing_slots, timing_stride
from ranvier.native.kernels.values import NULL, TRUE, UNSCALED, ZERO, Value
from ranvier.native.kernels.work_stealing import WorkStealing
from ranvier.native.lowering import steps as s
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.lowered import INPUT_GRADIENTS
from ranvier.native.lowering.scalars import Scalar
from ranvier.native.machine.barrier import barrier_ir
from ranvier.native.machine.floating_point_mode import mode_ir
from ranvier.native.machine.target import QUICK_MARK, Target
from ranvier.native.scheduling.arguments import ARGUMENTS
from ranvier.native.scheduling.blocking import shares_row
from ranvier.native.scheduling.layouts import panels_of
from ranvier.native.scheduling.plan import Code
from ranvier.native.scheduling.scheduled import Scheduled, ScheduledProduct
from ranvier.native.scheduling.stages import COLUMNS, PANELS, stealable
from ranvier.native.scheduling.tiles import PANEL
from ranvier.network.parameters import Entry

LINES = 500
"""Lines after which a module is complete. With more, threads that compile would wait for each other."""


class ModuleWriter:
    """Writes the modules of one plan."""

    def __init__(self, plan: Code, target: Target, lines: int = LINES) -> None:
        self.plan, self.lines = plan, lines
        self.module = Emitter(plan.dtype, PANEL)
        self.target = target
        self._names: dict[Any, str] = {}
        self._writers: dict[str, Callable[[Emitter], None]] = {}
        self._slots = timing_slots(plan.stages) if plan.measured else {}
        self._steal_numbers = stealable(plan.stages) if plan.steals else {}
        self.f: Function
        self.words: dict[str, Value] = {}
        self.buffers: dict[int, Value] = {}

    def texts(self) -> Iterator[str]:
        """The IR of the modules, one by one."""
        self.module.add_text(mode_ir(self.target), {"enter_mode": "i64", "leave_mode": "void"})
        if self.plan.learns:
            self.module.add_text(barrier_ir(self.target), {"barrier": "void"})
            self._span()
        else:
            self._predict()
            if self.plan.purpose not in INPUT_GRADIENTS:
                self._few()
        yield (QUICK_MARK if self.plan.large else "") + self.module.text()
        functions = Emitter(self.plan.dtype, PANEL)
        for write in self._writers.values():
            write(functions)
            if functions.lines() >= self.lines:
                yield functions.text()
                functions = Emitter(self.plan.dtype, PANEL)
        if functions.lines():
            yield functions.text()

    # Entries

    @contextmanager
    def _entry(self, name: str, parameters: dict[str, str]) -> Iterator[Function]:
        """Write an entry: a function that runs the body in our floating-point mode."""
        body = f"{name}.body"
        with self.module.function(name, parameters) as entry:
            with self.module.function(body, parameters) as f:
                yield f
            before = entry.call("enter_mode", name="before")
            entry.call(body, *entry.parameters)
            entry.call("leave_mode", before)

    def _begin(self, f: Function, thread: Value, argument: Value) -> None:
        self.f, self.thread, self.argument = f, thread, argument
        for number, (name, type) in enumerate(ARGUMENTS.items()):
            self.words[name] = f.load(f.pointer(argument, number, "i64"), type, 8, name=name)
        for buffer in self.plan.buffers:
            at = f.pointer(argument, len(ARGUMENTS) + buffer.index, "i64")
            self.buffers[buffer.index] = f.load(at, "ptr", 8, name=buffer.name.replace(".", "_"))
        if self.plan.measured:
            timings = f.load(f.pointer(argument, len(ARGUMENTS) + len(self.plan.buffers), "i64"), "ptr", 8)
            stride = timing_stride(self.plan.stages)
            self.words["timings"] = f.pointer(timings, f.multiply(thread, stride), "i64", "timings")

    def _timed(self, f: Function, slot: int | None) -> AbstractContextManager[None]:
        """Measure the time of the body, if the plan is measured."""
        if slot is None or not self.plan.measured:
            return nullcontext()
        return timed(f, self.target, self.words["timings"], slot)

    def _span(self) -> None:
        body = Body(self)
        with self._entry("span", {"thread": "i64", "argument": "ptr"}) as f:
            self._begin(f, *f.parameters)
            words = self.words
            body.packed_block = f.stack("i64", name="packed_block")
            if self.plan.prefetches_rows:
                body.next_rows = NextRows(f, f.stack("i64", len(WORDS), name="next_rows"))
            last = f.pointer(words["starts"], words["steps"], "i64")
            numbers = f.load(last, "i64", name="all")
            with f.loop(ZERO, words["steps"], name="step") as loop:
                at = f.pointer(words["starts"], loop.index, "i64")
                start = f.load(at, "i64", name="start")
                rows = f.subtract(f.load(f.pointer(at, 1, "i64"), "i64"), start, "rows")
                body.order = f.pointer(words["order"], start, "i64", name="numbers")
                width = self.plan.row_width
                body.scalars = f.pointer(words["scalars"], f.multiply(loop.index, width), "double", name="scalars")
                body.result = f.pointer(words["results"], loop.index, "double", name="result")
                body.step = f.add(words["first_step"], loop.index, "number")
                body.rows, body.shift = rows, ZERO
                body.left = f.subtract(numbers, start, "left")
                body.weight_scale, body.inverse_batch_size = self._loss_scales(f, rows, body.order)
                if self.plan.steals:
                    body.stealing = WorkStealing(f, words["chunk_counters"], self.thread, words["threads"], body.step)
                with self._timed(f, TOTAL):
                    self._stages(f, body)
            if not self.plan.cancellable:
                self._count(f, f.add(words["first_step"], words["steps"]))

    def _stages(self, f: Function, body: Body) -> None:
        """Write the stages of a step; the stages after a cancelled one are skipped."""
        words = self.words
        with ExitStack() as going:
            for number, stage in enumerate(self.plan.stages):
                self._stage(f, body, number)
                if stage.cancellable:
                    cancellation.publish(f, words["cancel_requested"], words["cancelled"], number)
                with self._timed(f, self._slots.get((number, len(stage.steps)))):
                    f.call("barrier", words["barrier"], words["threads"])
                if stage.cancellable:
                    going.enter_context(cancellation.unless_cancelled(f, words["cancelled"], number))
            if self.plan.cancellable:
                self._count(f, f.add(body.step, 1))

    def _count(self, f: Function, steps_done: Value) -> None:
        """Store how many steps are done."""
        with f.when(f.compare("eq", self.thread, 0), name="steps_done"):
            f.store(steps_done, self.words["steps_done"])

    def _stage(self, f: Function, body: Body, number: int) -> None:
        stage, plan = self.plan.stages[number], self.plan
        body.cancel_requested = self.words["cancel_requested"] if stage.cancellable else None

        def each_step() -> Iterator[tuple[int, Scheduled]]:
            """Each step with its number, written unless cancelling was requested, and timed."""
            for at, step in enumerate(stage.steps):
                with (
                    cancellation.unless_requested(f, body.cancel_requested),
                    self._timed(f, self._slots.get((number, at))),
                ):
                    yield at, step

        if stage.kind == COLUMNS:
            for at, step in each_step():
                body.column_step(step, self._steal_numbers.get((number, at)))
            return
        if stage.kind == PANELS:
            for _, step in each_step():
                if isinstance(step, ScheduledProduct):
                    body.panel_step(step, self._steal_numbers.get((number, 0)))
                else:
                    body.row_step(step, ZERO, body.rows)
            return

        def part(first: Value, stop: Value) -> None:
            for _, step in each_step():
                body.row_step(step, first, stop)

        if body.stealing is not None:
            height = plan.heights[0] * (2 if plan.pairs_rows and plan.heights[0] % 2 else 1)
            body.stealing.rows(self._steal_numbers[number, 0], body.rows_of, height, plan.rows, part)
            return
        first, stop = body.rows_of(self.thread)
        with f.loop(first, stop, plan.rows, name="part") as loop:
            part(loop.index, f.intrinsic("smin", f.add(loop.index, plan.rows), stop))

    def _loss_scales(self, f: Function, rows: Value, order: Value) -> tuple[Value, Value]:
        """The weight in the loss of a row of weight 1, and 1 / B."""
        unit = f.constant(1.0, "double")
        equal = f.divide(unit, f.cast("sitofp", rows, "double"), "equal")
        weights = self.words["weights"]
        with f.when(f.compare("ne", weights, NULL), name="weighted", carried=[equal]) as when:
            with f.loop(ZERO, rows, name="b", carried=[f.constant(0.0, "double")]) as loop:
                number = f.load(f.pointer(order, loop.index, "i64"), "i64")
                loop.carry(f.add(loop.values[0], f.load(f.pointer(weights, number, "double"), "double")))
            mass = loop.results[0]
            some = f.compare("one", mass, 0.0)
            when.carry(f.select(some, f.divide(unit, mass), f.constant(0.0, "double")))
        return when.results[0], equal

    def _predict(self) -> None:
        body = Body(self)
        rows_at_once = self.plan.rows
        with self._entry("predict", {"thread": "i64", "argument": "ptr"}) as f:
            self._begin(f, *f.parameters)
            words, threads = self.words, self.words["threads"]
            blocks = f.divide(f.add(words["rows"], rows_at_once - 1), rows_at_once, "blocks")
            body.order = NULL
            body.weight_scale = body.inverse_batch_size = UNSCALED
            body.result, body.scalars = words["results"], words["scalars"]

            def bounds(owner: Value) -> tuple[Value, Value]:
                first = f.divide(f.multiply(blocks, owner), threads)
                return first, f.divide(f.multiply(blocks, f.add(owner, 1)), threads)

            def block(_: Value, number: Value, after: Value) -> None:
                base = f.multiply(number, rows_at_once)
                begin = f.multiply(self.thread, rows_at_once)
                count = f.intrinsic("smin", f.subtract(words["rows"], base), f.i64(rows_at_once))
                body.shift = f.subtract(base, begin)
                for step in self.plan.stages[0].steps:
                    body.row_step(step, begin, f.add(begin, count))

            WorkStealing(f, words["chunk_counters"], self.thread, threads, ZERO).units(0, bounds, block)

    def _few(self) -> None:
        """Write `few(inputs, argument)`: predict on this thread, from inputs at another address than the table's.

        A single row takes another path where a product is large enough to share with the helper thread.
        """
        with self._entry("few", {"inputs": "ptr", "argument": "ptr"}) as f:
            inputs, argument = f.parameters
            names = list(ARGUMENTS)
            f.store(inputs, f.pointer(argument, names.index("inputs"), "i64"))
            f.store(ZERO, f.load(f.pointer(argument, names.index("chunk_counters"), "i64"), "ptr"))
            steps = self.plan.stages[0].steps
            if not shares_row(steps, self.plan.registers):
                f.call("predict.body", ZERO, argument)
                return
            self._begin(f, ZERO, argument)
            body = Body(self)
            body.order, body.shift, body.result = NULL, ZERO, self.words["results"]
            body.scalars = self.words["scalars"]
            body.weight_scale = body.inverse_batch_size = UNSCALED
            single_row = f.compare("eq", self.words["rows"], 1)
            helped = f.bitwise("and", single_row, f.compare("ne", self.words["helper"], NULL), "helped")
            with f.when(helped, name="one"):
                body.helper = self.words["helper"]
                for step in steps:
                    body.row_step(step, ZERO, f.i64(1))
            with f.when(f.bitwise("xor", helped, TRUE), name="several"):
                f.call("predict.body", ZERO, argument)
        for number, (scheduled, grain) in enumerate(body.helped):
            self._piece(number, scheduled, grain)

    def _piece(self, number: int, scheduled: ScheduledProduct, grain: int) -> None:
        """Write `piece.number(argument, i64 piece)`: some panels of a product of a single row."""
        with self.module.function(f"piece.{number}", {"argument": "ptr", "piece": "i64"}, internal=True) as f:
            argument, piece = f.parameters
            self._begin(f, ZERO, argument)
            first = f.multiply(piece, grain)
            stop = f.intrinsic("smin", f.add(first, grain), f.i64(panels_of(scheduled.step.matrix)))
            Body(self).product(replace(scheduled, split_n=grain, k_block=0), ZERO, f.i64(1), (first, stop))

    # Functions

    def name(self, kind: str, step: Any, write: Callable[..., None], *about: Any, result: str = "void") -> str:
        """The name of the function for a step, which is written once for all steps of the same shape.

        Parameters:
            kind: how to call it; a number is added where other functions are called so.
            write: writes it, given a module, the name and what else comes `about` it.
            result: the type it gives back.
        """
        key = (kind, signature(step))
        if key not in self._names:
            name = kind
            number = 1
            while name in self._writers:
                number += 1
                name = f"{kind}.{number}"
            self._names[key] = name
            self._writers[name] = lambda module: write(module, name, *about)
            self.module.expect(name, result)
        return self._names[key]


def signature(part: Any) -> Any:
    """What decides the code of a step: everything in it but names and places.

    Two steps of the same signature share one function.
    """
    if isinstance(part, Buffer):
        return part.kind, part.rows, part.columns, part.groups
    if isinstance(part, Entry):
        # What of it decides code is in the other fields of what is trained.
        return None
    if isinstance(part, Scalar):
        return part.position
    if isinstance(part, tuple):
        return tuple(map(signature, part))
    if isinstance(part, s.Step | s.Trained | Scheduled):
        return type(part), *(signature(value) for name, value in s.fields_of(part) if name != "path")
    return part


def plan_ir(code: Code, target: Target, lines: int = LINES) -> Iterator[str]:
    """The modules of a plan, written one by one.

    Parameters:
        lines: a module is complete once it has so many lines; with 1 each function has its own.
    """
    return ModuleWriter(code, target, lines).texts()
