"""The parts of a column's cells that attributions are divided among: words, pixels, bands and frames. n rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.row_encoder import column_encoders
from ranvier.errors import InputError
from ranvier.rows import CSR

if TYPE_CHECKING:
    from ranvier.data.encoders.text import TextEncoder

Array = NDArray[Any]
KINDS = ("text", "image", "sound")


def part_encoder(encoder: Any, column: str | None) -> Any:
    """The encoder of a column whose cells have parts.

    Parameters:
        encoder: of a model.
        column: its name; None for the only one.

    Raises:
        InputError: there is no such column, or there are several.
    """
    encoders = {part.column: part for part in column_encoders(encoder) if part.kind in KINDS}
    if column is None and len(encoders) == 1:
        return next(iter(encoders.values()))
    names = ", ".join(f'"{name}"' for name in encoders) or "none"
    if column is None:
        raise InputError(f"Choose a column of texts, pictures or recordings; the model has {names}.")
    if column not in encoders:
        raise InputError(f'"{column}" is no column of texts, pictures or recordings; of these the model has {names}.')
    return encoders[column]


def part_words(
    encoder: TextEncoder, cells: Any, entries: CSR | None, values: Array | None, columns: slice
) -> tuple[tuple[tuple[str, float], ...], ...]:
    """Of each text the words and what they add.

    Parameters:
        encoder, cells: of the column.
        entries, values: the CSR block of the rows and what each of its entries adds, (nnz,).
        columns: of the column in the CSR block.
    """
    from ranvier.data.encoders.text import texts_of
    from ranvier.explain.words import word_values, words_of

    assert entries is not None
    assert values is not None
    result = []
    for row, (words, capitals) in enumerate(words_of(texts_of(cells))):
        row_slice = slice(entries.indptr[row], entries.indptr[row + 1])
        added = {
            int(feature) - columns.start: float(value)
            for feature, value in zip(entries.indices[row_slice], values[row_slice], strict=True)
            if columns.start <= feature < columns.stop
        }
        result.append(tuple(zip(words, word_values(encoder, words, capitals, added)[0], strict=True)))
    return tuple(result)


def part_maps(encoder: Any, cells: Any, contributions: Array) -> NDArray[np.float64]:
    """What each pixel adds, (n, H, W), or each band and frame, (n, F, T), from what each feature adds, (n, width)."""
    from ranvier.explain.maps import picture_maps, spectrogram_maps

    decoded = encoder.decode(cells)
    return (picture_maps if encoder.kind == "image" else spectrogram_maps)(encoder, decoded, contributions)
