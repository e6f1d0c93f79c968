"""What to say of the cells of later rows that a model's encoders count as missing because they are odd."""

from __future__ import annotations

from typing import Any

import numpy as np

from ranvier.data.cells import parsing
from ranvier.data.columns.column_notes import missing_note
from ranvier.data.encoders.date import DateEncoder
from ranvier.data.encoders.number import NumberEncoder
from ranvier.data.encoders.row_encoder import column_encoders
from ranvier.data.sources.source import Source
from ranvier.rows.row_names import rows_called


def odd_cell_notes(encoder: Any, source: Source) -> tuple[str, ...]:
    """A sentence on each column with cells that are no number or no date and count as missing, as in training.

    Parameters:
        encoder: of a table; other encoders have no such cells.
        source: rows for it, with its columns.

    >>> from ranvier.data import TableEncoder, open_source
    >>> encoder = TableEncoder.fit({"size": ["1", "2.5", "12..5", *map(str, range(3, 40))]})
    >>> odd_cell_notes(encoder, open_source({"size": ["3", "n.b."]}))
    ('Column "size": 1 cell counts as missing: "n.b." at row index 1.',)
    """
    columns = (column for column in column_encoders(encoder) if column.column in source.column_names)
    with rows_called(source.in_memory):
        return tuple(note for note in (_note(column, source) for column in columns) if note is not None)


def _note(encoder: Any, source: Source) -> str | None:
    cells = source.frame[encoder.column]
    if not isinstance(encoder, (NumberEncoder, DateEncoder)) or not parsing.is_string(cells):
        return None
    form = encoder.number_format if isinstance(encoder, NumberEncoder) else encoder.date_format
    values, wrong = form.read(cells)
    if wrong is not None:
        return None  # which the encoder refuses
    strings = parsing.clean_strings(cells)
    missing = np.isnan(values) if isinstance(values, np.ndarray) else values.is_null().to_numpy()
    return missing_note(strings, strings.is_not_null().to_numpy() & missing)
