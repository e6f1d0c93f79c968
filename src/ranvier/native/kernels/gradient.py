"""Gradients of weights and vectors, with the optimizer's update at the end of each tile.

A weight (K, N) is cut into units of work: a block of 48 rows by a strip of v panels of 16 columns.

                 N columns                      for each unit:
             strip   strip   strip                  pack the columns of x that the block reads, if packed (packed.py)
            +-------+-------+-------+               for each part of the batch, in row order:
    block   | unit  | unit  | unit  |                   for each tile of h rows of the block:
            +-------+-------+-------+                       accumulators += x' dz over the rows of the part
    block   | unit  | tile  | unit  |                       after the last part:
            |       | tile  |       | K rows                    g = accumulator + l2 w + l1 sign(w)
            +-------+-------+-------+                           update w and the optimizer's slots
                                                    copy the block into the transposed weight for data gradients

    mc, nc of BLIS are the block and the strip; kc is the part of the batch; h x v panels is the register tile.

Products that read bfloat16 get a rounded copy of w in the same pass. Groups have units of their own. If a group does
not fill its last panel, the next columns of dz belong to the next group; their gradients are set to zero.

The gradient is used while it is in registers or the L1 cache, and its bits do not depend on which thread computes it.
It is stored instead if it is needed itself: to clip by norm, or as the gradient over all rows.
"""

from __future__ import annotations

from dataclasses import replace

from ranvier.native.kernels.cancellation import unless_requested
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.gradient_tiles import Finisher, Sums, Tiles, TileShape
from ranvier.native.kernels.layout import element_index, index_distance
from ranvier.native.kernels.next_rows import NextRows
from ranvier.native.kernels.packed import Packed
from ranvier.native.kernels.pairs import copy_pairs, holds_pairs
from ranvier.native.kernels.tile import lanes_for, segments
from ranvier.native.kernels.transpose import transpose
from ranvier.native.kernels.update import Pointers, Updater, finish
from ranvier.native.kernels.values import Value
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.steps import VectorGradient
from ranvier.native.scheduling.binding import BoundRule
from ranvier.native.scheduling.layouts import group_panels_of, stride_of
from ranvier.native.scheduling.scheduled import ScheduledWeightGradient
from ranvier.native.scheduling.tiles import PANEL, Registers, exact_heights
from ranvier.records import record

MIN_REGISTERS = 32
"""Vector registers with which the update of a tile runs beside the next tile: fewer would be stored and loaded."""


