"""Which files of a column repeat earlier ones, in a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from numpy.typing import NDArray

from ranvier.data.readable_cells import listed_names
from ranvier.plural import plural


def repeats_note(decoded: NDArray[Any], names: Sequence[str], what: str) -> list[str]:
    """A sentence on those that are equal to earlier ones; nothing where all differ.

    Parameters:
        decoded: what was read, shape (B, ...).
        names: of each.
        what: one of them is called.

    >>> import numpy as np
    >>> repeats_note(np.zeros((2, 4)), ["a.png", "b.png"], "picture")
    ['1 picture repeats an earlier one: b.png as a.png.']
    """
    first: dict[bytes, str] = {}
    pairs = []
    for name, cells in zip(names, decoded, strict=True):
        digest = blake2b(cells.tobytes(), digest_size=16).digest()
        if digest in first:
            pairs.append(f"{name} as {first[digest]}")
        first.setdefault(digest, name)
    repeated = plural(len(pairs), f"{what} repeats", f"{what}s repeat")
    return [f"{repeated} an earlier one: {listed_names(pairs)}."] if pairs else []
