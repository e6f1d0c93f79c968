"""IR text to something callable, and IR that is no good."""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import platform
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from ranvier.errors import EngineError
from ranvier.native.machine import cpu, system
from ranvier.native.machine import target as targets

llvm = pytest.importorskip("ranvier.native.machine.llvm", reason="llvmlite is missing", exc_type=ImportError)
from ranvier.native.machine import (  # noqa: E402
    barrier,
    call_for_tables,
    helper_thread,
    philox_words,
    placement,
    team,
)
from ranvier.native.machine.clock import clock_call  # noqa: E402
from ranvier.native.machine.floating_point_mode import mode_ir  # noqa: E402

SQUARE = """
define float @square(float %x) {
  %y = fmul float %x, %x
  ret float %y
}
"""
INTEL = pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="needs an x86-64 processor")


def load(ir_text: str, **options: object) -> llvm.Library:
    return llvm.load_objects([llvm.compile_ir(ir_text, cpu.target())], "test", **options)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_a_function_runs(level: int) -> None:
    library = llvm.load_objects([llvm.compile_ir(SQUARE, cpu.target(), level)], "test")
    square = library.function("square", ctypes.c_float, ctypes.c_float)
    assert square(1.5) == 2.25


def test_a_module_that_says_so_is_compiled_quickly() -> None:
    host = cpu.target()
    quick, plain = (llvm.assembly(text, host) for text in (targets.QUICK_MARK + SQUARE, SQUARE))
    assert quick == llvm.assembly(SQUARE, host, 0)
    assert llvm.compile_ir(targets.QUICK_MARK + SQUARE, host) == llvm.compile_ir(SQUARE, host, 0)
    assert plain == llvm.assembly(SQUARE, host)


def test_a_function_keeps_its_code() -> None:
    square = load(SQUARE).function("square", ctypes.c_float, ctypes.c_float)
    gc.collect()
    for _ in range(50):
        load(SQUARE).address("square")
    assert square(3.0) == 9.0


