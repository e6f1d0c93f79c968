"""From the docstrings of the source to what the site's builder reads: formulas as blocks, characters taken as they are.

A docstring here is plain text: a summary, `Formula: ...`, sections `Parameters:`, `Fields:`, `Raises:`, a
paragraph that begins with `Returns`, examples after `>>>`, and `Source: ...`. The builder reads reStructuredText, where
a star or a bar in a formula would be markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

SECTIONS = ("Parameters:", "Fields:", "Raises:", "Returns:", "Yields:", "Example:", "Examples:")
SPECIAL = re.compile(r"[*|]|(?<=\w)_(?=\W|$)|\\")


def to_restructured_text(lines: Iterable[str]) -> list[str]:
    """The lines of a docstring as reStructuredText with the sections that napoleon knows.

    >>> to_restructured_text(["Formula: y = a * x", "", "Returns y, shape (n,).", "", ">>> 2 * 3", "6"])
    ['**Formula**', '', '::', '', '    y = a * x', '', 'Returns:', '    y, shape (n,).', '', '>>> 2 * 3', '6']
    """
    out: list[str] = []
    example = formula = returns = False
    for line in lines:
        stripped = line.strip()
        if not stripped:
            if formula and out[-1:] != [""]:
                out.append("")
            formula = returns = example = False
            if out[-1:] != [""]:
                out.append("")
            continue
        if example or stripped.startswith(">>>"):
            if not example and out and out[-1].strip():
                out.append("")
            example = True
            out.append(line)
        elif line.startswith("Formula:"):
            formula = True
            out += ["**Formula**", "", "::", "", f"    {line.removeprefix('Formula:').strip()}"]
        elif formula:
            out.append(f"    {line}")
        elif line.startswith("Returns "):
            returns = True
            out += ["Returns:", f"    {_escape(line.removeprefix('Returns '))}"]
        elif returns:
            out.append(f"    {_escape(line)}")
        elif line.startswith("Source:"):
            out.append(f"**Source**:{_escape(line.removeprefix('Source:'))}")
        else:
            out.append(line if stripped in SECTIONS else _escape(line))
    return out


def _escape(line: str) -> str:
    """Characters of markup outside of `code` are escaped."""
    parts = re.split(r"(`[^`]*`)", line)
    return "".join(part if part.startswith("`") else SPECIAL.sub(lambda m: "\\" + m.group(0), part) for part in parts)
