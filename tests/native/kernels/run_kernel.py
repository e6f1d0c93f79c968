"""Compile one kernel and run it on NumPy arrays.

    kernel = compile_kernel(lambda module, name: write_product(module, name, ...))
    kernel(x, weight, None, out, None, rows, 0, rows)

Arguments are those of the kernel, in its order: arrays for pointers (None for null), numbers for i64 and double. Arrays
come from `memory_of`, which puts them between guards: a kernel that writes outside of its buffers fails the test.
"""

from __future__ import annotations

import ctypes
import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ranvier.native.kernels.emitter import Emitter
from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.scalars import LoweredRule, Scalar
from ranvier.native.machine import cpu, llvm
from ranvier.native.machine.target import Target
from ranvier.native.scheduling.binding import Binding, BoundRule, number_row
from ranvier.native.scheduling.layouts import panels_of, size_of
from ranvier.native.scheduling.packing import pack, unpack
from ranvier.native.scheduling.tiles import PANEL, Registers
from ranvier.network.optimizers import Optimizer

Array = NDArray[Any]
T = TypeVar("T")
Writer = Callable[[Emitter, str], None]
REGISTERS = (Registers(16, 2), Registers(32, 1))
"""The registers of AVX2 and of AVX-512. They decide tiles, not instructions, so both run on every machine."""
GUARD = 64
"""Numbers before and after an array that no kernel may write."""
MARK = 1234.5
C_TYPES: dict[str, Any] = {
    "ptr": ctypes.c_void_p,
    "i64": ctypes.c_int64,
    "double": ctypes.c_double,
    "i1": ctypes.c_bool,
}
_count = itertools.count()


class Kernel:
    """A compiled kernel. `text` is its IR."""

    def __init__(self, text: str, target: Target) -> None:
        self.text = text
        head = re.search(r"^define (\S+) @kernel\((.*)\) nounwind", text, re.MULTILINE)
        assert head is not None
        types = [parameter.split()[0] for parameter in head[2].split(", ")]
        library = llvm.load_objects([llvm.compile_ir(text, target)], f"kernel{next(_count)}")
        result = None if head[1] == "void" else C_TYPES[head[1]]
        self.call = library.function("kernel", result, *(C_TYPES[type] for type in types))
        self.types = types

    def __call__(self, *arguments: Array | float | None) -> Any:
        """Run it, and check the guards of all arrays."""
        assert len(arguments) == len(self.types), self.types
        result = self.call(*(a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments))
        for array in arguments:
            if isinstance(array, np.ndarray) and array.base is not None and array.base.size == array.size + 2 * GUARD:
                check_guards(array)
        return result


def compile_kernel(write: Writer, dtype: str = "float32", target: Target | None = None) -> Kernel:
    """Compile what `write(module, name)` writes."""
    module = Emitter(dtype, PANEL)
    write(module, "kernel")
    return Kernel(module.text(), target or cpu.target())


def mutated(kernel: Kernel, old: str, new: str) -> Kernel:
    """The kernel with all matches of a pattern in its IR replaced, to see a test fail."""
    text, count = re.subn(old, new, kernel.text, flags=re.MULTILINE)
    assert count > 0, old
    return Kernel(text, cpu.target())


# Memory


def guarded(count: int, dtype: Any = np.float32) -> Array:
    """Zeros between guards."""
    with_guards = np.full(count + 2 * GUARD, MARK, dtype)
    with_guards[GUARD : GUARD + count] = 0
    return with_guards[GUARD : GUARD + count]


def check_guards(array: Array) -> None:
    """Fail if something was written right before or after an array."""
    with_guards = array.base
    assert with_guards is not None
    assert (with_guards[:GUARD] == np.array(MARK, with_guards.dtype)).all(), "written before the array"
    assert (with_guards[GUARD + array.size :] == np.array(MARK, with_guards.dtype)).all(), "written after the array"


