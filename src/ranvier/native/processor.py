"""What schedules need to know of the processor that code is made for."""

from __future__ import annotations

from ranvier.native.machine import cpu
from ranvier.native.machine.target import Target
from ranvier.native.scheduling.processor import Machine
from ranvier.native.scheduling.tiles import PANEL, Registers

WIDE_REGISTERS = 32
"""The vector registers of AVX-512 and of 64-bit ARM; AVX2 has 16."""


def machine(target: Target, precision: str) -> Machine:
    """The registers of a target, the caches of this machine, and whether products take pairs."""
    sizes = cpu.cache_sizes()
    width = 64 if precision == "float64" else 32
    count = 16 if target.is_x86 and target.vector_bits < 512 else WIDE_REGISTERS
    registers = Registers(count, max(1, PANEL * width // target.vector_bits))
    pairs = precision == "bfloat16" and target.has_bf16_dot
    return Machine(registers, sizes["l1d"], sizes["l2"], pairs)
