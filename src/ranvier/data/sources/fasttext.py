"""Text files in the format of fastText: a label or several before the text of each line, `__label__sauce how long ...`.

Source: the documentation of fastText, "Text classification".
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from ranvier.data.sources.file_content import HEAD
from ranvier.data.sources.natural_order import natural_key
from ranvier.data.sources.table_source import Table
from ranvier.data.sources.text_encoding import decode_text
from ranvier.errors import DataError
from ranvier.plural import plural

if TYPE_CHECKING:
    import polars as pl

MARK = "__label__"
LABEL, TEXT = "label", "text"
ONE_LABEL = re.compile(rf"\s*{MARK}([^\s,]*)[\s,]*")
LOOKED_AT = 20


def is_fasttext(text: str) -> bool:
    """Whether most of the first lines that are not blank begin with a label.

    >>> is_fasttext("__label__a good soup\\n"), is_fasttext("good soup\\n")
    (True, False)
    """
    first = [line for line in text[: LOOKED_AT * 10_000].split("\n") if line.strip()][:LOOKED_AT]
    return bool(first) and 2 * sum(line.lstrip().startswith(MARK) for line in first) > len(first)


def is_fasttext_file(path: Path) -> bool:
    """Whether the first lines of a file are in this format; not where it cannot be read.

    >>> is_fasttext_file(Path("nowhere.txt"))
    False
    """
    try:
        with path.open("rb") as file:
            return is_fasttext(decode_text(file.read(HEAD))[0])
    except OSError:
        return False


def fasttext_table(text: str, origin: str, notes: tuple[str, ...] = ()) -> Table:
    """The lines as a table of a column "label" and a column "text".

    Where lines have several labels, each label is a column of 0 and 1. A label ends at a blank or a comma and may hold
    any other character. Blank lines are left out.

    Raises:
        DataError: no line has a label.

    >>> fasttext_table("__label__a good soup\\n__label__b, far away\\n", "reviews.txt").frame.rows()
    [('a', 'good soup'), ('b', 'far away')]
    """
    lines = [line.strip() for line in text.split("\n")]
    rows = [_parsed(line) for line in lines if line]
    if not any(labels for labels, _ in rows):
        shown = " ".join(next((line for line in lines if line), "").split())[:60]
        raise DataError(
            f'"{origin}" has no label: its first line is "{shown}", where {MARK}NAME and a text were expected, such as '
            f'"{MARK}sauce How long does it keep?".'
        )
    blank = sum(not line for line in lines[:-1])
    notes = (*notes, "Each line is a text after its label, as in files of fastText.")
    if blank:
        notes = (*notes, f"{plural(blank, 'blank line')} left out.")
    several = sum(len(labels) > 1 for labels, _ in rows)
    return _of_several_labels(rows, origin, notes, several) if several else _of_one_label(rows, origin, notes)


def _parsed(line: str) -> tuple[list[str], str]:
    """The labels at the beginning of a line, and the text behind them."""
    labels, at = [], 0
    while (match := ONE_LABEL.match(line, at)) is not None:
        if match[1]:
            labels.append(match[1])
        at = match.end()
    return list(dict.fromkeys(labels)), line[at:]


def _of_one_label(rows: list[tuple[list[str], str]], origin: str, notes: tuple[str, ...]) -> Table:
    import polars as pl

    labels_found = sorted({labels[0] for labels, _ in rows if labels}, key=natural_key)
    column = pl.Series(LABEL, [labels[0] if labels else None for labels, _ in rows], dtype=pl.Enum(labels_found))
    frame = pl.DataFrame([column, _texts(rows)])
    return Table(frame, origin, LABEL, notes, {TEXT: "text"})


def _of_several_labels(rows: list[tuple[list[str], str]], origin: str, notes: tuple[str, ...], several: int) -> Table:
    import polars as pl

    labels_found = sorted({label for labels, _ in rows for label in labels}, key=natural_key)
    names = {label: f"{label} (label)" if label == TEXT else label for label in labels_found}
    sets = [set(labels) for labels, _ in rows]
    columns = [pl.Series(names[label], [int(label in label_set) for label_set in sets]) for label in labels_found]
    note = f"{plural(several, 'row has', 'rows have')} several labels, so each label is a target of 0 and 1."
    return Table(pl.DataFrame([*columns, _texts(rows)]), origin, tuple(names.values()), (*notes, note), {TEXT: "text"})


def _texts(rows: list[tuple[list[str], str]]) -> pl.Series:
    import polars as pl

    return pl.Series(TEXT, [text or None for _, text in rows], dtype=pl.String)
