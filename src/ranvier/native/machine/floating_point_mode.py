"""The floating-point mode that compiled code runs in: IEEE 754, subnormal numbers kept, rounded to nearest even.

Other code in the process may have set another mode in the calling thread, such as flush-to-zero by libraries that were
linked with -ffast-math. Each entry saves that mode, sets its own and restores the first at its end. The work between is
a function of its own, across which LLVM moves no arithmetic.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from ranvier.native.machine.target import Target

_MXCSR = 0x1F80
"""On x86: all exceptions masked, no flag set, round to nearest, neither flush-to-zero nor denormals-are-zero."""


def mode_ir(target: Target) -> str:
    """IR of `i64 @enter_mode()`, which sets the mode and gives the one before, and of `@leave_mode(i64)`.

    On x86 both are the register MXCSR, on ARM the register FPCR.
    """
    return target.choice(_X86, _ARM)


_X86 = f"""
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)
define internal i64 @enter_mode() noinline {{
  %place = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %place)
  %before = load i32, ptr %place
  store i32 {_MXCSR}, ptr %place
  call void @llvm.x86.sse.ldmxcsr(ptr %place)
  %mode = zext i32 %before to i64
  ret i64 %mode
}}
define internal void @leave_mode(i64 %mode) noinline {{
  %place = alloca i32
  %before = trunc i64 %mode to i32
  store i32 %before, ptr %place
  call void @llvm.x86.sse.ldmxcsr(ptr %place)
  ret void
}}
"""

_ARM = """
declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)
define internal i64 @enter_mode() noinline {
  %before = call i64 @llvm.aarch64.get.fpcr()
  call void @llvm.aarch64.set.fpcr(i64 0)
  ret i64 %before
}
define internal void @leave_mode(i64 %mode) noinline {
  call void @llvm.aarch64.set.fpcr(i64 %mode)
  ret void
}
"""

_CALLABLE = """
define i64 @enter() {
  %before = call i64 @enter_mode()
  ret i64 %before
}
define void @leave(i64 %mode) {
  call void @leave_mode(i64 %mode)
  ret void
}
"""


@contextmanager
def own_mode() -> Iterator[None]:
    """Run the body, which is Python, in this mode."""
    enter, leave = functions()
    before = enter()
    try:
        yield
    finally:
        leave(before)


@cache
def functions() -> tuple[Callable[[], int], Callable[[int], None]]:
    """The function that sets this mode and gives the one before, and the one that sets that again."""
    from ranvier.native.machine import cache as objects
    from ranvier.native.machine import cpu

    target = cpu.target()
    library = objects.load_cached(mode_ir(target) + _CALLABLE, target, "floating-point mode")
    return library.function("enter", ctypes.c_int64), library.function("leave", None, ctypes.c_int64)
