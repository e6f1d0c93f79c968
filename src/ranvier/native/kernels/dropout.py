"""Dropout: y = x m, with m 0 or 1 / (1 - rate), drawn by the counter-based generator and kept for the backward pass.

The value of row b and column k of K takes random word number b K + k of this seed, step and layer, whoever computes it.

    for each row b:
        for each 64 columns: draw 64 words at once                                   K a multiple of 4
        for each 48 columns: draw 64 words from the last multiple of 4 on, take 48   any other K
"""

from __future__ import annotations

from ranvier import random
from ranvier.native.kernels import philox
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.row_vectors import masked, tail_mask
from ranvier.native.kernels.values import Value
from ranvier.native.lowering.steps import Drop
from ranvier.native.scheduling.layouts import stride_of
from ranvier.native.scheduling.tiles import PANEL

WORDS = 4
"""Words that the generator draws together, and vectors of columns that it draws for."""


class Drawing:
    """Draws the words of a row, some vectors of columns at a time. K columns, of which row b's first is number b K."""

    def __init__(self, f: Function, stream: philox.Stream, columns: int) -> None:
        self.f, self.stream = f, stream
        self.aligned = columns % WORDS == 0
        self.vectors = WORDS if self.aligned else WORDS - 1
        self.drawn_words = None if self.aligned else f.stack("i32", WORDS * PANEL)

    def words(self, start: Value) -> tuple[Value, ...]:
        """The words from number `start` on, one for each of `vectors` vectors."""
        f = self.f
        if self.drawn_words is None:
            return philox.block(f, self.stream, start)
        for number, words in enumerate(philox.block(f, self.stream, f.bitwise("and", start, -WORDS))):
            f.store(words, f.pointer(self.drawn_words, number * PANEL, "i32"))
        first = f.pointer(self.drawn_words, f.bitwise("and", start, WORDS - 1), "i32")
        return tuple(
            f.load(f.pointer(first, number * PANEL, "i32"), f"<{PANEL} x i32>") for number in range(self.vectors)
        )


def write_drop(module: Emitter, name: str, step: Drop) -> None:
    """Write `(x, factors, y, scalars, i64 seed, i64 step, i64 from, i64 to)`."""
    numbers = dict.fromkeys(("seed", "step", "from", "to"), "i64")
    with write_function(module, name, {**dict.fromkeys(("x", "factors", "y", "scalars"), "ptr"), **numbers}) as f:
        x, factors, y, scalars, seed, number, first, stop = f.parameters
        columns, position = step.x.columns, step.rate.position
        drawing = Drawing(f, philox.stream(f, seed, random.DROPOUT, number, step.layer), columns)
        scale, zero = f.broadcast(f.pointer(scalars, position, "double"), name="scale"), f.constant(0.0)
        threshold = f.broadcast(f.pointer(scalars, position + 1, "double"), "i32", "threshold")
        with f.loop(first, stop, name="b") as loop:
            row = loop.index
            start = f.multiply(row, columns, "number")
            at_x = f.pointer(x, f.multiply(row, stride_of(step.x)))
            at_factors = f.pointer(factors, f.multiply(row, stride_of(step.factors)))
            at_y = f.pointer(y, f.multiply(row, stride_of(step.y)))

            def draw(column: Value, masks: list[Value | None]) -> None:
                """Draw for as many vectors as there are masks of their real columns."""
                drawn_words = drawing.words(f.add(start, column))
                for vector, (words, mask) in enumerate(zip(drawn_words, masks, strict=False)):
                    first_column = f.add(column, vector * PANEL)
                    holds = philox.at_least(f, words, threshold)
                    factor = masked(f, f.select(holds, scale, zero), mask)
                    f.store(factor, f.pointer(at_factors, first_column))
                    f.store(f.multiply(f.load(f.pointer(at_x, first_column)), factor), f.pointer(at_y, first_column))

            length = drawing.vectors * PANEL
            full_columns = columns // length * length
            if full_columns:
                with f.loop(0, full_columns, length, name="column") as part:
                    draw(part.index, [None] * drawing.vectors)
            if columns > full_columns:
                full, rest = divmod(columns - full_columns, PANEL)
                masks: list[Value | None] = [None] * full
                draw(f.i64(full_columns), [*masks, tail_mask(columns)] if rest else masks)
