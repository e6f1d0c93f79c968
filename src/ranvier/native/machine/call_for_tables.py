"""One call of compiled code that runs an entry for many tables of arguments, one after the other."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

CALL_IR = """
define void @call_for_tables(ptr %entry, ptr %tables, i64 %stride, i64 %count) {
begin:
  br label %test
test:
  %index = phi i64 [ 0, %begin ], [ %next, %call ]
  %more = icmp slt i64 %index, %count
  br i1 %more, label %call, label %end
call:
  %offset = mul i64 %index, %stride
  %table = getelementptr i8, ptr %tables, i64 %offset
  call void %entry(i64 0, ptr %table)
  %next = add i64 %index, 1
  br label %test
end:
  ret void
}
"""


@cache
def call_for_tables() -> Callable[[int, int, int, int], None]:
    """The function (entry, tables, stride, count) that calls `entry(0, table)` for each table, `stride` bytes apart.

    It holds no lock of Python meanwhile.
    """
    from ranvier.native.machine import cache as objects
    from ranvier.native.machine import cpu

    library = objects.load_cached(CALL_IR, cpu.target(), "calls for tables")
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    return library.function("call_for_tables", None, pointer, pointer, number, number)
