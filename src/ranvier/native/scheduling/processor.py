"""What a schedule needs to know of a processor."""

from __future__ import annotations

from ranvier.native.scheduling.tiles import Registers
from ranvier.records import record


@record
class Machine:
    """A processor: its registers, and the L1 and L2 cache in bytes.

    `pairs`: products of bfloat16 take two terms of a sum at once, by an instruction for them.
    """

    registers: Registers
    l1: int
    l2: int
    pairs: bool = False
