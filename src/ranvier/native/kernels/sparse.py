"""The first layer on sparse rows: its cost is that of the entries. K inputs, N outputs; the weight is a table.

    forward, for each row b:
        for each v panels of the table:
            accumulators = bias, or the sums over the dense block, which dense.py computed
            for each entry k of the row, ascending:  accumulator = x[b, k] * W[k] + accumulator
            y = activation(accumulator)

    gradient, each thread for the columns it owns:
        for the rows of the batch from last to first, for each of its entries: copy the entry to its links
        for each link: insert it at the head of its column's linked list; list the column if the list was empty
        for each listed column k:
            for each v panels:  g = sum along the linked list, now in row order, of x[b, k] * dz[b]
                                update W[k] and the optimizer's slots

These are the sums of dense.py and gradient.py without the terms that are zero, so the bits are the same. The owner of a
column is a hash of the column. No other thread reads or writes the row of the table, the list or the slots of a column,
so the bits do not depend on the number of threads.
"""

from __future__ import annotations

from ranvier.native.kernels.bfloat16 import start_of_sums
from ranvier.native.kernels.body import Body
from ranvier.native.kernels.clipping import call_clipping
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.loss import source_row
from ranvier.native.kernels.next_rows import LINE
from ranvier.native.kernels.outputs import output_buffers, store_outputs
from ranvier.native.kernels.row_vectors import total
from ranvier.native.kernels.tile import panel_loops
from ranvier.native.kernels.update import Pointers, Updater, finish
from ranvier.native.kernels.values import UNSCALED, ZERO, Value
from ranvier.native.lowering.sparse import KEEP, MEASURE, SparseForward, SparseGradient
from ranvier.native.scheduling.binding import BoundRule
from ranvier.native.scheduling.layouts import panels_of, stride_of
from ranvier.native.scheduling.scheduled import ScheduledSparseGradient
from ranvier.native.scheduling.tiles import PANEL, Registers
from ranvier.records import record

LINE_OF_HEADS = 4
"""The 2^4 columns of a cache line of heads have one owner, so that no two threads write to one line."""
HASH_MULTIPLIER = 0x9E3779B1
"""2^32 / golden ratio, for multiplicative hashing (Knuth, volume 3, section 6.4)."""
ROWS = {"values": "ptr", "columns": "ptr", "starts": "ptr", "order": "ptr"}
"""The sparse rows, as arguments."""


def entry_range(f: Function, starts: Value, source: Value) -> tuple[Value, Value]:
    """Where the entries of a row begin and end."""
    at = f.pointer(starts, source, "i64")
    return f.load(at, "i64", name="begin"), f.load(f.pointer(at, 1, "i64"), "i64", name="end")


def column_of(f: Function, columns: Value, index: Value) -> Value:
    """The column of an entry."""
    return f.cast("zext", f.load(f.pointer(columns, index, "i32"), "i32", name="k"), "i64")


# Forward


def call_forward(body: Body, step: SparseForward, first: Value, stop: Value) -> None:
    """Call the forward function for some rows, written by the first call."""
    words, registers = body.words, body.plan.registers
    kind = f"sparse_forward_{step.weight.rows}x{step.weight.columns}"
    name = body.name(kind, step, write_sparse_forward, step, registers)
    rows = (words["data"], words["columns"], words["row_starts"], body.order, body.shift)
    before = step.bias if step.start is None else step.start
    buffers = (body.at(buffer) for buffer in (step.weight, before, *output_buffers(step)))
    body.f.call(name, *rows, *buffers, first, stop)


