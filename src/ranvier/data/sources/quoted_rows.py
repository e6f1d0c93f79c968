"""Rows that stand in quotes as a whole, as a spreadsheet writes lines of CSV that it did not divide."""

from __future__ import annotations

import re

from ranvier.data.sources.layout import ALL, best_layout
from ranvier.data.sources.reading import Reading

QUOTED = re.compile(rb'"((?:[^"\r\n]|"")*)"[;,\t]*\r?$', re.MULTILINE)
SAMPLE_LINES = 50
NOTE = "Each row stood in quotes as one cell; the quotes were left out."


def without_row_quotes(data: bytes, suggested: str, reading: Reading) -> tuple[bytes, list[str]]:
    r"""The text with the rows out of their quotes, and a note; other text as it is.

    The lines under the header are one quoted cell each, and what stands in them divides into as many cells as the
    header.

    Parameters:
        data: UTF-8 with line feeds.
        suggested: the separator that the name of the file suggests.
        reading: what is known of the header.

    >>> without_row_quotes(b'"a,b"\n"1,""x""y"\n', ",", Reading())[0]
    b'a,b\n1,"x"y\n'
    >>> without_row_quotes(b'"a"\n"x, y"\n', ",", Reading())[1]
    []
    """
    head = data[: 1 << 16].split(b"\n")[: SAMPLE_LINES + 1]
    sample = [line for line in (head[:-1] if len(head) > SAMPLE_LINES else head) if line.strip()]
    if len(sample) < 2 or not all(line.startswith(b'"') and QUOTED.fullmatch(line) for line in sample[1:]):
        return data, []
    inside = [_inside(line) + b"\n" for line in sample]
    lines = [line.decode("utf-8", "ignore") for line in inside]
    layout = best_layout(lines, suggested, "", False, reading)
    if layout.agreement != ALL or layout.width < 2:
        return data, []
    everywhere = data.split(b"\n")
    if not all(QUOTED.fullmatch(line) for line in everywhere[1:] if line.strip()):
        return data, []
    return b"\n".join(map(_inside, everywhere)), [NOTE]


def _inside(line: bytes) -> bytes:
    """A line without the quotes around all of it."""
    match = QUOTED.fullmatch(line)
    return match[1].replace(b'""', b'"') if match else line
