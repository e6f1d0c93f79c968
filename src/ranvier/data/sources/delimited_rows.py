"""Delimited rows one by one, for text that polars does not read or reads wrongly: their lines, and bad rows."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator, Sequence

from ranvier.data.sources.dialect import Dialect
from ranvier.data.sources.layout import BLANKS
from ranvier.data.sources.quoting import is_regular
from ranvier.errors import OR_SKIP, DataError
from ranvier.plural import plural
from ranvier.records import record

BEHIND = "behind the last line"
COMMENT = "#"
MAX_FOOTER = 30
"""A footer has no more lines."""


@record
class RowsRead:
    """The rows of a text.

    Fields:
        rows: the cells of each.
        blank: the number of blank lines.
        bad: the lines, counted from 1, of the rows that were left out.
        stray: the lines of rows with a quote where none may stand, which were read as they are.
        comments: the number of lines of comments between the rows.
        footer: the lines under the rows, behind a blank line.
    """

    rows: list[list[str]]
    blank: int
    bad: tuple[int, ...]
    stray: tuple[int, ...]
    comments: int = 0
    footer: tuple[str, ...] = ()


@record
class _Row:
    """The line in which a row begins, the line after it, its cells, and what is wrong with it, if anything."""

    line: int
    next_line: int
    cells: list[str]
    problem: str = ""


def read_rows(text: str, dialect: Dialect, origin: str, skip_bad: bool) -> RowsRead:
    """All rows of a text.

    Parameters:
        text: all of it.
        dialect: how it is written.
        origin: what to call it in messages, as the first words of a sentence.
        skip_bad: whether rows that cannot be read are left out.

    Raises:
        DataError: a row has another number of cells, or a quote that is not closed where its cell ends.

    >>> read_rows("a,b\\n1,2\\n3\\n", Dialect(",", 2, ("a", "b"), 1), "The file", True)
    RowsRead(rows=[['1', '2']], blank=0, bad=(3,), stray=(), comments=0, footer=())
    """
    lines = io.StringIO(text.replace("\t", " ") if dialect.separator == BLANKS else text, newline="").readlines()
    lines[-1] += "" if lines[-1].endswith(("\n", "\r")) else "\n"
    width = dialect.width + dialect.trailing
    rows: list[list[str]] = []
    bad, stray, blank, comments = [], [], 0, 0
    footer: tuple[str, ...] = ()
    at = dialect.body
    while at < len(lines):
        for row in _rows_from(lines, at, dialect, origin):
            at = row.next_line
            if width > 1 and not row.problem and not "".join(lines[row.line : at]).strip():
                blank += 1
                continue
            problem = row.problem or _length_problem(row, dialect, width, origin)
            if problem and dialect.comments and lines[row.line].startswith(COMMENT):
                comments += 1
                at = row.line + 1
                break
            if problem and rows and (footer := _footer(lines, row.line, dialect)):
                at = len(lines)
                break
            if problem and not skip_bad:
                raise DataError(problem)
            if problem:
                bad.append(row.line + 1)
                if at > row.line + 1:
                    # The lines that a wrong quote swallowed are rows of their own.
                    at = row.line + 1
                    break
                continue
            cells = row.cells
            if not dialect.options and not is_regular("".join(lines[row.line : at]), dialect.separator):
                stray.append(row.line + 1)
                cells = _cells_with_quotes(lines[row.line], dialect.separator, cells) if at == row.line + 1 else cells
            rows.append(cells[: dialect.width] or [""])
    return RowsRead(rows, blank, tuple(bad), tuple(stray), comments, footer)


def _cells_with_quotes(line: str, separator: str, cells: list[str]) -> list[str]:
    r"""The cells of a line with stray quotes, which stay as they stand; only one before a separator closes a cell.

    >>> _cells_with_quotes('"5" pipe",6" rod,1\n', ",", ['5 pipe"', '6" rod', "1"])
    ['5" pipe', '6" rod', '1']
    """
    mark = re.escape(separator)
    cell = re.compile(rf'"((?:[^"]|"(?!{mark}|$))*)"(?={mark}|$)|([^{mark}]*)')
    line, parts, at = line.rstrip("\r\n"), [], 0
    while at <= len(line):
        match = cell.match(line, at)
        if match is None:
            break
        parts.append(match[2] if match[1] is None else match[1].replace('""', '"'))
        at = match.end() + 1
    return parts if len(parts) == len(cells) else cells


def _footer(lines: Sequence[str], start: int, dialect: Dialect) -> tuple[str, ...]:
    """The lines from one on, if they are few, stand behind a blank one, and each is words or half as long as a row."""
    apart = not lines[start - 1].strip(f" \r\n{dialect.separator}")
    if not apart or len(lines) - start > MAX_FOOTER or dialect.separator == BLANKS:
        return ()
    below = lines[start:]
    rows = csv.reader(below, delimiter=dialect.separator)
    try:
        if any(len(row) > max(dialect.width // 2, 1) and not _is_sentence(row, dialect.width) for row in rows):
            return ()
    except csv.Error:
        return ()
    return tuple(line.strip() for line in below if line.strip())


def _is_sentence(row: Sequence[str], width: int) -> bool:
    """Whether cells are fewer than a row has, and begin with words."""
    return len(row) < width and re.match(r"[^\W\d_]+\W*\s\S", row[0].strip()) is not None


def _rows_from(lines: Sequence[str], start: int, dialect: Dialect, origin: str) -> Iterator[_Row]:
    """Each row from a line on; the first that cannot be parsed is the last one."""
    # A quote that is never closed takes the line behind the last one in.
    source = itertools.chain((lines[at] for at in range(start, len(lines))), (BEHIND,))
    reader = csv.reader(source, delimiter=dialect.separator, **dialect.options)
    line = start
    while line < len(lines):
        try:
            cells = next(reader)
        except csv.Error as error:
            yield _Row(line, line + 1, [], f"{origin} cannot be read as CSV from line {line + 1} on: {error}.")
            return
        following = start + reader.line_num
        if following > len(lines):
            problem = (
                f'{origin} opens a quote (") in line {line + 1} that is never closed. Close it, or write the cell in '
                f'double quotes with each quote inside it doubled (""), {OR_SKIP}.'
            )
            yield _Row(line, following, [], problem)
            return
        if dialect.separator == BLANKS and cells and not cells[-1]:
            cells = cells[:-1]
        problem = ""
        if following > line + 1:
            problem = _quoting_problem("".join(lines[line:following]), dialect, line + 1, origin)
        yield _Row(line, following, cells, problem)
        line = following


def _quoting_problem(row: str, dialect: Dialect, line: int, origin: str) -> str:
    """A cell of several lines must be quoted as it should be, or else a stray quote has swallowed rows."""
    if dialect.options.get("escapechar"):
        row = row.replace('\\"', '""')
    if is_regular(row, dialect.separator):
        return ""
    return (
        f'{origin} opens a quote (") in line {line} that is closed in a later line in the middle of a cell. Write each '
        f'quote inside a cell twice (""), {OR_SKIP}.'
    )


def _length_problem(row: _Row, dialect: Dialect, width: int, origin: str) -> str:
    """What is wrong with the number of cells of a row; empty for nothing."""
    if len(row.cells) == width and not (dialect.trailing and row.cells[-1].strip()):
        return ""
    if width == 1 and not row.cells:
        return ""
    hint = "" if row.next_line == row.line + 1 else " (a quote that is never closed swallows the lines after it)"
    columns = plural(dialect.width, "column")
    where = f"{columns} in {'its header' if dialect.names else 'its first line'}"
    advice = "put cells that contain the separator in double quotes"
    if row.line == dialect.body and dialect.separator == "," and len(row.cells) > width and _may_be_decimals(row.cells):
        advice = "if commas stand before decimals, write points there, or semicolons between the cells"
        advice += "; if the first cells are names of rows, name them in the header" if dialect.names else ""
    return (
        f"{origin} has {plural(len(row.cells), 'cell')} in line {row.line + 1} and {where}"
        f"{hint}. Every row must have one cell for each column; {advice}, {OR_SKIP}."
    )


def _may_be_decimals(cells: Sequence[str]) -> bool:
    """Whether an integer stands before digits."""
    pairs = itertools.pairwise(map(str.strip, cells))
    return any(re.fullmatch(r"[+-]?[0-9]+", before) and after.isdigit() for before, after in pairs)