def weight_units(scheduled: ScheduledWeightGradient) -> tuple[int, int]:
    """How many blocks of rows and how many strips of panels a weight has, per group."""
    weight = scheduled.step.trained.value
    return -(-weight.rows // scheduled.row_block), -(-group_panels_of(weight) // scheduled.panels)


def weight_tiles(scheduled: ScheduledWeightGradient, registers: Registers) -> int:
    """How many tiles a weight has; one more for each block of a number of rows that is no multiple of their height."""
    weight = scheduled.step.trained.value
    height = exact_heights(weight.rows, registers)[0]
    return weight.groups * -(-weight.rows // height) * weight_units(scheduled)[1]


def write_weight_gradient(
    module: Emitter,
    name: str,
    scheduled: ScheduledWeightGradient,
    registers: Registers,
    rule: BoundRule | None,
    cancellable: bool = False,
) -> None:
    """Write `(x, dz, value, rounded, transposed, gradient, slots..., scalars, i64 rows, i64 from, i64 to)`: units.

    If a thread's share is a range of strips, `i64 from_strip, i64 strips` follow, and units are counted within it. If
    inputs are packed, `packed, last` follow, see `Packed`; if the next batch is prefetched, `next_rows`, see
    `NextRows`; if the step can be cancelled, `cancel_requested`.
    """
    trained = scheduled.step.trained
    slot_names = [f"slot{number}" for number in range(len(trained.slots))]
    names = ("x", "dz", "value", "rounded", "transposed", "gradient", *slot_names, "scalars")
    blocks, strips = weight_units(scheduled)
    numbers = {"rows": "i64", "from": "i64", "to": "i64"}
    numbers |= dict.fromkeys(("from_strip", "strips"), "i64") if scheduled.split_n else {}
    numbers |= {"packed": "ptr noalias", "last": "ptr noalias"} if scheduled.packed else {}
    numbers |= {"next_rows": "ptr"} if scheduled.next_row else {}
    numbers |= {"cancel_requested": "ptr"} if cancellable else {}
    rounds = scheduled.pairs or bool(trained.rounded)
    lanes = module.lanes if rounds else lanes_for(trained.value, module.lanes)
    with write_function(module, name, {**dict.fromkeys(names, "ptr noalias"), **numbers}, lanes=lanes) as f:
        x, dz, value, rounded, transposed, gradient, *slots, scalars, rows, first, stop = f.parameters[: len(names) + 3]
        rest = list(f.parameters[len(names) + 3 :])
        strip_range = (rest.pop(0), rest.pop(0)) if scheduled.split_n else None
        packed = Packed(rest.pop(0), rest.pop(0)) if scheduled.packed else None
        next_rows = NextRows(f, rest.pop(0)) if scheduled.next_row else None
        cancel_requested = rest.pop(0) if cancellable else None
        copied = rounded if trained.rounded and not holds_pairs(trained) else None
        pointers = Pointers(value, gradient, tuple(slots), copied, cancel_requested)
        updater = Updater(f, rule, trained, scalars)
        of_block = strip_range or (f.i64(0), f.i64(strips))
        operands = Operands(x, dz, transposed, rounded)
        units = Units(f, scheduled, registers, updater, rows, packed, operands, pointers, of_block, next_rows)
        with f.loop(first, stop, name="unit") as loop, unless_requested(f, cancel_requested):
            unit = loop.index
            if trained.value.groups > 1:
                group = f.divide(unit, blocks * strips, "group")
                unit = f.subtract(unit, f.multiply(group, blocks * strips), "within")
                units = units.of_group(group)
            if strip_range is not None:
                block = f.divide(unit, strip_range[1], "block")
                strip = f.add(f.subtract(unit, f.multiply(block, strip_range[1])), strip_range[0], "strip")
            else:
                block = f.divide(unit, strips, "block") if strips > 1 else unit
                strip = f.subtract(unit, f.multiply(block, strips), "strip") if strips > 1 else f.i64(0)
            if packed is not None:
                packed.pack_if_stale(f, scheduled, x, rows, block, registers)
            units.strip(block, strip)


@record
class Operands:
    """Pointers to what a weight gradient reads, x and dz, and to the copies of the weight that it writes."""

    x: Value
    dz: Value
    transposed: Value
    rounded: Value


@record
class Units:
    """Writes units of a weight gradient.

    Fields:
        f, scheduled, registers: what is written into, for which step, with how many registers.
        updater: updates the weights with complete gradients, or stores these.
        rows: how many rows the batch has.
        packed: where inputs are packed; None where they are read from x.
        operands, pointers: of the weight; of one group of it after `of_group`.
        strips: the first strip of a block and how many there are.
        next_rows: what is prefetched on the way.
    """

    f: Function
    scheduled: ScheduledWeightGradient
    registers: Registers
    updater: Updater
    rows: Value
    packed: Packed | None
    operands: Operands
    pointers: Pointers
    strips: tuple[Value, Value]
    next_rows: NextRows | None

    def of_group(self, group: Value) -> Units:
        """The same for one group: its weight, its columns of inputs and errors, its transposed weight."""
        f, trained, operands = self.f, self.scheduled.step.trained, self.operands
        weight, copy, transposed = trained.value, trained.transposed, operands.transposed
        if copy is not None:
            transposed = f.pointer(transposed, f.multiply(group, group_panels_of(copy) * stride_of(copy)))
        x = f.pointer(operands.x, f.multiply(group, weight.rows))
        dz = f.pointer(operands.dz, f.multiply(group, weight.width))
        pointers = self.pointers.advanced(f, f.multiply(group, group_panels_of(weight) * stride_of(weight)))
        return replace(self, operands=Operands(x, dz, transposed, operands.rounded), pointers=pointers)

    def strip(self, block: Value, strip: Value) -> None:
        """A unit, given by the indices of its block and strip; the last strip may have fewer panels."""
        f, weight = self.f, self.scheduled.step.trained.value
        at_once = self.scheduled.panels
        _, strips = weight_units(self.scheduled)
        panel, left = f.multiply(strip, at_once, "panel"), group_panels_of(weight) % at_once
        if left and group_panels_of(weight) > at_once:
            ragged = f.compare("eq", strip, strips - 1)
            is_full = f.compare("ne", strip, strips - 1)
            with f.when(is_full):
                self.unit(block, panel, at_once)
            with f.when(ragged):
                self.unit(block, panel, left)
        else:
            self.unit(block, panel, at_once)

    def unit(self, block: Value, panel: Value, count: int) -> None:
        """One unit: the tiles of a block of rows and `count` panels, then the transposed copy."""
        f, scheduled, rows, updater, pointers = self.f, self.scheduled, self.rows, self.updater, self.pointers
        step, row_block, batch_block = scheduled.step, scheduled.row_block, scheduled.batch_block
        weight = step.trained.value
        first = f.multiply(block, row_block, "first")
        stop = f.intrinsic("smin", f.add(first, row_block), f.i64(weight.rows))
        b = f.pointer(
            self.operands.dz, element_index(f, step.dz, f.i64(0), f.multiply(panel, PANEL), rows), name="errors"
        )

        def inputs(row: Value, height: int, part: Value) -> tuple[Value, int, int]:
            if self.next_rows is not None:
                self.next_rows.prefetch()
            if self.packed is not None:
                return self.packed.tile(f, f.subtract(row, first), height, rows, part), 1, height
            line = f.add(f.multiply(part, stride_of(step.x)), row)
            return f.pointer(self.operands.x, line, name="inputs"), 1, stride_of(step.x)

        shape = TileShape(exact_heights(weight.rows, self.registers), count, first, stop)
        finisher = Finisher(f, updater, pointers, weight, panel, self.following(first, stop, panel, count))
        sums = None if updater.is_short and not batch_block else Sums(f, shape, row_block)
        tiles = Tiles(f, scheduled, shape, rows, inputs, finisher, delayed=self.registers.count >= MIN_REGISTERS)
        if batch_block and sums is not None:
            sums.clear()
            with (
                f.loop(f.i64(0), rows, batch_block, name="part") as loop,
                unless_requested(f, pointers.cancel_requested),
            ):
                left = f.subtract(rows, loop.index, "left")
                sums.complete = f.compare("sle", left, batch_block, "complete")
                tiles.write(b, loop.index, f.intrinsic("smin", left, f.i64(batch_block)), sums)
        else:
            tiles.write(b, f.i64(0), rows, sums)
        if holds_pairs(step.trained) and updater.rule is not None:
            of_weight = (pointers.value, self.operands.rounded, self.operands.transposed)
            for p in range(count):
                copy_pairs(f, step.trained, f.add(panel, p), (first, stop), of_weight)
        elif step.trained.transposed is not None and updater.rule is not None:
            base = f.multiply(panel, stride_of(weight), "panel.start")
            self.copy_transposed(step.trained.transposed, (first, stop), (base, panel, count))

    def following(self, first: Value, stop: Value, panel: Value, count: int) -> tuple[Value, Value]:
        """The first row and panel of the unit after the one of these rows and panels."""
        f, at_once = self.f, self.scheduled.panels
        first_strip, strips = self.strips
        behind = f.add(panel, count)
        below = f.compare("sge", behind, f.multiply(f.add(first_strip, strips), at_once), "below")
        return f.select(below, stop, first), f.select(below, f.multiply(first_strip, at_once), behind)

    def copy_transposed(self, copy: Buffer, block: tuple[Value, Value], panels: tuple[Value, Value, int]) -> None:
        """Copy rows of a block into the transposed weight.

        Parameters:
            block: its first row, and the one after the last.
            panels: where the first panel starts in the weight, its number, and how many there are.
        """
        base, panel, count = panels
        f, stride = self.f, stride_of(self.scheduled.step.trained.value)
        for p in range(count):
            source = f.pointer(self.pointers.rounded_value, f.add(base, p * stride))
            column = f.multiply(f.add(panel, p), PANEL)
            transpose(f, source, self.operands.transposed, *block, column, stride_of(copy))


def write_vector_gradient(module: Emitter, name: str, step: VectorGradient, rule: BoundRule | None) -> None:
    """Write `(a, b, value, gradient, slots..., scalars, i64 rows, i64 from, i64 to)` over panels."""
    trained = step.trained
    slot_names = [f"slot{number}" for number in range(len(trained.slots))]
    names = ("a", "b", "value", "gradient", *slot_names, "scalars")
    with write_function(module, name, {**dict.fromkeys(names, "ptr"), "rows": "i64", "from": "i64", "to": "i64"}) as f:
        a, b, value, gradient, *slots, scalars, rows, first, stop = f.parameters
        updater = Updater(f, rule, trained, scalars)
        pointers = Pointers(value, gradient, tuple(slots))
        for count, begin, end in segments(f, first, stop, (4, 1)):
            with f.loop(begin, end, count, name="panel") as loop:
                column = f.multiply(loop.index, PANEL, "column")
                second = None if step.b is None else (b, step.b)
                sums = column_sums(f, (a, step.a), second, column, count, rows)
                for p, total in enumerate(sums):
                    finish(f, updater, pointers, f.add(column, p * PANEL), total)


def column_sums(
    f: Function, a: tuple[Value, Buffer], b: tuple[Value, Buffer] | None, column: Value, panels: int, rows: Value
) -> list[Value]:
    """The sums over the rows of a, or of a b, for some panels from a column on: one accumulator each, in row order."""
    summed = [a, b] if b else [a]
    starts = [f.pointer(pointer, element_index(f, buffer, f.i64(0), column, rows)) for pointer, buffer in summed]
    with f.loop(f.i64(0), rows, name="b", carried=[f.constant(0.0)] * panels) as loop:
        at = [
            (f.pointer(start, f.multiply(loop.index, stride_of(buffer))), buffer)
            for start, (_, buffer) in zip(starts, summed, strict=True)
        ]
        following = []
        for p in range(panels):
            loaded = [f.load(f.pointer(here, index_distance(f, buffer, p, rows))) for here, buffer in at]
            total = loop.values[p]
            following.append(f.fma(loaded[0], loaded[1], total) if b else f.add(total, loaded[0]))
        loop.carry(*following)
    return list(loop.results)
