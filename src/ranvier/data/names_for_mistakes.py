"""What rows are called in a list of mistakes: the names of their files, the beginnings of their texts."""

from __future__ import annotations

from typing import Any

from ranvier.data.decoded_columns import names_of_rows
from ranvier.data.encoders.row_encoder import row_encoder
from ranvier.data.sources.source import Source

MAX_NAME = 80


def names_for_mistakes(source: Source, encoder: Any) -> list[str] | None:
    """The name of each row's file, the beginning of its first text, or both; None where it has neither.

    Parameters:
        source: the rows.
        encoder: which columns of a table are texts.

    >>> from ranvier.data import Table, fit_encoder, infer_schema
    >>> import polars as pl
    >>> frame = pl.DataFrame({"note": ["good soup", "bad  soup"]})
    >>> encoder = fit_encoder(frame, infer_schema(frame, overrides={"note": "text"}))
    >>> names_for_mistakes(Table(frame, "notes"), encoder)
    ['good soup', 'bad soup']
    """
    names = names_of_rows(source)
    column = next((entry.column for entry in row_encoder(encoder).encoders if entry.kind == "text"), None)
    if column is None or column not in source.column_names:
        return names
    texts = [shortened(text or "") for text in source.frame[column].cast(str).to_list()]
    return texts if names is None else [f"{name}: {text}" for name, text in zip(names, texts, strict=True)]


def shortened(text: str) -> str:
    """A text on one line, of at most 80 characters.

    >>> shortened("a b " * 100)[-8:], len(shortened("a b " * 100))
    ('a b  ...', 80)
    """
    line = text[: 4 * MAX_NAME]
    if not line.isprintable():
        line = "".join(letter if letter.isprintable() else " " for letter in line)
    line = " ".join(line.split())
    return line if len(line) <= MAX_NAME else line[: MAX_NAME - 4] + " ..."
