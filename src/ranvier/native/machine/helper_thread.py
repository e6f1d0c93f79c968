"""A thread that helps with calls too short to wake a team: predictions of one row, which take some microseconds.

After it has helped, the thread polls for the next call for a while, then sleeps. A call that finds it asleep does all
the work itself; every eighth such call wakes it for the calls to come. So calls in quick succession run on two cores,
and others cost nothing.

    the caller, @run_pieces:  writes the call down and publishes (call number, pieces)
                              takes pieces from the end until none is left
                              waits until the pieces that the helper took are done, soon yielding its core
    the helper, @help:        sees a new call number, takes pieces from the beginning until none is left

The call number is in the word from which pieces are taken, so a late helper takes nothing of another call. One call at
a time is helped; calls from other threads meanwhile do all their work themselves.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable
from functools import cache

import numpy as np

from ranvier.native.machine import barrier, cpu, llvm, memory, system
from ranvier.native.machine import cache as objects
from ranvier.native.machine.floating_point_mode import mode_ir
from ranvier.native.machine.placement import MASK_BYTES, placement_ir
from ranvier.native.machine.target import Target

MAX_PIECES = 2**16 - 1
# Offsets in the state. Each group has pairs of cache lines to itself: constants; what both threads poll; the call;
# the pieces done; what only callers use; the affinity mask of the helper.
_RUN_PIECES, _SLEEPER = 0, 8
_PIECES, _ASLEEP = 128, 136
_FUNCTION, _ARGUMENT = 256, 264
_DONE = 384
_BUSY, _MISSED, _PLACED = 512, 520, 528
_MASK = 640
_STATE_BYTES = 640 + MASK_BYTES
_SPINS = 2000
"""How often the helper polls before it sleeps: some 60 microseconds."""
_MISSES = 8
"""How many calls find the helper asleep before one wakes it. Waking takes longer than such a call."""
_CALLER_SPINS = 1000
"""How often a caller polls for the pieces of the helper before it yields its core, which the helper may need."""


class HelperThread:
    """The helper thread of this process, asleep at first. `address` is the state that `@run_pieces` takes."""

    def __init__(self) -> None:
        library = _library()
        self._state = memory.zeros(_STATE_BYTES // 8, np.int64)
        self._sleeper = system.Semaphore()
        self.address = memory.address(self._state)
        self._state[_RUN_PIECES // 8] = library.address("run_pieces")
        self._state[_SLEEPER // 8] = self._sleeper.handle
        self._state[_ASLEEP // 8] = 1
        entry = library.function("help", None, ctypes.c_void_p)
        # The arguments keep the memory for as long as the thread lives, which is as long as the process.
        threading.Thread(target=_help, args=(entry, self.address, self), name="ranvier-helper", daemon=True).start()

    def busy(self) -> None:
        """Make all later calls do their work themselves."""
        self._state[_BUSY // 8] = 1

    @property
    def asleep(self) -> bool:
        """Whether it sleeps or is about to."""
        return bool(self._state[_ASLEEP // 8])


def _help(entry: Callable[[int], None], state: int, keep: HelperThread) -> None:
    entry(state)


_helper_threads: list[HelperThread] = []


def helper_thread() -> HelperThread | None:
    """The helper thread of this process, started by the first call.

    None if the system has no more threads, or while this thread may use one processor only: the helper would inherit
    that limit.
    """
    if cpu.threads() < 2:
        return None
    if not _helper_threads:
        try:
            _helper_threads.append(HelperThread())
        except (RuntimeError, OSError):
            return None
    return _helper_threads[0]


def _forked() -> None:
    """Mark the parent's helper threads as busy in a forked child, where those threads do not exist."""
    for helper in _helper_threads:
        helper.busy()
    _helper_threads.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


@cache
def _library() -> llvm.Library:
    target = cpu.target()
    return objects.load_cached(helper_thread_ir(target), target, "helper thread")


def helper_thread_ir(target: Target, platform: str = sys.platform) -> str:
    """IR of `@run_pieces(state, piece, argument, pieces)` and of `@help(state)`.

    `@run_pieces` calls `void piece(ptr argument, i64 number)` once for each number below `pieces`, on this thread and
    maybe on the helper, and returns when all calls have returned. `@help` is the loop of the helper thread, in our
    floating-point mode.
    """
    parts = (
        barrier.pause_ir(target),
        system.semaphore_ir(platform),
        placement_ir(platform),
        _other_processors_ir(platform),
    )
    return "\n".join((*parts, mode_ir(target), _RUN_PIECES_IR, _WORK_IR, _HELP_IR))


