"""Sentences on targets far from all others, such as a 1e9 among prices near 50."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.target import TargetEncoder
from ranvier.data.encoders.usual_range import are_far, usual_ranges
from ranvier.rows.row_names import at_row


def far_target_notes(target: TargetEncoder, values: Any, row_numbers: NDArray[np.int64]) -> tuple[str, ...]:
    """A sentence on each target column with values far from all others: one of them, its row, what becomes of it.

    Parameters:
        target: as learned from the training rows.
        values, row_numbers: the targets of all rows, and the numbers of the rows in the user's data, counted from 0.

    >>> from ranvier.data.encoders.target import fit_target
    >>> from ranvier.network.task import Task
    >>> prices = [*range(40, 60), 1e9]
    >>> encoder = fit_target(prices, Task("regression", 1, target_names=("price",)))
    >>> far_target_notes(encoder, prices, np.arange(21))[0].split(";")[0]
    'Target "price": 1e+09 in row 21 lies far from all other values'
    """
    if target.task.kind != "regression":
        return ()
    numbers = target.numbers(values)
    ranges = usual_ranges(numbers)
    far = are_far(numbers, ranges)
    return tuple(
        _note(name, numbers[:, column], np.flatnonzero(far[:, column]), row_numbers)
        for column, name in zip(
            range(0, numbers.shape[1], max(1, len(target.levels))), target.column_names, strict=True
        )
        if far[:, column].any()
    )


def _note(name: str, numbers: NDArray[np.float64], far: NDArray[np.int64], row_numbers: NDArray[np.int64]) -> str:
    first = int(far[np.argmin(row_numbers[far])])
    shown = f"{numbers[first]:.6g} {at_row(row_numbers[first])}"
    if len(far) == 1:
        return (
            f'Target "{name}": {shown} lies far from all other values; in training it counts as the nearest of them, '
            "in the metrics as it is. Is it a mistake?"
        )
    return (
        f'Target "{name}": {len(far):,} values, such as {shown}, lie far from all others; in training they count as '
        "the nearest of these, in the metrics as they are. Are they mistakes?"
    )