def write_sparse_forward(module: Emitter, name: str, step: SparseForward, registers: Registers) -> None:
    """Write `(values, columns, starts, order, i64 shift, weight, before, out, extra, i64 from, i64 to)`.

    `before` is the bias, or the rows of sums that accumulators go on from. A null order means row + shift.
    """
    weight, pointers = step.weight, dict.fromkeys(("weight", "before", "out", "extra"), "ptr noalias")
    at_once = min(registers.panels(1), panels_of(weight))
    with write_function(module, name, {**ROWS, "shift": "i64", **pointers, "from": "i64", "to": "i64"}) as f:
        values, columns, starts, order, shift, table, before, out, extra, first, stop = f.parameters
        with f.loop(first, stop, name="b") as rows:
            row = rows.index
            begin, end = entry_range(f, starts, source_row(f, order, shift, row))

            def panels(panel: Value, count: int, row: Value = row, begin: Value = begin, end: Value = end) -> None:
                column = f.multiply(panel, PANEL, "column")
                accumulators = [f.constant(0.0)] * count
                if step.start is not None or step.bias is not None:
                    offset = f.add(f.multiply(row, stride_of(step.start)), column) if step.start else column
                    accumulators = [f.load(f.pointer(before, f.add(offset, p * PANEL))) for p in range(count)]
                    if step.bfloat16 and step.start is None:
                        accumulators = [start_of_sums(f, bias) for bias in accumulators]
                part = f.pointer(table, column, name="part")
                with f.loop(begin, end, name="entry", carried=accumulators) as entries:
                    k = column_of(f, columns, entries.index)
                    x = f.broadcast(f.pointer(values, entries.index), name="x")
                    line = f.pointer(part, f.multiply(k, stride_of(weight)), name="line")
                    weights = [f.load(f.pointer(line, p * PANEL), name="w") for p in range(count)]
                    entries.carry(*(f.fma(x, w, c) for w, c in zip(weights, entries.values, strict=True)))
                for p, accumulator in enumerate(entries.results):
                    store_outputs(f, step, accumulator, row, f.add(column, p * PANEL), out, extra)

            panel_loops(f, panels_of(weight), 1, at_once, panels)


# Gradient


