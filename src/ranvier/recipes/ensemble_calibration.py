"""The calibration of several networks that are merged, from one network and a second one that left rows out.

The networks of an ensemble that are trained on all rows leave none out. Two like them are trained on fewer rows: what
each of the two says of rows left out, and what their mean says, tell how the mean of more of them is calibrated.

n rows, N outputs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ranvier.network.task import Task
from ranvier.recipes.left_out import held_out_rows, merged_inverse_temperature
from ranvier.recipes.out_of_fold import Member
from ranvier.rows import Rows
from ranvier.training.held_out import HeldOut
from ranvier.training.logits import logits_of, probabilities_of
from ranvier.training.temperature import MIN_ROWS

Array = NDArray[np.floating]
Part = TypeVar("Part")


def enough_parts(parts: Iterable[Part], sizes: Iterable[int]) -> list[Part]:
    """The first parts that have the rows together that a temperature needs, or all of them.

    >>> enough_parts("abcd", [80, 20, 90, 90])
    ['a', 'b']
    """
    some, count = list[Part](), 0
    for part, size in zip(parts, sizes, strict=True):
        if count < MIN_ROWS:
            some.append(part)
            count += size
    return some


def calibration_of_mean(
    task: Task, first: Array, second: Array, targets: Array, weights: Array | None, n_networks: int
) -> tuple[float, HeldOut | None]:
    """The factor of the mean of the logits of so many networks, and what they say of the rows left out, calibrated.

    Parameters:
        task: what the outputs mean.
        first: what one network outputs for rows that it was not trained on, (n, N).
        second: what another one does for the first of these rows.
        targets, weights: of the rows, (n, N) or (n, 1) and (n,); the latter None for equal weights.
        n_networks: how many like these two are merged.

    >>> sure, right = np.tile([[0.9], [0.1]], (100, 1)), np.tile([[1.0], [0.0], [1.0], [1.0]], (50, 1))
    >>> round(calibration_of_mean(Task("binary", 1, ("no", "yes")), sure, sure, right, None, 3)[0], 2)
    0.51
    """
    members = []
    for outputs in (first, second):
        count = len(outputs)
        rows = Rows(np.zeros((count, 1)), targets[:count], None if weights is None else weights[:count])
        members.append(Member(rows, outputs, np.arange(count)))
    factor = merged_inverse_temperature(task, members, n_networks)
    return factor, held_out_rows(task, members, factor, n_networks)


def mean_of(task: Task, outputs: Iterable[Array], fractions: Iterable[float]) -> NDArray[np.float64]:
    """The outputs (n, N) of a merged network: those of the mean of the logits, each with its fraction.

    >>> mean_of(Task("binary", 1, ("no", "yes")), [np.array([[0.9]]), np.array([[0.1]])], [0.5, 0.5]).round(3).tolist()
    [[0.5]]
    """
    parts = [fraction * logits_of(task, part) for part, fraction in zip(outputs, fractions, strict=True)]
    return probabilities_of(task, np.sum(parts, axis=0))
