"""Dealing out the work of a stage: a thread takes the pieces of its own share, then what the others have not begun.

Cores are not equally fast at every moment: other processes, the clock and a neighbour on the same core see to that.
With shares alone, every stage would last as long as its slowest thread takes.

    for each share, my own first, then those of the threads after me, round and round:
        repeat:  piece = what the word of this share says, which is counted up in the same instant
                 leave where the share has no such piece;  else work on it

Which thread works on a piece does not show in the result: pieces are rows, or tiles of a weight, and no sum goes beyond
one. Each thing that is dealt out has two words a share, for steps of even and of odd number. A thread sets the word of
the next step to 0 while it works on this one: whoever read it in the step before has passed a barrier since. A
prediction is a single step, whose words the caller sets to 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value
from ranvier.native.scheduling.stages import FEWEST_ROWS, WORDS_A_SHARE

Bounds = Callable[[Value], tuple[Value, Value]]
"""The first piece of a thread's share, and the one after its last."""


@dataclass(frozen=True, slots=True)
class Dealer:
    """Writes how threads take pieces.

    Fields:
        f: what is written into.
        claims: the address of the words.
        thread, threads: the number of this thread, and of all.
        step: the number of the step.
    """

    f: Function
    claims: Value
    thread: Value
    threads: Value
    step: Value

    def units(self, number: int, bounds: Bounds, body: Callable[[Value, Value, Value], None]) -> None:
        """Deal out units one by one: `body` gets whose share it is, the unit, and the one after it.

        Parameters:
            number: of the thing that is dealt out, counted through the plan.
        """
        f = self.f

        def take(word: Value, owner: Value, first: Value, stop: Value) -> Value:
            taken = f.emit("i64", f"atomicrmw add {word.typed}, i64 1 monotonic, align 8", "taken")
            unit = f.add(first, taken, "unit")
            some = f.compare("slt", unit, stop, "some")
            with f.when(some, name="unit"):
                body(owner, unit, f.add(unit, 1))
            return some

        self._shares(number, bounds, take)

    def rows(self, number: int, bounds: Bounds, height: int, most: int, body: Callable[[Value, Value], None]) -> None:
        """Deal out rows in whole tiles.

        Parameters:
            height: the rows of a tile.
            most: the rows that a thread takes at most.
        """
        least = -(-min(FEWEST_ROWS, most) // height) * height
        self.halves(number, bounds, height, (least, most // height * height or most), body)

    def halves(
        self, number: int, bounds: Bounds, grain: int, ends: tuple[int, int], body: Callable[[Value, Value], None]
    ) -> None:
        """Deal out pieces: half of what is left of a share at a time.

        Parameters:
            grain: how many belong together.
            ends: how many a thread takes at least, as long as there are so many, and at most.
        """
        f, (least, most) = self.f, ends

        def take(word: Value, owner: Value, first: Value, stop: Value) -> Value:
            before = f.emit("i64", f"load atomic i64, {word.typed} monotonic, align 8", "before")
            begin = f.add(first, before, "begin")
            left = f.subtract(stop, begin, "left")
            half = f.multiply(f.divide(f.bitwise("lshr", left, 1), grain), grain)
            part = f.intrinsic("smin", f.intrinsic("smax", half, f.i64(least)), f.i64(most))
            after = f.add(before, part, "after")
            swap = f"cmpxchg {word.typed}, {before.typed}, {after.typed} monotonic monotonic, align 8"
            pair = f.emit("{ i64, i1 }", swap, "swapped")
            won = f.emit("i1", f"extractvalue {pair.typed}, 1", "won")
            some = f.compare("sgt", left, 0, "some")
            with f.when(f.bitwise("and", won, some), name="some"):
                body(begin, f.intrinsic("smin", f.add(begin, part), stop))
            return some

        self._shares(number, bounds, take)

    def _shares(self, number: int, bounds: Bounds, take: Callable[[Value, Value, Value, Value], Value]) -> None:
        """Go through the shares; `take` says whether there was another piece."""
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
                again.again = take(word, owner, first, stop)

    def _word(self, number: int, parity: Value, owner: Value) -> Value:
        """Where the word of a share lies; each has a pair of cache lines."""
        f = self.f
        place = f.add(f.multiply(f.add(parity, 2 * number), self.threads), owner)
        return f.pointer(self.claims, f.multiply(place, WORDS_A_SHARE), "i64", "word")
