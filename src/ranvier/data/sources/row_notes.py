"""Sentences on rows that were read otherwise than plainly, with the lines in which they stand."""

from __future__ import annotations

from collections.abc import Sequence

from ranvier.plural import plural


def bad_rows_note(lines: Sequence[int]) -> list[str]:
    """What to say about rows that were left out because they cannot be read; nothing for none.

    >>> bad_rows_note([3, 7])
    ['2 rows that cannot be read were left out: lines 3, 7.']
    """
    if not lines:
        return []
    what = plural(len(lines), "row that cannot be read was", "rows that cannot be read were")
    return [f"{what} left out: {_listed(lines)}."]


def stray_quotes_note(lines: Sequence[int]) -> list[str]:
    """What to say about quotes inside cells that were read as they stand; nothing for none.

    >>> stray_quotes_note([2])
    ['1 row has a quote (") inside a cell that is not doubled, read as it stands: line 2.']
    """
    if not lines:
        return []
    what = plural(len(lines), "row has", "rows have")
    return [f'{what} a quote (") inside a cell that is not doubled, read as it stands: {_listed(lines)}.']


def _listed(lines: Sequence[int]) -> str:
    """The numbers of lines, the first five of them."""
    shown = ", ".join(f"{line:,}" for line in lines[:5]) + (" and more" if len(lines) > 5 else "")
    return f"{'line' if len(lines) == 1 else 'lines'} {shown}"
