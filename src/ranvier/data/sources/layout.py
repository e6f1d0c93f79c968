"""How a separator divides the first lines of a text, and by which separator they agree."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import pairwise
from typing import Any

from ranvier.data.sources.first_line import DATA, SURE, first_line, is_number
from ranvier.data.sources.quoting import is_regular
from ranvier.data.sources.reading import Reading
from ranvier.records import record

SEPARATORS = (",", ";", "\t", "|", "^", "~")
BLANKS = " "
"""Stands for any number of blanks and tabs."""
SAMPLE_ROWS = 200
MAX_ABOVE = 30
"""Up to so many lines of a title or of comments above the header are skipped."""
MOSTLY, MIN_BODY = 0.9, 5
NONE, SOME, TITLE, SHIFTED, ALL = range(5)
"""How the lines agree: not; most of them; all under a title; all but a header one cell shorter or longer; all."""
VARIANTS: tuple[Mapping[str, Any], ...] = (
    {"skipinitialspace": True},
    {"escapechar": "\\"},
    {"quotechar": "'"},
    {"quotechar": "'", "skipinitialspace": True},
)
"""Other ways to quote: a blank before the quote, a backslash before one inside, single quotes; for the csv module."""


@record
class Layout:
    """How a separator divides the first lines.

    Fields:
        agreement: of the lines: NONE, SOME, TITLE, SHIFTED or ALL.
        separator: the separator.
        width: the number of cells on which most rows agree.
        head: the index in `rows` of the header, or of the first row where there is none.
        rows: the cells of each line, lines of empty cells left out.
        ends: the number of the last line of each of them, counted from 1.
        row_names: whether the header has one name fewer than rows have cells, as R writes names of rows.
        trailing: whether each row, not the header, ends in a separator.
        options: of the csv module.
    """

    agreement: int
    separator: str
    width: int
    head: int
    rows: tuple[list[str], ...]
    ends: tuple[int, ...]
    row_names: bool = False
    trailing: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)

    def rows_of_width(self, start: int) -> list[list[str]]:
        """The rows from an index on that have the width of most."""
        return [row for row in self.rows[start:] if len(row) == self.width]


def best_layout(lines: Sequence[str], suggested: str, forced: str, truncated: bool, reading: Reading) -> Layout:
    """The layout by which the lines agree best; on a tie the widest, then that of the suggested separator.

    Parameters:
        lines: the first lines, with their ends.
        suggested: the separator that the name of the file suggests.
        forced: the separator that the file names itself, or "".
        truncated: whether more lines follow.
        reading: what is known of the header.

    >>> lines = ["Temp, C;wet;label\\n", "12,5;60;a\\n", "13,5;70;b\\n"]
    >>> best_layout(lines, ",", "", False, Reading()).separator
    ';'
    """
    separators = (forced,) if forced else tuple(dict.fromkeys((suggested, *SEPARATORS)))
    layouts = [layout_of(lines, separator, truncated, reading) for separator in separators]
    best = max(layouts, key=lambda layout: (layout.agreement, layout.width, layout.separator == suggested))
    if best.agreement < ALL or _has_quotes_after_blanks(best) or _has_single_quotes(best):
        for options in VARIANTS:
            if not any(options.get("quotechar", '"') in line for line in lines):
                continue
            others = [layout_of(lines, separator, truncated, reading, options) for separator in separators]
            agreed = next((other for other in others if other.agreement == ALL), None)
            # Where the plain reading agrees, too, another one must not join lines into one row.
            if agreed is not None and (best.agreement < ALL or agreed.ends == best.ends):
                return agreed
        if best.agreement == NONE and not forced and lines and ":" in lines[0]:
            colons = layout_of(lines, ":", truncated, reading)
            if colons.agreement == ALL and not re.search(r"[0-9]:[0-9]{2}(?![0-9])", "".join(lines[:SAMPLE_ROWS])):
                return colons
        if best.agreement < SHIFTED and not forced:
            blanks = layout_of(lines, BLANKS, truncated, reading, {"skipinitialspace": True})
            if _are_blank_separated(blanks, lines, reading):
                return blanks
    if best.agreement == NONE and not forced:
        first = next((line for line in lines if line.strip()), "")
        separator = suggested if suggested in first else max(SEPARATORS, key=first.count)
        separator = separator if separator in first else suggested
        best = next(layout for layout in layouts if layout.separator == separator)
    return best


def layout_of(
    lines: Sequence[str],
    separator: str,
    truncated: bool,
    reading: Reading,
    options: Mapping[str, Any] | None = None,
) -> Layout:
    """How a separator divides the lines, with options of the csv module.

    >>> layout_of(["a,b\\n", "1,2\\n"], ",", False, Reading()).width
    2
    """
    options = options or {}
    parsed = [(end, row) for end, row in parsed_lines(lines, separator, options) if any(map(str.strip, row))]
    parsed = parsed[:-1] if truncated and len(parsed) > 1 else parsed
    rows, ends = tuple(row for _, row in parsed), tuple(end for end, _ in parsed)
    widths = [len(row) for row in rows]
    apart = Layout(NONE, separator, widths[0] if rows else 1, 0, rows, ends, options=options)
    if len(rows) < 2:
        return replace(apart, agreement=ALL if rows and widths[0] > 1 else NONE)
    count = Counter(widths)
    width = max(count, key=lambda size: (count[size], size == widths[0]))
    start = widths.index(width)
    fraction = widths[start:].count(width) / (len(widths) - start)
    layout = replace(apart, width=width, head=start)
    if width < 2 or start > MAX_ABOVE or start == len(widths) - 1:
        return apart
    if start == 0:
        below = _below_titles(rows, width) if fraction < 1.0 else 0
        if below:
            return replace(layout, agreement=TITLE, head=below)
        layout = replace(layout, head=_below_padded_title(rows, width))
        return replace(layout, agreement=ALL if fraction == 1.0 else SOME if fraction > 0.5 else NONE)
    return _shifted_or_titled(layout, lines, reading) or apart if fraction >= MOSTLY else apart


def parsed_lines(lines: Sequence[str], separator: str, options: Mapping[str, Any]) -> Iterator[tuple[int, list[str]]]:
    """The number of the last line and the cells of each row, up to the first that cannot be parsed.

    >>> list(parsed_lines(["  1   2 \\n"], " ", {"skipinitialspace": True}))
    [(1, ['1', '2'])]
    """
    if separator == BLANKS:
        lines = [line.replace("\t", " ") for line in lines]
    reader = csv.reader(iter(lines), delimiter=separator, **options)
    try:
        for _, row in zip(range(SAMPLE_ROWS), reader, strict=False):
            yield reader.line_num, row[:-1] if separator == BLANKS and row and not row[-1] else row
    except csv.Error:
        return


def _has_quotes_after_blanks(layout: Layout) -> bool:
    """Whether cells begin with a blank and a quote, which then means to quote them."""
    return any(cell.startswith(" ") and cell.lstrip(" ").startswith('"') for row in layout.rows for cell in row)


def _has_single_quotes(layout: Layout) -> bool:
    """Whether all names stand in single quotes, which then quote cells."""
    return bool(layout.rows) and all(re.fullmatch(r"\s*'[^']*'\s*", cell) for cell in layout.rows[0])


def _below_padded_title(rows: Sequence[Sequence[str]], width: int) -> int:
    """The index of the header under titles that a spreadsheet filled up with separators."""
    head = 0
    while width > 2 and head + 2 < len(rows) and sum(bool(cell.strip()) for cell in rows[head]) == 1:
        head += 1
    return head if all(cell.strip() for cell in rows[head]) else 0


def _below_titles(rows: Sequence[list[str]], width: int) -> int:
    """The index of the header under lines of a title, the first of which holds a separator by chance; 0 for none."""
    other = max(at for at, row in enumerate(rows) if len(row) != width)
    body = rows[other + 2 :]
    if other >= MAX_ABOVE or len(body) < MIN_BODY or first_line(rows[other + 1], body) != SURE:
        return 0
    numbers = [at for at, column in enumerate(zip(*body, strict=True)) if all(map(is_number, column))]
    return 0 if any(is_number(rows[0][at]) for at in numbers) else other + 1


def _shifted_or_titled(layout: Layout, lines: Sequence[str], reading: Reading) -> Layout | None:
    """A layout whose first rows are of another width: a header one cell shorter or longer, or a title."""
    width, start = layout.width, layout.head
    body, above = layout.rows_of_width(start), layout.rows[start - 1]
    shifted = replace(layout, agreement=SHIFTED, head=start - 1)
    kind = first_line(body[0], body[1:], reading.names)
    if kind != SURE and len(above) == width - 1 and not any(row[-1].strip() for row in body):
        return replace(shifted, width=width - 1, trailing=True)
    if len(above) == width + 1 and not above[-1].strip():
        return shifted
    if _has_stray_quotes(layout, lines):
        return None
    if len(above) == width - 1 and kind != SURE and _are_row_names(body, lines[layout.ends[start - 1]], width):
        return replace(shifted, row_names=True)
    titled = kind == SURE or (width > 2 and kind != DATA) or reading.header is False
    return replace(layout, agreement=TITLE) if titled else None


def _has_stray_quotes(layout: Layout, lines: Sequence[str]) -> bool:
    """Whether a row has a quote where none may stand: it may hide a separator, so its width tells no title.

    Two such quotes may look like one cell over two lines; then what stands above has more cells than the rows.
    """
    if layout.options:
        return False
    if len(layout.rows[layout.head - 1]) > layout.width and any('"' in line for line in lines):
        return True
    starts, ends = layout.ends[layout.head - 1 : -1], layout.ends[layout.head :]
    rows = ("".join(lines[start:end]).lstrip("\r\n") for start, end in zip(starts, ends, strict=True))
    return any('"' in row and not is_regular(row, layout.separator) for row in rows)


def _are_row_names(body: Sequence[list[str]], line: str, width: int) -> bool:
    """Whether the first cells can be names of rows: all different, and no integers before decimals behind a comma.

    Quotes around the first one say so, and integers that count the rows.
    """
    names = [row[0] for row in body]
    if len(set(names)) < len(names) or line.startswith('"'):
        return len(set(names)) == len(names)
    parts = "," in line and all(re.fullmatch(r"[+-]?[0-9]+", row[0]) for row in body) and _may_be_decimals(body)
    counted = _steps(names) == {1} and names[0] in ("0", "1")
    return width > 2 and (not parts or counted)


def _may_be_decimals(body: Sequence[Sequence[str]]) -> bool:
    """Whether the second cells may be what stands behind decimal commas.

    They are digits, of one length or without a zero at the end, and no other cell has a decimal point.
    """
    decimals = [row[1] for row in body]
    if not all(map(str.isdigit, decimals)) or any("." in cell and is_number(cell) for row in body for cell in row):
        return False
    return len(set(map(len, decimals))) == 1 or not any(len(cell) > 1 and cell.endswith("0") for cell in decimals)


def _steps(names: Sequence[str]) -> set[int]:
    """The differences of integers that follow each other; empty for fewer than three, and where one is none."""
    if len(names) < 3 or not all(map(str.isdecimal, names)):
        return set()
    return {int(after) - int(before) for before, after in pairwise(names)}


def _are_blank_separated(layout: Layout, lines: Sequence[str], reading: Reading) -> bool:
    """Whether blanks separate cells, not words: a name that is asked for stands alone, or a column holds numbers."""
    quoted = layout.row_names and lines[layout.ends[layout.head]].startswith('"')
    if layout.row_names and not quoted:
        names = [row[0] for row in layout.rows_of_width(layout.head + 1)]
        quoted = min(_steps(names), default=0) > 0
    if layout.agreement != ALL and not quoted:
        return False
    if reading.names & set(layout.rows[layout.head]):
        return True
    rows = layout.rows_of_width(layout.head + 1)
    return any(all(map(is_number, column)) for column in zip(*rows, strict=True))
