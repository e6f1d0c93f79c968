"""The dialect of delimited text: its separator, where its rows begin, and the names of its columns."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import Any

from ranvier.data.sources.first_line import DATA, SURE, UNCLEAR, first_line, is_number
from ranvier.data.sources.header_rows import joined_names, joined_note
from ranvier.data.sources.layout import BLANKS, MAX_ABOVE, NONE, Layout, best_layout, parsed_lines
from ranvier.data.sources.reading import Reading
from ranvier.plural import plural
from ranvier.records import record

SAMPLE_BYTES = 1 << 18
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*')
OTHER_COMMENT = re.compile(r"(?:%|//|--|;|!|\*|@|\.\.|')[ \w]")
ROW_NAMES = "row_names"
TRAILING_NOTE = "Each row ends in a separator, after which no cell stands."


@record
class Dialect:
    """How delimited text is written.

    Fields:
        separator: between cells; a blank stands for any number of blanks and tabs.
        width: the number of cells of a row.
        names: the names of the columns; empty where the text has no header.
        body: the number of lines above the first row of data.
        trailing: whether each row ends in a separator, after which no cell stands.
        options: of the csv module, where cells are written in another way than RFC 4180 has it.
        notes: what the user should know, one sentence each.
        comments: whether lines that begin with # stand above the header, and may stand between the rows.
    """

    separator: str
    width: int
    names: tuple[str, ...]
    body: int
    trailing: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    comments: bool = False


def dialect_of(data: bytes, suggested: str, reading: Reading, separator: str = "") -> Dialect:
    """The dialect of a file, inferred from its first lines.

    Parameters:
        data: UTF-8.
        suggested: the separator that the name of the file suggests.
        reading: whether its first line is a header, if that is known.
        separator: the separator, where it is known.

    >>> dialect_of(b"Sales of 2020\\nshop;amount\\nA;1,5\\nB;2,5\\n", ",", Reading()).names
    ('shop', 'amount')
    """
    lines = first_lines(data)
    above, comment, forced = _lines_above(lines)
    above = above or _other_comments(lines, suggested, reading)
    layout = best_layout(lines[above:], suggested, separator or forced, len(data) > SAMPLE_BYTES, reading)
    layout = layout if _several_names(layout, reading)[1] > 1 else _headed(layout, reading)
    notes = _separator_notes(layout.separator, separator or suggested, forced)
    names = None if reading.header is False else _comment_names(layout, comment)
    skipped = [line.strip() for line in lines[:above] if line.strip()][int(bool(forced)) :]
    if names is None:
        kind, header_note = _kind_of_first_row(layout, reading)
        names, count = _several_names(layout, reading) if kind != DATA else ([], 0)
        notes += [joined_note(names, count)] if count > 1 else []
        body = layout.head + count
        skipped += [line.strip() for line in lines[above : above + _end(layout, layout.head)] if line.strip()]
    else:
        header_note, body = "", layout.head
        skipped.remove(comment.strip())
    if skipped:
        were = plural(len(skipped), "line was", "lines were")
        below = "header" if names else "first row"
        notes.append(f'{were} skipped above the {below}: "{skipped[0][:60]}"{" and more" if len(skipped) > 1 else ""}.')
    notes += [header_note] if header_note else _header_notes(layout)
    named, name_notes = _checked_names(names)
    return Dialect(
        separator=layout.separator,
        width=layout.width,
        names=named,
        body=above + _end(layout, body),
        trailing=layout.trailing,
        options=layout.options,
        notes=(*notes, *name_notes),
        comments=bool(comment),
    )


def first_lines(data: bytes) -> list[str]:
    """The first lines with their ends, the last one whole.

    >>> first_lines(b"a,b\\n1,2")
    ['a,b\\n', '1,2']
    """
    text = data[:SAMPLE_BYTES].decode("utf-8", "ignore")
    lines = io.StringIO(text, newline="").readlines()
    return lines[:-1] if len(data) > SAMPLE_BYTES and len(lines) > 1 else lines


def _lines_above(lines: Sequence[str]) -> tuple[int, str, str]:
    """The number of lines above all others: blank ones, `sep=;` and comments; the last comment; the separator named."""
    above, comment, forced = 0, "", ""
    while above < min(len(lines), MAX_ABOVE):
        line = lines[above]
        match = SEPARATOR_LINE.fullmatch(line)
        if line.startswith("#"):
            comment = line
        elif match and not forced and not comment:
            forced = match[1]
        elif line.strip():
            return above, comment, forced
        above += 1
    return 0, "", ""


def _other_comments(lines: Sequence[str], suggested: str, reading: Reading) -> int:
    """The number of first lines that begin with a sign of other comments, where a header surely follows them."""
    above = 0
    while above < min(len(lines) - 2, MAX_ABOVE) and OTHER_COMMENT.match(lines[above]):
        above += 1
    if not above:
        return 0
    layout = best_layout(lines[above:], suggested, "", len(lines) > MAX_ABOVE, reading)
    rows = layout.rows_of_width(layout.head)
    surely = layout.agreement != NONE and layout.head == 0 and len(rows) > 1 and first_line(rows[0], rows[1:]) == SURE
    return above if surely else 0


def _headed(layout: Layout, reading: Reading) -> Layout:
    """The layout with its header in the first line with all names asked for, under titles with empty cells."""
    if layout.agreement == NONE or reading.header is not None or not reading.names:
        return layout
    for head, row in enumerate(layout.rows[: MAX_ABOVE + 1]):
        cells = [cell.strip() for cell in row]
        if reading.names <= set(cells):
            return replace(layout, head=head) if head > layout.head and len(row) == layout.width else layout
        if all(cells) and len(row) == layout.width:
            break
    return layout


def _end(layout: Layout, row: int) -> int:
    """The number of lines up to the end of the row before this one."""
    return layout.ends[row - 1] if row else 0


def _separator_notes(separator: str, suggested: str, forced: str) -> list[str]:
    if separator == suggested:
        return []
    called = {"\t": "tabs", BLANKS: "blanks"}.get(separator, repr(separator))
    return [f"The cells are separated by {called}{', as the first line says' if forced else ''}."]


def _comment_names(layout: Layout, comment: str) -> list[str] | None:
    """The names in a comment right above rows of data, where NumPy's `savetxt` writes them; None where it has none."""
    if not comment or layout.agreement == NONE or layout.head:
        return None
    text = comment.lstrip("#") if comment[1:2] in (" ", "#") else comment
    names = next(parsed_lines([text.strip()], layout.separator, layout.options), (0, []))[1]
    rows = layout.rows_of_width(0)
    return names if len(names) == layout.width and first_line(rows[0], rows[1:]) != SURE else None


