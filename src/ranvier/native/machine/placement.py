"""CPU affinity of the sleeping members of a team: each wakes on a separate core, never on the caller's.

An operating system may wake a thread on the core of the thread that wakes it, and needs milliseconds to notice that
another core is idle. So a member sets its affinity to one core before it sleeps, and to all allowed cores as soon as it
wakes. Only Linux offers this. On other systems, and with more threads than cores, affinities stay unchanged.
"""

from __future__ import annotations

import os
import sys

import numpy as np
from numpy.typing import NDArray

from ranvier.native.machine import memory, system

MASK_BYTES = 128  # one bit per processor


class Placement:
    """The processor on which each member of a team sleeps.

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
        # Start at the caller's processor, so that several processes do not all use the same ones.
        here = system.current_processor()
        first = allowed.index(here) if here in allowed else 0
        self._caller, *self._members = (allowed * 2)[first : first + threads]
        for number in allowed:
            _mark(self._masks[0], number)
        for member, number in enumerate(self._members, start=1):
            _mark(self._masks[member], number)

    def masks(self, member: int) -> tuple[int, int]:
        """Addresses of the affinity masks of a member, asleep and awake; zeros if affinities stay unchanged."""
        if not self.active:
            return 0, 0
        return memory.address(self._masks[member]), memory.address(self._masks[0])

    def settle(self, thread_ids: list[int]) -> None:
        """Store the operating system's thread ids of the members, in order."""
        if self.active:
            self._threads = thread_ids

    def make_room(self) -> None:
        """Before a wake: if the caller now runs on a member's processor, that member gets the caller's previous one."""
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
    """For each processor, by number, a mask of all other allowed ones; None if the system does not list them."""
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
    """The processors that this process may use, sorted; empty if unknown or too many for a mask."""
    allowed = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    return allowed if allowed and allowed[-1] < 8 * MASK_BYTES else []


def _mark(mask: NDArray[np.uint8], number: int) -> None:
    # Linux reads machine words, least significant bit first; on little-endian machines that is this byte layout.
    mask[number // 8] |= np.uint8(1 << number % 8)


def placement_ir(platform: str = sys.platform) -> str:
    """IR of `@set_affinity(mask)`, which sets the affinity of the calling thread; a null mask leaves it unchanged."""
    if platform != "linux":
        return "define internal void @set_affinity(ptr %mask) {\n  ret void\n}\n"
    return f"""
declare i32 @{system.SET_AFFINITY}(i32, i64, ptr)
define internal void @set_affinity(ptr %mask) {{
  %nothing = icmp eq ptr %mask, null
  br i1 %nothing, label %done, label %call
call:
  %result = call i32 @{system.SET_AFFINITY}(i32 0, i64 {MASK_BYTES}, ptr %mask)
  br label %done
done:
  ret void
}}
"""
