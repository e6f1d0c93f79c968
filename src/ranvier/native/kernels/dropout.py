"""Dropout: y = x m, with m 0 or 1 / (1 - rate), drawn by the counter-based generator and kept for the way back.

The value of row b and column k of K takes random word number b K + k of this seed, step and layer, whoever computes it.
"""

from __future__ import annotations

from ranvier import random
from ranvier.native.kernels import philox
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.groups import each_group, masked
from ranvier.native.kernels.values import Value
from ranvier.native.plan.steps import Drop


def write_drop(module: Emitter, name: str, step: Drop) -> None:
    """Write `(x, factors, y, i64 seed, i64 step, i64 from, i64 to)`."""
    numbers = dict.fromkeys(("seed", "step", "from", "to"), "i64")
    with module.function(name, {**dict.fromkeys(("x", "factors", "y"), "ptr"), **numbers}, internal=True) as f:
        x, factors, y, seed, number, first, stop = f.parameters
        stream = philox.stream(f, seed, random.DROPOUT, number, step.layer)
        columns = step.x.columns
        kept, dropped = f.constant(1.0 / (1.0 - step.rate)), f.constant(0.0)
        with f.loop(first, stop, name="b") as loop:
            assert loop.index is not None
            row = loop.index
            start = f.multiply(row, columns, "number")
            at_x = f.pointer(x, f.multiply(row, step.x.stride))
            at_factors = f.pointer(factors, f.multiply(row, step.factors.stride))
            at_y = f.pointer(y, f.multiply(row, step.y.stride))

            def group(column: Value, mask: Value | None, _: tuple[Value, ...]) -> tuple[Value, ...]:
                indexes = f.add(f.splat(f.add(start, column)), f.lane_numbers())
                words = philox.words_at(f, stream, indexes)
                holds = philox.at_least(f, words, int(step.rate * 2**32))
                factor = masked(f, f.select(holds, kept, dropped), mask)
                f.store(factor, f.pointer(at_factors, column))
                f.store(f.multiply(f.load(f.pointer(at_x, column)), factor), f.pointer(at_y, column))
                return ()

            each_group(f, columns, group)
