"""A barrier that compiled code calls between the stages of a step: `@barrier(ptr state, i64 threads)`.

`state` comes from `new_state`. Arriving threads are counted; the last one starts the next generation, for which the
others wait. They spin at first, since stages are balanced, then yield their core between polls. What was written before
the barrier is visible after it. The barrier cannot be aborted: to cancel, threads set a flag that all read after it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.native.machine import cpu, memory, system
from ranvier.native.machine.target import Target

STATE_BYTES = 256
# Pairs of lines are fetched together on x86, so the two counters lie two lines apart.
_GENERATION = 128
# Polls before yielding the core: some 30 microseconds if every thread has a core, next to nothing if threads share
# cores.
_SPINS = 1000
_SPINS_SHARED = 16


def new_state(threads: int) -> NDArray[Any]:
    """The memory a barrier for so many threads needs, STATE_BYTES of it aligned to 64, ready to use.

    The eight bytes after the generation are the number of polls before yielding the core.
    """
    state = memory.zeros(STATE_BYTES // 8, np.int64)
    state[_GENERATION // 8 + 1] = _SPINS if threads <= cpu.threads() else _SPINS_SHARED
    return state


def barrier_ir(target: Target) -> str:
    """IR that defines `@barrier` and `@pause`, and declares what they need.

    Parameters:
        target: the processor, for its pause instruction.
    """
    return f"""
declare i32 @{system.YIELD}()
{pause_ir(target)}
define internal void @barrier(ptr %state, i64 %threads) noinline {{
entry:
  %alone = icmp sle i64 %threads, 1
  br i1 %alone, label %done, label %arrive
arrive:
  %generation = getelementptr i8, ptr %state, i64 {_GENERATION}
  %before = load atomic i64, ptr %generation monotonic, align 8
  %limit = getelementptr i8, ptr %generation, i64 8
  %spins = load i64, ptr %limit, align 8
  %arrived = atomicrmw add ptr %state, i64 1 acq_rel, align 8
  %number = add i64 %arrived, 1
  %last = icmp eq i64 %number, %threads
  br i1 %last, label %open, label %look
open:
  store atomic i64 0, ptr %state monotonic, align 8
  %next = add i64 %before, 1
  store atomic i64 %next, ptr %generation release, align 8
  ret void
look:
  %spun = phi i64 [ 0, %arrive ], [ %spun.next, %spin ], [ %spun, %give ]
  %now = load atomic i64, ptr %generation acquire, align 8
  %same = icmp eq i64 %now, %before
  br i1 %same, label %wait, label %done
wait:
  %patient = icmp ult i64 %spun, %spins
  br i1 %patient, label %spin, label %give
spin:
  call void @pause()
  %spun.next = add i64 %spun, 1
  br label %look
give:
  %ignored = call i32 @{system.YIELD}()
  br label %look
done:
  ret void
}}
"""


def pause_ir(target: Target) -> str:
    """IR that defines `@pause`: tell the processor that this thread spins.

    On ARM it is a barrier for instructions, which takes about as long as the pause of x86; ARM's hint does nothing.
    """
    name, kind = target.choice("llvm.x86.sse2.pause", "llvm.aarch64.isb"), target.choice("", "i32")
    return f"""
declare void @{name}({kind})
define internal void @pause() {{
  call void @{name}({target.choice("", "i32 15")})
  ret void
}}
"""
