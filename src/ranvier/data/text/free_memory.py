"""Memory that freed arrays leave behind, given back to the system."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Have the C library give back what is free in the heaps of threads, where it has a function for that (glibc).

    Working on many texts by several threads leaves hundreds of megabytes in them, which nothing uses again.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
