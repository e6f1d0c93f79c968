"""CSV and other delimited text: a header line, then one row per line.

polars reads the text. The number of rows and cells that it gives is compared with the structure of the bytes; where the
two differ, or where cells are not written as RFC 4180 has it, the csv module reads the text row by row.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from dataclasses import replace

import polars as pl

from ranvier.data.sources.delimited_rows import read_rows
from ranvier.data.sources.dialect import TRAILING_NOTE, Dialect, dialect_of, first_lines, unnamed_note
from ranvier.data.sources.drawn_tables import without_rules
from ranvier.data.sources.fixed_widths import without_widths
from ranvier.data.sources.foreign_formats import refuse_other_formats
from ranvier.data.sources.layout import BLANKS
from ranvier.data.sources.long_separators import UNIT, long_separator, separator_note, with_unit, without_unit
from ranvier.data.sources.more_headers import without_headers
from ranvier.data.sources.quoted_rows import without_row_quotes
from ranvier.data.sources.quoting import structure
from ranvier.data.sources.reading import Reading
from ranvier.data.sources.row_notes import bad_rows_note, skipped_lines_notes, stray_quotes_note
from ranvier.data.sources.table_source import Table
from ranvier.data.sources.text_encoding import as_utf8
from ranvier.data.sources.total_rows import without_notes, without_subtotals, without_totals
from ranvier.errors import DataError
from ranvier.plural import plural

KEPT_AS_TEXT = re.compile(rb'(?m)(^|[,;\t|])(?:="([^"\n]*)"|"=""([^"\n]*)""")(?=[,;\t|\r]|$)')
"""A cell such as ="01001", by which Excel keeps digits as text, with or without quotes around it."""
END_OF_FILE = b"\x1a\r\n"
END_OF_FILES = (b"\x1a", b"\x1a\n", b"\x1a\r\n")
"""What programs of DOS wrote behind the last line."""


def delimited_table(data: bytes, origin: str, called: str, separator: str, reading: Reading) -> Table:
    """The table in the bytes of delimited text; every cell stays a string.

    Parameters:
        origin: where the bytes came from.
        called: the same as the first words of a sentence.
        separator: the separator that the file's name suggests; another one is taken where the first lines agree on it.
        reading: what is known about the header, and what to do with rows that cannot be read.

    Raises:
        DataError: the bytes are empty, have only a header, are no text, have rows of different lengths, quotes that are
            not closed or columns of the same name.

    >>> delimited_table(b"a;b\\n1;2\\n", "standard input", "Standard input", ",", Reading()).notes
    ("The cells are separated by ';'.",)
    """
    refuse_other_formats(data, called, "a table in CSV")
    data, notes, encoding = as_utf8(data, called, reading)
    if not data or data.isspace():
        raise DataError(f"{called} is empty. A file with a header line and rows was expected.")
    data, changed = plain_text(data, separator, reading)
    notes += changed
    data, dialect, long = divided_text(data, separator, reading)
    notes += dialect.notes
    if dialect.separator == BLANKS and b'"' not in data:
        data = re.sub(rb"(?m)^ | $", b"", re.sub(rb"[ \t]+", b" ", data.replace(b"\r\n", b"\n")))
    data, blank = _without_blank_end(data, dialect)
    frame = _read_at_once(data, dialect)
    if frame is None:
        read = read_rows(data.decode(), dialect, called, reading.skip_bad_rows)
        schema = {str(column): pl.String for column in range(dialect.width)}
        frame = pl.DataFrame(read.rows, schema=schema, orient="row")
        blank += read.blank
        notes += [*bad_rows_note(read.bad), *stray_quotes_note(read.stray)]
        notes += skipped_lines_notes(read.comments, read.footer)
    if blank:
        notes.append(f"{blank:,} blank lines were skipped." if blank > 1 else "A blank line was skipped.")
    frame = without_unit(frame, long) if long else frame
    frame.columns = dialect.names or [f"column_{index + 1}" for index in range(dialect.width)]
    padding = 0
    while unnamed_note(frame.width - 1) in notes and (frame.to_series(-1).str.strip_chars() == "").all():
        notes.remove(unnamed_note(frame.width - 1))
        frame, padding = frame[:, :-1], padding + 1
    if padding:
        what = f"Each row ends in {padding} separators, after which no cells stand."
        notes.append(TRAILING_NOTE if padding == 1 else what)
    unnamed = frozenset(name for index, name in enumerate(frame.columns) if unnamed_note(index) in notes)
    if reading.skip_empty_rows:
        frame, left_out = _without_other_rows(frame, bool(dialect.names))
        notes += left_out
    if frame.height == 0:
        raise DataError(f"{called} has a header and no rows. Give a file with at least one row under the header.")
    commas = dialect.separator == ";"
    return Table(frame, origin, notes=tuple(notes), decimal_commas=commas, unnamed=unnamed, encoding=encoding)


def plain_text(data: bytes, separator: str, reading: Reading) -> tuple[bytes, list[str]]:
    r"""Text whose lines end in line feeds, without marks, without rules and quotes around rows; and notes on these.

    Parameters:
        data: UTF-8.
        separator: the separator that the name of the file suggests.
        reading: what is known about the header.

    >>> plain_text(b"a\tb\r1\t2\r", ",", Reading())
    (b'a\tb\n1\t2\n', [])
    """
    data = _with_line_feeds(_without_marks(data.rstrip(END_OF_FILE) if data.endswith(END_OF_FILES) else data))
    data, drawn = without_rules(data)
    data, quoted = without_row_quotes(data, separator, reading)
    data, formulas = _without_formulas(data)
    return data, [*drawn, *quoted, *formulas]


