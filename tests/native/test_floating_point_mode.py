"""Compiled code gives the same bits in any floating-point mode of its thread, which is its own again afterwards."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest

pytest.importorskip("llvmlite", reason="llvmlite is missing")

from ranvier.engine import CompileSpec
from ranvier.native.engine import NativeEngine
from ranvier.native.executable import NativeExecutable
from ranvier.native.machine import cpu, helper_thread, llvm
from ranvier.native.machine import target as targets
from ranvier.native.machine.floating_point_mode import mode_ir
from ranvier.network.layers import Dense
from ranvier.network.optimizers import Adam
from ranvier.rows import Rows
from ranvier.training.state import initial_state
from tests.native.against_reference import make_spec

pytestmark = pytest.mark.usefixtures("own_cache")
X86 = cpu.target().is_x86
MODES = (
    {"flush to zero": 0x9FC0, "towards zero": 0x7F80} if X86 else {"flush to zero": 1 << 24, "towards zero": 3 << 22}
)
"""All bits that change results: on x86 those for subnormal results and operands, and two for the way to round."""


@pytest.fixture(scope="module")
def library() -> llvm.Library:
    return mode_library()


def mode_library() -> llvm.Library:
    """Compiled functions that read and set the mode of the calling thread."""
    return llvm.load_objects([llvm.compile_ir(mode_ir(cpu.target()) + CALLABLE, cpu.target())], "mode")


CALLABLE = """
define i64 @get() {
  %mode = call i64 @enter_mode()
  call void @leave_mode(i64 %mode)
  ret i64 %mode
}
define void @put(i64 %mode) {
  call void @leave_mode(i64 %mode)
  ret void
}
"""


@contextmanager
def within_mode(get: Callable[..., int], put: Callable[..., object], number: int) -> Iterator[None]:
    """Set the mode of this thread while a body runs, and check that it is still set at the end."""
    before = get()
    put(number)
    try:
        yield
        after = get()
    finally:
        put(before)
    # Python itself may have raised a flag, the lowest six bits on x86.
    assert after & ~0x3F == number & ~0x3F


def task(**options: object) -> CompileSpec:
    """Steps large enough for two threads; one row is shared with the helper thread."""
    layers = [Dense(256, "relu"), Dense(256, "tanh"), Dense(3)]
    return make_spec(64, layers, None, **{"optimizer": Adam(1e-3), "batch_size": 64, **options})


def tiny_rows(spec: CompileSpec) -> Rows:
    """Inputs near the smallest normal number, so that sums, outputs and gradients are subnormal."""
    generator = np.random.default_rng(3)
    inputs = (generator.normal(size=(200, 64)) * 3e-38).astype(np.float32)
    return Rows(inputs, (generator.normal(size=(200, 3)) * 3e-38).astype(np.float32))


def loaded(spec: CompileSpec, threads: int) -> NativeExecutable:
    executable = NativeEngine().compile(spec)
    executable.threads = threads
    executable.set_state(initial_state(spec.network, spec.optimizer, 1).engine)
    return executable


def digest(*arrays: object) -> str:
    return hashlib.sha256(b"".join(np.asarray(array).tobytes() for array in arrays)).hexdigest()[:16]


def results(spec: CompileSpec, threads: int, within: Callable[[], object]) -> dict[str, str]:
    """Digests of what compiled code computes alone; NumPy adds up losses, in the mode that public functions set."""
    executable, rows = loaded(spec, threads), tiny_rows(spec)
    executable.threads_for = lambda count: threads if count > 16 else 1  # type: ignore[method-assign]
    row = np.asarray(rows.inputs.dense[:1])
    with within():
        outputs = executable.outputs(rows.inputs)
        singles = [executable.outputs(row) for _ in range(20)]
        activations = executable.activations(rows.inputs)[0].outputs
    return {"outputs": digest(outputs), "single rows": digest(*singles), "activations": digest(activations)}


def differences(name: str) -> list[str]:
    """Where compiled code computes other bits in a mode of its thread than in the usual one."""
    library = mode_library()
    get, put = library.function("get", ctypes.c_int64), library.function("put", None, ctypes.c_int64)
    usual, after = get(), []
    for spec in (task(), task(precision="bfloat16")):
        expected = results(spec, 1, lambda: within_mode(get, put, usual))
        for threads in (1, 2):
            actual = results(spec, threads, lambda: within_mode(get, put, MODES[name]))
            parts = [part for part in expected if expected[part] != actual[part]]
            after += [f"{part}, {threads} threads, {spec.precision}" for part in parts]
    return after


@pytest.mark.parametrize("name", MODES)
def test_the_mode_of_the_thread_changes_no_bit(name: str) -> None:
    assert differences(name) == []


def test_the_inputs_of_these_tests_would_show_it(library: llvm.Library) -> None:
    """Without the entries' care: the body alone gives other bits where subnormal numbers are flushed."""
    get, put = library.function("get", ctypes.c_int64), library.function("put", None, ctypes.c_int64)
    spec, before, after = task(), get(), set()
    rows = tiny_rows(spec)
    for number in (before, MODES["flush to zero"]):
        executable = loaded(spec, 1)
        program = executable._program("predict")
        program.call = program.loaded.function("predict.body", None, ctypes.c_int64, ctypes.c_void_p)
        executable.threads_for = lambda count: 1  # type: ignore[method-assign]
        put(number)
        try:
            after.add(executable.outputs(rows.inputs).tobytes())
        finally:
            put(before)
    assert len(after) == 2


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (targets.Target("aarch64-unknown-linux-gnu", "neoverse-n1", (), 128, False), ["mrs", "msr", "FPCR"]),
        (targets.Target("arm64-apple-macosx14.0.0", "apple-m1", (), 128, False), ["mrs", "msr", "FPCR"]),
        (targets.level("x86-64-v3", "x86_64-unknown-linux-gnu"), ["stmxcsr", "ldmxcsr"]),
    ],
)
def test_every_processor_has_the_mode(target: targets.Target, words: list[str]) -> None:
    code = llvm.assembly(mode_ir(target) + CALLABLE, target)
    helper = llvm.assembly(helper_thread.helper_thread_ir(target, "linux"), target)
    assert all(word in code and word in helper for word in words)
