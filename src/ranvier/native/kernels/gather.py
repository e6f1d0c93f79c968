"""Gathering the rows of a batch: x[b] = inputs[order[b]], in the plan's number format.

    for each row b:
        for each 16 columns: load float32, float64 or uint8, convert, store      the rest of the last 16 becomes 0

Bytes stay bytes in memory and become numbers here; what a Rescale layer at the start of the network does is done here,
too. Where products take pairs and nothing else reads the rows, pairs are stored in place of them.
"""

from __future__ import annotations

from typing import cast

from ranvier.native.kernels.body import Body
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.formulas import rescaled
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.loss import source_row
from ranvier.native.kernels.next_rows import LINE
from ranvier.native.kernels.pairs import PairsOfRows, by_twos
from ranvier.native.kernels.row_vectors import masked, tail_mask
from ranvier.native.kernels.values import NULL, ZERO, Value, bytes_of, element_of, vector_of
from ranvier.native.lowering.steps import Gather
from ranvier.native.scheduling.arguments import KINDS
from ranvier.native.scheduling.layouts import stride_of
from ranvier.native.scheduling.scheduled import Scheduled, ScheduledGather
from ranvier.native.scheduling.tiles import PANEL


def call_gather(body: Body, scheduled: Scheduled, first: Value, stop: Value) -> None:
    """Call the gathering of some rows, written by the first call."""
    words, learns = body.words, body.plan.learns
    source = (words["inputs"], words["kind"], body.order, body.shift)
    ahead = (body.rows, body.left) if learns and body.next_rows is None else (ZERO, ZERO)
    if isinstance(scheduled, ScheduledGather):
        name = body.name("gather_pairs", scheduled, write_gather_pairs, scheduled)
        body.f.call(name, *source, body.at(scheduled.columns), body.at(scheduled.rows), *ahead, first, stop)
        return
    step = cast(Gather, scheduled.step)
    name = body.name("gather", scheduled, write_gather, step, not learns)
    body.f.call(name, *source, body.at(step.x), words["saw_nonfinite"], *ahead, first, stop)


def write_gather(module: Emitter, name: str, step: Gather, checked: bool) -> None:
    """Write `(inputs, kind, order, shift, x, saw_nonfinite, ahead, left, from, to)`; a null order means row + shift.

    If `checked`, the word at `saw_nonfinite` becomes 1 when a converted number is not finite.

    While row b is copied, the row `ahead` positions later in the order is prefetched if its position is below `left`:
    that is the same row of the next batch. The hardware prefetcher cannot predict rows in random order.
    """
    pointers = {"inputs": "ptr", "kind": "i64", "order": "ptr", "shift": "i64", "x": "ptr", "saw_nonfinite": "ptr"}
    with write_function(module, name, {**pointers, **dict.fromkeys(("ahead", "left", "from", "to"), "i64")}) as f:
        inputs, kind, order, shift, x, saw_nonfinite, ahead, left, first, stop = f.parameters
        for number, element in enumerate(KINDS.values()):
            with f.when(f.compare("eq", kind, number), name=element), f.loop(first, stop, name="b") as loop:
                row = source_row(f, order, shift, loop.index)
                source = f.pointer(inputs, f.multiply(row, step.x.columns), element, name="source")
                target = f.pointer(x, f.multiply(loop.index, stride_of(step.x)), name="target")
                checks = _copy(f, source, target, step, element, checked and element != "i8")
                if checks is not None:
                    lanes = f.compare("uno", checks, checks)
                    with f.when(f.intrinsic("vector.reduce.or", lanes, result="i1", name="some"), name="saw_nonfinite"):
                        f.store(f.i64(1), saw_nonfinite)
                position = f.add(loop.index, ahead)
                with f.when(f.compare("slt", position, left), name="coming"):
                    next_row = f.load(f.pointer(order, position, "i64"), "i64", name="next_row")
                    _prefetch_row(
                        f, f.pointer(inputs, f.multiply(next_row, step.x.columns), element), step.x.columns, element
                    )