def divided_text(data: bytes, separator: str, reading: Reading) -> tuple[bytes, Dialect, str]:
    r"""Text with a separator of one character, how it is written, and the longer separator that stood there, or "".

    Parameters:
        data: what `plain_text` gives.
        separator, reading: as for `delimited_table`.

    >>> data, dialect, long = divided_text(b"1::5\n2::3\n", ",", Reading())
    >>> data, dialect.width, long
    (b'1\x1f5\n2\x1f3\n', 2, '::')
    """
    data, fixed = without_widths(data, reading)
    long = UNIT if fixed else long_separator(first_lines(data), separator, reading)
    data = with_unit(data, long) if long else data
    dialect = dialect_of(data, separator, reading, UNIT if long else "")
    notes = fixed or [separator_note(long)] if long else []
    return data, replace(dialect, notes=(*notes, *dialect.notes)), "" if fixed else long


def _without_marks(data: bytes) -> bytes:
    """The text without byte order marks at the beginnings of lines, which files that were joined have."""
    if data.isascii() or BOM_UTF8 not in data:
        return data
    return re.sub(b"(^|\n|\r)(?:%s)+" % BOM_UTF8, b"\\1", data)


def _without_formulas(data: bytes) -> tuple[bytes, list[str]]:
    """The text with "01001" for cells such as ="01001", and a note on these."""
    # A single character is found in a tenth of the time.
    if b"=" not in data or b'"' not in data or (b'="' not in data and b'"=""' not in data):
        return data, []
    first = KEPT_AS_TEXT.search(data)
    if first is None:
        return data, []
    inside = (first[2] or first[3] or b"").decode()
    note = f'Cells such as ="{inside}", by which Excel keeps digits as text, are read as {inside}.'
    return KEPT_AS_TEXT.sub(rb'\1"\2\3"', data), [note]


def _with_line_feeds(data: bytes) -> bytes:
    """Carriage returns that end lines alone become line feeds, where no quoted cell can hold one."""
    if b"\r" not in data or data.count(b"\r") == data.count(b"\r\n") or b'"' in data:
        return data
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _without_blank_end(data: bytes, dialect: Dialect) -> tuple[bytes, int]:
    """The text without blank lines at its end, and their number; in one column they are cells."""
    if dialect.width == 1 or not data.endswith((b"\n\n", b"\n\r\n")):
        return data, 0
    text = data.rstrip(b"\r\n")
    return text, data.count(b"\n", len(text)) - 1


def _read_at_once(data: bytes, dialect: Dialect) -> pl.DataFrame | None:
    """The cells as polars reads them; None where these are not the cells, or may not be."""
    collapsed = dialect.separator == BLANKS and b'"' not in data
    lone_returns = b"\r" in data and data.count(b"\r") != data.count(b"\r\n")
    if (dialect.options and not collapsed) or lone_returns:
        return None
    width = dialect.width + dialect.trailing
    measured = structure(data, _offset(data, dialect.body), dialect.separator)
    if not measured.regular:
        return None
    try:
        frame = pl.read_csv(
            data,
            has_header=False,
            schema={str(column): pl.String for column in range(width)},
            skip_lines=dialect.body,
            separator=dialect.separator,
            empty_string_is_null=False,
            glob=False,
        )
    except (pl.exceptions.PolarsError, OSError, ValueError):
        return None  # text that begins like packed bytes, such as "x^", is unpacked by polars
    if frame.height != measured.rows:
        return None
    if width > 1 and bool((frame.to_series(-1) == "").any()):
        # A row with too few cells has empty ones at its end.
        counted = structure(data, _offset(data, dialect.body), dialect.separator, count_separators=True)
        if counted.separators != frame.height * (width - 1):
            return None
    if not dialect.trailing:
        return frame
    return frame[:, :-1] if (frame.to_series(-1).str.strip_chars() == "").all() else None


def _offset(data: bytes, lines: int) -> int:
    """The first byte after so many lines."""
    offset = 0
    for _ in range(lines):
        offset = data.find(b"\n", offset) + 1 or len(data)
    return offset


def _without_other_rows(frame: pl.DataFrame, named: bool) -> tuple[pl.DataFrame, list[str]]:
    """The rows that are those of a table, and notes on the others: empty ones, headers, units, notes and totals.

    Parameters:
        named: whether the columns have names, which the header may repeat.
    """
    notes: list[str] = []
    headers = (without_headers,) if named else ()
    for without in (_without_empty_rows, *headers, without_notes, without_totals, without_subtotals):
        frame, more = without(frame)
        notes += more
    return frame, notes


def _without_empty_rows(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The rows in which some cell is not empty, and a note on the others."""
    empty = frame.to_series(0).str.strip_chars() == ""
    for cells in frame.iter_columns():
        if not empty.any():
            return frame, []
        empty &= cells.str.strip_chars() == ""
    count = int(empty.sum())
    if not count:
        return frame, []
    what = plural(count, "row of empty cells was", "rows of empty cells were")
    return frame.filter(~empty), [f"{what} skipped."]