def test_the_same_text_gives_the_same_bytes() -> None:
    assert llvm.compile_ir(SQUARE, cpu.target()) == llvm.compile_ir(SQUARE, cpu.target())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "cannot read"),
        (SQUARE.replace("fmul", "mul"), "invalid operand type"),
        (SQUARE.replace("%x, %x", "%x, %z"), "undefined value '%z'"),
        (
            SQUARE.replace("%y = fmul float %x, %x", "%y = fadd float %y, %x"),
            "cannot verify the generated code: Only PHI nodes",
        ),
    ],
)
def test_bad_ir_is_an_error_with_the_message_of_llvm(text: str, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        llvm.compile_ir(text, cpu.target())


def many(count: int) -> list[str]:
    return [
        SQUARE.replace("@square", f"@square{number}").replace("%x, %x", f"%x, {number}.0") for number in range(count)
    ]


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_modules_become_the_same_objects_side_by_side(count: int, threads: int) -> None:
    alone = [llvm.compile_ir(text, cpu.target()) for text in many(count)]
    before = threading.active_count()
    assert llvm.compile_all(iter(many(count)), cpu.target(), threads=threads) == alone
    assert threading.active_count() == before


def test_llvmlite_has_the_function_without_its_lock() -> None:
    """Without `_cfn`, which is private to llvmlite, modules would be compiled one after the other."""
    assert callable(llvm.ffi.lib.LLVMPY_TargetMachineEmitToMemory._cfn)


@pytest.mark.parametrize("option", ["reloc", "codemodel"])
def test_the_options_are_those_of_the_constant(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that llvmlite does not know is noticed."""
    monkeypatch.setitem(llvm.CODEGEN_OPTIONS, option, "unknown")
    with pytest.raises((AssertionError, ValueError)):
        llvm.compile_ir(SQUARE, cpu.target())


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_of_several_bad_texts_the_first_is_the_error(threads: int) -> None:
    texts = [*many(3), "nonsense of one kind", SQUARE.replace("fmul", "mul"), *many(2)]
    with pytest.raises(EngineError, match="expected top-level entity"):
        llvm.compile_all(texts, cpu.target(), threads=threads)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_writer_that_fails_leaves_no_thread(error: type[BaseException]) -> None:
    def texts() -> Iterator[str]:
        yield from many(3)
        raise error("enough")

    before = threading.active_count()
    with pytest.raises(error, match="enough"):
        llvm.compile_all(texts(), cpu.target(), threads=3)
    assert threading.active_count() == before
    assert llvm.compile_all(many(1), cpu.target())


def test_objects_call_each_other() -> None:
    twice = """
declare float @square(float)
define float @twice(float %x) {
  %once = call float @square(float %x)
  %y = call float @square(float %once)
  ret float %y
}
"""
    images = llvm.compile_all([twice, SQUARE], cpu.target(), threads=2)
    library = llvm.load_objects(images, "test")
    assert library.function("twice", ctypes.c_float, ctypes.c_float)(3.0) == 81.0
    if platform.system() == "Linux":
        assert system.undefined_symbols(images[:1]) == ("square",)
        assert system.undefined_symbols(images) == ()


def test_a_foreign_triple_in_the_text_does_no_harm() -> None:
    load('target triple = "nvptx64-nvidia-cuda"\ntarget datalayout = "e-p:32:32"\n' + SQUARE).address("square")


def test_a_missing_function_is_an_error() -> None:
    with pytest.raises(EngineError, match="has no function 'cube'"):
        load(SQUARE).address("cube")


def test_an_object_that_is_none_is_an_error() -> None:
    with pytest.raises(EngineError, match="cannot be loaded"):
        llvm.load_objects([b"not an object"], "test")


def test_only_functions_that_were_given_can_be_called() -> None:
    # The interpreter itself contains expf; code that used it would differ from machine to machine.
    text = """
declare float @expf(float)
define float @call(float %x) {
  %y = call float @expf(float %x)
  ret float %y
}
"""
    if os.name == "posix" and platform.system() == "Linux":
        with pytest.raises(EngineError, match="calls expf, which nothing provides"):
            load(text)
    double = ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_float)(lambda x: 2 * x)
    address = ctypes.cast(double, ctypes.c_void_p).value
    assert load(text, symbols={"expf": address}).function("call", ctypes.c_float, ctypes.c_float)(4.0) == 8.0


def test_a_library_cannot_be_pickled() -> None:
    with pytest.raises(EngineError, match="belongs to the process"):
        pickle.dumps(load(SQUARE))


WIDE = """
define void @add(ptr %x, ptr %y) {
  %a = load <16 x float>, ptr %x, align 4
  %b = load <16 x float>, ptr %y, align 4
  %c = fadd <16 x float> %a, %b
  store <16 x float> %c, ptr %x, align 4
  ret void
}
"""


@INTEL
def test_code_for_level_3_has_no_512_bit_registers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANVIER_CPU", "x86-64-v3")
    narrow = llvm.assembly(WIDE, cpu.target())
    assert "ymm" in narrow
    assert "zmm" not in narrow
    # The check would see them: level 4 can be compiled for, if not run, on every machine.
    assert "zmm" in llvm.assembly(WIDE, targets.level("x86-64-v4", cpu.target().triple))


@INTEL
def test_level_4_is_refused_where_the_processor_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANVIER_CPU", "x86-64-v4")
    if llvm.host().features.get("avx512f"):
        assert cpu.target().vector_bits == 512
    else:
        with pytest.raises(EngineError, match="lacks avx512f"):
            cpu.target()


@pytest.mark.parametrize(
    ("triple", "name", "system_name"),
    [
        ("x86_64-unknown-linux-gnu", "x86-64-v3", "linux"),
        ("aarch64-unknown-linux-gnu", "neoverse-n1", "linux"),
        ("arm64-apple-macosx14.0.0", "apple-m1", "darwin"),
        ("x86_64-pc-windows-msvc", "x86-64-v3", "win32"),
    ],
)
def test_threads_and_barriers_compile_everywhere(triple: str, name: str, system_name: str) -> None:
    target = targets.Target(triple, name, (), 128, False)
    text = team.team_ir(target, system_name)
    assert system_name == "linux" or system.SET_AFFINITY not in placement.placement_ir(system_name)
    code = llvm.assembly(text + barrier.barrier_ir(target).replace(barrier.pause_ir(target), ""), target)
    assert "pause" in code or "yield" in code or "isb" in code
    helped = llvm.assembly(helper_thread.helper_thread_ir(target, system_name), target)
    assert (system.HERE in helped) == (system_name == "linux")


@pytest.mark.parametrize(
    ("triple", "name"),
    [
        ("x86_64-unknown-linux-gnu", "x86-64-v3"),
        ("aarch64-unknown-linux-gnu", "neoverse-n1"),
        ("arm64-apple-macosx14.0.0", "apple-m1"),
        ("x86_64-pc-windows-msvc", "x86-64-v3"),
    ],
)
def test_what_populations_call_compiles_everywhere(triple: str, name: str) -> None:
    target = targets.Target(triple, name, (), 128, False)
    assert "call_for_tables" in llvm.assembly(call_for_tables.CALL_IR, target)
    words = llvm.assembly(philox_words.philox_ir(), target)
    assert "umulh" in words or "mul" in words
    assert "multi3" not in words  # a function of a library that is not there


@pytest.mark.parametrize("triple", ["riscv64-unknown-linux-gnu", "s390x-ibm-linux", "armv7-unknown-linux-gnueabihf"])
@pytest.mark.parametrize("write", [barrier.pause_ir, mode_ir, clock_call, helper_thread.helper_thread_ir])
def test_other_processors_are_refused(triple: str, write: Callable[[targets.Target], object]) -> None:
    """LLVM would end the process."""
    with pytest.raises(EngineError, match=triple.partition("-")[0]):
        write(targets.Target(triple, "generic", (), 128, False))


def test_undefined_symbols_of_what_is_no_object() -> None:
    assert system.undefined_symbols([b""]) == ()
    assert system.undefined_symbols([llvm.compile_ir(SQUARE, cpu.target())]) == ()


def test_other_threads_run_during_a_call() -> None:
    text = """
define void @wait(ptr %flag) {
  br label %look
look:
  %value = load atomic i64, ptr %flag acquire, align 8
  %waiting = icmp eq i64 %value, 0
  br i1 %waiting, label %look, label %done
done:
  ret void
}
"""
    flag = ctypes.c_int64(0)
    wait = load(text).function("wait", None, ctypes.c_void_p)
    timer = threading.Timer(0.05, lambda: setattr(flag, "value", 1))
    timer.start()
    wait(ctypes.addressof(flag))
    timer.join()
    assert flag.value == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_calls_and_compiles() -> None:
    square = load(SQUARE).function("square", ctypes.c_float, ctypes.c_float)
    child = os.fork()
    if child == 0:
        signal.alarm(30)
        other = load(SQUARE.replace("fmul", "fadd")).function("square", ctypes.c_float, ctypes.c_float)
        os._exit(0 if square(3.0) == 9.0 and other(3.0) == 6.0 else 1)
    assert os.waitpid(child, 0)[1] == 0


DELETED_ELSEWHERE = """
import faulthandler, gc, sys, threading
faulthandler.dump_traceback_later(30, exit=True)
from ranvier.native.machine import cpu, llvm

target = cpu.target()
text = "define i64 @f{0}() {{ ret i64 {0} }}"

class Cycle:
    pass

def garbage():
    cycle = Cycle()
    cycle.loaded, cycle.itself = llvm.load_objects([llvm.compile_ir(text.format(1), target)], "garbage"), cycle

gc.disable()
garbage()
compile_one, main = llvm._object, threading.main_thread()

def collect(*about):
    if threading.current_thread() is not main:
        gc.collect()
    return compile_one(*about)

llvm._object = collect if sys.argv[1] == "compiler" else compile_one
def texts():
    for number in range(4):
        if sys.argv[1] == "bystander":
            thread = threading.Thread(target=gc.collect)
            thread.start()
            thread.join()
        yield text.format(number)
        threading.Event().wait(0.02)
images = llvm.compile_all(texts(), target, threads=2)
llvm.compile_ir(text.format(2), target)
print(len(images), len(llvm._to_unload))
"""


@pytest.mark.parametrize("where", ["compiler", "bystander"])
def test_a_library_may_be_deleted_by_any_thread_while_others_compile(where: str, python: Callable[..., str]) -> None:
    """By a thread that compiles, or by one that the thread with the lock waits for."""
    assert python(DELETED_ELSEWHERE, where) == "4 0\n"