def memory_of(buffer: Buffer, values: Array | None = None, rows: int = 0, dtype: Any = np.float32) -> Array:
    """The memory of a buffer, with values in its layout, or zeros.

    Parameters:
        values: (B, columns) of row buffers, (K, N) or (N,) of the others.
        rows: of the batch, where there are no values.
    """
    rows = len(values) if values is not None and buffer.kind in ("rows", "panels", "column") else rows
    memory = guarded(size_of(buffer, rows), dtype)
    if values is None:
        return memory
    if buffer.kind == "rows":
        memory.reshape(rows, -1)[:, : buffer.columns] = values
    elif buffer.kind == "column":
        memory[:] = values
    elif buffer.kind == "panels":
        padded = np.zeros((rows, panels_of(buffer) * PANEL), dtype)
        padded[:, : buffer.columns] = values
        memory.reshape(-1, rows, PANEL)[:] = padded.reshape(rows, -1, PANEL).transpose(1, 0, 2)
    else:
        pack(values, buffer, memory)
    return memory


def values_of(buffer: Buffer, memory: Array, rows: int = 0) -> Array:
    """The values in the memory of a buffer, without padding: the inverse of `memory_of`."""
    if buffer.kind == "rows":
        return memory.reshape(rows, -1)[:, : buffer.columns].copy()
    if buffer.kind == "column":
        return memory.copy()
    if buffer.kind == "panels":
        return memory.reshape(-1, rows, PANEL).transpose(1, 0, 2).reshape(rows, -1)[:, : buffer.columns].copy()
    out = np.zeros(
        (buffer.rows, buffer.columns) if buffer.kind in ("weight", "table") else buffer.columns, memory.dtype
    )
    unpack(memory, buffer, out)
    return out


# What kernels compute


def fma(a: Array, b: Array, c: Array) -> Array:
    """a b + c of float32, rounded once: exact product, sum rounded to odd in float64, then rounded to float32.

    Rounding to odd first makes the second rounding the right one (Boldo and Melquiond, 2008).

    >>> one = np.float32(1.0)
    >>> float(fma(one + np.float32(2**-12), one - np.float32(2**-12), -one))
    -5.960464477539063e-08
    """
    product = np.asarray(a, np.float64) * np.asarray(b, np.float64)
    c = np.asarray(c, np.float64)
    total = np.asarray(product + c)
    back = total - product
    error = (product - (total - back)) + (c - back)
    bits = total.view(np.int64)
    even = (bits & 1 == 0) & (error != 0) & np.isfinite(total)
    outward = np.signbit(error) == np.signbit(total)
    odd = np.where(even, bits + np.where(outward, 1, -1), bits)
    return odd.view(np.float64).astype(np.float32)


def chain(start: Array, a: Array, b: Array) -> Array:
    """start + a b, (M, K) times (K, N), as one chain of FMAs in ascending k for each element, in float32."""
    total = np.array(np.broadcast_to(start, (a.shape[0], b.shape[1])), np.float32)
    for k in range(a.shape[1]):
        total = fma(a[:, k : k + 1], b[k : k + 1], total)
    return total


def numbers(seed: int, *shape: int) -> Array:
    """Random float32 of size 1, some of them 0."""
    generator = np.random.default_rng(seed)
    values = generator.standard_normal(shape).astype(np.float32)
    values[generator.random(shape) < 0.1] = 0.0
    return values


def close(got: Array, wanted: Array, terms: float, size: float | None = None) -> None:
    """Check float32 results against float64, up to the rounding of so many operations on numbers of a size."""
    size = max(1.0, float(np.abs(wanted).max(initial=0.0))) if size is None else size
    bound = terms * size * float(np.finfo(got.dtype).eps) / 2
    error = float(np.abs(got.astype(np.float64) - wanted).max(initial=0.0))
    assert error <= bound, (error, bound)


def bound(part: T, optimizer: Optimizer | None = None) -> tuple[T, BoundRule | None, Array]:
    """A step with positions for its hyper-parameters, the optimizer's rule likewise, and the row that both read.

    The row holds the hyper-parameters; the scalars of a step follow.
    """
    binding, rule = Binding("float32"), None
    part = binding.bound(part)
    if optimizer is not None:
        formula, values = optimizer.open_rule()
        scalars = tuple(Scalar(name, value) for name, value in values.items())
        rule = binding.rule(LoweredRule(formula, scalars, Scalar("weight_decay", optimizer.weight_decay)))
        rule = replace(rule, scalars_at=len(binding.values))
    return part, rule, number_row(tuple(binding.values))
