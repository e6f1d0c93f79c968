"""Zeroed NumPy arrays aligned to cache lines or to huge pages."""

from __future__ import annotations

import contextlib
import ctypes
import math
import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

ALIGNMENT = 64  # one cache line, one 512-bit vector
HUGE_PAGE = 2 << 20
# For smaller arrays, huge pages have no measurable effect.
MIN_HUGE_BYTES = 4 << 20


def zeros(shape: int | tuple[int, ...], dtype: DTypeLike = np.float32, huge: bool | None = None) -> NDArray[Any]:
    """A zeroed C-ordered array aligned to 64 bytes, or to 2 MiB on huge pages if the system has them.

    Parameters:
        shape, dtype: as for `numpy.zeros`.
        huge: whether to request huge pages; None requests them for 4 MiB and more.

    >>> zeros((3, 5)).ctypes.data % ALIGNMENT
    0
    """
    kind = np.dtype(dtype)
    count = math.prod(shape) if isinstance(shape, tuple) else shape
    size = count * kind.itemsize
    if (size >= MIN_HUGE_BYTES if huge is None else huge) and hasattr(mmap, "MADV_HUGEPAGE"):
        memory, alignment = _huge(size), HUGE_PAGE
    else:
        memory, alignment = np.zeros(size + ALIGNMENT, np.uint8), ALIGNMENT
    start = -address(memory) % alignment
    return memory[start : start + size].view(kind).reshape(shape)


def address(array: NDArray[Any]) -> int:
    """The address of an array's first element.

    Raises:
        ValueError: the array is not contiguous in C order.
    """
    if not array.flags.c_contiguous:
        raise ValueError(f"Compiled code needs a contiguous array; this one has strides {array.strides}.")
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        # Arrays that are read only or empty. `array.ctypes` takes three times as long.
        return int(array.ctypes.data)


def _huge(size: int) -> NDArray[np.uint8]:
    # Private, so that a forked child has its own copy, as with any other memory.
    memory = mmap.mmap(-1, size + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    # A kernel without huge pages refuses; the memory works all the same, with more TLB misses.
    with contextlib.suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8)
