"""The mode of `ranvier.floating_point_mode` for compiled code, which threads of any mode may run.

Each entry saves the mode of its thread, sets the usual one and restores the first at its end. The work between is a
function of its own, across which LLVM moves no arithmetic.
"""

from __future__ import annotations

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
