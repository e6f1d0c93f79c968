"""Run vector code on arrays, and measure its errors against a wider number format."""

from __future__ import annotations

import ctypes
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import EngineError
from ranvier.expression import PRIMITIVES
from ranvier.native.kernels.emitter import Emitter
from ranvier.native.kernels.function import Function, write_function
from ranvier.native.kernels.values import Value
from ranvier.native.machine import cpu, llvm
from ranvier.native.machine import target as targets
from ranvier.native.machine.target import Target

Array = NDArray[Any]
Emit = Callable[..., Sequence[Value]]

LANES = {"float32": (1, 4, 8, 16), "float64": (1, 2, 4, 8)}
_count = itertools.count()


def runnable_targets() -> list[Target]:
    """Every processor this machine can run code for."""
    actual = []
    for name in targets.choices(llvm.host()):
        try:
            actual.append(targets.choose(name, llvm.host()))
        except EngineError:
            continue
    return list(dict.fromkeys(actual))


def elementwise(emit: Emit, dtype: str, inputs: int, outputs: int, lanes: int, target: Target | None = None) -> Any:
    """Compile `emit(f, *vectors) -> values` to a function from arrays to the arrays of its values."""
    module = Emitter(dtype, lanes)
    parameters = {f"a{i}": "ptr" for i in range(inputs)} | {f"y{i}": "ptr" for i in range(outputs)} | {"count": "i64"}
    with write_function(module, "apply", parameters) as f:
        *buffers, count = f.parameters
        with f.loop(0, count, lanes) as loop:
            at = [f.pointer(buffer, loop.index) for buffer in buffers]
            results = emit(f, *(f.load(buffer) for buffer in at[:inputs]))
            for result, buffer in zip(results, at[inputs:], strict=True):
                f.store(result, buffer)
    return caller(module, dtype, inputs, outputs, lanes, target)


def caller(module: Emitter, dtype: str, inputs: int, outputs: int, lanes: int, target: Target | None) -> Any:
    library = llvm.load_objects([llvm.compile_ir(module.text(), target or cpu.target())], f"test{next(_count)}")
    pointers = [ctypes.c_void_p] * (inputs + outputs)
    function = library.function("apply", None, *pointers, ctypes.c_int64)

    def call(*arrays: Array) -> tuple[Array, ...]:
        count = len(arrays[0])
        padded = -(-count // lanes) * lanes
        padded_arrays = [np.concatenate((array.astype(dtype), np.ones(padded - count, dtype))) for array in arrays]
        results = [np.empty(padded, dtype) for _ in range(outputs)]
        function(*(array.ctypes.data for array in (*padded_arrays, *results)), padded)
        return tuple(result[:count] for result in results)

    return call


def unary(emit: Callable[[Function, Value], Value], dtype: str, lanes: int, target: Target | None = None) -> Any:
    """Compile a function of one argument to a function from one array to one."""
    call = elementwise(lambda f, x: [emit(f, x)], dtype, 1, 1, lanes, target)
    return lambda x: call(x)[0]


def same_bits(a: Array, b: Array) -> bool:
    """Whether two arrays are equal to the last bit; anything that is not a number equals the like."""
    unsigned = np.uint32 if a.dtype == np.float32 else np.uint64
    equal = (a.view(unsigned) == b.view(unsigned)) | (np.isnan(a) & np.isnan(b))
    return a.dtype == b.dtype and bool(equal.all())


def exact(name: str, *arrays: Array) -> Array:
    """A primitive in a wider format: float64 for float32, and the long double of the processor for float64."""
    wide = np.float64 if arrays[0].dtype == np.float32 else np.longdouble
    with np.errstate(all="ignore"):
        values = [array.astype(wide) for array in arrays]
        if name == "erf":
            return _erf(values[0])
        return np.asarray(PRIMITIVES[name].evaluate(*values))


def _erf(x: Array) -> Array:
    """2/sqrt(pi) e^(-x^2) times the sum of 2^n x^(2n+1) / (1 3 5 ... (2n+1)), whose terms have one sign."""
    inside = np.clip(x, -7, 7)
    term = inside.copy()
    total = term.copy()
    for n in range(1, 300):
        term = term * (2 * inside * inside / (2 * n + 1))
        total = total + term
    pi = np.longdouble("3.14159265358979323846264338327950288")
    return np.asarray((2 / np.sqrt(pi) * np.exp(-inside * inside.astype(np.longdouble)) * total).astype(x.dtype))


def ulps(got: Array, wanted: Array) -> Array:
    """The errors in units in the last place; infinite where only one of the two is infinite or not a number."""
    limits = np.finfo(got.dtype)
    with np.errstate(all="ignore"):
        near = wanted.astype(got.dtype)
        unit = np.spacing(np.maximum(np.abs(near), limits.tiny)).astype(wanted.dtype)
        error = np.abs(got.astype(wanted.dtype) - wanted) / unit
    same = (got == near) | (np.isnan(got) & np.isnan(near))
    return np.where(np.isfinite(near) & np.isfinite(got), error, np.where(same, 0, np.inf))
