"""The pictures or recordings of a column: read one by one by several threads, and why some of them cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.images.threads import Progress, map_by_threads
from ranvier.errors import DataError
from ranvier.plural import plural
from ranvier.rows.row_names import at_row

MAX_BROKEN = 0.1
"""The fraction of broken cells above which nothing is read."""
BLOCK = 32
MAX_REASONS, MAX_NAMED = 5, 3


class CellError(DataError):
    """A cell that cannot be decoded; the message says why, without its name."""


class ReadableCells:
    """The cells of a column, and which of them cannot be read.

    Parameters:
        cells: files or what stands for them.
        column: the name of the column, for messages.
        what: what a cell is called, "picture" or "recording".
        first: the index of the first of them in the column.
        blank: whether a missing cell is nothing to read, and not one that cannot be read.

    >>> cells = ReadableCells(["a.png", "b.png"], "photo", "picture")
    >>> def work(at):
    ...     if at == 1:
    ...         raise CellError("it is empty")
    >>> cells.for_each(work)
    >>> cells.rows.tolist(), cells.note
    ([0], '1 picture was left out, which cannot be read: b.png: it is empty.')
    """

    def __init__(self, cells: Sequence[Any], column: str, what: str, first: int = 0, blank: bool = False) -> None:
        self.cells = cells
        self.column = column
        self.what = what
        self.first = first
        self.broken: dict[int, str] = {}
        self._blank = blank

    def for_each(self, work: Callable[[int], None], progress: Progress | None = None) -> None:
        """Call `work` with the index of each cell that is not blank or known to be broken, by several threads.

        Parameters:
            work: raises a `DataError` where the cell cannot be read.
            progress: called with the number of cells that are done, and of all.
        """
        count = len(self.cells)

        def block(start: int) -> None:
            for at in range(start, min(start + BLOCK, count)):
                try:
                    if at not in self.broken and not self.is_blank(at):
                        work(at)
                except DataError as error:
                    reason = str(error).removeprefix(f'"{self.name(at)}" cannot be read: ')
                    self.broken[at] = reason if isinstance(error, CellError) else reason.removesuffix(".")

        report = None if progress is None else lambda done, _: progress(min(done * BLOCK, count), count)
        map_by_threads(block, range(0, count, BLOCK), report)

    def is_blank(self, at: int) -> bool:
        """Whether a cell is missing, and may be."""
        return self._blank and self.cells[at] is None

    @property
    def rows(self) -> NDArray[np.int64]:
        """The indices of the cells that can be read."""
        return np.setdiff1d(np.arange(len(self.cells)), np.array(sorted(self.broken), np.int64))

    @property
    def note(self) -> str:
        """A sentence on the cells that are left out; empty where none is."""
        if not self.broken:
            return ""
        left_out = plural(len(self.broken), f"{self.what} was", f"{self.what}s were")
        return f"{left_out} left out, which cannot be read: {self._reasons()}."

    @property
    def blank_note(self) -> str:
        """A sentence on the cells that are blank; empty where none is."""
        count = sum(map(self.is_blank, range(len(self.cells))))
        subject = plural(count, f"{self.what} is", f"{self.what}s are")
        looks = "black" if self.what == "picture" else "silent"
        as_what = f"counts as a {looks} one" if count == 1 else f"count as {looks} ones"
        return f'{subject} missing in column "{self.column}" and {as_what}.' if count else ""

    def check_fraction(self, largest: float = MAX_BROKEN) -> None:
        """Raise a `DataError` where a larger fraction cannot be read, or none can.

        Parameters:
            largest: 1 where what cannot be read is only named, as for predictions.
        """
        count, broken = len(self.cells), len(self.broken)
        if broken <= largest * count and (broken < count or not count):
            return
        if count == 1:
            self.check_all()
        expected = "at most a tenth" if largest < 1.0 else "one that can be read"
        raise DataError(
            f'{broken:,} of {count:,} {self.what}s of column "{self.column}" cannot be read ({self._reasons()}); '
            f"{expected} was expected. Mend them or take them out."
        )

    def check_all(self) -> None:
        """Raise a `DataError` where one cannot be read."""
        if self.broken:
            at = min(self.broken)
            raise DataError(
                f'The {self.what} {self.name(at)} of column "{self.column}" cannot be read: {self.broken[at]}.'
            )

    def name(self, at: int) -> str:
        """What to call a cell: its file, or its number."""
        cell = self.cells[at]
        name = getattr(cell, "name", None) or (cell if isinstance(cell, str) else None)
        return f"{name}" if name else at_row(self.first + at)

    def _reasons(self) -> str:
        """The reasons, each with the first cells that have it."""
        cells_of: dict[str, list[int]] = {}
        for at in sorted(self.broken):
            cells_of.setdefault(self.broken[at], []).append(at)
        entries = list(cells_of.items())
        parts = [
            f"{listed_names(list(dict.fromkeys(map(self.name, cells))))}: {reason}"
            for reason, cells in entries[:MAX_REASONS]
        ]
        others = sum(len(cells) for _, cells in entries[MAX_REASONS:])
        return "; ".join(parts) + (f"; and {others:,} more" if others else "")


def listed_names(names: Sequence[str]) -> str:
    """The first names, and how many more there are.

    >>> listed_names(["a.png", "b.png", "c.png", "d.png", "e.png"]), listed_names(["a.png"])
    ('a.png, b.png, c.png and 2 more', 'a.png')
    """
    more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
