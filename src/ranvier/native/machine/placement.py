"""Where the members of a team wake up: each on a core of its own, never on the caller's.

A system may wake a thread on the core of the thread that wakes it, and take milliseconds to notice that another core
is free. So a member goes to sleep tied to a core of its own, and unties itself as soon as it wakes: from then on the
system moves it as it likes. Only Linux lets a process say this; elsewhere, and where there are more threads than cores,
nothing is done.
"""

from __future__ import annotations

import os
import sys

import numpy as np
from numpy.typing import NDArray

from ranvier.native.machine import memory, system

MASK_BYTES = 128  # one bit a processor


class Placement:
    """Which processor each member of a team sleeps on.

    Parameters:
        threads: size of the team, the caller included.
    """

    def __init__(self, threads: int) -> None:
        allowed = _processors()
        self.active = 1 < threads <= len(allowed)
        if not self.active:
            return
        self._masks = memory.zeros((threads, MASK_BYTES), np.uint8)
        self._threads: list[int] = []
        # Start after the caller's own, so that several processes do not all choose the same ones.
        here = system.current_processor()
        first = allowed.index(here) if here in allowed else 0
        self._caller, *self._members = (allowed * 2)[first : first + threads]
        for number in allowed:
            _mark(self._masks[0], number)
        for member, number in enumerate(self._members, start=1):
            _mark(self._masks[member], number)

    def masks(self, member: int) -> tuple[int, int]:
        """Addresses of the masks a member wears asleep and awake; zeros where nothing is to be done."""
        if not self.active:
            return 0, 0
        return memory.address(self._masks[member]), memory.address(self._masks[0])

    def settle(self, thread_ids: list[int]) -> None:
        """Take the system's numbers of the members' threads, in order."""
        if self.active:
            self._threads = thread_ids

    def make_room(self) -> None:
        """Before a wake: where the caller has moved to a member's processor, that member gets the caller's old one."""
        if not self.active or (here := system.current_processor()) == self._caller:
            return
        if here in self._members:
            index = self._members.index(here)
            self._members[index] = self._caller
            self._masks[index + 1] = 0
            _mark(self._masks[index + 1], self._caller)
            os.sched_setaffinity(self._threads[index], {self._caller})
        self._caller = here


def masks_without() -> NDArray[np.uint8] | None:
    """For each processor, by number, a mask of all others that this process may use; None where nothing can be said."""
    allowed = _processors()
    if len(allowed) < 2:
        return None
    masks = memory.zeros((8 * MASK_BYTES, MASK_BYTES), np.uint8)
    for number in allowed:
        _mark(masks[0], number)
    masks[1:] = masks[0]
    for number in allowed:
        masks[number, number // 8] ^= np.uint8(1 << number % 8)
    return masks


def _processors() -> list[int]:
    """The processors that this process may use, in order; none where the system does not say, or masks cannot."""
    allowed = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    return allowed if allowed and allowed[-1] < 8 * MASK_BYTES else []


def _mark(mask: NDArray[np.uint8], number: int) -> None:
    # The system reads whole words, least significant bit first; this is their layout on little-endian machines.
    mask[number // 8] |= np.uint8(1 << number % 8)


def placement_ir(platform: str = sys.platform) -> str:
    """IR of `@place(mask)`, which ties the calling thread to a mask of processors; null leaves it alone."""
    if platform != "linux":
        return "define internal void @place(ptr %mask) {\n  ret void\n}\n"
    return f"""
declare i32 @{system.PLACE}(i32, i64, ptr)
define internal void @place(ptr %mask) {{
  %nothing = icmp eq ptr %mask, null
  br i1 %nothing, label %done, label %call
call:
  %result = call i32 @{system.PLACE}(i32 0, i64 {MASK_BYTES}, ptr %mask)
  br label %done
done:
  ret void
}}
"""
