"""CPU affinity of the sleeping members of a team: each wakes on a separate core, never on the caller's.

An operating system may wake a thread on the core of the thread that wakes it, and needs milliseconds to notice that
another core is idle. So a member sets its affinity to one core before it sleeps, and to all allowed cores as soon as it
wakes. Allowed are the cores that the caller may use at the time of the run. Only Linux offers this; on other systems
affinities stay unchanged.
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

    With more threads than processors, members sleep where they like among those that are allowed.

    Parameters:
        threads: size of the team, the caller included.
    """

    def __init__(self, threads: int) -> None:
        self._count, self._threads = threads, list[int]()
        self._allowed = _processors() if threads > 1 else []
        if self._allowed:
            self._masks = memory.zeros((threads, MASK_BYTES), np.uint8)
            self._assign()

    @property
    def active(self) -> bool:
        """Whether each member sleeps on a processor of its own."""
        return 1 < self._count <= len(self._allowed)

    def _assign(self) -> None:
        """Give each member a processor, starting after the caller's, so that processes do not all use the same."""
        allowed, here = self._allowed, system.current_processor()
        first = allowed.index(here) if here in allowed else 0
        self._caller, *members = (allowed * 2)[first : first + self._count] if self.active else [here]
        self._members: list[int] = members
        self._masks[:] = _mask(allowed)
        for member, number in enumerate(members, start=1):
            self._masks[member] = _mask([number])

    def masks(self, member: int) -> tuple[int, int]:
        """Addresses of the affinity masks of a member, asleep and awake; zeros if affinities stay unchanged."""
        if not self._allowed:
            return 0, 0
        return memory.address(self._masks[member]), memory.address(self._masks[0])

    def settle(self, thread_ids: list[int]) -> None:
        """Store the operating system's thread ids of the members, in order."""
        self._threads = thread_ids

    def make_room(self) -> None:
        """Before a wake: see which processors the caller may use, and keep members off the one that it is on."""
        if not self._allowed:
            return
        if (allowed := _processors()) and allowed != self._allowed:
            self._allowed = allowed
            self._assign()
            for index, thread in enumerate(self._threads):
                os.sched_setaffinity(thread, {self._members[index]} if self.active else allowed)
        if not self.active or (here := system.current_processor()) == self._caller:
            return
        if here in self._members:
            index = self._members.index(here)
            self._members[index] = self._caller
            self._masks[index + 1] = _mask([self._caller])
            os.sched_setaffinity(self._threads[index], {self._caller})
        self._caller = here


def _processors() -> list[int]:
    """The processors that this process may use, sorted; empty if unknown or too many for a mask."""
    allowed = sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []
    return allowed if allowed and allowed[-1] < 8 * MASK_BYTES else []


def _mask(numbers: list[int]) -> NDArray[np.uint8]:
    """The affinity mask of some processors."""
    # Linux reads machine words, least significant bit first; on little-endian machines that is this byte layout.
    bits = np.zeros(8 * MASK_BYTES, np.uint8)
    bits[numbers] = 1
    return np.packbits(bits, bitorder="little")


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
