"""Which files of a column repeat earlier ones, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.readable_cells import listed_names
from ranvier.plural import plural


def repeats_note(decoded: NDArray[Any], cells: Sequence[Any], rows: NDArray[np.int64], what: str) -> list[str]:
    """A sentence on those that are equal to earlier ones; nothing where all differ.

    Parameters:
        decoded: what was read, shape (B, ...).
        cells: all of the column, of which those of files have a name.
        rows: the index of each that was read among them, shape (B,).
        what: one of them is called.

    >>> repeats_note(np.zeros((2, 4)), ["broken", "a", "b"], np.array([1, 2]), "picture")
    ['1 picture repeats an earlier one: row index 2 as row index 1.']
    """
    names = [str(getattr(cells[row], "name", f"row index {row}")) for row in rows.tolist()]
    first: dict[bytes, str] = {}
    pairs = []
    for name, content in zip(names, decoded, strict=True):
        digest = blake2b(content.tobytes(), digest_size=16).digest()
        if digest in first:
            pairs.append(f"{name} as {first[digest]}")
        first.setdefault(digest, name)
    repeated = plural(len(pairs), f"{what} repeats", f"{what}s repeat")
    return [f"{repeated} an earlier one: {listed_names(pairs)}."] if pairs else []
