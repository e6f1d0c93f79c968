"""The micro-kernel: a tile of h rows by v panels of 16 columns, kept in registers during a contraction over K.

    for each k, ascending:
        b[0..v)  = 16 numbers of each panel at k
        for each row r: a = A(r, k), broadcast to every lane;  c[r][p] = a * b[p] + c[r][p]     one rounding (FMA)

Every lane of an accumulator c[r][p] is one chain of FMAs in ascending k. So its bits depend neither on h and v nor on
the vector width: the IR has vectors of 16 numbers, which LLVM splits where registers are narrower, and of 8 for a
matrix that has no more columns: half of its panel would be zeros.

Forward and data gradient walk along the rows of A (k stride 1); the weight gradient walks down the batch in both
operands.

Where the processor has an instruction for two steps of bfloat16, a k stands for a pair of terms, and the bits are the
same again (`ranvier.engine.bfloat16`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeAlias

from ranvier.native.kernels.bfloat16 import add_products_of_pair
from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value
from ranvier.native.lowering.buffers import Buffer
from ranvier.records import record

UNROLL, UNROLL_FULL = 2, 4
"""Unroll factors of a contraction; the second for tiles of `FULL` rows times panels and more.

Alone on a core, 2 is as fast as 4. With a second hardware thread on the core, as on most cloud machines, instructions
are the limit, and 4 saves a tenth of them; more saves little. Smaller tiles are rare, and code takes time to compile.
"""
FULL = 6

Tile = list[list[Value]]
"""c[row][panel], each a vector of 16."""
Carried: TypeAlias = tuple[Value, tuple[Value, ...], list[Value]]
"""What a contraction carries: k, the pointers to A and B at k, and the accumulators."""


@record
class Strides:
    """Distances in numbers: from row to row and from k to k of A, from panel to panel and from k to k of B."""

    a_row: int
    a_k: int
    b_panel: int | Value
    b_k: int


class Interleaved:
    """Other work, some of which is done in the first rounds of a contraction, so that the two overlap.

    Parameters:
        first, stop: the work is that for these numbers, one for each round: of `UNROLL_FULL` or `UNROLL` k. After the
            contraction `first` is the first one that is left.
        work: writes a part of the work for a number, given also the number of the part and how many there are.
    """

    def __init__(self, first: Value, stop: Value, work: Callable[[Value, int, int], None]) -> None:
        self.first, self.stop, self.work = first, stop, work


def lanes_for(matrix: Buffer, lanes: int) -> int:
    """How many lanes the vectors of a product with this matrix have, of so many: half where its columns fill no more.

    The other half of its panel is zeros, and is left alone.
    """
    return lanes // 2 if matrix.groups == 1 and matrix.width <= lanes // 2 else lanes


def contract(
    f: Function,
    a: Value,
    b: Value,
    strides: Strides,
    length: Value,
    start: Tile,
    interleaved: Interleaved | None = None,
    pairs: bool = False,
) -> Tile:
    """Run the contraction for one tile.

    Parameters:
        a, b: pointers to A(0, 0) and to panel 0 at k = 0.
        length: i64, how many k there are.
        start: the first values of the accumulators; its shape is that of the tile.
        interleaved: other work that is done on the way.
        pairs: each k is two, whose numbers of bfloat16 lie in one place, see pairs.py.
    """
    add_products = partial(add_products_of_pair, f) if pairs else partial(f.fma, name="c")
    height, panels = len(start), len(start[0])

    def panel_at(p: int, further: int) -> Value | int:
        across = strides.b_panel
        return further + across * p if isinstance(across, int) else f.add(f.multiply(across, p), further)

    def advance(pointers: tuple[Value, ...], accumulators: list[Value], offset: int) -> list[Value]:
        a_now, b_now = pointers
        vectors = [f.load(f.pointer(b_now, panel_at(p, offset * strides.b_k)), name="b") for p in range(panels)]
        result = []
        for r in range(height):
            broadcast = f.broadcast(f.pointer(a_now, offset * strides.a_k + r * strides.a_row), name="a")
            result += [add_products(broadcast, vectors[p], accumulators[r * panels + p]) for p in range(panels)]
        return result

    def rounds(steps: int, stop: Value, carried: Carried, work: Interleaved | None = None) -> Carried:
        """Rounds of so many k, until one begins at `stop`."""
        k, pointers, accumulators = carried
        number = [] if work is None else [work.first]
        with f.loop(k, stop, steps, name="k", carried=[k, *pointers, *accumulators, *number]) as loop:
            pointers, accumulators = loop.values[1:3], list(loop.values[3 : 3 + height * panels])
            for offset in range(steps):
                if work is not None:
                    work.work(loop.values[-1], offset, steps)
                accumulators = advance(pointers, accumulators, offset)
            moved = (f.pointer(pointers[0], steps * strides.a_k), f.pointer(pointers[1], steps * strides.b_k))
            following = [] if work is None else [f.add(loop.values[-1], 1)]
            loop.carry(f.add(loop.index, steps), *moved, *accumulators, *following)
        if work is not None:
            work.first = loop.results[-1]
        return loop.results[0], loop.results[1:3], list(loop.results[3 : 3 + height * panels])

    unroll = UNROLL_FULL if height * panels >= FULL else UNROLL
    unrolled = f.bitwise("and", length, -unroll, "whole")
    carried: Carried = f.i64(0), (a, b), [value for row in start for value in row]
    if interleaved is not None:
        wanted = f.multiply(f.intrinsic("smax", f.subtract(interleaved.stop, interleaved.first), f.i64(0)), unroll)
        carried = rounds(unroll, f.intrinsic("smin", wanted, unrolled), carried, interleaved)
    carried = rounds(unroll, unrolled, carried)
    accumulators = rounds(1, length, carried)[2]
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
    full_panels = (panels - 1 if apart else panels) // at_once * at_once
    if full_panels:
        with f.loop(0, full_panels, at_once, name=f"panel{height}") as loop:
            body(loop.index, at_once)
    if panels > full_panels:
        body(f.i64(full_panels), panels - full_panels)


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
        panel_range: the first panel, and the one after the last.
        ragged: whether the size of a share may not be a multiple of `at_once`.
        body: called with the first panel of a tile and how many it takes.
    """
    first, stop = panel_range
    full_stop = stop
    if ragged and at_once > 1:
        full_stop = f.subtract(stop, f.bitwise("and", f.subtract(stop, first), at_once - 1), "whole")
    with f.loop(first, full_stop, at_once, name=f"panel{height}") as loop:
        body(loop.index, at_once)
    if full_stop is not stop:
        with f.loop(full_stop, stop, name=f"panel{height}.last") as loop:
            body(loop.index, 1)
