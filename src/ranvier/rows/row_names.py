"""What a row is called in messages: by its number in a file, counted from 1, or by its index in data in memory.

The functions that write messages know the index of a row among the rows that they were given. Whoever knows where these
rows came from says so once, around the calls: `with rows_called(...)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from numpy.typing import NDArray

from ranvier.records import record


@record(eq=False)
class _Naming:
    indexed: bool = False
    numbers: NDArray[Any] | Sequence[int] | None = None


_AS_IN_FILES = _Naming()
_NAMING: ContextVar[_Naming] = ContextVar("_NAMING", default=_AS_IN_FILES)


@contextmanager
def rows_called(indexed: bool, numbers: NDArray[Any] | Sequence[int] | None = None) -> Iterator[None]:
    """Within it, `row_name` calls rows as their source does.

    Parameters:
        indexed: whether rows are called by their index, from 0, as in arrays and frames; else by their number, from 1,
            as the rows under the header of a file.
        numbers: the index of each row in the user's data, where only some of these are there; None for all rows, or
            for those that a `rows_called` around this one knows.

    >>> with rows_called(indexed=True, numbers=[3, 7]):
    ...     row_name(1)
    'row index 7'
    """
    token = _NAMING.set(_Naming(indexed, _NAMING.get().numbers if numbers is None else numbers))
    try:
        yield
    finally:
        _NAMING.reset(token)


def row_name(index: int) -> str:
    """What to call the row at an index.

    >>> row_name(4)
    'row 5'
    """
    number = row_index(index)
    return f"row index {number}" if _NAMING.get().indexed else f"row {number + 1}"


def row_index(index: int) -> int:
    """The index, in the user's data, of the row at an index of those that are there.

    >>> with rows_called(indexed=True, numbers=[3, 7]):
    ...     row_index(1)
    7
    """
    numbers = _NAMING.get().numbers
    return int(index if numbers is None else numbers[index])


def at_row(index: int) -> str:
    """The same with its preposition.

    >>> at_row(4)
    'in row 5'
    >>> with rows_called(indexed=True):
    ...     at_row(4)
    'at row index 4'
    """
    return f"{'at' if _NAMING.get().indexed else 'in'} {row_name(index)}"
