"""Large arrays in memory of their own, which goes back to the system as soon as they are gone."""

from __future__ import annotations

import math
import mmap

import numpy as np
from numpy.typing import NDArray


def empty_pages(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """An array of bytes on pages of its own.

    The allocator of the C library keeps what was freed for later, and more of it the larger the arrays were.

    >>> empty_pages((2, 3)).shape, empty_pages((0, 3)).shape
    ((2, 3), (0, 3))
    """
    size = math.prod(shape)
    return np.frombuffer(mmap.mmap(-1, size), np.uint8).reshape(shape) if size else np.empty(shape, np.uint8)
