"""Texts that stand in several rows: copies stay in one part, else the test would be too easy, and are said.

B is the number of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ranvier.data.columns.column_schema import ColumnSchema
from ranvier.data.encoders.text import texts_of
from ranvier.data.readable_cells import listed_names
from ranvier.data.sources.source import Source
from ranvier.plural import plural

if TYPE_CHECKING:
    from ranvier.data.labelled_rows import LabelledRows

MAX_FRACTION = 0.1
"""Where one text stands in more of the rows, such as "ok" among answers, copies are divided by chance."""
SHOWN, MAX_CHARACTERS = 3, 60


def are_texts(columns: Sequence[ColumnSchema]) -> bool:
    """Whether texts are all the inputs.

    >>> are_texts([ColumnSchema("note", "text", "", 0, 9), ColumnSchema("id", "drop", "", 0, 9)]), are_texts([])
    (True, False)
    """
    used = [column for column in columns if column.used]
    return bool(used) and all(column.kind == "text" for column in used)


def text_codes(source: Source, columns: Sequence[ColumnSchema]) -> NDArray[np.int64] | None:
    """The number of each row's text, the same for equal ones, shape (B,); None where all differ.

    Letter case and white space make no difference. None, too, where other columns than texts are inputs, and where one
    text stands in more than a tenth of the rows.

    Parameters:
        source: the rows.
        columns: the schema of its columns.

    >>> from ranvier.data.sources.table_source import Table
    >>> frame = pl.DataFrame({"note": ["Good  soup", "good soup", *map(str, range(30))]})
    >>> text_codes(Table(frame, "a table"), [ColumnSchema("note", "text", "", 0, 31)])[:3].tolist()
    [0, 0, 1]
    """
    texts = _texts(source, columns)
    if texts is None:
        return None
    rows = pl.DataFrame({"text": texts, "row": np.arange(len(texts))})
    first = rows.select(pl.col("row").min().over("text")).to_series().to_numpy()
    first = np.where(texts.is_null().to_numpy(), np.arange(len(texts)), first)
    codes = np.unique(first, return_inverse=True)[1].astype(np.int64)
    counts = np.bincount(codes)
    return None if len(counts) == len(codes) or counts.max() > MAX_FRACTION * len(codes) else codes


def repeated_text_notes(
    parts: Mapping[str, LabelledRows], columns: Sequence[ColumnSchema], labels: bool = False
) -> list[str]:
    """Sentences on texts that stand several times in a part, under different labels, or in two parts.

    Parameters:
        parts: the rows of "training" and of other parts.
        columns: the schema of their columns.
        labels: whether targets are classes.
    """
    by_part = {name: _texts(part.source, columns) for name, part in parts.items()}
    texts = {name: texts_of_part for name, texts_of_part in by_part.items() if texts_of_part is not None}
    if "training" not in texts:
        return []
    notes = []
    copies = sum(
        len(texts_of_part.drop_nulls()) - texts_of_part.drop_nulls().n_unique() for texts_of_part in texts.values()
    )
    if copies:
        most = pl.concat(texts.values()).drop_nulls().rename("text").value_counts(sort=True).head(SHOWN)
        shown = ", ".join(f'"{_short(text)}" ({count:,} times)' for text, count in most.rows() if count > 1)
        notes.append(f"{plural(copies, 'row repeats', 'rows repeat')} the text of another, most often {shown}.")
    if labels:
        notes += _conflict_note(parts, texts)
    for name, texts_of_part in texts.items():
        again = (
            0 if name == "training" else int(texts_of_part.is_in(texts["training"].drop_nulls().implode()).sum() or 0)
        )
        if again:
            what = plural(again, f"text of the {name} rows stands", f"texts of the {name} rows stand")
            notes.append(f"{what} among the training rows, too.")
    return notes


def _conflict_note(parts: Mapping[str, LabelledRows], texts: Mapping[str, pl.Series]) -> list[str]:
    """A sentence on equal texts under different labels."""
    if any(part.values.ndim != 1 for part in parts.values()):
        return []
    labels = np.concatenate([np.array([str(value) for value in parts[name].values.tolist()]) for name in texts])
    rows = pl.DataFrame({"text": pl.concat(texts.values()), "label": labels}).drop_nulls("text")
    labels_of_text = rows.group_by("text", maintain_order=True).agg(pl.col("label").unique(maintain_order=True))
    conflicts = labels_of_text.filter(pl.col("label").list.len() > 1)
    if not conflicts.height:
        return []
    shown = listed_names([f'"{_short(text)}" ({", ".join(labels)})' for text, labels in conflicts.rows()])
    what = plural(conflicts.height, "text stands", "texts stand")
    return [f"{what} under different labels: {shown}."]


def _texts(source: Source, columns: Sequence[ColumnSchema]) -> pl.Series | None:
    """The texts of each row in lower case, with single blanks, null where missing; None where inputs are no texts."""
    used = [column for column in columns if column.used]
    if not are_texts(columns) or any(column.name not in source.column_names for column in used):
        return None
    frame: Any = pl.DataFrame([texts_of(source.frame[column.name]) for column in used])
    joined = frame.select(pl.concat_str(pl.all(), separator="\n", ignore_nulls=True).alias("text")).to_series()
    joined = joined.str.to_lowercase().str.replace_all(r"[^\S\n]+", " ").str.strip_chars()
    texts: pl.Series = joined.set(joined == "", None)
    return texts


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}..."
