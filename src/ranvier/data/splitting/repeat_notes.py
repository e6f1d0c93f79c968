"""What to say of files that stand in several rows: copies, copies with different labels, and pictures that look alike.

B is the number of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.decoded_columns import names_of_rows
from ranvier.data.readable_cells import listed_names
from ranvier.data.repeated_cells import conflict_note
from ranvier.data.sources.source import Source
from ranvier.data.splitting.name_groups import name_group_note
from ranvier.data.splitting.repeated_pictures import codes_of, digests_of
from ranvier.plural import plural
from ranvier.rows.row_names import row_name, rows_called

if TYPE_CHECKING:
    from ranvier.data.labelled_rows import LabelledRows

MIN_SIDE = 48
"""Smaller pictures, such as digits, look alike without being copies."""
DOWN, ACROSS = 8, 9
BLOCK = 1024


def repeat_notes(parts: Mapping[str, LabelledRows], labels: bool = False, by_chance: bool = False) -> list[str]:
    """Sentences on files that stand several times in a part, under different labels, or in two parts.

    Parameters:
        parts: the rows of "training" and of other parts.
        labels: whether targets are classes.
        by_chance: whether the parts are divided by chance alone, so that speakers may stand in two of them.
    """
    digests = {name: digests_of(part.source) for name, part in parts.items()}
    coded = [codes for codes in map(codes_of, digests.values()) if codes is not None]
    copies = sum(len(codes) - len(np.unique(codes)) for codes in coded)
    notes = []
    if copies:
        what = plural(copies, "row repeats another one's file", "rows repeat the files of others")
        notes.append(f"{what}; copies stay in one part of the rows.")
    if labels:
        notes += _conflict_note(parts, digests)
    learned = [frozenset(column.tolist()) for column in digests["training"]]
    shown = _difference_hashes(parts["training"].source) if len(parts) > 1 and learned else None
    for name, columns in digests.items():
        if name == "training" or not learned:
            continue
        repeats_of_parts = [
            np.array([digest in training_digests for digest in column.tolist()])
            for training_digests, column in zip(learned, columns, strict=False)
        ]
        is_copy = np.any(repeats_of_parts, axis=0)
        if is_copy.any():
            what = plural(int(is_copy.sum()), f"file of the {name} rows stands", f"files of the {name} rows stand")
            notes.append(f"{what} among the training rows, too.")
        if shown is not None:
            notes += _look_alike_note(parts["training"].source, shown, parts[name].source, is_copy, name)
    if by_chance and "training" in parts:
        notes += name_group_note(parts["training"], parts.get("test"))
    return notes


def _conflict_note(parts: Mapping[str, LabelledRows], digests: Mapping[str, Any]) -> list[str]:
    """A sentence on equal files under different labels, where files are all that rows have."""
    rows_of: dict[bytes, list[tuple[str, str]]] = {}
    for name, part in parts.items():
        if len(digests[name]) != 1 or part.source.frame.width > 2 or part.values.ndim != 1:
            return []
        with rows_called(part.indexed):
            names = names_of_rows(part.source) or [row_name(row) for row in part.row_numbers.tolist()]
        for digest, called, label in zip(digests[name][0].tolist(), names, part.values.tolist(), strict=True):
            rows_of.setdefault(digest, []).append((called, str(label)))
    return conflict_note(rows_of.values())


def _look_alike_note(
    training: Source, shown: NDArray[np.uint64], part: Source, is_copy: NDArray[np.bool_], name: str
) -> list[str]:
    """A sentence on pictures of a part that look like training pictures and are no copies of them.

    Parameters:
        shown: what `_difference_hashes` gives of the training pictures.
        is_copy: which pictures of the part are copies, shape (B,).
        name: of the part.
    """
    hashes = _difference_hashes(part)
    if hashes is None:
        return []
    first = {value: row for row, value in reversed(list(enumerate(shown.tolist()))) if value}
    alike = [(row, first[value]) for row, value in enumerate(hashes.tolist()) if value in first and not is_copy[row]]
    if not alike:
        return []
    names = [names_of_rows(source) for source in (part, training)]
    pairs = [
        " like ".join(
            str(row) if part_names is None else part_names[row] for part_names, row in zip(names, pair, strict=True)
        )
        for pair in alike
    ]
    what = plural(len(alike), f"picture of the {name} rows looks", f"pictures of the {name} rows look")
    return [f"{what} nearly like training pictures, which makes them easy: {listed_names(pairs)}."]


def _difference_hashes(source: Source) -> NDArray[np.uint64] | None:
    """A number for each picture that small changes leave alone, shape (B,), 0 for even ones; None without photos.

    The picture is averaged to 8 x 9 numbers; a bit says whether one is larger than its left neighbour.
    """
    forms = source.forms
    shown = [name for name, form in forms.items() if len(form.shape) == 3 and min(form.shape[:2]) >= MIN_SIDE]
    if len(forms) != 1 or not shown or not source.rows:
        return None
    pixels = source.frame[shown[0]].to_numpy()
    hashes = np.empty(len(pixels), np.uint64)
    edges = [np.arange(count) * size // count for count, size in zip((DOWN, ACROSS), pixels.shape[1:3], strict=True)]
    sizes = [np.diff([*starts, size]) for starts, size in zip(edges, pixels.shape[1:3], strict=True)]
    for start in range(0, len(pixels), BLOCK):
        block = pixels[start : start + BLOCK]
        grey = block.reshape(*block.shape[:3], -1).sum(axis=3, dtype=np.int64)
        sums = np.add.reduceat(np.add.reduceat(grey, edges[0], axis=1), edges[1], axis=2)
        means = sums / (sizes[0][:, None] * sizes[1])
        bits = np.packbits(means[:, :, 1:] > means[:, :, :-1], axis=2).reshape(len(block), DOWN)
        hashes[start : start + len(block)] = np.ascontiguousarray(bits).view(np.uint64)[:, 0]
    return hashes
