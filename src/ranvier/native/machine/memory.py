"""Zeroed NumPy arrays that start where vectors and pages like it."""

from __future__ import annotations

import contextlib
import math
import mmap
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

ALIGNMENT = 64  # one cache line, one 512-bit vector
HUGE_PAGE = 2 << 20
# Below this, huge pages change nothing that can be measured.
HUGE_FROM = 4 << 20


def zeros(shape: int | tuple[int, ...], dtype: DTypeLike = np.float32, huge: bool | None = None) -> NDArray[Any]:
    """A zeroed C-ordered array aligned to 64 bytes, or to 2 MiB and on huge pages where the system has them.

    Parameters:
        shape, dtype: as for `numpy.zeros`.
        huge: whether to ask for huge pages; None does from 4 MiB on.

    >>> zeros((3, 5)).ctypes.data % ALIGNMENT
    0
    """
    kind = np.dtype(dtype)
    count = math.prod(shape) if isinstance(shape, tuple) else shape
    size = count * kind.itemsize
    if (size >= HUGE_FROM if huge is None else huge) and hasattr(mmap, "MADV_HUGEPAGE"):
        memory, alignment = _huge(size), HUGE_PAGE
    else:
        memory, alignment = np.zeros(size + ALIGNMENT, np.uint8), ALIGNMENT
    start = -memory.ctypes.data % alignment
    return memory[start : start + size].view(kind).reshape(shape)


def address(array: NDArray[Any]) -> int:
    """Where an array's first element lies. Compute it once: asking NumPy costs microseconds.

    Raises:
        ValueError: the array is not contiguous in C order.
    """
    if not array.flags.c_contiguous:
        raise ValueError(f"Compiled code needs a contiguous array; this one has strides {array.strides}.")
    return int(array.ctypes.data)


def _huge(size: int) -> NDArray[np.uint8]:
    # Private, so that a forked child has its own copy, as with any other memory.
    memory = mmap.mmap(-1, size + HUGE_PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    # A kernel without huge pages refuses; the memory is as good, only not as fast.
    with contextlib.suppress(OSError):
        memory.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(memory, np.uint8)
