"""Times of single steps, measured inside the compiled span; plans that are not measured have no such code.

    for each step and each barrier of a stage:
        before = clock;  work;  timings[thread][slot] += clock - before

The clock counts ticks at a constant rate: the time stamp counter on x86, the virtual counter on ARM.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ranvier.native.kernels.function import Function
from ranvier.native.kernels.values import Value
from ranvier.native.machine.clock import clock_call
from ranvier.native.machine.target import Target
from ranvier.native.scheduling.stages import Stage

SLOTS_PER_LINE = 16
"""Threads write to pairs of cache lines of their own."""
TOTAL = 0
"""The slot of the whole training step."""


def timing_slots(stages: tuple[Stage, ...]) -> dict[tuple[int, int], int]:
    """The slots of steps, by (stage, step), and of barriers, by (stage, number of steps of the stage)."""
    positions = [(number, at) for number, stage in enumerate(stages) for at in range(len(stage.steps) + 1)]
    return {position: slot for slot, position in enumerate(positions, start=TOTAL + 1)}


def timing_stride(stages: tuple[Stage, ...]) -> int:
    """How many slots lie between two threads'."""
    return -(-(1 + len(timing_slots(stages))) // SLOTS_PER_LINE) * SLOTS_PER_LINE


def clock(f: Function, target: Target) -> Value:
    """The current tick, an i64."""
    function, argument = clock_call(target)
    f.module.declare(function, "i64", ["metadata"] if argument else [])
    return f.emit("i64", f"call i64 @{function}({argument})", "tick")


@contextmanager
def timed(f: Function, target: Target, timings: Value, slot: int) -> Iterator[None]:
    """Add the ticks of the body to a slot.

    Parameters:
        timings: the pointer to this thread's slots.
    """
    before = clock(f, target)
    yield
    at = f.pointer(timings, slot, "i64", "slot")
    f.store(f.add(f.load(at, "i64", 8), f.subtract(clock(f, target), before)), at, 8)
