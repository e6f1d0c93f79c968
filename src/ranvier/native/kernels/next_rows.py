"""The rows of the next batch, prefetched while a weight gradient computes: a few cache lines with each tile.

    line, stop: of the lines of this thread's rows of the next batch, those that are not asked for yet
    for each tile:
        for each of the next few lines:  prefetch line % lines of row order[line / lines]

The hardware prefetcher cannot predict rows in random order, and all of them at once would keep the processor waiting:
it has some 20 lines on their way at most.
"""

from __future__ import annotations

from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value, bytes_of
from ranvier.native.scheduling.arguments import KINDS
from ranvier.records import record

LINE = 64
"""Bytes of a cache line."""
WORDS = ("line", "stop", "per_tile", "lines", "row_bytes", "inputs", "order")
"""What lies in memory: the next line, the one after the last, lines of a tile, lines and bytes of a row, and two
pointers: to the inputs, and to the numbers of the rows of the next batch."""


@record
class NextRows:
    """A thread's words in memory."""

    f: Function
    memory: Value

    def begin(
        self,
        source: tuple[Value, Value, int],
        order: Value,
        rows: tuple[Value, Value],
        tiles: tuple[Value, int],
    ) -> None:
        """Begin a step.

        Parameters:
            source: the inputs, their kind, and how many numbers a row has.
            order: the pointer to the numbers of the rows of the next batch.
            rows: which of them this thread will read: the first one, and the one after the last.
            tiles: how many rows all threads together prefetch, and beside how many tiles.
        """
        f, (inputs, kind, columns), (first, stop), (count, tiles_of_batch) = self.f, source, rows, tiles
        row_bytes = f.i64(0)
        for number, element in enumerate(KINDS.values()):
            row_bytes = f.select(f.compare("eq", kind, number), f.i64(columns * bytes_of(element)), row_bytes)
        lines = f.bitwise("lshr", f.add(row_bytes, LINE - 1), LINE.bit_length() - 1, "lines")
        per_tile = f.divide(f.add(f.multiply(count, lines), tiles_of_batch - 1), tiles_of_batch, "per_tile")
        values = (f.multiply(first, lines), f.multiply(stop, lines), per_tile, lines, row_bytes, inputs, order)
        for name, value in zip(WORDS, values, strict=True):
            f.store(value, self._at(name), 8)

    def prefetch(self) -> None:
        """Prefetch the lines of a tile."""
        f = self.f
        line, stop, per_tile, lines, row_bytes = (self._load(name) for name in WORDS[:5])
        inputs, order = (self._load(name, "ptr") for name in WORDS[5:])
        end = f.intrinsic("smin", f.add(line, per_tile), stop)
        with f.loop(line, end, name="line") as loop:
            row = f.divide(loop.index, lines)
            number = f.load(f.pointer(order, row, "i64"), "i64", name="number")
            within = f.multiply(f.subtract(loop.index, f.multiply(row, lines)), LINE)
            f.prefetch(f.pointer(inputs, f.add(f.multiply(number, row_bytes), within), "i8"))
        f.store(f.intrinsic("smax", line, end), self._at("line"), 8)

    def _at(self, name: str) -> Value:
        return self.f.pointer(self.memory, WORDS.index(name), "i64")

    def _load(self, name: str, type: str = "i64") -> Value:
        return self.f.load(self._at(name), type, 8, name=name)
