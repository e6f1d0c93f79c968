"""Marks of missing cells, such as NA, in a target of strings: which of them are labels, and which leave their row out.

NA may be Namibia, and None a grade. In memory only None and NaN are missing, since a frame can say so. A file has only
the word, so there the other labels decide.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.cells import parsing
from ranvier.plural import plural
from ranvier.records import record
from ranvier.rows.row_names import at_row, row_name

LABEL_FRACTION = 0.5
"""A mark in a file is a label where it has this fraction of the rows that the median of the other labels has."""
WORD = re.compile(r"[A-Za-z]")


@record
class Mark:
    """A mark in a target column: as it is written, in how many rows it stands, and the number of the first, from 0."""

    text: str
    rows: int
    first: int


@record
class TargetMarks:
    """The marks that are labels, and those that are missing.

    Fields:
        labels, missing: the marks, the most frequent first.
        other_labels: how many different labels there are besides.
    """

    labels: tuple[Mark, ...] = ()
    missing: tuple[Mark, ...] = ()
    other_labels: int = 0

    def with_rows_of(self, row_numbers: NDArray[np.int64]) -> TargetMarks:
        """The same for rows that have these numbers in the user's data."""

        def moved(marks: tuple[Mark, ...]) -> tuple[Mark, ...]:
            return tuple(replace(mark, first=int(row_numbers[mark.first])) for mark in marks)

        return replace(self, labels=moved(self.labels), missing=moved(self.missing))


def read_labels(
    cells: pl.Series, in_memory: bool = False, classes: Sequence[Any] | None = None
) -> tuple[pl.Series, TargetMarks]:
    """The cells as stripped strings, null where missing, and what became of marks of missing cells.

    Parameters:
        cells: a column of strings.
        in_memory: whether the cells come from a frame, in which missing cells are null.
        classes: the classes of a finished model; then a mark is a label exactly if it is one of them.

    >>> read_labels(pl.Series(["NA", "ZA", "BW"] * 3))[0].to_list()[:3]
    ['NA', 'ZA', 'BW']
    >>> read_labels(pl.Series(["yes", "no"] * 9 + ["NA"]))[0].null_count()
    1
    """
    strings = parsing.clean_strings(cells)
    marked = strings.is_null() & cells.is_not_null()
    if not marked.any():
        return strings, TargetMarks()
    written = cells.cast(pl.String).str.strip_chars(parsing.WHITE_SPACE)
    marked_cells = pl.DataFrame({"text": written, "row": pl.int_range(len(cells), eager=True)}).filter(marked)
    grouped = marked_cells.group_by("text", maintain_order=True).agg(pl.len().alias("rows"), pl.col("row").first())
    marks = sorted((Mark(*row) for row in grouped.iter_rows()), key=lambda mark: -mark.rows)
    others = strings.drop_nulls().rename("value").value_counts(name="rows")
    several = others.height + len(marks) > 1 or classes is not None
    labels = {mark.text for mark in marks if several and _is_label(mark, others, in_memory, classes)}
    if labels:
        strings = written.set(marked & ~written.is_in(list(labels)), None)
    label_marks = tuple(mark for mark in marks if mark.text in labels)
    return strings, TargetMarks(label_marks, tuple(mark for mark in marks if mark.text not in labels), others.height)


def _is_label(mark: Mark, others: pl.DataFrame, in_memory: bool, classes: Sequence[Any] | None) -> bool:
    """Whether a mark is a label; `others` has the other labels with their counts."""
    if classes is not None:
        return mark.text in classes
    labels, counts = others.to_series(0), others.to_series(1)
    if len(labels) and parsing.parse_numbers(labels, marks=False)[1] is None:
        return False
    if in_memory:
        return True
    median: Any = counts.median()
    return bool(WORD.search(mark.text)) and len(labels) > 0 and mark.rows >= max(2.0, LABEL_FRACTION * median)


def missing_sentence(count: int, marks: TargetMarks) -> str:
    """How many rows were left out because their target is missing, and how the cells were written.

    Parameters:
        count: how many rows.
        marks: those of the target column.

    >>> missing_sentence(3, TargetMarks(missing=(Mark("NA", 2, 4),)))
    '3 rows were left out because the target is missing ("NA" in 2, the first in row 5; 1 is empty).'
    """
    what = plural(count, "row was", "rows were")
    parts = [f'"{mark.text}" in {mark.rows:,}, the first {at_row(mark.first)}' for mark in marks.missing if mark.text]
    if not parts:
        return f"{what} left out because the target is missing."
    empty = count - sum(mark.rows for mark in marks.missing if mark.text)
    if empty > 0:
        parts.append(plural(empty, "is empty", "are empty"))
    return f"{what} left out because the target is missing ({'; '.join(parts)})."


def label_sentences(name: str, marks: TargetMarks) -> tuple[str, ...]:
    """What to say of marks that are labels, and of marks that might be.

    >>> label_sentences("country", TargetMarks((Mark("NA", 30, 0),), (), 2))[0]
    'In the target "country", "NA" is a class, with 30 rows, the first of them row 1. If it means missing, empty these \
cells.'
    """
    return tuple(
        f'In the target "{name}", "{mark.text}" is a class, with {plural(mark.rows, "row")}, '
        f"the first of them {row_name(mark.first)}. If it means missing, empty these cells."
        for mark in marks.labels
    ) + tuple(
        f'In the target "{name}", "{mark.text}" is taken as missing. If it is a class, write it differently.'
        for mark in marks.missing
        if WORD.search(mark.text) and marks.other_labels and mark.rows > 1
    )
