"""Blocks of rows whose features are written at once."""

from __future__ import annotations

BLOCK = 2048
"""The rows that are written at once: what a block needs stays in the cache."""


def row_blocks(rows: int) -> list[slice]:
    """All rows, `BLOCK` at a time.

    >>> row_blocks(3000)
    [slice(0, 2048, None), slice(2048, 3000, None)]
    """
    return [slice(start, min(start + BLOCK, rows)) for start in range(0, rows, BLOCK)]
