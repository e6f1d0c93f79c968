"""This machine as schedules see it: the registers that code is made for, the caches, and pairs."""

from __future__ import annotations

from functools import cache

from ranvier.native.machine import cpu
from ranvier.native.machine.target import Target
from ranvier.native.scheduling.processor import Machine
from ranvier.native.scheduling.tiles import FEW_REGISTERS, MANY_REGISTERS, PANEL, Registers


def this_machine(target: Target, precision: str) -> Machine:
    """The registers of a target, the caches of this machine, and whether products take pairs."""
    return _machine(target, precision, cpu.first_processor())


@cache
def _machine(target: Target, precision: str, processor: int) -> Machine:
    """The same for the caches of one of its processors."""
    sizes = cpu.cache_sizes(processor)
    width = 64 if precision == "float64" else 32
    count = FEW_REGISTERS if target.is_x86 and target.vector_bits < 512 else MANY_REGISTERS
    registers = Registers(count, max(1, PANEL * width // target.vector_bits))
    pairs = precision == "bfloat16" and target.has_bf16_dot
    return Machine(registers, sizes["l1d"], sizes["l2"], pairs)
