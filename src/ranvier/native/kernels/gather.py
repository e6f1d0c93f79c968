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


def write_gather(module: Emitter, name: str, step: Gather) -> None:
    """Write `(inputs, kind, order, shift, x, ahead, left, from, to)`; a null order means row + shift.

    While row b is copied, the row that stands `ahead` places further in the order is asked for, which is the same row
    of the next batch, as long as its place is below `left`: rows in random order are unknown to the processor, and
    nobody should wait for them.
    """
    pointers = {"inputs": "ptr", "kind": "i64", "order": "ptr", "shift": "i64", "x": "ptr"}
    with module.function(
        name, {**pointers, **dict.fromkeys(("ahead", "left", "from", "to"), "i64")}, internal=True
    ) as f:
        inputs, kind, order, shift, x, ahead, left, first, stop = f.parameters
        for number, element in enumerate(KINDS.values()):
            with f.when(f.compare("eq", kind, number), name=element), f.loop(first, stop, name="b") as loop:
                assert loop.index is not None
                source = source_row(f, order, shift, loop.index)
                at = f.pointer(inputs, f.multiply(source, step.x.columns), element, name="source")
                to = f.pointer(x, f.multiply(loop.index, step.x.stride), name="target")
                _copy(f, at, to, step.x.columns, element)
                coming = f.add(loop.index, ahead)
                with f.when(f.compare("slt", coming, left), name="coming"):
                    next_row = f.load(f.pointer(order, coming, "i64"), "i64", name="next_row")
                    _ask(f, f.pointer(inputs, f.multiply(next_row, step.x.columns), element), step.x.columns, element)


def _ask(f: Function, row: Value, columns: int, element: str) -> None:
    """Ask for the lines of a row."""
    size = columns * bytes_of(element)
    with f.loop(0, size, LINE, name="line") as loop:
        assert loop.index is not None
        f.prefetch(f.pointer(row, loop.index, "i8"))


def _copy(f: Function, at: Value, to: Value, columns: int, element: str) -> None:
    whole = columns // PANEL * PANEL
    type = vector_of(element, PANEL)
    if whole:
        with f.loop(0, whole, PANEL, name="column") as loop:
            assert loop.index is not None
            numbers = f.load(f.pointer(at, loop.index, element), type)
            f.store(_converted(f, numbers), f.pointer(to, loop.index))
    if columns > whole:
        tail = f.pointer(at, whole, element)
        if element == "i8":
            numbers = f.constant(0, type)
            for lane in range(columns - whole):
                numbers = f.insert(numbers, f.load(f.pointer(tail, lane, element), element), lane)
        else:
            numbers = f.masked_load(tail, tail_mask(columns), f.constant(0.0, type))
        f.store(_converted(f, numbers), f.pointer(to, whole))


def _converted(f: Function, numbers: Value) -> Value:
    element, wanted = element_of(numbers.type), f.module.element
    if element == "i8":
        return f.divide(f.cast("uitofp", numbers, wanted), LARGEST_BYTE)
    if element == wanted:
        return numbers
    return f.cast("fpext" if wanted == "double" else "fptrunc", numbers, wanted)
