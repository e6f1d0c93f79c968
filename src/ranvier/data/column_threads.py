"""Work on a large table by several threads: a column each, or some rows each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context
from typing import TypeVar

from ranvier.data.images.threads import map_by_threads

Item = TypeVar("Item")
Result = TypeVar("Result")
MANY_CELLS = 1_000_000
"""So many cells are worked on by several threads."""
RUN = 4
"""How many blocks of rows a thread takes at a time."""


def map_columns(work: Callable[[Item], Result], columns: Sequence[Item], rows: int) -> list[Result]:
    """What `work` makes of each column, in their order; the first error in this order is raised.

    Threads call rows in messages as the caller does.

    Parameters:
        work: called by several threads at once where the table is large.
        columns: what it is called with.
        rows: the number of rows of the table.

    >>> map_columns(abs, [-1, 2], 10)
    [1, 2]
    """
    if len(columns) < 2 or len(columns) * rows < MANY_CELLS:
        return [work(column) for column in columns]
    contexts = [copy_context() for _ in columns]
    return map_by_threads(lambda at: contexts[at].run(work, columns[at]), range(len(columns)))


def map_row_blocks(work: Callable[[slice], None], blocks: Sequence[slice], cells: int) -> None:
    """Do `work` on all blocks of rows, by several threads where the rows have many cells in all.

    >>> map_row_blocks(print, [slice(0, 2), slice(2, 3)], 6)
    slice(0, 2, None)
    slice(2, 3, None)
    """
    if len(blocks) < 2 or cells < MANY_CELLS:
        for block in blocks:
            work(block)
        return

    def some(run: Sequence[slice]) -> None:
        for block in run:
            work(block)

    map_by_threads(some, [blocks[start : start + RUN] for start in range(0, len(blocks), RUN)])
