"""Inside the loops of an entry: the values that the calls of the steps are written with, and what this thread computes.

Some values differ from step to step of a span, and from block to block of a prediction.
"""

from __future__ import annotations

from ranvier.native.kernels.function import Function
from ranvier.native.kernels.function_names import FunctionNames
from ranvier.native.kernels.next_rows import NextRows
from ranvier.native.kernels.timing import timing_stride
from ranvier.native.kernels.values import NULL, Value
from ranvier.native.kernels.work_stealing import WorkStealing
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.scheduling.arguments import ARGUMENTS
from ranvier.native.scheduling.layouts import PER_THREAD, size_of
from ranvier.native.scheduling.plan import Code


class Body:
    """The values of an entry: what its argument table holds, read at its beginning, and those of the present step.

    Parameters:
        f: the entry.
        plan: whose entry it is.
        functions: names what it calls.
        thread: the number of this thread.
        argument: the pointer to the table of arguments.
    """

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
    next_rows: NextRows | None = None
    cancel_requested: Value | None = None
    stealing: WorkStealing | None = None
    helper: Value | None = None

    def __init__(self, f: Function, plan: Code, functions: FunctionNames, thread: Value, argument: Value) -> None:
        self.f, self.plan, self.name = f, plan, functions.name
        self.thread, self.argument = thread, argument
        self.words: dict[str, Value] = {}
        self._buffers: dict[int, Value] = {}
        for number, (name, type) in enumerate(ARGUMENTS.items()):
            self.words[name] = f.load(f.pointer(argument, number, "i64"), type, 8, name=name)
        for buffer in plan.buffers:
            at = f.pointer(argument, len(ARGUMENTS) + buffer.index, "i64")
            self._buffers[buffer.index] = f.load(at, "ptr", 8, name=buffer.name.replace(".", "_"))
        if plan.measured:
            timings = f.load(f.pointer(argument, len(ARGUMENTS) + len(plan.buffers), "i64"), "ptr", 8)
            stride = timing_stride(plan.stages)
            self.words["timings"] = f.pointer(timings, f.multiply(thread, stride), "i64", "timings")

    def at(self, buffer: Buffer | None) -> Value:
        """The pointer to a buffer, to the part of this thread where each has its own; null for none."""
        if buffer is None:
            return NULL
        f, start = self.f, self._buffers[buffer.index]
        if buffer.kind not in PER_THREAD:
            return start
        size = f.multiply(self.words["capacity"], size_of(buffer, 1))
        return f.pointer(start, f.multiply(self.thread, size), name="own")

    def packing_buffer(self) -> Value:
        """The packing buffer of this thread."""
        return self.at(next(buffer for buffer in self.plan.buffers if buffer.kind == "packing"))

    def rows_of(self, thread: Value) -> tuple[Value, Value]:
        """The first row of a batch that a thread computes, and the one after its last."""
        f, threads = self.f, self.words["threads"]
        rows_per_thread = f.divide(f.add(self.rows, f.subtract(threads, 1)), threads, "rows_per_thread")
        if self.plan.pairs_rows:
            rows_per_thread = f.bitwise("and", f.add(rows_per_thread, 1), -2)
        first = f.intrinsic("smin", f.multiply(thread, rows_per_thread), self.rows)
        return first, f.intrinsic("smin", f.add(first, rows_per_thread), self.rows)

    def thread_range(self, count: int, thread: Value | None = None) -> tuple[Value, Value]:
        """The first of so many units that a thread computes, this one by default, and the one after its last."""
        f, threads, thread = self.f, self.words["threads"], thread or self.thread
        first = f.divide(f.multiply(thread, count), threads)
        return first, f.divide(f.multiply(f.add(thread, 1), count), threads)

    def panel_range(self, panels: int, grain: int, thread: Value) -> tuple[Value, Value]:
        """The first panel that a thread computes, and the one after its last; `grain` of them belong together."""
        f = self.f
        first, stop = self.thread_range(-(-panels // grain), thread)
        return f.multiply(first, grain), f.intrinsic("smin", f.multiply(stop, grain), f.i64(panels))

    def begin_next_rows(self, columns: int, tiles: int, all_rows: bool) -> tuple[Value]:
        """Say which rows, of so many numbers, are prefetched beside so many tiles, and give the pointer to that.

        Parameters:
            all_rows: whether each thread gathers all of them.
        """
        f, words, next_rows = self.f, self.words, self.next_rows
        assert next_rows is not None
        first, stop = (f.i64(0), self.rows) if all_rows else self.rows_of(self.thread)
        count = f.multiply(self.rows, words["threads"]) if all_rows else self.rows
        stop = f.intrinsic("smin", stop, f.subtract(self.left, self.rows))
        order = f.pointer(self.order, self.rows, "i64")
        next_rows.begin((words["inputs"], words["kind"], columns), order, (first, stop), (count, tiles))
        return (next_rows.memory,)