def _other_processors_ir(platform: str) -> str:
    """IR of `i64 @other_processors(ptr mask)`: the affinity mask of this thread without the processor that it is on.

    It gives 1; 0 if there is no other processor, -1 if the system does not tell.
    """
    if platform != "linux":
        return "define internal i64 @other_processors(ptr %mask) {\n  ret i64 -1\n}\n"
    return f"""
declare i32 @{system.HERE}()
declare i32 @{system.GET_AFFINITY}(i32, i64, ptr)
define internal i64 @other_processors(ptr %mask) {{
  %here = call i32 @{system.HERE}()
  %failed = call i32 @{system.GET_AFFINITY}(i32 0, i64 {MASK_BYTES}, ptr %mask)
  %either = or i32 %here, %failed
  %unknown = icmp slt i32 %either, 0
  br i1 %unknown, label %end, label %clear
clear:
  %number = zext i32 %here to i64
  %byte = lshr i64 %number, 3
  %place = getelementptr i8, ptr %mask, i64 %byte
  %low = trunc i64 %number to i8
  %shift = and i8 %low, 7
  %bit = shl i8 1, %shift
  %others = xor i8 %bit, -1
  %old = load i8, ptr %place
  %new = and i8 %old, %others
  store i8 %new, ptr %place
  %all = load i{8 * MASK_BYTES}, ptr %mask
  %some = icmp ne i{8 * MASK_BYTES} %all, 0
  %found = zext i1 %some to i64
  ret i64 %found
end:
  ret i64 -1
}}
"""


_RUN_PIECES_IR = f"""
declare i32 @{system.YIELD}()
define void @run_pieces(ptr %state, ptr %piece, ptr %argument, i64 %pieces) {{
entry:
  %busy = getelementptr i8, ptr %state, i64 {_BUSY}
  %taken = cmpxchg ptr %busy, i64 0, i64 1 acquire monotonic, align 8
  %free = extractvalue {{ i64, i1 }} %taken, 1
  br i1 %free, label %ask, label %alone
ask:
  %asleep.at = getelementptr i8, ptr %state, i64 {_ASLEEP}
  %asleep = load atomic i64, ptr %asleep.at monotonic, align 8
  %sleeps = icmp ne i64 %asleep, 0
  br i1 %sleeps, label %miss, label %publish
miss:
  %missed.at = getelementptr i8, ptr %state, i64 {_MISSED}
  %missed = load i64, ptr %missed.at, align 8
  %more = add i64 %missed, 1
  %enough = icmp uge i64 %more, {_MISSES}
  %kept = select i1 %enough, i64 0, i64 %more
  store i64 %kept, ptr %missed.at, align 8
  br i1 %enough, label %rouse, label %give
rouse:
  %mask = getelementptr i8, ptr %state, i64 {_MASK}
  %placed = call i64 @other_processors(ptr %mask)
  %placed.at = getelementptr i8, ptr %state, i64 {_PLACED}
  store atomic i64 %placed, ptr %placed.at monotonic, align 8
  %nowhere = icmp eq i64 %placed, 0
  br i1 %nowhere, label %give, label %wake
wake:
  store atomic i64 0, ptr %asleep.at monotonic, align 8
  %sleeper.at = getelementptr i8, ptr %state, i64 {_SLEEPER}
  %sleeper = load ptr, ptr %sleeper.at, align 8
  call void @wake(ptr %sleeper)
  br label %give
give:
  store atomic i64 0, ptr %busy release, align 8
  br label %alone
alone:
  %i = phi i64 [ 0, %entry ], [ 0, %give ], [ %i.next, %one ]
  %some = icmp ult i64 %i, %pieces
  br i1 %some, label %one, label %end
one:
  call void %piece(ptr %argument, i64 %i)
  %i.next = add i64 %i, 1
  br label %alone
publish:
  %pieces.at = getelementptr i8, ptr %state, i64 {_PIECES}
  %before = load atomic i64, ptr %pieces.at monotonic, align 8
  %function.at = getelementptr i8, ptr %state, i64 {_FUNCTION}
  %argument.at = getelementptr i8, ptr %state, i64 {_ARGUMENT}
  %done.at = getelementptr i8, ptr %state, i64 {_DONE}
  store atomic ptr %piece, ptr %function.at monotonic, align 8
  store atomic ptr %argument, ptr %argument.at monotonic, align 8
  store atomic i64 0, ptr %done.at monotonic, align 8
  %last = lshr i64 %before, 32
  %call = add i64 %last, 1
  %number.high = shl i64 %call, 32
  %others = sub i64 %pieces, 1
  %to = shl i64 %others, 16
  %word = or i64 %number.high, %to
  store atomic i64 %word, ptr %pieces.at release, align 8
  call void %piece(ptr %argument, i64 %others)
  %mine = call i64 @work(ptr %state, i64 %word, i64 -65536)
  %theirs = sub i64 %others, %mine
  br label %wait
wait:
  %spun = phi i64 [ 0, %publish ], [ %spun.next, %spin ], [ %spun, %yield ]
  %done = load atomic i64, ptr %done.at acquire, align 8
  %all = icmp uge i64 %done, %theirs
  br i1 %all, label %free.again, label %again
again:
  %patient = icmp ult i64 %spun, {_CALLER_SPINS}
  br i1 %patient, label %spin, label %yield
spin:
  call void @pause()
  %spun.next = add i64 %spun, 1
  br label %wait
yield:
  %ignored = call i32 @{system.YIELD}()
  br label %wait
free.again:
  store atomic i64 0, ptr %busy release, align 8
  br label %end
end:
  ret void
}}
"""

