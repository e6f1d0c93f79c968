"""Squares transposed in registers; copying what training moved into the transposed weights for data gradients."""

from __future__ import annotations

from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value, vector_of
from ranvier.native.scheduling.tiles import PANEL

SIDE, HALF = 8, 4
"""Squares of so many numbers are transposed in registers; half of that."""


def transpose(f: Function, source: Value, target: Value, first: Value, stop: Value, column: Value, stride: int) -> None:
    """Copy rows first to stop of one panel into the transposed weight, in squares of 8 by 8.

    Parameters:
        source: the panel. column: number of its first column, a row of the transposed weight.
        stride: from panel to panel of the transposed weight.
    """
    with f.loop(first, stop, SIDE, name="side") as loop:
        inside = f.bitwise("and", loop.index, PANEL - 1)
        panel = f.bitwise("lshr", loop.index, PANEL.bit_length() - 1)
        for half in range(0, PANEL, SIDE):
            at = f.pointer(source, f.add(f.multiply(loop.index, PANEL), half))
            starts = [f.pointer(at, r * PANEL) for r in range(SIDE)]
            row = f.multiply(f.add(column, half), PANEL)
            to = f.pointer(target, f.add(f.add(f.multiply(panel, stride), row), inside))
            for c, column_of in enumerate(turned_from(f, starts)):
                f.store(column_of, f.pointer(to, c * PANEL))


def turned(f: Function, rows: list[Value]) -> list[Value]:
    """Eight vectors of eight, rows and columns exchanged, in three rounds of shuffles."""
    near, far = [0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7, 12, 13, 14, 15]
    return [
        column
        for lanes in (near, far)
        for column in _turned_halves(f, [f.shuffle(rows[i], rows[i + 4], lanes) for i in range(4)])
    ]


def turned_from(f: Function, starts: list[Value]) -> list[Value]:
    """The columns of up to eight rows of eight in memory, the rows that are missing 0.

    The first of the three rounds of `turned` is done by loads of four: a load into half of a register needs no shuffle.

    Parameters:
        starts: the pointers to the rows.
    """
    four = vector_of(f.module.element, HALF)
    nothing = f.constant(0.0, four)
    columns = []
    for left in (0, HALF):
        loaded = [f.load(f.pointer(start, left), four, f.module.bytes, "four") for start in starts]
        loaded += [nothing] * (SIDE - len(loaded))
        columns += _turned_halves(f, [f.shuffle(loaded[i], loaded[i + HALF], range(SIDE)) for i in range(HALF)])
    return columns


def _turned_halves(f: Function, rows: list[Value]) -> list[Value]:
    """Four vectors of eight, whose left and right halves are squares of four by four, each transposed."""
    low, high = [0, 8, 1, 9, 4, 12, 5, 13], [2, 10, 3, 11, 6, 14, 7, 15]
    first, second = [0, 1, 8, 9, 4, 5, 12, 13], [2, 3, 10, 11, 6, 7, 14, 15]
    pairs = [(f.shuffle(rows[0], rows[1], lanes), f.shuffle(rows[2], rows[3], lanes)) for lanes in (low, high)]
    return [f.shuffle(upper, lower, lanes) for upper, lower in pairs for lanes in (first, second)]


def transposed_panel(f: Function, rows: list[Value]) -> list[Value]:
    """Sixteen vectors of sixteen, rows and columns exchanged, in four rounds of shuffles.

    Each round exchanges numbers between pairs of vectors: single ones, pairs, then two rounds of groups of four, which
    processors move fastest.
    """
    ones = [lane for start in range(0, PANEL, 4) for lane in (start, start + PANEL, start + 1, start + PANEL + 1)]
    twos = [lane for start in range(0, PANEL, 4) for lane in (start, start + 1, start + PANEL, start + PANEL + 1)]
    fours = [start + lane for start in range(0, 2 * PANEL, 8) for lane in range(4)]
    values = rows
    for distance, lanes, further in ((1, ones, 2), (2, twos, 2), (4, fours, 4), (8, fours, 4)):
        exchanged = list(values)
        for low in (number for number in range(PANEL) if not number & distance):
            high = low + distance
            exchanged[low] = f.shuffle(values[low], values[high], lanes)
            exchanged[high] = f.shuffle(values[low], values[high], [lane + further for lane in lanes])
        values = exchanged
    return [values[column & 12 | (0, 2, 1, 3)[column & 3]] for column in range(PANEL)]
