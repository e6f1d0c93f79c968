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
    return [f"{what} left out: {_line_numbers(lines)}."]


def skipped_lines_notes(comments: int, footer: Sequence[str]) -> list[str]:
    """What to say about lines between and under the rows that hold none; nothing for none.

    >>> skipped_lines_notes(1, ["Source: the census"])
    ['1 line that begins with # was skipped.', '1 line was skipped under the rows: "Source: the census".']
    """
    notes = []
    if comments:
        notes.append(f"{plural(comments, 'line that begins', 'lines that begin')} with # {_were(comments)} skipped.")
    if footer:
        more = " and more" if len(footer) > 1 else ""
        what = f"{plural(len(footer), 'line')} {_were(len(footer))} skipped under the rows"
        notes.append(f'{what}: "{footer[0][:60]}"{more}.')
    return notes


def _were(count: int) -> str:
    return "was" if count == 1 else "were"


def stray_quotes_note(lines: Sequence[int]) -> list[str]:
    """What to say about quotes inside cells that were read as they stand; nothing for none.

    >>> stray_quotes_note([2])
    ['1 row has a quote (") inside a cell that is not doubled, read as it stands: line 2.']
    """
    if not lines:
        return []
    what = plural(len(lines), "row has", "rows have")
    return [f'{what} a quote (") inside a cell that is not doubled, read as it stands: {_line_numbers(lines)}.']


def _line_numbers(lines: Sequence[int]) -> str:
    """The numbers of lines, the first five of them."""
    shown = ", ".join(f"{line:,}" for line in lines[:5]) + (" and more" if len(lines) > 5 else "")
    return f"{'line' if len(lines) == 1 else 'lines'} {shown}"
