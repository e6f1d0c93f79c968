"""The tiles of a unit of a weight gradient, and the update of their weights beside the next tile.

    for each tile of h rows by v panels:
        for each few rows of the batch:
            accumulators += x' dz                       multiply-adds
            update a few weights of the tile before     divisions, square roots, numbers from outside of the caches
        store the accumulators
    update the weights of the last tile

A division and a square root take as long as sixteen multiply-adds where they stand alone, and as long as four beside
others. What an update reads is prefetched one tile ahead, a few lines at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from ranvier.native.kernels.function import Function
from ranvier.native.kernels.layout import index_distance
from ranvier.native.kernels.row_vectors import masked
from ranvier.native.kernels.tile import Interleaved, Strides, Tile, contract, prefetch_rows, segments
from ranvier.native.kernels.update import Pointers, Updater, finish
from ranvier.native.kernels.values import Value
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.scheduling.layouts import stride_of
from ranvier.native.scheduling.scheduled import ScheduledWeightGradient
from ranvier.native.scheduling.tiles import PANEL
from ranvier.records import record


@record
class TileShape:
    """The tiles of a unit.

    Fields:
        heights: of the tiles, descending.
        count: how many panels a tile takes.
        first, stop: the first row of the weight, and the one after the last.
    """

    heights: tuple[int, ...]
    count: int
    first: Value
    stop: Value


@record
class Finisher:
    """Uses complete gradients, 16 at a time: those of a row and a panel.

    Fields:
        weight: the buffer of the weight.
        first_panel: the number of the unit's first panel.
        next_unit: the first row and the first panel of the next unit.
    """

    f: Function
    updater: Updater
    pointers: Pointers
    weight: Buffer
    first_panel: Value
    next_unit: tuple[Value, Value]

    def __call__(self, row: Value, panel: int, gradient: Value, below: int = 0) -> None:
        """Update the weights of a row and a panel of the unit, or store their gradient."""
        gradient = masked(self.f, gradient, self._inside(panel))
        finish(self.f, self.updater, self.pointers, self._offset(row, panel, below), gradient)

    def prefetch(self, row: Value, panel: int, below: int = 0) -> None:
        """Prefetch what an update reads and writes."""
        self._prefetch(self._offset(row, panel, below))

    def prefetch_next(self, below: Value, panel: int) -> None:
        """Prefetch the same for a row so many rows into the next unit."""
        row, first_panel = self.next_unit
        self._prefetch(replace(self, first_panel=first_panel)._offset(self.f.add(row, below), panel, 0))

    def _prefetch(self, offset: Value) -> None:
        for pointer in self.pointers.updated:
            self.f.prefetch(self.f.pointer(pointer, offset), write=True)

    def _offset(self, row: Value, panel: int, below: int) -> Value:
        f, stride = self.f, stride_of(self.weight)
        start = f.multiply(self.first_panel, stride, "panel.start")
        return f.add(f.add(start, panel * stride + below * PANEL), f.multiply(row, PANEL), "offset")

    def _inside(self, panel: int) -> Value | None:
        """The columns of a panel that belong to its group; None if all do, or if only zeros follow."""
        f, weight = self.f, self.weight
        if weight.groups == 1 or weight.width % PANEL == 0:
            return None
        number = f.add(self.first_panel, panel)
        left = f.subtract(weight.width, f.multiply(number, PANEL), "left")
        return f.compare("slt", f.lane_numbers(), f.splat(left))


class Sums:
    """Accumulators of a unit in memory, between parts of the batch and until the update.

    `complete`, an i1 if the batch is taken in parts: whether this part is the last one.

    Parameters:
        rows: how many rows of the weight a unit has at most.
    """

    complete: Value | None = None

    def __init__(self, f: Function, shape: TileShape, rows: int) -> None:
        self.f, self.shape, self.numbers = f, shape, rows * shape.count
        self.memory = f.stack(f.vector, self.numbers, name="sums")

    def at(self, row: Value, panel: int, below: int = 0) -> Value:
        """The address of the accumulators of a row and panel."""
        f, count = self.f, self.shape.count
        index = f.multiply(f.subtract(row, self.shape.first), count)
        return f.pointer(self.memory, f.add(index, below * count + panel), f.vector)

    def clear(self) -> None:
        """Set all accumulators to 0."""
        f = self.f
        with f.loop(0, self.numbers, name="clear") as loop:
            f.store(f.constant(0.0), f.pointer(self.memory, loop.index, f.vector))


class WaitingRows:
    """Rows whose accumulators are in memory and whose weights are not updated yet."""

    def __init__(self, f: Function, shape: TileShape, sums: Sums, finisher: Finisher) -> None:
        self.f, self.shape, self.sums, self.finisher = f, shape, sums, finisher
        self.first = f.stack("i64", name="waiting")
        f.store(shape.first, self.first, 8)

    def beside(self, row: Value, height: int) -> Interleaved:
        """Their update during the contraction of the tile that begins at `row`, a row in each round.

        A round has four times `height` multiply-adds for each panel, a row one update. What the next ones need is
        prefetched.
        """

        def work(number: Value, part: int, parts: int) -> None:
            for panel in range(part, self.shape.count, parts):
                self.finisher.prefetch(number, panel, height)
                self._update(number, panel)

        return Interleaved(self.f.load(self.first, "i64", 8), self._complete(row), work)

    def keep(self, interleaved: Interleaved) -> None:
        """Note which rows are left after a contraction."""
        self.f.store(interleaved.first, self.first, 8)

    def finish(self, row: Value) -> None:
        """Update the rows before this one, and prefetch the first rows of the next unit."""
        f, limit = self.f, self._complete(row)
        first = f.load(self.first, "i64", 8)
        with f.loop(first, limit, name="rest") as loop:
            for panel in range(self.shape.count):
                self.finisher.prefetch_next(f.subtract(loop.index, first), panel)
                self._update(loop.index, panel)

    def _complete(self, row: Value) -> Value:
        """The row itself, or the first one if its accumulators are not complete."""
        return row if self.sums.complete is None else self.f.select(self.sums.complete, row, self.shape.first, "limit")

    def _update(self, row: Value, panel: int) -> None:
        self.finisher(row, panel, self.f.load(self.sums.at(row, panel), name="g"))


class Tiles:
    """Writes the tiles of a unit.

    Parameters:
        rows: how many rows the batch has.
        inputs: for the first row and height of a tile and the first row of the batch, returns the pointer to its
            inputs and their strides along rows of the weight and of the batch.
        finisher: uses complete gradients.
        delayed: whether updates wait for the next tile, where there are registers enough for both.
    """

    def __init__(
        self,
        f: Function,
        scheduled: ScheduledWeightGradient,
        shape: TileShape,
        rows: Value,
        inputs: Callable[[Value, int, Value], tuple[Value, int, int]],
        finisher: Finisher,
        delayed: bool,
    ) -> None:
        self.f, self.scheduled, self.shape, self.rows = f, scheduled, shape, rows
        self.inputs, self.finisher, self.delayed = inputs, finisher, delayed

    def write(self, errors: Value, part: Value, length: Value, sums: Sums | None) -> None:
        """All tiles, over `length` rows of the batch from row `part` on.

        Parameters:
            errors: the panel's, of the whole batch.
            sums: accumulators in memory; None if they go from registers straight into the update.
        """
        f, step, shape = self.f, self.scheduled.step, self.shape
        b = f.pointer(errors, f.multiply(part, stride_of(step.dz)))
        waiting = WaitingRows(f, shape, sums, self.finisher) if sums is not None and self.delayed else None
        for height, begin, end in segments(f, shape.first, shape.stop, shape.heights):
            with f.loop(begin, end, height, name="row") as loop:
                row = loop.index
                if self.scheduled.beyond_l2:
                    self.prefetch_errors(b, f.subtract(row, shape.first), length, height)
                if waiting is None and self.scheduled.prefetched:
                    with self.complete(sums):
                        for r, p in self.positions(height):
                            self.finisher.prefetch(row, p, r)
                addresses = {(r, p): sums.at(row, p, r) for r, p in self.positions(height)} if sums else {}
                start = [[f.constant(0.0)] * shape.count] * height
                if sums is not None and sums.complete is not None:
                    start = [[f.load(addresses[r, p]) for p in range(shape.count)] for r in range(height)]
                a, a_row, a_k = self.inputs(row, height, part)
                strides = Strides(a_row, a_k, index_distance(f, step.dz, 1, self.rows), stride_of(step.dz))
                interleaved = None if waiting is None else waiting.beside(row, height)
                accumulators = contract(f, a, b, strides, length, start, interleaved, self.scheduled.pairs)
                if waiting is not None and interleaved is not None:
                    waiting.keep(interleaved)
                self.store(row, accumulators, sums, addresses)
        if waiting is not None:
            waiting.finish(shape.stop)

    def store(self, row: Value, accumulators: Tile, sums: Sums | None, addresses: dict[tuple[int, int], Value]) -> None:
        """Store accumulators, or use them."""
        f, height, count = self.f, len(accumulators), self.shape.count
        for (r, p), at in addresses.items():
            f.store(accumulators[r][p], at)
        if sums is None:
            for r, p in self.positions(height):
                self.finisher(row, p, accumulators[r][p], r)
        elif not self.delayed:
            with self.complete(sums), f.loop(row, f.add(row, height), name="move") as move:
                for p in range(count):
                    self.finisher(move.index, p, f.load(sums.at(move.index, p), name="g"))

    def positions(self, height: int) -> list[tuple[int, int]]:
        """All rows and panels of a tile."""
        return list(itertools.product(range(height), range(self.shape.count)))

    def complete(self, sums: Sums | None) -> AbstractContextManager[Any]:
        """Run the body only if accumulators are complete."""
        return nullcontext() if sums is None or sums.complete is None else self.f.when(sums.complete, name="complete")

    def prefetch_errors(self, b: Value, done: Value, length: Value, height: int) -> None:
        """Prefetch errors that the next unit reads: those of the panels after this unit's.

        Each tile prefetches its fraction of the rows.
        """
        f, step, count = self.f, self.scheduled.step, self.shape.count
        per_row = f.divide(f.add(length, self.scheduled.row_block - 1), self.scheduled.row_block)
        begin = f.multiply(done, per_row)
        end = f.intrinsic("smin", f.add(begin, f.multiply(per_row, height)), length)
        following = [index_distance(f, step.dz, p, self.rows) for p in range(count, 2 * count)]
        prefetch_rows(f, b, stride_of(step.dz), following, begin, end)
