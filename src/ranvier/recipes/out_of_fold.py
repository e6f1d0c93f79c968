"""Which rows each network of an ensemble leaves out.

n rows of all networks together, N outputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.decoding import class_indices
from ranvier.network.task import Task
from ranvier.random import SEED_RANGE
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.rows.class_numbers import one_hot
from ranvier.rows.split import split_rows
from ranvier.training.logits import row_log_losses

Array = NDArray[Any]
PARTS_PER_FOLD = 3
"""A fold has three parts, and shares one with the fold of the next network."""


@record(eq=False)
class Member:
    """A trained network of an ensemble.

    Fields:
        validation: its validation rows.
        outputs: what it outputs for these, (rows, N).
        index: which rows of the ensemble they are, (rows,); None where all networks have the same validation rows.
    """

    validation: Rows
    outputs: Array
    index: NDArray[np.int64] | None = None


def first_left_out(members: Sequence[Member]) -> NDArray[np.bool_]:
    """Of the validation rows of networks, one network's after the other's, those that no earlier network left out.

    >>> rows = Rows(np.zeros((2, 1)), np.zeros((2, 1)))
    >>> first_left_out([Member(rows, rows.targets, np.array(index)) for index in ([3, 5], [5, 8])]).tolist()
    [True, True, False, True]
    """
    is_first = np.ones(sum(len(member.validation) for member in members), np.bool_)
    numbers = [member.index for member in members if member.index is not None]
    if len(numbers) == len(members) > 0:
        is_first[:] = False
        is_first[np.unique(np.concatenate(numbers), return_index=True)[1]] = True
    return is_first


def row_losses(task: Task, logits: Array, targets: Array) -> NDArray[np.float64]:
    """The log loss of each row, the mean over labels; the squared error of a regression, (n,)."""
    if task.kind == "regression":
        return np.asarray(np.nanmean(np.square(logits - targets), axis=1), np.float64)
    labels = 1 if task.kind == "multiclass" else logits.shape[1]
    return row_log_losses(task, logits, one_hot(targets, logits.shape[1])) / labels


def member_splits(
    task: Task, rows: Rows, validation: Rows | None, n_networks: int, n_folds: int, seed: int, overlap: bool = True
) -> Iterator[tuple[Rows, Rows | None]]:
    """The training and validation rows of every network of an ensemble: those that `left_out_rows` leaves out.

    Where validation rows are given, or with one fold, all networks are trained on all rows.
    """
    for left_out in left_out_rows(task, rows, validation, n_networks, n_folds, seed, overlap):
        yield divided(rows, validation, left_out)


def divided(rows: Rows, validation: Rows | None, left_out: NDArray[np.int64] | None) -> tuple[Rows, Rows | None]:
    """The training and validation rows of a network, by what `left_out_rows` gives for it."""
    if left_out is None:
        return rows, validation
    learned = np.setdiff1d(np.arange(len(rows)), left_out, assume_unique=True)
    return rows.take(learned), rows.take(left_out)


def left_out_rows(
    task: Task, rows: Rows, validation: Rows | None, n_networks: int, n_folds: int, seed: int, overlap: bool = True
) -> Iterator[NDArray[np.int64] | None]:
    """Which rows every network of an ensemble leaves out, sorted; None for none.

    The rows are divided into parts, three a fold, that hold the classes in proportion and stand in a circle. The first
    network leaves out the first three, the next one those from the last of these on, and so on. So each fold shares a
    part with the next: the outputs of two networks for rows that both left out tell how much better their mean is. Of
    few rows or groups there are fewer parts. Rows of a group are in one part.

    Without overlap, as development versions divided the rows, each network leaves out the next fold of one part, and
    once every fold was left out the rows are divided again.

    >>> rows = Rows(np.zeros((9, 1)), np.zeros((9, 1)))
    >>> [index.tolist() for index in left_out_rows(Task("regression", 1), rows, None, 2, 3, 0)]
    [[1, 4, 8], [0, 5, 8]]
    """
    n_folds = possible_folds(rows, n_folds)
    if validation is not None or n_folds < 2:
        yield from (None for _ in range(n_networks))
        return
    units = len(rows) if rows.groups is None else len(np.unique(rows.groups))
    n_parts = min(PARTS_PER_FOLD * n_folds, units) if overlap else n_folds
    width = max(n_parts // n_folds, 1)
    labels = class_indices(task, rows.targets) if task.is_classifier else None
    for number in range(n_networks):
        if number == 0 or (not overlap and number % n_folds == 0):
            division_seed = (seed + number) % SEED_RANGE
            parts = split_rows(len(rows), (1.0 / n_parts,) * n_parts, division_seed, labels, rows.groups)
        first = number * max(width - 1, 1)
        # The first part has a row of each class, so that it is left out late.
        yield np.sort(np.concatenate([parts[-1 - (first + at) % n_parts] for at in range(width)]))


def possible_folds(rows: Rows, n_folds: int) -> int:
    """Into how many folds rows can be divided: at most one for each group.

    >>> possible_folds(Rows(np.zeros((4, 1)), np.zeros((4, 1)), groups=np.array([0, 0, 1, 2])), 5)
    3
    """
    return n_folds if rows.groups is None else min(n_folds, len(np.unique(rows.groups)))