def _kind_of_first_row(layout: Layout, reading: Reading) -> tuple[str, str]:
    """What the first row holds, as in `first_line`, and what to say about it."""
    first = layout.rows[layout.head] if layout.rows else []
    columns = f"the columns are called column_1 to column_{len(first)}"
    if reading.header is not None:
        return (SURE, "") if reading.header else (DATA, f"{columns[0].upper()}{columns[1:]}.")
    if layout.row_names or len(first) != layout.width:
        return SURE, ""
    kind = first_line(first, layout.rows_of_width(layout.head + 1), reading.names)
    if kind == DATA:
        return kind, f"The first line holds data, so {columns}; if it holds names, say so: --header (header=True)."
    if kind != SURE and len(first) > 1 and all(is_number(name.strip()) for name in first):
        kind, what = UNCLEAR, "The first line holds only numbers"
    else:
        what = "A cell of the first line stands again in its column; the line"
    sentence = f"{what} {'and ' if what.endswith('numbers') else ''}was taken as the header"
    return kind, f"{sentence}; if it holds data, say so: --no-header (header=False)." if kind == UNCLEAR else ""


def _names(layout: Layout) -> list[str]:
    """The names in the header, one for each column."""
    first = layout.rows[layout.head] if layout.rows else []
    if layout.row_names:
        return [ROW_NAMES, *first]
    return first[:-1] if len(first) == layout.width + 1 and not first[-1].strip() else first


def _several_names(layout: Layout, reading: Reading) -> tuple[list[str], int]:
    """The names of the columns, and the number of rows in which they stand."""
    rows = layout.rows[layout.head :]
    if rows and not layout.row_names and len(rows[0]) == layout.width and reading.header is None:
        names, count = joined_names([row for row in rows if len(row) == layout.width], reading.names)
        if count > 1 and all(len(row) == layout.width for row in rows[:count]):
            return names, count
    return _names(layout), 1


def _header_notes(layout: Layout) -> list[str]:
    """What to say about a header that is a cell shorter or longer than the rows."""
    if layout.row_names:
        return [
            "The header has one name fewer than the rows have cells, as R writes names of rows; the first column is "
            f"called {ROW_NAMES}."
        ]
    if layout.trailing:
        return [TRAILING_NOTE]
    if layout.rows and len(layout.rows[layout.head]) == layout.width + 1:
        return ["The header ends in a separator, after which no name stands."]
    return []


def unnamed_note(index: int) -> str:
    """What to say about a column without a name.

    >>> unnamed_note(0)
    'Column 1 has no name in the header; it is called column_1.'
    """
    return f"Column {index + 1} has no name in the header; it is called column_{index + 1}."


def _checked_names(names: Iterable[str]) -> tuple[tuple[str, ...], list[str]]:
    """The names without blanks around them; columns without a name are called by their position.

    The second column of a name is called "name.1", as pandas calls it.
    """
    notes = []
    header = [name.strip() for name in names]
    for index, name in enumerate(header):
        if not name:
            header[index] = f"column_{index + 1}"
            notes.append(unnamed_note(index))
    indices: dict[str, list[int]] = {}
    for index, name in enumerate(header):
        indices.setdefault(name, []).append(index)
    for name, columns in indices.items():
        free = (other for at in itertools.count(1) if (other := f"{name}.{at}") not in indices)
        for index in columns[1:]:
            header[index] = next(free)
            both = f"Columns {columns[0] + 1} and {index + 1} are"
            notes.append(f'{both} both called "{name}"; column {index + 1} is called "{header[index]}" here.')
    return tuple(header), notes
