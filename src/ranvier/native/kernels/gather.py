"""Bringing the rows of a batch together: x[b] = inputs[order[b]], in the plan's number format.

    for each row b:
        for each 16 columns: load float32, float64 or uint8, convert, store      the rest of the last 16 becomes 0

Bytes stay bytes in memory and become value / 255 here.
"""

from __future__ import annotations

from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.groups import tail_mask
from ranvier.native.kernels.loss import source_row
from ranvier.native.kernels.values import Value, bytes_of, element_of, vector_of
from ranvier.native.plan.arguments import KINDS
from ranvier.native.plan.steps import Gather
from ranvier.native.plan.tiles import PANEL

LARGEST_BYTE = 255.0
LINE = 64
"""Bytes that come from memory together."""


def write_gather(module: Emitter, name: str, step: Gather, checked: bool) -> None:
    """Write `(inputs, kind, order, shift, x, strange, ahead, left, from, to)`; a null order means row + shift.

    Where `checked`, the word at `strange` becomes 1 if a number is not finite once it is converted. Where the step
    counts, the function gives back how many numbers are not 0.

    While row b is copied, the row that stands `ahead` places further in the order is asked for, which is the same row
    of the next batch, as long as its place is below `left`: rows in random order are unknown to the processor, and
    nobody should wait for them.
    """
    pointers = {"inputs": "ptr", "kind": "i64", "order": "ptr", "shift": "i64", "x": "ptr", "strange": "ptr"}
    numbers = dict.fromkeys(("ahead", "left", "from", "to"), "i64")
    result = "i64" if step.counted else "void"
    with module.function(name, {**pointers, **numbers}, result, internal=True) as f:
        inputs, kind, order, shift, x, strange, ahead, left, first, stop = f.parameters
        counts = [f.constant(0, module.integers)] if step.counted else []
        for number, element in enumerate(KINDS.values()):
            with f.when(f.compare("eq", kind, number), name=element, carried=counts) as given:
                with f.loop(first, stop, name="b", carried=given.values) as loop:
                    assert loop.index is not None
                    source = f.multiply(source_row(f, order, shift, loop.index), step.x.columns)
                    at = f.pointer(inputs, source, element, name="source")
                    to = f.pointer(x, f.multiply(loop.index, step.x.stride), name="target")
                    seen = [f.constant(0.0)] if checked and element != "i8" else []
                    seen, now = _copy(f, at, to, step.x.columns, element, seen, list(loop.values))
                    loop.carry(*now)
                    _tell(f, seen, strange)
                    coming = f.add(loop.index, ahead)
                    with f.when(f.compare("slt", coming, left), name="coming"):
                        row = f.load(f.pointer(order, coming, "i64"), "i64", name="next_row")
                        _ask(f, f.pointer(inputs, f.multiply(row, step.x.columns), element), step.x.columns, element)
                given.carry(*loop.results)
            counts = list(given.results)
        if counts:
            count = f.intrinsic("vector.reduce.add", counts[0], result=module.integer, name="count")
            f.give_back(f.cast("sext", count, "i64") if module.integer != "i64" else count)


def _tell(f: Function, seen: list[Value], strange: Value) -> None:
    """Note it where one of the sums is no number."""
    for sums in seen:
        lanes = f.compare("uno", sums, sums)
        with f.when(f.intrinsic("vector.reduce.or", lanes, result="i1", name="some"), name="strange"):
            f.store(Value("i64", "1"), strange)


def _ask(f: Function, row: Value, columns: int, element: str) -> None:
    """Ask for the lines of a row."""
    size = columns * bytes_of(element)
    with f.loop(0, size, LINE, name="line") as loop:
        assert loop.index is not None
        f.prefetch(f.pointer(row, loop.index, "i8"))


def _copy(
    f: Function, at: Value, to: Value, columns: int, element: str, seen: list[Value], counts: list[Value]
) -> tuple[list[Value], list[Value]]:
    """Copy a row.

    Parameters:
        seen: sums of 0 times the numbers, not 0 where one of them is not finite; empty where that is not asked.
        counts: how many numbers are not 0, counted in each lane; empty where that is not asked.

    Returns both, for this row, too.
    """
    whole = columns // PANEL * PANEL
    type = vector_of(element, PANEL)

    def pass_on(numbers: Value, place: Value, seen: list[Value], counts: list[Value]) -> list[Value]:
        found = _converted(f, numbers)
        f.store(found, place)
        there = [f.cast("zext", f.compare("une", found, 0.0), f.module.integer) for _ in counts]
        added = [f.add(count, one, "count") for count, one in zip(counts, there, strict=True)]
        return [*(f.fma(found, 0.0, sums, "seen") for sums in seen), *added]

    if whole:
        with f.loop(0, whole, PANEL, name="column", carried=[*seen, *counts]) as loop:
            assert loop.index is not None
            numbers, before = f.load(f.pointer(at, loop.index, element), type), list(loop.values)
            place = f.pointer(to, loop.index)
            loop.carry(*pass_on(numbers, place, before[: len(seen)], before[len(seen) :]))
        after = list(loop.results)
        seen, counts = after[: len(seen)], after[len(seen) :]
    if columns > whole:
        tail = f.pointer(at, whole, element)
        if element == "i8":
            numbers = f.constant(0, type)
            for lane in range(columns - whole):
                numbers = f.insert(numbers, f.load(f.pointer(tail, lane, element), element), lane)
        else:
            numbers = f.masked_load(tail, tail_mask(columns), f.constant(0.0, type))
        after = pass_on(numbers, f.pointer(to, whole), seen, counts)
        seen, counts = after[: len(seen)], after[len(seen) :]
    return seen, counts


def _converted(f: Function, numbers: Value) -> Value:
    element, wanted = element_of(numbers.type), f.module.element
    if element == "i8":
        return f.divide(f.cast("uitofp", numbers, wanted), LARGEST_BYTE)
    if element == wanted:
        return numbers
    return f.cast("fpext" if wanted == "double" else "fptrunc", numbers, wanted)