@record
class Links:
    """A thread's links: where they begin, and how they are laid out.

    A link holds integers of 32 bits and, last, a value: column, row, next (0 for none, else the number of a link
    plus 1), its index among the entries of the batch where `measured`, value. Listed columns reuse the first fields.

    Fields: `memory`, where they begin; `numbers`, how many a link takes, see `link_size`; `measured`.
    """

    f: Function
    memory: Value
    numbers: int
    measured: bool

    COLUMN = 0
    ROW = 1
    NEXT = 2
    ENTRY = 3

    @property
    def size(self) -> int:
        """The size of a link, in integers of 32 bits."""
        return self.numbers * self.f.module.bytes // 4

    def at(self, link: Value, field: int) -> Value:
        """The address of a field."""
        return self.f.pointer(self.memory, self.f.add(self.f.multiply(link, self.size), field), "i32")

    def value_at(self, link: Value) -> Value:
        """The address of the value."""
        return self.at(link, self.size - self.f.module.bytes // 4)

    def get(self, link: Value, field: int, name: str) -> Value:
        """A field as an integer of 64 bits."""
        return self.f.cast("zext", self.f.load(self.at(link, field), "i32", name=name), "i64")

    def put(self, link: Value, field: int, number: Value) -> None:
        """Write a field."""
        self.f.store(self.f.cast("trunc", number, "i32"), self.at(link, field))


def call_gradient(body: Body, scheduled: ScheduledSparseGradient) -> None:
    """Call the gradient function for this thread's columns, written by the first call."""
    rule, step, words = body.plan.rule, scheduled.step, body.words
    kind = f"sparse_{step.purpose}_{step.trained.value.rows}x{step.trained.value.columns}"
    name = body.name(kind, scheduled, write_sparse_gradient, scheduled, body.plan.registers, rule)
    t = step.trained
    rows = (words["data"], words["columns"], words["row_starts"], body.order)
    buffers = (step.dz, t.value, t.rounded, t.gradient, *t.slots, scheduled.heads, scheduled.links, step.squares)
    scale = UNSCALED if step.clipped is None else call_clipping(body, step.clipped)
    numbers = (words["link_capacity"], body.thread, words["threads"], body.rows)
    body.f.call(name, *rows, *(body.at(buffer) for buffer in buffers), body.scalars, scale, *numbers)


def write_sparse_gradient(
    module: Emitter,
    name: str,
    scheduled: ScheduledSparseGradient,
    registers: Registers,
    rule: BoundRule | None,
) -> None:
    """Write `(values, columns, starts, order, dz, value, rounded, gradient, slots..., heads, links, squares, scalars,
    double factor, i64 link_capacity, i64 thread, i64 threads, i64 rows)`.

    `link_capacity` is how many links a thread has, one more than the batch has entries.
    """
    step = scheduled.step
    slot_names = [f"slot{number}" for number in range(len(step.trained.slots))]
    names = ("dz", "value", "rounded", "gradient", *slot_names, "heads", "links", "squares", "scalars")
    pointers = {**ROWS, **dict.fromkeys(names, "ptr noalias")}
    numbers = dict.fromkeys(("link_capacity", "thread", "threads", "rows"), "i64")
    with write_function(module, name, {**pointers, "factor": "double", **numbers}) as f:
        values, columns, starts, order, *buffers = f.parameters[:-5]
        dz, value, rounded, gradient, *slots, heads, links_at, squares, scalars = buffers
        factor, link_capacity, thread, threads, rows = f.parameters[-5:]
        thread_links = f.pointer(
            links_at, f.multiply(f.multiply(thread, link_capacity), scheduled.links.columns), name="own"
        )
        links = Links(f, thread_links, scheduled.links.columns, step.squares is not None)
        sparse = (values, columns, starts, order)
        count, entries = _copy_own(f, links, sparse, (thread, threads, rows), step.purpose == MEASURE, squares)
        if step.purpose == MEASURE:
            with f.when(f.compare("eq", thread, 0), name="first"):
                f.store(f.cast("trunc", entries, "i32"), squares)
        n_listed = _make_lists(f, links, heads, count)
        pointers_of_row = Pointers(value, gradient, tuple(slots), rounded if step.trained.rounded else None)
        writer = _Rows(f, step, links, pointers_of_row, dz, squares)
        writer.updater = None if step.purpose == KEEP else Updater(f, rule, step.trained, scalars)
        if step.clipped is not None:
            writer.scale = f.splat(f.from_double(factor))
        writer.write(heads, n_listed, min(registers.panels(1), panels_of(step.trained.value)))


def _copy_own(
    f: Function,
    links: Links,
    rows: tuple[Value, Value, Value, Value],
    partition: tuple[Value, Value, Value],
    measure: bool,
    squares: Value,
) -> tuple[Value, Value]:
    """Copy the entries of this thread's columns to its links, those of the last row first.

    Returns how many they are, and how many entries the batch has. An entry is copied before its owner is computed: the
    next one overwrites it if another thread owns it, which costs less than a branch.
    """
    values, columns, starts, order = rows
    thread, threads, count = partition
    with f.loop(ZERO, count, name="b", carried=[ZERO, ZERO]) as batch:
        row = f.subtract(f.subtract(count, batch.index), 1, "row")
        begin, end = entry_range(f, starts, source_row(f, order, ZERO, row))
        with f.loop(begin, end, name="entry", carried=batch.values) as entry:
            link, index = entry.values
            k = column_of(f, columns, entry.index)
            hashed = f.multiply(f.bitwise("lshr", k, LINE_OF_HEADS), HASH_MULTIPLIER)
            low = f.bitwise("and", hashed, 0xFFFFFFFF)
            owner = f.bitwise("lshr", f.multiply(low, threads), 32, "owner")
            owned = f.compare("eq", owner, thread, "owned")
            links.put(link, Links.COLUMN, k)
            links.put(link, Links.ROW, row)
            f.store(f.load(f.pointer(values, entry.index), f.module.element), links.value_at(link))
            if links.measured:
                links.put(link, Links.ENTRY, index)
            following = f.add(index, 1)
            if measure:
                with f.when(owned):
                    f.store(f.constant(0.0, f.module.element), f.pointer(squares, following))
            entry.carry(f.add(link, f.cast("zext", owned, "i64")), following)
        batch.carry(*entry.results)
    return batch.results[0], batch.results[1]


def _make_lists(f: Function, links: Links, heads: Value, count: Value) -> Value:
    """Chain the links of each column, the last one first, and list the columns; returns how many they are."""
    with f.loop(ZERO, count, name="link", carried=[ZERO]) as loop:
        (n_listed,) = loop.values
        k = links.get(loop.index, Links.COLUMN, "k")
        head_at = f.pointer(heads, k, "i32")
        head = f.load(head_at, "i32", name="head")
        f.store(head, links.at(loop.index, Links.NEXT))
        f.store(f.cast("trunc", f.add(loop.index, 1), "i32"), head_at)
        links.put(n_listed, Links.COLUMN, k)
        is_new = f.cast("zext", f.compare("eq", head, 0), "i64")
        loop.carry(f.add(n_listed, is_new))
    return loop.results[0]


class _Rows:
    """Writes what happens to the rows of the table that the batch holds."""

    def __init__(
        self, f: Function, step: SparseGradient, links: Links, pointers: Pointers, dz: Value, squares: Value
    ) -> None:
        self.f, self.step, self.links, self.pointers, self.dz, self.squares = f, step, links, pointers, dz, squares
        self.updater: Updater | None = None
        self.scale: Value | None = None
        self.width = stride_of(step.trained.value)

    def write(self, heads: Value, n_listed: Value, at_once: int) -> None:
        """Write the loop over the listed columns, `at_once` panels together."""
        f, measure = self.f, self.step.purpose == MEASURE
        running = f.stack(f.module.vector, name="running") if measure else None
        with f.loop(ZERO, n_listed, name="listed") as loop:
            k = self.links.get(loop.index, Links.COLUMN, "k")
            coming = f.intrinsic("smin", f.add(loop.index, 1), f.subtract(n_listed, 1))
            following = self.links.get(coming, Links.COLUMN, "k.coming")
            head_at = f.pointer(heads, k, "i32")
            head = f.cast("zext", f.load(head_at, "i32", name="head"), "i64")
            f.store(Value("i32", "0"), head_at)
            if running is not None:
                f.store(f.constant(0.0), running)
            start, ahead = f.multiply(k, self.width, "row.start"), f.multiply(following, self.width, "row.coming")

            def panels(
                panel: Value, count: int, start: Value = start, ahead: Value = ahead, head: Value = head
            ) -> None:
                column = f.multiply(panel, PANEL, "column")
                self.prefetch(f.add(ahead, column), count)
                for p, gradient in enumerate(self.sums(head, column, count)):
                    self.finish(f.add(start, f.add(column, p * PANEL)), gradient, running)

            panel_loops(f, panels_of(self.step.trained.value), 1, at_once, panels)
            if running is not None:
                index = self.links.get(f.subtract(head, 1), Links.ENTRY, "index")
                f.store(total(f, f.load(running)), f.pointer(self.squares, f.add(index, 1)))

    def prefetch(self, offset: Value, panels: int) -> None:
        """Prefetch some panels of the next row of the table; the hardware prefetcher cannot predict it."""
        f = self.f
        for pointer in (self.pointers.value,) if self.step.purpose in (MEASURE, KEEP) else self.pointers.updated:
            for line in range(0, panels * PANEL * f.module.bytes, LINE):
                f.prefetch(f.pointer(f.pointer(pointer, offset), line, "i8"), write=True)

    def sums(self, head: Value, column: Value, panels: int) -> tuple[Value, ...]:
        """The gradients of some panels of a row: along its list, in row order."""
        f, links = self.f, self.links
        errors = f.pointer(self.dz, column, name="errors")
        with f.repeat(carried=[head, *([f.constant(0.0)] * panels)], name="list") as loop:
            link = f.subtract(loop.values[0], 1, "link")
            row = links.get(link, Links.ROW, "row")
            x = f.broadcast(links.value_at(link), name="x")
            line = f.pointer(errors, f.multiply(row, stride_of(self.step.dz)), name="line")
            dz = [f.load(f.pointer(line, p * PANEL), name="dz") for p in range(panels)]
            following = links.get(link, Links.NEXT, "next")
            loop.again = f.compare("ne", following, 0, "more")
            loop.carry(following, *(f.fma(x, e, c) for e, c in zip(dz, loop.values[1:], strict=True)))
        return loop.results[1:]

    def finish(self, offset: Value, gradient: Value, running: Value | None) -> None:
        """What becomes of 16 gradients, those of the weights at `offset`."""
        f = self.f
        if self.updater is None:
            f.store(gradient, f.pointer(self.pointers.gradient, offset))
        elif running is not None:
            g = self.updater.penalized(gradient, f.load(f.pointer(self.pointers.value, offset), name="w"))
            f.store(f.fma(g, g, f.load(running)), running)
        elif self.scale is None:
            finish(f, self.updater, self.pointers, offset, gradient)
        else:
            weight = f.load(f.pointer(self.pointers.value, offset), name="w")
            g = f.multiply(self.updater.penalized(gradient, weight), self.scale)
            self.updater.apply(g, weight, self.pointers, offset)
