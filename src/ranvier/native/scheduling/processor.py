"""What a schedule needs to know of a processor."""

from __future__ import annotations

from ranvier.native.scheduling.tiles import Registers
from ranvier.records import record


@record
class Machine:
    """A processor: its registers, and the L1 and L2 cache in bytes."""

    registers: Registers
    l1: int
    l2: int
