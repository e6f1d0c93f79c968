"""Packing: operands copied into a thread's packing buffer, in the order in which tiles read them.

A tile of a weight gradient walks down the batch and reads h columns of each row, far from the row before. Packed, these
numbers are contiguous, so that the hardware prefetcher can follow:

    columns of a block, tile by tile:   packed[tile][k][r] = x[k][first + tile h + r]

All panels of the weight read the same columns, so a thread packs once for many units. Tiles of forward and data
gradient walk along h rows at once. All panels read the same rows, one K-block at a time:

    rows of a part, tile by tile:       packed[tile][k][r] = x[first + tile h + r][k]

A vector of eight is copied where a tile has six rows; what is too much is written over by the next row.

Copies change no bit.
"""

from __future__ import annotations

from ranvier.native.kernels.function import Function
from ranvier.native.kernels.layout import element_index
from ranvier.native.kernels.transpose import SIDE, turned_from
from ranvier.native.kernels.values import Value, vector_of
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.scheduling.layouts import stride_of
from ranvier.native.scheduling.scheduled import ScheduledWeightGradient
from ranvier.native.scheduling.tiles import PANEL, Registers, exact_heights
from ranvier.records import record


@record
class Packed:
    """The packed inputs of a block of a weight gradient.

    Fields:
        memory: the packing buffer, of the rows of the batch times those of a block.
        last: the address of the index of the block that is packed.
    """

    memory: Value
    last: Value

    def pack_if_stale(
        self, f: Function, scheduled: ScheduledWeightGradient, x: Value, rows: Value, block: Value, registers: Registers
    ) -> None:
        """Pack the columns of a block, unless they are packed already."""
        weight_rows, row_block = scheduled.step.trained.value.rows, scheduled.row_block
        full_blocks, left = divmod(weight_rows, row_block)
        heights = exact_heights(weight_rows, registers)
        with f.when(f.compare("ne", f.load(self.last, "i64", 8), block), name="pack"):
            f.store(block, self.last, 8)
            if left and full_blocks:
                with f.when(f.compare("slt", block, full_blocks)):
                    self._pack(f, scheduled, x, rows, block, _tiles(row_block, heights))
                with f.when(f.compare("sge", block, full_blocks)):
                    self._pack(f, scheduled, x, rows, block, _tiles(left, heights))
            else:
                self._pack(f, scheduled, x, rows, block, _tiles(left or row_block, heights))

    def _pack(
        self,
        f: Function,
        scheduled: ScheduledWeightGradient,
        x: Value,
        rows: Value,
        block: Value,
        tiles: list[tuple[int, int]],
    ) -> None:
        source = f.pointer(x, f.multiply(block, scheduled.row_block))

        def pack(row: Value, wide: bool) -> None:
            line = f.pointer(source, f.multiply(row, stride_of(scheduled.step.x)))
            for first, height in tiles:
                numbers = vector_of(f.module.element, SIDE if wide and SIDE > height > SIDE // 2 else height)
                at = f.add(f.multiply(rows, first), f.multiply(row, height))
                loaded = f.load(f.pointer(line, first), numbers, f.module.bytes)
                f.store(loaded, f.pointer(self.memory, at), f.module.bytes)

        last = f.subtract(rows, 1)
        with f.loop(f.i64(0), last, name="k") as loop:
            pack(loop.index, wide=True)
        pack(last, wide=False)

    def tile(self, f: Function, first: Value, height: int, rows: Value, k: Value) -> Value:
        """The packed inputs of the tile that begins so many rows into the block, from row k of the batch on."""
        return f.pointer(self.memory, f.add(f.multiply(first, rows), f.multiply(k, height)), name="inputs")


def pack_rows(
    f: Function,
    packed: Value,
    source: tuple[Value, Buffer, Value],
    tiles: tuple[Value, Value, int],
    k_range: tuple[Value, Value],
) -> None:
    """Pack a range of columns of some rows, in tiles of one height.

    Reads each row up to the next multiple of 8, and writes up to 64 numbers after the packed ones.

    Parameters:
        source: where the rows are, their buffer, and how many the batch has.
        tiles: the first row, the one after the last, and the height.
        k_range: the first k, at which a panel begins, and how many there are.
    """
    x, buffer, rows = source
    first, stop, height = tiles
    k, length = k_range
    with f.loop(first, stop, height, name="tile") as tile, f.loop(f.i64(0), length, SIDE, name="k") as loop:
        target = f.pointer(packed, f.multiply(f.subtract(tile.index, first), length))
        target = f.pointer(target, f.multiply(loop.index, height))
        number = f.add(k, loop.index)
        panel = f.bitwise("and", number, -PANEL)
        at = f.add(element_index(f, buffer, tile.index, panel, rows), f.subtract(number, panel))
        starts = [f.pointer(x, f.add(at, r * stride_of(buffer))) for r in range(height)]
        for step, column in enumerate(turned_from(f, starts)):
            f.store(column, f.pointer(target, step * height), f.module.bytes)


def _tiles(rows: int, heights: tuple[int, ...]) -> list[tuple[int, int]]:
    """First row and height of the tiles that cover so many rows, as `tile.segments` takes them."""
    blocks, first = [], 0
    for height in heights:
        while rows - first >= height:
            blocks.append((first, height))
            first += height
    return blocks
