"""Which files of a column repeat earlier ones, and which of these have other labels, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.readable_cells import listed_names
from ranvier.plural import plural


def repeats_note(
    decoded: NDArray[Any],
    cells: Sequence[Any],
    rows: NDArray[np.int64],
    what: str,
    labels: Sequence[Any] | None = None,
) -> list[str]:
    """Sentences on those that are equal to earlier ones, also under other labels; nothing where all differ.

    Parameters:
        decoded: what was read, shape (B, ...).
        cells: all of the column, of which those of files have a name.
        rows: the index of each that was read among them, shape (B,).
        what: one of them is called.
        labels: the class of each cell; None where there are none.

    >>> repeats_note(np.zeros((2, 4)), ["broken", "a", "b"], np.array([1, 2]), "picture")
    ['1 picture repeats an earlier one: row index 2 as row index 1.']
    """
    names = [str(getattr(cells[row], "name", f"row index {row}")) for row in rows.tolist()]
    label_texts = [""] * len(names) if labels is None else [str(labels[row]) for row in rows.tolist()]
    same: dict[bytes, list[tuple[str, str]]] = {}
    pairs = []
    for name, label, content in zip(names, label_texts, decoded, strict=True):
        equal = same.setdefault(blake2b(content.tobytes(), digest_size=16).digest(), [])
        pairs += [f"{name} as {equal[0][0]}"] if equal else []
        equal.append((name, label))
    if not pairs:
        return []
    repeated = plural(len(pairs), f"{what} repeats", f"{what}s repeat")
    return [f"{repeated} an earlier one: {listed_names(pairs)}.", *conflict_note(same.values())]


def conflict_note(equal: Iterable[Sequence[tuple[str, str]]]) -> list[str]:
    """A sentence on equal files that have several labels.

    Parameters:
        equal: the names and labels of files that are equal, for each such set.

    >>> conflict_note([[("a.png", "cat"), ("b.png", "dog")], [("c.png", "cat"), ("d.png", "cat")]])
    ['1 file stands under different labels: a.png (cat) and b.png (dog). One of them is wrong.']
    """
    conflicts = [files for files in equal if len({label for _, label in files}) > 1]
    if not conflicts:
        return []
    shown = listed_names([" and ".join(f"{name} ({label})" for name, label in files[:3]) for files in conflicts])
    what = plural(len(conflicts), "file stands", "files stand")
    return [f"{what} under different labels: {shown}. One of them is wrong."]
