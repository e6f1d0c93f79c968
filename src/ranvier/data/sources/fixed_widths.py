"""Tables of fixed widths: the cells of a column stand below each other, and blanks below blanks divide the columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ranvier.data.sources.first_line import SURE, first_line, is_number
from ranvier.data.sources.layout import ALL, BLANKS, SAMPLE_ROWS, SEPARATORS, layout_of
from ranvier.data.sources.long_separators import UNIT
from ranvier.data.sources.reading import Reading

NOTE = "The cells have fixed widths, with blanks between the columns."
MIN_LINES, MIN_LINES_OF_WORDS = 2, 6
NOT_BLANK = bytes(character != ord(" ") for character in range(256))
"""For each byte 1, and 0 for a blank."""
WIDE = 2
"""So many blanks divide columns of words, too."""


def without_widths(data: bytes, reading: Reading) -> tuple[bytes, list[str]]:
    r"""Text of fixed widths with units, as `long_separators` has them, between its cells, and a note; other text as is.

    Parameters:
        data: UTF-8 with line feeds.
        reading: the columns that are asked for.

    >>> without_widths(b"id name     age\n 1 Al Wu    33\n 2 Li        7\n", Reading())[0]
    b'id\x1fname\x1fage\n1\x1fAl Wu\x1f33\n2\x1fLi\x1f7\n'
    >>> without_widths(b"id,name\n1,Al Wu\n", Reading())
    (b'id,name\n1,Al Wu\n', [])
    """
    first = data[: data.find(b"\n") + 1].strip()
    if (
        b" " not in first
        or first.startswith(b"#")
        or any(sign.encode() in first for sign in SEPARATORS)
        or b'"' in data
        or b"\t" in data
    ):
        return data, []
    lines = [line for line in data.decode().split("\n") if line.strip()]
    starts = _starts(lines, reading)
    if len(starts) < 2:
        return data, []
    ends = [*starts[1:], None]
    cells = (UNIT.join(line[start:end].strip() for start, end in zip(starts, ends, strict=True)) for line in lines)
    return "".join(f"{row}\n" for row in cells).encode(), [NOTE]


def _starts(lines: Sequence[str], reading: Reading) -> list[int]:
    """Where the columns begin; empty where there are none."""
    sample = [f"{line}\n" for line in lines[:SAMPLE_ROWS]]
    blanks = layout_of(sample, BLANKS, False, reading, {"skipinitialspace": True})
    if len(lines) < MIN_LINES or (blanks.agreement == ALL and reading.names <= set(blanks.rows[0])):
        return []
    narrow = _divided(lines[:SAMPLE_ROWS], 1)
    if len(narrow) < 2 or _divided(lines, 1) != narrow:
        return []
    for divided in (narrow, _divided(lines, WIDE)):
        first = _cells(lines[0], divided)
        if reading.names and not reading.names <= set(first):
            continue
        named = reading.header is not False and _has_header(lines, divided)
        # What no name stands above belongs to the column before it.
        starts = [start for start, name in zip(divided, first, strict=True) if name or start == 0 or not named]
        if len(starts) > 1 and _are_columns(lines[named:SAMPLE_ROWS], starts):
            return [] if blanks.row_names and _hold_two_numbers(lines[named:SAMPLE_ROWS], starts) else starts
    return []


def _divided(lines: Sequence[str], width: int) -> list[int]:
    """Where columns begin behind so many blanks, or more, in all lines."""
    longest, marks = max(map(len, lines)), 0
    for line in lines:
        # A byte for each character, so that all lines are laid over each other at once.
        marks |= int.from_bytes(line.encode("latin-1", "replace").translate(NOT_BLANK), "little")
    written = [bool(mark) for mark in marks.to_bytes(longest, "little")]
    begin = written.index(True)
    blanks = [all(not written[at - back] for back in range(1, width + 1)) for at in range(width, longest)]
    return [0, *(at + width for at, blank in enumerate(blanks) if blank and written[at + width] and at + width > begin)]


def _cells(line: str, starts: Sequence[int]) -> list[str]:
    return [line[start:end].strip() for start, end in pairwise([*starts, len(line)])]


def _has_header(lines: Sequence[str], starts: Sequence[int]) -> bool:
    """Whether the first line surely holds names."""
    rows = [_cells(line, starts) for line in lines[1:SAMPLE_ROWS]]
    return first_line(_cells(lines[0], starts), rows) == SURE


def _are_columns(lines: Sequence[str], starts: Sequence[int]) -> bool:
    """Whether one column holds numbers, or wide blanks divide words; and all cells of each column stand in line."""
    columns = list(zip(*(_cells(line, starts) for line in lines), strict=True))
    if not any(any(column) and all(is_number(cell) for cell in column if cell) for column in columns):
        return len(lines) >= MIN_LINES_OF_WORDS and _divided(lines, WIDE) == list(starts) and all(map(all, columns))
    return all(_stand_in_line(lines, start, end) for start, end in pairwise([*starts, max(map(len, lines))]))


def _hold_two_numbers(lines: Sequence[str], starts: Sequence[int]) -> bool:
    """Whether each cell of a column is two numbers, so that the names are one fewer than the numbers of a row."""
    columns = zip(*(_cells(line, starts) for line in lines), strict=True)
    return any(
        all(len(cell.split()) == 2 and all(map(is_number, cell.split())) for cell in column) for column in columns
    )


def _stand_in_line(lines: Sequence[str], start: int, end: int) -> bool:
    """Whether all cells of a column begin, or all end, at one place."""
    cells = [line[start:end] for line in lines if line[start:end].strip()]
    begins = {len(cell) - len(cell.lstrip()) for cell in cells}
    return len(begins) <= 1 or len({len(cell.rstrip()) for cell in cells}) <= 1
