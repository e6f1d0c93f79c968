"""The micro-kernel: a tile of h rows by v panels of 16 columns, kept in registers during a contraction over K.

    for each k, ascending:
        b[0..v)  = 16 numbers of each panel at k
        for each row r: a = A(r, k), broadcast to every lane;  c[r][p] = a * b[p] + c[r][p]     one rounding (FMA)

Every lane of an accumulator c[r][p] is one chain of FMAs in ascending k. So its bits depend neither on h and v nor on
the vector width: the IR has vectors of 16 numbers, which LLVM splits where registers are narrower.

Forward and data gradient walk along the rows of A (k stride 1); the weight gradient walks down the batch in both
operands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value
from ranvier.records import record

UNROLL, UNROLL_FULL = 2, 4
"""Unroll factors of a contraction; the second for tiles of `FULL` rows times panels and more.

Alone on a core, 2 is as fast as 4. With a second hardware thread on the core, as on most cloud machines, instructions
are the limit, and 4 saves a tenth of them; more saves little. Smaller tiles are rare, and code takes time to compile.
"""
FULL = 6

Tile = list[list[Value]]
"""c[row][panel], each a vector of 16."""


@record
class Strides:
    """Distances in numbers: from row to row and from k to k of A, from panel to panel and from k to k of B."""

    a_row: int
    a_k: int
    b_panel: int | Value
    b_k: int


def contract(f: Function, a: Value, b: Value, strides: Strides, length: Value, start: Tile) -> Tile:
    """Run the contraction for one tile.

    Parameters:
        a, b: pointers to A(0, 0) and to panel 0 at k = 0.
        length: i64, how many k there are.
        start: the first values of the accumulators; its shape is that of the tile.
    """
    height, panels = len(start), len(start[0])
    flat = [value for row in start for value in row]

    def panel_at(p: int, further: int) -> Value | int:
        across = strides.b_panel
        return further + across * p if isinstance(across, int) else f.add(f.multiply(across, p), further)

    def advance(pointers: tuple[Value, Value], accumulators: list[Value], offset: int) -> list[Value]:
        a_now, b_now = pointers
        vectors = [f.load(f.pointer(b_now, panel_at(p, offset * strides.b_k)), name="b") for p in range(panels)]
        result = []
        for r in range(height):
            broadcast = f.broadcast(f.pointer(a_now, offset * strides.a_k + r * strides.a_row), name="a")
            result += [f.fma(broadcast, vectors[p], accumulators[r * panels + p], name="c") for p in range(panels)]
        return result

    def round_of(steps: int, first: Value, last: Value, carried: list[Value], name: str) -> list[Value]:
        with f.loop(first, last, steps, name=name, carried=carried) as loop:
            pointers, accumulators = loop.values[:2], list(loop.values[2:])
            for offset in range(steps):
                accumulators = advance((pointers[0], pointers[1]), accumulators, offset)
            moved = (f.pointer(pointers[0], steps * strides.a_k), f.pointer(pointers[1], steps * strides.b_k))
            loop.carry(*moved, *accumulators)
        return list(loop.results)

    unroll = UNROLL_FULL if height * panels >= FULL else UNROLL
    whole = f.bitwise("and", length, -unroll, "whole")
    state = round_of(unroll, f.i64(0), whole, [a, b, *flat], "k")
    state = round_of(1, whole, length, state, "k.rest")
    accumulators = state[2:]
    return [accumulators[r * panels : (r + 1) * panels] for r in range(height)]


def prefetch_rows(f: Function, b: Value, stride: int, panels: Iterable[Value | int], first: Value, stop: Value) -> None:
    """Prefetch rows of some panels for later tiles; the hardware prefetcher does not predict them.

    Parameters:
        panels: their distances from b.
        stride: from row to row.
    """
    with f.loop(first, stop, name="ahead") as loop:
        line = f.pointer(b, f.multiply(loop.index, stride))
        for distance in panels:
            f.prefetch(f.pointer(line, distance))


def segments(f: Function, start: Value, stop: Value, heights: tuple[int, ...]) -> Iterator[tuple[int, Value, Value]]:
    """Cut the rows from start to stop into runs of tiles of one height each; yields height, first row and end.

    The body is written for each run and skipped where the run is empty:

        for height, first, end in segments(...):   rows first, first + height, ... while below end

    The heights descend to 1, or cover the rows exactly.
    """
    first = start
    for height in heights:
        end = stop
        if height > 1:
            left = f.subtract(stop, first, "left")
            count = f.divide(left, height, "tiles")
            end = f.add(first, f.multiply(count, height), "end")
        with f.when(f.compare("slt", first, end), name=f"run{height}"):
            yield height, first, end
        first = end


def panel_loops(
    f: Function, panels: int, height: int, at_once: int, body: Callable[[Value, int], None], apart: bool = False
) -> None:
    """Write a loop over the panels, `at_once` of them together, and the remaining ones after it.

    Parameters:
        body: called with the first panel and their number.
        apart: whether the call for the last panel comes after the loop; its first panel is a constant then.
    """
    whole = (panels - 1 if apart else panels) // at_once * at_once
    if whole:
        with f.loop(0, whole, at_once, name=f"panel{height}") as loop:
            body(loop.index, at_once)
    if panels > whole:
        body(f.i64(whole), panels - whole)


def shared_panel_loops(
    f: Function,
    panel_range: tuple[Value, Value],
    height: int,
    at_once: int,
    ragged: bool,
    body: Callable[[Value, int], None],
) -> None:
    """Write a loop over a thread's share of the panels.

    Parameters:
        share: the first panel, and the one after the last.
        ragged: whether the size of a share may not be a multiple of `at_once`.
        body: called with the first panel of a tile and how many it takes.
    """
    first, stop = panel_range
    whole = stop
    if ragged and at_once > 1:
        whole = f.subtract(stop, f.bitwise("and", f.subtract(stop, first), at_once - 1), "whole")
    with f.loop(first, whole, at_once, name=f"panel{height}") as loop:
        body(loop.index, at_once)
    if whole is not stop:
        with f.loop(whole, stop, name=f"panel{height}.last") as loop:
            body(loop.index, 1)
