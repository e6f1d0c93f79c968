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

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace

from ranvier.native.kernels import cancellation
from ranvier.native.kernels.calls import StepCalls
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.function_names import FunctionNames
from ranvier.native.kernels.next_rows import WORDS, NextRows
from ranvier.native.kernels.timing import TOTAL, timed, timing_slots
from ranvier.native.kernels.values import NULL, TRUE, UNSCALED, ZERO, Value
from ranvier.native.kernels.work_stealing import WorkStealing
from ranvier.native.lowering.lowered import INPUT_GRADIENTS
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

LINES = 500
"""Lines after which a module is complete. With more, threads that compile would wait for each other."""


class ModuleWriter:
    """Writes the modules of one plan."""

    def __init__(self, plan: Code, target: Target, lines: int = LINES) -> None:
        self.plan, self.lines = plan, lines
        self.module = Emitter(plan.dtype, PANEL)
        self.target = target
        self._functions = FunctionNames(self.module)
        self._slots = timing_slots(plan.stages) if plan.measured else {}
        self._steal_numbers = stealable(plan.stages) if plan.steals else {}

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
        for write in self._functions.writers():
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
        with write_function(self.module, name, parameters) as entry:
            with write_function(self.module, body, parameters) as f:
                yield f
            before = entry.call("enter_mode", name="before")
            entry.call(body, *entry.parameters)
            entry.call("leave_mode", before)

    def _calls(self, f: Function, thread: Value, argument: Value) -> StepCalls:
        return StepCalls(f, self.plan, self._functions, thread, argument)

    def _timed(self, body: StepCalls, slot: int | None) -> AbstractContextManager[None]:
        """Measure the time of the body, if the plan is measured."""
        if slot is None or not self.plan.measured:
            return nullcontext()
        return timed(body.f, self.target, body.words["timings"], slot)

    def _span(self) -> None:
        with self._entry("span", {"thread": "i64", "argument": "ptr"}) as f:
            body = self._calls(f, *f.parameters)
            words = body.words
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
                body.weight_scale, body.inverse_batch_size = self._loss_scales(body, rows)
                if self.plan.steals:
                    body.stealing = WorkStealing(f, words["chunk_counters"], body.thread, words["threads"], body.step)
                with self._timed(body, TOTAL):
                    self._stages(body)
            if not self.plan.cancellable:
                self._count(body, f.add(words["first_step"], words["steps"]))

    def _stages(self, body: StepCalls) -> None:
        """Write the stages of a step; the stages after a cancelled one are skipped."""
        f, words = body.f, body.words
        with ExitStack() as going:
            for number, stage in enumerate(self.plan.stages):
                self._stage(body, number)
                if stage.cancellable:
                    cancellation.publish(f, words["cancel_requested"], words["cancelled"], number)
                with self._timed(body, self._slots.get((number, len(stage.steps)))):
                    f.call("barrier", words["barrier"], words["threads"])
                if stage.cancellable:
                    going.enter_context(cancellation.unless_cancelled(f, words["cancelled"], number))
            if self.plan.cancellable:
                self._count(body, f.add(body.step, 1))

    def _count(self, body: StepCalls, steps_done: Value) -> None:
        """Store how many steps are done."""
        f = body.f
        with f.when(f.compare("eq", body.thread, 0), name="steps_done"):
            f.store(steps_done, body.words["steps_done"])

    def _stage(self, body: StepCalls, number: int) -> None:
        f, stage, plan = body.f, self.plan.stages[number], self.plan
        body.cancel_requested = body.words["cancel_requested"] if stage.cancellable else None

        def each_step() -> Iterator[tuple[int, Scheduled]]:
            """Each step with its number, written unless cancelling was requested, and timed."""
            for at, step in enumerate(stage.steps):
                with (
                    cancellation.unless_requested(f, body.cancel_requested),
                    self._timed(body, self._slots.get((number, at))),
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
        first, stop = body.rows_of(body.thread)
        with f.loop(first, stop, plan.rows, name="part") as loop:
            part(loop.index, f.intrinsic("smin", f.add(loop.index, plan.rows), stop))

    def _loss_scales(self, body: StepCalls, rows: Value) -> tuple[Value, Value]:
        """The weight in the loss of a row of weight 1, and 1 / B."""
        f = body.f
        unit = f.constant(1.0, "double")
        equal = f.divide(unit, f.cast("sitofp", rows, "double"), "equal")
        weights = body.words["weights"]
        with f.when(f.compare("ne", weights, NULL), name="weighted", carried=[equal]) as when:
            with f.loop(ZERO, rows, name="b", carried=[f.constant(0.0, "double")]) as loop:
                number = f.load(f.pointer(body.order, loop.index, "i64"), "i64")
                loop.carry(f.add(loop.values[0], f.load(f.pointer(weights, number, "double"), "double")))
            mass = loop.results[0]
            some = f.compare("one", mass, 0.0)
            when.carry(f.select(some, f.divide(unit, mass), f.constant(0.0, "double")))
        return when.results[0], equal

    def _predict(self) -> None:
        rows_at_once = self.plan.rows
        with self._entry("predict", {"thread": "i64", "argument": "ptr"}) as f:
            body = self._calls(f, *f.parameters)
            words, threads = body.words, body.words["threads"]
            blocks = f.divide(f.add(words["rows"], rows_at_once - 1), rows_at_once, "blocks")
            body.order = NULL
            body.weight_scale = body.inverse_batch_size = UNSCALED
            body.result, body.scalars = words["results"], words["scalars"]

            def bounds(owner: Value) -> tuple[Value, Value]:
                first = f.divide(f.multiply(blocks, owner), threads)
                return first, f.divide(f.multiply(blocks, f.add(owner, 1)), threads)

            def block(_: Value, number: Value, after: Value) -> None:
                base = f.multiply(number, rows_at_once)
                begin = f.multiply(body.thread, rows_at_once)
                count = f.intrinsic("smin", f.subtract(words["rows"], base), f.i64(rows_at_once))
                body.shift = f.subtract(base, begin)
                for step in self.plan.stages[0].steps:
                    body.row_step(step, begin, f.add(begin, count))

            WorkStealing(f, words["chunk_counters"], body.thread, threads, ZERO).units(0, bounds, block)

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
            body = self._calls(f, ZERO, argument)
            body.order, body.shift, body.result = NULL, ZERO, body.words["results"]
            body.scalars = body.words["scalars"]
            body.weight_scale = body.inverse_batch_size = UNSCALED
            single_row = f.compare("eq", body.words["rows"], 1)
            helped = f.bitwise("and", single_row, f.compare("ne", body.words["helper"], NULL), "helped")
            with f.when(helped, name="one"):
                body.helper = body.words["helper"]
                for step in steps:
                    body.row_step(step, ZERO, f.i64(1))
            with f.when(f.bitwise("xor", helped, TRUE), name="several"):
                f.call("predict.body", ZERO, argument)
        for number, (scheduled, grain) in enumerate(body.helped):
            self._piece(number, scheduled, grain)

    def _piece(self, number: int, scheduled: ScheduledProduct, grain: int) -> None:
        """Write `piece.number(argument, i64 piece)`: some panels of a product of a single row."""
        with write_function(self.module, f"piece.{number}", {"argument": "ptr", "piece": "i64"}, internal=True) as f:
            argument, piece = f.parameters
            body = self._calls(f, ZERO, argument)
            first = f.multiply(piece, grain)
            stop = f.intrinsic("smin", f.add(first, grain), f.i64(panels_of(scheduled.step.matrix)))
            body.product(replace(scheduled, split_n=grain, k_block=0), ZERO, f.i64(1), (first, stop))


def plan_ir(code: Code, target: Target, lines: int = LINES) -> Iterator[str]:
    """The modules of a plan, written one by one.

    Parameters:
        lines: a module is complete once it has so many lines; with 1 each function has its own.
    """
    return ModuleWriter(code, target, lines).texts()
