"""A compiled plan with its memory, and predictions of a few rows.

What needs llvmlite is imported when a plan is compiled, so that the engine can say that llvmlite is missing. The
kernels are imported when a text is written, so that code that was met before starts quickly.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import Cancelled, Span
from ranvier.errors import ShapeError
from ranvier.native.loaded_plan import LoadedPlan
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.machine import interrupts, memory
from ranvier.native.packed_state import PackedState
from ranvier.native.resident import target_words
from ranvier.native.scheduling.arguments import ARGUMENTS, KIND_NUMBERS
from ranvier.native.scheduling.binding import number_row
from ranvier.native.scheduling.blocking import shares_row
from ranvier.native.scheduling.layouts import PER_THREAD, size_of, stride_of
from ranvier.native.scheduling.stages import COUNTER_STRIDE
from ranvier.native.scheduling.tiles import PANEL
from ranvier.native.thread_choice import ThreadChooser
from ranvier.rows import Inputs
from ranvier.rows.class_numbers import are_class_numbers
from ranvier.rows.finite import check_finite, probably_finite

if TYPE_CHECKING:
    from ranvier.native.machine.team import Team

Array = NDArray[Any]
GROWING = ("rows", "panels", "column", "entries", *PER_THREAD)
"""Kinds of buffers whose size depends on the batch."""
CANCELLED_OFFSET = 16
"""Index of the first word of `cancelled` in the control words; `cancel_requested`, at 0, has cache lines to itself."""
INDICES = {name: number for number, name in enumerate(ARGUMENTS)}
"""Where each argument is in the table."""


@cache
def team() -> Team:
    """The team of threads that all executables of this process share; it grows to the largest number asked for."""
    from ranvier.native.machine.team import Team

    return Team(2)


class Program:
    """The workspace of a plan for one executable, and the table of arguments of its entry.

    Parameters:
        loaded: the plan and its code.
        state: what it computes on.
        measured_threads: with how many threads the time of each step is measured; 0 to measure nothing.

    `nbytes` are those of the workspace. `timings`, (threads, slots), are the ticks that each thread spent on each step;
    see `kernels/timing.py`.
    """

    def __init__(self, loaded: LoadedPlan, state: PackedState, measured_threads: int = 0) -> None:
        self.loaded, self.plan, self.call = loaded, loaded.plan, loaded.call
        plan = self.plan
        self.words = memory.zeros(len(ARGUMENTS) + len(plan.buffers) + loaded.measured, np.int64)
        self.timings: Array = np.zeros(0, np.int64)
        if measured_threads:
            from ranvier.native.kernels.timing import timing_stride

            stride = timing_stride(plan.stages)
            self.timings = memory.zeros(measured_threads * stride, np.int64).reshape(measured_threads, stride)
            self.words[-1] = memory.address(self.timings)
        self.address = memory.address(self.words)
        self.arrays: dict[str, Array] = {}
        self.saw_nonfinite = ctypes.c_int64(0)
        self.capacity = self.link_capacity = self.threads = self.nbytes = 0
        self.control = memory.zeros(CANCELLED_OFFSET + len(plan.stages), np.int64)
        at = memory.address(self.control)
        self.set(
            saw_nonfinite=ctypes.addressof(self.saw_nonfinite),
            cancel_requested=at,
            cancelled=at + CANCELLED_OFFSET * self.control.itemsize,
        )
        self.chunk_counters = np.zeros(0, np.int64)
        self.numbers = number_row(plan.numbers)
        self.set(scalars=memory.address(self.numbers))
        for buffer in plan.buffers:
            if buffer.name in state.arrays:
                self.point(buffer, state.arrays[buffer.name])

    def point(self, buffer: Buffer, array: Array) -> None:
        """Use an array as the memory of a buffer."""
        self.arrays[buffer.name] = array
        self.words[len(ARGUMENTS) + buffer.index] = memory.address(array)

    def reserve(self, rows: int, entries: int = 0, threads: int = 1) -> None:
        """Allocate the workspace for so many rows, and in each thread for so many entries of sparse rows.

        Its contents are lost if it has to grow.
        """
        if rows <= self.capacity and entries <= self.link_capacity and threads <= self.threads:
            return
        self.capacity, self.threads = max(rows, self.capacity), max(threads, self.threads)
        if entries > self.link_capacity:
            # Batches differ in their entries: allocate some more for the next ones.
            self.link_capacity = entries * 5 // 4
            self.set(link_capacity=self.link_capacity)
        batched = [b for b in self.plan.buffers if b.kind in GROWING]
        rest = [b for b in self.plan.buffers if b.kind not in GROWING and b.name not in self.arrays]
        counted = {"entries": self.link_capacity * self.threads}
        counted |= dict.fromkeys(PER_THREAD, self.capacity * self.threads)
        counts = [counted.get(b.kind, self.capacity) for b in (*batched, *rest)]
        self.set(capacity=self.capacity)
        sizes = [-(-size_of(b, n) // PANEL) * PANEL for b, n in zip((*batched, *rest), counts, strict=True)]
        # A wide load at the end of the last buffer stays inside.
        arena = memory.zeros(sum(sizes) + PANEL, self.plan.dtype)
        self.nbytes = arena.nbytes
        offset, start = 0, memory.address(arena)
        for buffer, size in zip((*batched, *rest), sizes, strict=True):
            self.arrays[buffer.name] = arena[offset : offset + size]
            self.words[len(ARGUMENTS) + buffer.index] = start + offset * arena.itemsize
            offset += size

    def clear_tables(self) -> None:
        """Set the gradients of tables to zero, of which a run writes but the rows that its batch holds."""
        for trained in self.plan.trained:
            if trained.gradient is not None and trained.gradient.kind == "table":
                self.arrays[trained.gradient.name][:] = 0.0

    def set(self, **words: int) -> None:
        """Fill words of the argument table."""
        for name, value in words.items():
            self.words[INDICES[name]] = value

    def check_weights(self) -> None:
        """Let products leave out inputs that are 0 if their weights are finite: 0 times infinity is not 0."""
        self.set(may_skip_zeros=all(probably_finite(self.arrays[name]) for name in self.loaded.skipping))

    def check_seen(self, inputs: Array) -> None:
        """Raise where the code, on its way through these inputs, met one that is not finite.

        Raises:
            DataError: the first such input.
        """
        if self.saw_nonfinite.value:
            self.saw_nonfinite.value = 0
            check_finite(inputs, self.plan.spec.dtype)

    def run(self, threads: int) -> None:
        """Run the entry on so many threads."""
        if threads == 1:
            self.call(0, self.address)
        else:
            team().run(self.loaded.entry, self.address, threads)

    def learn(
        self,
        words: dict[str, int],
        batches: tuple[Array, Array, Array],
        steps_done: Array,
        barrier: Array,
        threads: int,
        should_cancel: Callable[[], bool],
        largest: int,
    ) -> NDArray[np.float64]:
        """Run the steps of a plan that learns; gives the losses of those that were made.

        Parameters:
            words: of the argument table, that say where the rows are.
            batches: the order of the rows, where each batch starts, and the scalars of each step.
            steps_done: the number of steps made before, one number; compiled code counts on in it, so that it is
                right whatever Python raises afterwards.
            should_cancel: called once, before steps that can be cancelled.
            largest: the rows of the largest batch.
        """
        order, starts, scalars = batches
        losses, first = np.zeros(len(starts) - 1), int(steps_done[0])
        scalars = with_hyper_parameters(self.numbers, scalars)
        # A forked child may have the count of a step that its parent was making.
        barrier[0] = 0
        self.set(
            barrier=memory.address(barrier),
            threads=threads,
            steps=len(losses),
            order=memory.address(order),
            starts=memory.address(starts),
            scalars=memory.address(scalars),
            results=memory.address(losses),
            first_step=first,
            steps_done=memory.address(steps_done),
            **words,
        )
        if self.loaded.stealable:
            self._clear_chunk_counters(threads)
        long = False
        if self.loaded.cancellable:
            self.control[:] = 0
            long = largest >= self.plan.long
        with interrupts.sigint_sets(self.control) if long else nullcontext():
            if self.loaded.cancellable and should_cancel():
                self.control[0] = 1
            self.run(threads)
        return losses[: int(steps_done[0]) - first]

    def _clear_chunk_counters(self, threads: int) -> None:
        """Set the counters of the chunks that so many threads share to zero."""
        words = 2 * self.loaded.stealable * threads * COUNTER_STRIDE
        if len(self.chunk_counters) != words:
            self.chunk_counters = memory.zeros(words, np.int64)
            self.set(chunk_counters=memory.address(self.chunk_counters))
        self.chunk_counters[:] = 0

    def predict(
        self,
        rows: tuple[Inputs, dict[str, int]],
        targets: Array | None,
        threads: int,
        chooser: ThreadChooser,
        should_cancel: Callable[[], bool],
        columns: int | None = None,
    ) -> tuple[Array, Array | None]:
        """Outputs and, where targets are given, row losses, some 50 milliseconds' worth of rows at once.

        A row's bits do not depend on the rows beside it.

        Parameters:
            rows: what `readable_rows` gives.
            targets: of the rows, or what a plan reads in place of them.
            threads: the largest number of threads; `chooser` says how many are used.
            columns: how many numbers a row of the outputs has; None for as many as the network has outputs.

        Raises:
            Cancelled: `should_cancel`, called between blocks, returned True.
            DataError: an input is not finite.
        """
        (inputs, words), plan = rows, self.plan
        n_rows = len(inputs)
        outputs = np.empty((n_rows, columns or plan.spec.network.outputs), plan.dtype)
        losses = None if targets is None else np.empty(n_rows, plan.dtype)
        self.reserve(plan.rows * threads)
        self.set(results=0, **target_words(targets), **words)
        moving = {"inputs": (inputs.dense if inputs.n_dense else None, words.get("inputs", 0))}
        moving |= {
            "row_starts": (None if inputs.entries is None else inputs.entries.indptr, words.get("row_starts", 0))
        }
        kind = "class_numbers" if targets is not None and are_class_numbers(targets) else "targets"
        for name, array in (("outputs", outputs), (kind, targets), ("results", losses)):
            moving[name] = array, 0 if array is None else memory.address(array)

        def some(block: int, count: int, threads: int) -> int:
            if block and should_cancel():
                raise Cancelled
            first = block * plan.rows
            for name, (array, start) in moving.items():
                if array is not None:
                    self.words[INDICES[name]] = start + first * array.strides[0]
            self.set(threads=threads, rows=min(count * plan.rows, n_rows - first))
            self._clear_chunk_counters(threads)
            self.run(threads)
            return count

        chooser.run(-(-n_rows // plan.rows), some, threads, max(1, plan.long // plan.rows))
        self.check_seen(inputs.dense)
        return outputs, losses


def with_hyper_parameters(numbers: NDArray[np.float64], scalars: NDArray[np.float64]) -> NDArray[np.float64]:
    """What steps with these scalars (..., H) read: in each row the hyper-parameters, (..., n), then the scalars."""
    count = numbers.shape[-1]
    rows = np.empty((*scalars.shape[:-1], count + scalars.shape[-1]))
    rows[..., :count] = numbers
    rows[..., count:] = scalars
    return rows


MAX_SMALL_ROWS, MAX_SMALL_BYTES = 16, 1 << 16
"""Predictions of at most so many rows and bytes of inputs are made ready once for each number of rows."""


def worth_few(inputs: Array) -> bool:
    """Whether predictions of such inputs are so few that they are made ready once.

    >>> worth_few(np.zeros((1, 784))), worth_few(np.zeros((1000, 784)))
    (True, False)
    """
    return 0 < len(inputs) <= MAX_SMALL_ROWS and inputs.nbytes <= MAX_SMALL_BYTES


class Few:
    """Predictions of a few rows of one shape and kind on the caller's thread, with little around the compiled call.

    It has its own table of arguments, and room for the outputs. Not for two threads at once.

    Parameters:
        helped: whether another thread may help with a single row.
    """

    def __init__(self, program: Program, shape: tuple[int, ...], dtype: np.dtype[Any], helped: bool = False) -> None:
        plan = program.plan
        program.reserve(plan.rows)
        self.outputs = memory.zeros((shape[0], plan.spec.network.outputs), plan.dtype)
        self.words = program.words.copy()
        helper = None
        if helped and shape[0] == 1 and shares_row(plan.stages[0].steps, plan.registers):
            from ranvier.native.machine.helper_thread import helper_thread

            helper = helper_thread()
        words = {"threads": 1, "kind": KIND_NUMBERS[dtype], "rows": shape[0]}
        words["helper"] = 0 if helper is None else helper.address
        words |= {"outputs": memory.address(self.outputs), "targets": 0, "results": 0}
        for name, word in words.items():
            self.words[INDICES[name]] = word
        # The workspace of the program may move; this one stays where it is.
        self._program, self._keep = program, (*program.arrays.values(), program.chunk_counters, helper)
        self._saw_nonfinite = program.saw_nonfinite
        self._table = ctypes.c_void_p(memory.address(self.words))
        # Types that ctypes need not look up: bytes are their address, and so is the table.
        self._call = program.loaded.function("few", None)

    def check_weights(self) -> None:
        """Do as the program, whose weights were looked at before."""
        index = INDICES["may_skip_zeros"]
        self.words[index] = self._program.words[index]

    def __call__(self, inputs: Array) -> Array:
        """The outputs of inputs of this shape and kind."""
        self._call(inputs.tobytes(), self._table)
        if self._saw_nonfinite.value:
            self._program.check_seen(inputs)
        return self.outputs.copy()


def rows_of(program: Program, buffer: Buffer, count: int) -> Array:
    """The first rows of a row buffer, without padding."""
    return program.arrays[buffer.name][: count * stride_of(buffer)].reshape(count, stride_of(buffer))[
        :, : buffer.columns
    ]


def check_span(span: Span, rows: int, scalars: int) -> int:
    """Raise a ShapeError where a span names rows or numbers that do not exist; compiled code would read foreign memory.

    Parameters:
        rows: how many resident rows there are.
        scalars: how many numbers the optimizer's rule takes in each step.

    Returns the rows of the largest batch.
    """
    order, starts = np.asarray(span.order, np.int64), np.asarray(span.starts, np.int64)
    # As unsigned numbers, negative ones are beyond all others.
    if len(order) and int(np.maximum.reduce(order.view(np.uint64))) >= rows:
        raise ShapeError(
            f"The order of the rows goes from {order.min()} to {order.max()}; there are rows 0 to {rows - 1}."
        )
    sizes = starts[1:] - starts[:-1]
    largest = int(np.maximum.reduce(sizes.view(np.uint64) - np.uint64(1))) + 1 if len(sizes) else 0
    if len(starts) == 0 or starts[0] < 0 or starts[-1] > len(order) or largest > len(order):
        raise ShapeError(f"The batches must follow each other in an order of {len(order)} rows and hold at least one.")
    if span.scalars.shape != (span.steps, scalars):
        raise ShapeError(f"The scalars have shape {span.scalars.shape}; this span needs {(span.steps, scalars)}.")
    return largest
