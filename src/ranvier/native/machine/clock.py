"""The clock that measured code reads: the time stamp counter on x86, the virtual counter on ARM."""

from __future__ import annotations

import ctypes
import time
from functools import cache

from ranvier.native.machine.target import Target

_SECONDS = 0.02


def clock_call(target: Target) -> tuple[str, str]:
    """The intrinsic that gives the current tick, an i64, and its argument.

    ARM's cycle counter cannot be read by programs, so its register for time is named.

    >>> clock_call(Target("x86_64-unknown-linux-gnu", "x86-64-v3", (), 256, False))
    ('llvm.readcyclecounter', '')
    """
    function = target.choice("llvm.readcyclecounter", "llvm.read_volatile_register.i64")
    return function, target.choice("", 'metadata !{!"cntvct_el0"}')


@cache
def ticks_per_second() -> float:
    """The rate of the clock on this machine; takes a fiftieth of a second the first time."""
    from ranvier.native.machine import cache as objects
    from ranvier.native.machine import cpu

    target = cpu.target()
    tick = objects.load_cached(clock_ir(target), target, "clock").function("tick", ctypes.c_int64)
    start, first = time.perf_counter(), tick()
    time.sleep(_SECONDS)
    seconds, last = time.perf_counter() - start, tick()
    return float((last - first) / seconds)


def clock_ir(target: Target) -> str:
    """IR of `i64 @tick()`."""
    function, argument = clock_call(target)
    kind = "metadata" if argument else ""
    return (
        f"declare i64 @{function}({kind})\n"
        f"define i64 @tick() {{\n  %tick = call i64 @{function}({argument})\n  ret i64 %tick\n}}\n"
    )