def write_gather_pairs(module: Emitter, name: str, scheduled: ScheduledGather) -> None:
    """Write `(inputs, kind, order, shift, columns, rows, ahead, left, from, to)`: pairs of the rows; `from` is even."""
    pointers = {"inputs": "ptr", "kind": "i64", "order": "ptr", "shift": "i64", "columns": "ptr", "rows": "ptr"}
    with write_function(module, name, {**pointers, **dict.fromkeys(("ahead", "left", "from", "to"), "i64")}) as f:
        inputs, kind, order, shift, columns, rows, ahead, left, first, stop = f.parameters
        step = scheduled.step
        writer = PairsOfRows(f, step.x.columns, (NULL, columns, rows), (None, scheduled.columns, scheduled.rows))
        for number, element in enumerate(KINDS.values()):

            def two_rows(first: Value, count: int, element: str = element) -> None:
                sources = [source_row(f, order, shift, f.add(first, r)) for r in range(count)]
                starts = [f.pointer(inputs, f.multiply(row, step.x.columns), element) for row in sources]
                writer.write(
                    first, count, lambda r, column, width: _numbers(f, starts[r], step, element, column, width)
                )
                for r in range(count):
                    position = f.add(f.add(first, r), ahead)
                    with f.when(f.compare("slt", position, left), name="coming"):
                        next_row = f.load(f.pointer(order, position, "i64"), "i64", name="next_row")
                        start = f.pointer(inputs, f.multiply(next_row, step.x.columns), element)
                        _prefetch_row(f, start, step.x.columns, element)

            with f.when(f.compare("eq", kind, number), name=element):
                by_twos(f, first, stop, two_rows)


def _numbers(f: Function, source: Value, step: Gather, element: str, column: Value, width: int) -> Value:
    """Up to 16 numbers of a row, converted and scaled."""
    at, type = f.pointer(source, column, element), vector_of(element, PANEL)
    mask = tail_mask(width) if width < PANEL else None
    if mask is None:
        numbers = f.load(at, type)
    elif element == "i8":
        numbers = f.constant(0, type)
        for lane in range(width):
            numbers = f.insert(numbers, f.load(f.pointer(at, lane, element), element), lane)
    else:
        numbers = f.masked_load(at, mask, f.constant(0.0, type))
    numbers = _converted(f, numbers)
    return numbers if step.scaling is None else masked(f, rescaled(f, step.scaling, numbers), mask)


def _prefetch_row(f: Function, row: Value, columns: int, element: str) -> None:
    """Prefetch the cache lines of a row."""
    size = columns * bytes_of(element)
    with f.loop(0, size, LINE, name="line") as loop:
        f.prefetch(f.pointer(row, loop.index, "i8"))


def _copy(f: Function, source: Value, target: Value, step: Gather, element: str, checked: bool) -> Value | None:
    """Copy a row. If `checked`, returns 16 sums of 0 times its numbers: NaN if one of them is not finite."""
    columns = step.x.columns
    n_full = columns // PANEL * PANEL
    type = vector_of(element, PANEL)
    checks = f.constant(0.0) if checked else None

    def convert_and_store(
        numbers: Value, target: Value, checks: Value | None, mask: Value | None = None
    ) -> Value | None:
        numbers = _converted(f, numbers)
        f.store(numbers if step.scaling is None else masked(f, rescaled(f, step.scaling, numbers), mask), target)
        return None if checks is None else f.fma(numbers, 0.0, checks, "seen")

    if n_full:
        with f.loop(0, n_full, PANEL, name="column", carried=[] if checks is None else [checks]) as loop:
            numbers = f.load(f.pointer(source, loop.index, element), type)
            sums = convert_and_store(numbers, f.pointer(target, loop.index), None if checks is None else loop.values[0])
            loop.carry(*([] if sums is None else [sums]))
        checks = None if checks is None else loop.results[0]
    if columns > n_full:
        tail = f.pointer(source, n_full, element)
        if element == "i8":
            numbers = f.constant(0, type)
            for lane in range(columns - n_full):
                numbers = f.insert(numbers, f.load(f.pointer(tail, lane, element), element), lane)
        else:
            numbers = f.masked_load(tail, tail_mask(columns), f.constant(0.0, type))
        shifted = step.scaling is not None and step.scaling.offset != 0
        checks = convert_and_store(numbers, f.pointer(target, n_full), checks, tail_mask(columns) if shifted else None)
    return checks


def _converted(f: Function, numbers: Value) -> Value:
    source, target = element_of(numbers.type), f.module.element
    if source == "i8":
        return f.cast("uitofp", numbers, target)
    if source == target:
        return numbers
    return f.cast("fpext" if target == "double" else "fptrunc", numbers, target)