# The word: the number of the call, 32 bits; the piece after the last that is left, 16; the first that is left, 16.
# Taking one at the end subtracts 65536, at the beginning adds 1.
_WORK_IR = f"""
define internal i64 @work(ptr %state, i64 %seen, i64 %step) {{
entry:
  %pieces.at = getelementptr i8, ptr %state, i64 {_PIECES}
  %function.at = getelementptr i8, ptr %state, i64 {_FUNCTION}
  %argument.at = getelementptr i8, ptr %state, i64 {_ARGUMENT}
  %function = load atomic ptr, ptr %function.at monotonic, align 8
  %argument = load atomic ptr, ptr %argument.at monotonic, align 8
  %call = lshr i64 %seen, 32
  %from.end = icmp slt i64 %step, 0
  br label %look
look:
  %count = phi i64 [ 0, %entry ], [ %count, %take ], [ %more, %do ]
  %word = load atomic i64, ptr %pieces.at acquire, align 8
  %now = lshr i64 %word, 32
  %same = icmp eq i64 %now, %call
  %first = and i64 %word, {MAX_PIECES}
  %high = lshr i64 %word, 16
  %stop = and i64 %high, {MAX_PIECES}
  %left = icmp ult i64 %first, %stop
  %mine = and i1 %same, %left
  br i1 %mine, label %take, label %end
take:
  %after = add i64 %word, %step
  %swapped = cmpxchg ptr %pieces.at, i64 %word, i64 %after acq_rel acquire, align 8
  %won = extractvalue {{ i64, i1 }} %swapped, 1
  br i1 %won, label %do, label %look
do:
  %last = sub i64 %stop, 1
  %piece = select i1 %from.end, i64 %last, i64 %first
  call void %function(ptr %argument, i64 %piece)
  %more = add i64 %count, 1
  br label %look
end:
  ret i64 %count
}}
"""

_HELP_IR = f"""
define void @help(ptr %state) {{
entry:
  %mode = call i64 @enter_mode()
  %done.at = getelementptr i8, ptr %state, i64 {_DONE}
  %pieces.at = getelementptr i8, ptr %state, i64 {_PIECES}
  %asleep.at = getelementptr i8, ptr %state, i64 {_ASLEEP}
  %placed.at = getelementptr i8, ptr %state, i64 {_PLACED}
  %mask = getelementptr i8, ptr %state, i64 {_MASK}
  %sleeper.at = getelementptr i8, ptr %state, i64 {_SLEEPER}
  %sleeper = load ptr, ptr %sleeper.at, align 8
  br label %sleep
sleep:
  store atomic i64 1, ptr %asleep.at monotonic, align 8
  call void @park(ptr %sleeper)
  %placed = load atomic i64, ptr %placed.at monotonic, align 8
  %move = icmp sgt i64 %placed, 0
  br i1 %move, label %away, label %awake
away:
  call void @set_affinity(ptr %mask)
  br label %awake
awake:
  %start = load atomic i64, ptr %pieces.at acquire, align 8
  br label %look
look:
  %seen = phi i64 [ %start, %awake ], [ %seen, %patient ], [ %word, %work ], [ %word, %tell ]
  %spun = phi i64 [ 0, %awake ], [ %spun.next, %patient ], [ 0, %work ], [ 0, %tell ]
  %word = load atomic i64, ptr %pieces.at acquire, align 8
  %old = lshr i64 %seen, 32
  %new = lshr i64 %word, 32
  %same = icmp eq i64 %old, %new
  br i1 %same, label %rest, label %work
work:
  %count = call i64 @work(ptr %state, i64 %word, i64 1)
  %some = icmp ne i64 %count, 0
  br i1 %some, label %tell, label %look
tell:
  %before = atomicrmw add ptr %done.at, i64 %count acq_rel, align 8
  br label %look
rest:
  %spun.next = add i64 %spun, 1
  %go.on = icmp ult i64 %spun.next, {_SPINS}
  br i1 %go.on, label %patient, label %sleep
patient:
  call void @pause()
  br label %look
}}
"""
