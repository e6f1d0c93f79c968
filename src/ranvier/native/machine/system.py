"""The operating system's functions that compiled code may call, and the symbols that an object does not define.

Compiled code calls no other functions: a mathematical function of the C library would return bits that differ from
machine to machine.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

YIELD = "ranvier_yield"
PARK = "ranvier_park"
WAKE = "ranvier_wake"
SET_AFFINITY = "ranvier_set_affinity"
GET_AFFINITY = "ranvier_get_affinity"
HERE = "ranvier_here"
# The functions behind those symbols. A semaphore lets a thread sleep without holding or taking Python's GIL.
_NAMES = {
    "linux": {
        YIELD: "sched_yield",
        PARK: "sem_wait",
        WAKE: "sem_post",
        SET_AFFINITY: "sched_setaffinity",
        GET_AFFINITY: "sched_getaffinity",
        HERE: "sched_getcpu",
    },
    "darwin": {YIELD: "sched_yield", PARK: "dispatch_semaphore_wait", WAKE: "dispatch_semaphore_signal"},
    "win32": {YIELD: "SwitchToThread", PARK: "WaitForSingleObject", WAKE: "ReleaseSemaphore"},
}
_SEMAPHORE_BYTES = 128  # size of a sem_t, rounded up to whole cache lines


@cache
def symbols() -> dict[str, int]:
    """Symbol -> address of every function that compiled code may call."""
    library = _library()
    names = _NAMES.get(sys.platform, _NAMES["linux"])
    return {symbol: ctypes.cast(getattr(library, name), ctypes.c_void_p).value or 0 for symbol, name in names.items()}


def current_processor() -> int:
    """The number of the processor this thread runs on, or -1 if the system does not report it."""
    return int(_library().sched_getcpu()) if sys.platform == "linux" else -1


def semaphore_ir(platform: str = sys.platform) -> str:
    """IR of `@park(handle)`, which waits on a semaphore, and of `@wake(handle)`, which posts it."""
    if platform == "darwin":
        return f"""
declare i64 @{PARK}(ptr, i64)
declare i64 @{WAKE}(ptr)
define internal void @park(ptr %handle) {{
  %result = call i64 @{PARK}(ptr %handle, i64 -1)
  ret void
}}
define internal void @wake(ptr %handle) {{
  %result = call i64 @{WAKE}(ptr %handle)
  ret void
}}
"""
    if platform == "win32":
        return f"""
declare i32 @{PARK}(ptr, i32)
declare i32 @{WAKE}(ptr, i32, ptr)
define internal void @park(ptr %handle) {{
  %result = call i32 @{PARK}(ptr %handle, i32 -1)
  ret void
}}
define internal void @wake(ptr %handle) {{
  %result = call i32 @{WAKE}(ptr %handle, i32 1, ptr null)
  ret void
}}
"""
    # A signal makes sem_wait return early with -1.
    return f"""
declare i32 @{PARK}(ptr)
declare i32 @{WAKE}(ptr)
define internal void @park(ptr %handle) {{
  br label %again
again:
  %result = call i32 @{PARK}(ptr %handle)
  %interrupted = icmp ne i32 %result, 0
  br i1 %interrupted, label %again, label %done
done:
  ret void
}}
define internal void @wake(ptr %handle) {{
  %result = call i32 @{WAKE}(ptr %handle)
  ret void
}}
"""


class Semaphore:
    """A semaphore with the count 0. `handle` is the argument of `@park` and `@wake`, valid as long as this object."""

    def __init__(self) -> None:
        self._close: Callable[[], object] = lambda: None
        library = _library()
        if sys.platform == "darwin":
            library.dispatch_semaphore_create.restype = ctypes.c_void_p
            library.dispatch_release.argtypes = [ctypes.c_void_p]
            self.handle: int = library.dispatch_semaphore_create(ctypes.c_long(0))
            self._close = lambda: library.dispatch_release(self.handle)
        elif sys.platform == "win32":
            library.CreateSemaphoreW.restype = ctypes.c_void_p
            library.CloseHandle.argtypes = [ctypes.c_void_p]
            self.handle = library.CreateSemaphoreW(None, 0, 0x7FFFFFFF, None)
            self._close = lambda: library.CloseHandle(self.handle)
        else:
            self._memory = ctypes.create_string_buffer(2 * _SEMAPHORE_BYTES)
            start = ctypes.addressof(self._memory)
            self.handle = start + -start % _SEMAPHORE_BYTES
            if library.sem_init(ctypes.c_void_p(self.handle), 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "sem_init failed")
        if not self.handle:
            raise OSError("The operating system did not create a semaphore; close other programs and try again.")

    def close(self) -> None:
        """Destroy the semaphore. No thread may be waiting for it."""
        self._close()
        self._close = lambda: None


def undefined_symbols(images: Sequence[bytes]) -> tuple[str, ...]:
    """The symbols that ELF objects use but do not define; empty for other formats, which the linker checks."""
    symbols = [symbol for image in images for symbol in _symbols(image)]
    defined = {symbol.name for symbol in symbols if symbol.section}
    return tuple(dict.fromkeys(symbol.name for symbol in symbols if symbol.name and symbol.name not in defined))


def function_sizes(images: Sequence[bytes]) -> dict[str, int]:
    """Name -> bytes of code of the global functions of ELF objects; empty for other formats."""
    symbols = [symbol for image in images for symbol in _symbols(image)]
    return {
        symbol.name: symbol.size for symbol in symbols if symbol.is_function and symbol.is_global and symbol.section
    }


class _Symbol(NamedTuple):
    """A symbol of an ELF object; `section` is 0 if the symbol is undefined."""

    name: str
    section: int
    size: int
    is_function: bool
    is_global: bool


def _symbols(image: bytes) -> list[_Symbol]:
    """The symbols of an ELF object; none for other formats."""
    if image[:5] != b"\x7fELF\x02":
        return []
    sections = struct.unpack_from("<Q", image, 40)[0]
    size, count = struct.unpack_from("<HH", image, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", image, sections + size * index) for index in range(count)]
    symbols = []
    for header in headers:
        kind, offset, length, link, entry = header[1], header[4], header[5], header[6], header[9]
        if kind != 2:  # SHT_SYMTAB
            continue
        strings = headers[link][4]
        for position in range(offset + entry, offset + length, entry):
            at, info, _, section, _, size = struct.unpack_from("<IBBHQQ", image, position)
            name = image[strings + at : image.index(b"\0", strings + at)].decode()
            symbols.append(_Symbol(name, section, size, info & 15 == 2, info >> 4 == 1))  # STT_FUNC, STB_GLOBAL
    return [symbol for symbol in symbols if symbol.name != "_GLOBAL_OFFSET_TABLE_"]


@cache
def _library() -> ctypes.CDLL:
    if sys.platform == "win32":
        return ctypes.WinDLL("kernel32", use_last_error=True)
    return ctypes.CDLL(None, use_errno=True)
