"""Whether a text, whose name does not say so, is a table."""

from __future__ import annotations

from ranvier.data.sources.first_line import is_number
from ranvier.data.sources.layout import ALL, best_layout
from ranvier.data.sources.reading import Reading
from ranvier.errors import DataError

SAMPLE_BYTES = 1 << 18
MIN_ROWS, MIN_WIDTH = 10, 3
"""Fewer lines and cells may agree by chance."""


def is_table(data: bytes, called: str, reading: Reading) -> bool:
    """Whether a text is a table whose header has the columns that are asked for, or was said to be a table.

    Where no column is asked for, it is one of numbers: all lines have as many cells, and most cells are numbers.

    Parameters:
        data: the first bytes, or all of them.
        called: the text, as the first words of a sentence.
        reading: the columns, and what else is known of the rows.

    >>> is_table(b"age,income\\n39,low\\n", "It", Reading(names=frozenset({"income"})))
    True
    """
    from ranvier.data.sources.delimited import divided_text, plain_text
    from ranvier.data.sources.dialect import first_lines
    from ranvier.data.sources.text_encoding import as_utf8

    if reading.table:
        return True
    try:
        head = plain_text(as_utf8(data[:SAMPLE_BYTES], called, reading)[0], ",", reading)[0]
        if not reading.names:
            return _holds_numbers(first_lines(head), reading)
        dialect = divided_text(head, ",", reading)[1]
        names = dialect.names or [f"column_{index + 1}" for index in range(dialect.width)]
        return bool(head.strip()) and reading.names <= set(names)
    except DataError:
        return False


def _holds_numbers(lines: list[str], reading: Reading) -> bool:
    """Whether lines are rows of a table, most columns of which are numbers."""
    layout = best_layout(lines, ",", "", True, reading)
    if layout.agreement != ALL or layout.width < MIN_WIDTH or len(layout.rows) < MIN_ROWS:
        return False
    columns = list(zip(*layout.rows[1:], strict=True))
    return 2 * sum(all(is_number(cell.strip()) for cell in column if cell.strip()) for column in columns) > len(columns)
