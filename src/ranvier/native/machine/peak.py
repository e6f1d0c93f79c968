"""Measured peak performance: the multiply-adds per second that threads reach on registers alone."""

from __future__ import annotations

import time
from functools import cache

import numpy as np

from ranvier.native.machine import cache as objects
from ranvier.native.machine import cpu, memory
from ranvier.native.machine.target import Target
from ranvier.native.machine.team import Team

_ROUNDS = 7
_SECONDS = 0.01
_RESULT_FLOATS = 64  # one thread's result, on separate cache lines


def measured_peak(threads: int) -> float:
    """GFLOP/s of float32 that `threads` threads reach together on independent multiply-adds in registers.

    A multiply-add counts as two operations. The first call takes about 0.1 s; the result is cached.

    Raises:
        EngineError: the native engine does not support this machine, or `threads` is less than 1.
    """
    return _measure(threads, cpu.target())


def accumulators(target: Target) -> int:
    """The number of independent accumulators that hide the latency of a multiply-add and fit the registers.

    >>> accumulators(Target("x86_64-unknown-linux-gnu", "x86-64-v3", (), 256, False))
    12
    """
    return 12 if target.is_x86 else 24


@cache
def _measure(threads: int, target: Target) -> float:
    library = objects.load_cached(peak_ir(target), target, "peak")
    entry = library.address("multiply_add")
    argument = memory.zeros(2 + threads * _RESULT_FLOATS // 2, np.int64)
    argument_at = memory.address(argument)
    per_round = 2.0 * accumulators(target) * target.lanes() * threads
    rounds, best = 10_000, 0.0
    with Team(threads) as team:
        timed = 0
        while timed < _ROUNDS:
            argument[0] = rounds
            start = time.perf_counter()
            team.run(entry, argument_at)
            seconds = time.perf_counter() - start
            if seconds < _SECONDS:
                rounds = int(rounds * min(20.0, 1.2 * _SECONDS / seconds))
                continue
            best = max(best, per_round * rounds / seconds / 1e9)
            timed += 1
    return best


def peak_ir(target: Target) -> str:
    """IR of `@multiply_add(i64 thread, ptr argument)`; the argument: number of rounds, then the results."""
    lanes = target.lanes()
    vector = f"<{lanes} x float>"
    registers = range(accumulators(target))
    splat = f"<{', '.join(['float 5.000000e-01'] * lanes)}>"
    phis = "\n".join(f"  %a{i} = phi {vector} [ zeroinitializer, %entry ], [ %b{i}, %loop ]" for i in registers)
    steps = "\n".join(
        f"  %b{i} = call {vector} @llvm.fma.v{lanes}f32({vector} %a{i}, {vector} {splat}, {vector} {splat})"
        for i in registers
    )
    sums = "\n".join(f"  %s{i} = fadd {vector} {f'%s{i - 1}' if i > 1 else '%b0'}, %b{i}" for i in registers if i)
    return f"""
declare {vector} @llvm.fma.v{lanes}f32({vector}, {vector}, {vector})
define void @multiply_add(i64 %thread, ptr %argument) {{
entry:
  %rounds = load i64, ptr %argument, align 8
  br label %loop
loop:
  %round = phi i64 [ 0, %entry ], [ %next, %loop ]
{phis}
{steps}
  %next = add i64 %round, 1
  %more = icmp slt i64 %next, %rounds
  br i1 %more, label %loop, label %end
end:
{sums}
  %first = getelementptr i8, ptr %argument, i64 16
  %offset = mul i64 %thread, {4 * _RESULT_FLOATS}
  %result.at = getelementptr i8, ptr %first, i64 %offset
  store {vector} %s{len(registers) - 1}, ptr %result.at, align 4
  ret void
}}
"""
