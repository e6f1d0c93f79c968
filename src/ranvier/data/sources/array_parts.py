"""Arrays that are divided into training, validation and test rows where they are stored, as one source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.sources.array_source import Arrays, arrays_from
from ranvier.data.sources.origin import sentence_start
from ranvier.errors import DataError

Array = NDArray[Any]
PARTS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "validation"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What a folder, file or array with a part of the rows is called -> the part."""


def arrays_of_parts(
    parts: Mapping[str, tuple[Array, Array | None]], origin: str, notes: tuple[str, ...] = ()
) -> Arrays:
    """The rows of several parts, one part below the other.

    Parameters:
        parts: "train", "validation" or "test" -> inputs and targets; "" for rows of no part, which are alone.
        origin, notes: as for `Arrays`.

    Parts without targets, beside training rows that have some, are left out.

    Raises:
        DataError: the rows of two parts have different shapes, or only others than the training rows have targets.

    >>> rows = {"train": (np.zeros((2, 3)), np.array([0, 1])), "test": (np.ones((1, 3)), np.array([1]))}
    >>> arrays_of_parts(rows, "the arrays").part("test").inputs.tolist()
    [[1.0, 1.0, 1.0]]
    """
    start = sentence_start(origin)
    bare = [name for name, (_, targets) in parts.items() if targets is None]
    if bare and len(bare) < len(parts):
        if "train" in bare:
            raise DataError(f"{start} holds targets for other rows, and none for the training rows. Add theirs.")
        notes = (*notes, f"Left out: the {' and '.join(bare)} rows, which have no targets.")
        parts = {name: part for name, part in parts.items() if name not in bare}
    arrays = {name: arrays_from(inputs, targets, origin) for name, (inputs, targets) in parts.items()}
    (first, rows), *others = arrays.items()
    for name, other in others:
        if other.shape != rows.shape or other.inputs.dtype != rows.inputs.dtype:
            kinds = [f"{part.inputs.dtype} {part.shape}" for part in (rows, other)]
            raise DataError(
                f"{start} holds {first} rows of {kinds[0]} and {name} rows of {kinds[1]}; rows of one shape and type "
                "were expected. Make them alike, or leave one of the parts out."
            )
    if not others:
        return replace(rows, notes=notes, parts=np.full(rows.rows, first) if first else None)
    return Arrays(
        np.concatenate([part.inputs for part in arrays.values()]),
        np.concatenate([part.targets for part in arrays.values() if part.targets is not None]) if not bare else None,
        origin,
        rows.shape,
        notes,
        np.repeat(list(arrays), [part.rows for part in arrays.values()]),
    )
