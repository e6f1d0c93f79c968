"""Work stealing: a thread takes the chunks of its own share of a stage, then chunks that others have not begun.

Cores differ in speed from moment to moment, because of other processes, the clock and a second thread on the same core.
With fixed shares every stage would last as long as its slowest thread.

    for each share, my own first, then those of the threads after me, in a circle:
        repeat:  chunk = counter of this share; counter += 1, atomically
                 leave if the share has no such chunk;  else work on it

The result does not depend on who works on a chunk: chunks are rows, or tiles of a weight, and no sum crosses them. Each
stealable piece of work has two counters per share, for even and for odd steps. A thread resets its counter of the next
step while it works on this one: all threads that read it in the step before have passed a barrier since. A prediction
is a single step; the caller resets its counters.
"""

from __future__ import annotations

from collections.abc import Callable

from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value
from ranvier.native.scheduling.stages import COUNTER_STRIDE, MIN_CHUNK_ROWS
from ranvier.records import record

Bounds = Callable[[Value], tuple[Value, Value]]
"""The first chunk of a thread's share, and the one after its last."""


@record
class WorkStealing:
    """Writes the loops in which threads take chunks.

    Fields:
        f: what is written into.
        chunk_counters: the address of the counters.
        thread, threads: the index of this thread, and how many there are.
        step: the number of the step.
    """

    f: Function
    chunk_counters: Value
    thread: Value
    threads: Value
    step: Value

    def units(self, number: int, bounds: Bounds, body: Callable[[Value, Value, Value], None]) -> None:
        """Take units one by one: `body` gets the owner of the share, the unit, and the one after it.

        Parameters:
            number: of this piece of work among the stealable ones of the plan.
        """
        f = self.f

        def run_chunk(word: Value, owner: Value, first: Value, stop: Value) -> Value:
            chunk = f.emit("i64", f"atomicrmw add {word.typed}, i64 1 monotonic, align 8", "taken")
            unit = f.add(first, chunk, "unit")
            some = f.compare("slt", unit, stop, "some")
            with f.when(some, name="unit"):
                body(owner, unit, f.add(unit, 1))
            return some

        self._loop_over_shares(number, bounds, run_chunk)

    def rows(
        self, number: int, bounds: Bounds, height: int, largest: int, body: Callable[[Value, Value], None]
    ) -> None:
        """Take rows in whole tiles.

        Parameters:
            height: the rows of a tile.
            largest: the largest number of rows of a chunk.
        """
        smallest = -(-min(MIN_CHUNK_ROWS, largest) // height) * height
        self.halves(number, bounds, height, (smallest, largest // height * height or largest), body)

    def halves(
        self, number: int, bounds: Bounds, grain: int, ends: tuple[int, int], body: Callable[[Value, Value], None]
    ) -> None:
        """Take chunks of half of what is left of a share.

        Parameters:
            grain: chunks are multiples of it.
            ends: the smallest chunk, unless less is left, and the largest.
        """
        f, (smallest, largest) = self.f, ends

        def run_chunk(word: Value, owner: Value, first: Value, stop: Value) -> Value:
            before = f.emit("i64", f"load atomic i64, {word.typed} monotonic, align 8", "before")
            begin = f.add(first, before, "begin")
            left = f.subtract(stop, begin, "left")
            half = f.multiply(f.divide(f.bitwise("lshr", left, 1), grain), grain)
            part = f.intrinsic("smin", f.intrinsic("smax", half, f.i64(smallest)), f.i64(largest))
            after = f.add(before, part, "after")
            swap = f"cmpxchg {word.typed}, {before.typed}, {after.typed} monotonic monotonic, align 8"
            pair = f.emit("{ i64, i1 }", swap, "swapped")
            won = f.emit("i1", f"extractvalue {pair.typed}, 1", "won")
            some = f.compare("sgt", left, 0, "some")
            with f.when(f.bitwise("and", won, some), name="some"):
                body(begin, f.intrinsic("smin", f.add(begin, part), stop))
            return some

        self._loop_over_shares(number, bounds, run_chunk)

    def _loop_over_shares(
        self, number: int, bounds: Bounds, run_chunk: Callable[[Value, Value, Value, Value], Value]
    ) -> None:
        """Loop over the shares; `run_chunk` returns whether there was another chunk."""
        f = self.f
        now = f.bitwise("and", self.step, 1, "parity")
        f.emit_plain(
            f"store atomic i64 0, {self._word(number, f.subtract(1, now), self.thread).typed} monotonic, align 8"
        )
        with f.loop(f.i64(0), self.threads, name="share") as loop:
            after = f.add(self.thread, loop.index)
            around = f.compare("sge", after, self.threads)
            owner = f.select(around, f.subtract(after, self.threads), after, "owner")
            first, stop = bounds(owner)
            word = self._word(number, now, owner)
            with f.repeat(name="piece") as again:
                again.again = run_chunk(word, owner, first, stop)

    def _word(self, number: int, parity: Value, owner: Value) -> Value:
        """The address of a share's counter; each has a pair of cache lines to itself."""
        f = self.f
        index = f.add(f.multiply(f.add(parity, 2 * number), self.threads), owner)
        return f.pointer(self.chunk_counters, f.multiply(index, COUNTER_STRIDE), "i64", "word")
