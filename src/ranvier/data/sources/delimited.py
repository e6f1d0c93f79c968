"""CSV and TSV: a header line, then one row per line, UTF-8.

polars reads the file; the csv module of the standard library finds the line of an error, and reads the rare file whose
quotes polars does not accept.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import polars as pl

from ranvier.data.parsing import is_number
from ranvier.data.sources.files import read_bytes
from ranvier.data.sources.table_source import Table
from ranvier.errors import DataError

SEPARATORS = (",", ";", "\t", "|")
END = "\x00end"


def read_delimited(path: Path, separator: str) -> Table:
    """Read a CSV or TSV file; every cell stays a string.

    Parameters:
        path: the file, packed with gzip or not.
        separator: the separator that the file's name suggests; a header line without it is searched for
            ";", tab and "|".

    Raises:
        DataError: the file is empty, has only a header, is not UTF-8, has rows of different lengths or columns of
            the same name.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "rows.csv"
    ...     _ = path.write_text("age,income\\n39,low\\n50,high\\n")
    ...     read_delimited(path, ",").frame["income"].to_list()
    ['low', 'high']
    """
    data, text = _decode(path, read_bytes(path))
    header, separator, notes = _header(path, text, separator)
    try:
        frame = pl.read_csv(data, separator=separator, infer_schema=False, empty_string_is_null=False, glob=False)
        reread = frame.width != len(header)
        suspicious = reread or bool((frame.to_series(-1) == "").any())
    except pl.exceptions.PolarsError:
        reread = suspicious = True
    if suspicious:
        blank = _check_lengths(path, text, separator, len(header))
        if blank:
            notes.append(f"{blank:,} blank lines were skipped." if blank > 1 else "A blank line was skipped.")
        if reread or blank:
            rows = [row or [""] for _, row in _rows(path, text, separator) if row or len(header) == 1]
            first = next(index for index, row in enumerate(rows) if row != [""])
            schema = {str(column): pl.String for column in range(len(header))}
            frame = pl.DataFrame(rows[first + 1 :], schema=schema, orient="row")
    if frame.height == 0:
        raise DataError(f'"{path}" has a header and no rows. Give a file with at least one row under the header.')
    frame.columns = header
    return Table(frame, str(path), notes=tuple(notes), decimal_commas=separator == ";")


def _decode(path: Path, data: bytes) -> tuple[bytes, str]:
    """The bytes as UTF-8 with line feeds, as bytes and as text."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(
            f'"{path}" is UTF-16 text; UTF-8 was expected. Convert it: iconv -f UTF-16 -t UTF-8 "{path}" > utf8.csv'
        )
    if b"\x00" in data[:4096]:
        raise DataError(f'"{path}" is not a text file: it holds zero bytes. CSV text in UTF-8 was expected.')
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f'"{path}" is not UTF-8 text: byte 0x{data[error.start]:02X} in line {line} does not fit. '
            f'Convert it (Western Windows files): iconv -f WINDOWS-1252 -t UTF-8 "{path}" > utf8.csv'
        ) from error
    if not text.strip():
        raise DataError(f'"{path}" is empty. A file with a header line and rows was expected.')
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")
        data = text.encode()
    return data, text


def _header(path: Path, text: str, separator: str) -> tuple[list[str], str, list[str]]:
    """The column names, the separator that the file uses, and notes."""
    notes: list[str] = []
    first = next(line for line in io.StringIO(text) if line.strip("\r\n"))
    if separator not in first:
        most_frequent = max(SEPARATORS, key=first.count)
        if most_frequent in first:
            separator = most_frequent
            notes.append(f"The cells are separated by {'tabs' if separator == chr(9) else repr(separator)}.")
    rows = _rows(path, text, separator)
    header = [name.strip() for name in next(row for _, row in rows if row)]
    for index, name in enumerate(header):
        if not name:
            header[index] = f"column_{index + 1}"
            notes.append(f"Column {index + 1} has no name in the header; it is called {header[index]}.")
    repeated = next((name for name in header if header.count(name) > 1), None)
    if repeated is not None:
        numbers = " and ".join(str(index + 1) for index, name in enumerate(header) if name == repeated)
        raise DataError(f'"{path}" has the column name "{repeated}" more than once (columns {numbers}). Rename one.')
    if len(header) > 1 and all(is_number(name) for name in header):
        notes.append("The first line holds only numbers and was taken as the header; add a header line if it is data.")
    return header, separator, notes


def _rows(path: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of the line it starts in."""
    end = "" if text.endswith("\n") else "\n"
    reader = csv.reader(io.StringIO(text + end + END), delimiter=separator)
    start = 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f'"{path}" cannot be read as CSV from line {start} on: {error}.') from error
        if row == [END]:
            return
        if row and END in row[-1]:
            raise DataError(
                f'"{path}" opens a quote (") in line {start} that is never closed. Close it, or write the cell in '
                'double quotes with each quote inside it doubled ("").'
            )
        yield start, row
        start = reader.line_num + 1


def _check_lengths(path: Path, text: str, separator: str, width: int) -> int:
    """Raise at the first row of another length; give the number of blank lines."""
    blank = 0
    for line, row in _rows(path, text, separator):
        if not row:
            blank += 1
        elif len(row) != width:
            cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
            hint = "" if "\n" not in "".join(row) else " (a quote that is never closed swallows the lines after it)"
            raise DataError(
                f'"{path}" has {cells} in line {line} and {width} columns in its header{hint}. '
                "Every row must have one cell for each column; put cells that contain the separator in double quotes."
            )
    return 0 if width == 1 else blank
