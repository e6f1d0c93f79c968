"""The division of rows into parts by chance; each part holds the classes in proportion. B is the number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError, ShapeError
from ranvier.plural import plural
from ranvier.random import SPLIT, order_of, wide_bits


def split_rows(
    rows: int,
    fractions: Sequence[float],
    seed: int,
    labels: NDArray[Any] | None = None,
    groups: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.int64], ...]:
    """Divide row numbers into parts by chance, the same for the same seed.

    Each part with a fraction above 0 gets at least one row if there are enough rows. With labels, each part gets each
    class in about its fraction, and the first part at least one row of every class if it has room for them.

    Parameters:
        rows: B, the number of rows.
        fractions: the fraction of each part, summing to 1; the first is the training part.
        seed: an integer from 0 to 2**64 - 1.
        labels: the class of each row, shape (B,).
        groups: the number of the group of each row, shape (B,), which `split_groups` then divides; None for no groups.

    Returns one sorted array of row numbers for each fraction.

    Raises:
        InputError: the fractions are negative or do not sum to 1.

    >>> [len(part) for part in split_rows(10, (0.7, 0.1, 0.2), seed=0)]
    [7, 1, 2]
    """
    if groups is not None:
        return split_groups(groups, fractions, seed, labels)
    wanted = np.asarray(fractions, np.float64)
    if wanted.ndim != 1 or wanted.size == 0 or not (wanted >= 0).all() or abs(wanted.sum() - 1.0) > 1e-6:
        raise InputError(f"The fractions are {list(fractions)}; they must be at least 0 and sum to 1.")
    if labels is not None and len(labels) != rows:
        raise ShapeError(f"There are {plural(len(labels), 'label')} and {plural(rows, 'row')}.")
    order = order_of(wide_bits(seed, SPLIT, 0, 0, rows))
    if labels is not None:
        order = order[stratified_order(np.asarray(labels)[order])]
    sizes = part_sizes(rows, wanted)
    edges = rows - np.cumsum(sizes)
    starts, ends = edges, edges + sizes
    return tuple(np.sort(order[start:end]) for start, end in zip(starts, ends, strict=True))


def split_groups(
    groups: NDArray[np.int64], fractions: Sequence[float], seed: int, labels: NDArray[Any] | None = None
) -> tuple[NDArray[np.int64], ...]:
    """Divide row numbers into parts by chance, all rows of a group into one part.

    The groups come in random order, and each goes where it brings the numbers of rows, of every class, nearest to the
    fractions. A group that alone has a class goes to the first part, unless every group does. Each part with a fraction
    above 0 gets at least one group if there are enough groups.

    Parameters:
        groups: the number of the group of each row, shape (B,).
        fractions, seed, labels: as for `split_rows`.

    Returns one sorted array of row numbers for each fraction.

    >>> [part.tolist() for part in split_groups(np.array([0, 0, 1, 1, 2, 2]), (0.67, 0.33), seed=0)]
    [[0, 1, 2, 3], [4, 5]]
    """
    codes = np.unique(groups, return_inverse=True)[1].reshape(-1)
    classes = (
        np.zeros(len(codes), np.int64) if labels is None else np.unique(labels, return_inverse=True)[1].reshape(-1)
    )
    n_groups, n_classes = int(codes.max()) + 1, int(classes.max()) + 1
    counts = np.bincount(codes * n_classes + classes, minlength=n_groups * n_classes).reshape(n_groups, n_classes)
    used = np.flatnonzero(np.asarray(fractions) > 0)
    expected = np.asarray(fractions, np.float64)[used, None] * counts.sum(axis=0)
    missing = -expected
    part_of = np.empty(n_groups, np.int64)
    alone = np.asarray((counts[:, np.count_nonzero(counts, axis=0) == 1] > 0).any(axis=1), np.bool_)
    alone &= not alone.all()
    for group in order_of(wide_bits(seed, SPLIT, 0, 1, n_groups)):
        # The growth of the sum of (rows - expected)**2 / expected if the group goes to each part.
        growth = (counts[group] * (2 * missing + counts[group]) / expected).sum(axis=1)
        part = 0 if alone[group] else int(growth.argmin())
        part_of[group] = part
        missing[part] += counts[group]
    sizes = counts.sum(axis=1)
    for part in range(len(used)):
        if n_groups >= len(used) and not (part_of == part).any():
            spare = np.bincount(part_of, minlength=len(used))[part_of] > 1
            part_of[int(np.where(spare, sizes, sizes.max() + 1).argmin())] = part
    index = {int(part): np.flatnonzero(part_of[codes] == at) for at, part in enumerate(used)}
    return tuple(index.get(part, np.zeros(0, np.int64)) for part in range(len(fractions)))


def part_sizes(rows: int, fractions: NDArray[np.float64]) -> NDArray[np.int64]:
    """The number of rows of each part: nearest to its fraction, at least one, the first part taking what is left.

    >>> part_sizes(10, np.array([0.7, 0.04, 0.26])).tolist()
    [6, 1, 3]
    """
    sizes = np.floor(rows * fractions + 0.5).astype(np.int64)
    sizes[(sizes == 0) & (fractions > 0)] = 1
    for part in range(len(sizes) - 1, 0, -1):
        needed = 1 if fractions[0] > 0 else 0
        sizes[part] = min(sizes[part], max(rows - needed - int(sizes[part + 1 :].sum()), 0))
    sizes[0] = rows - sizes[1:].sum()
    return sizes


def stratified_order(labels: NDArray[Any]) -> NDArray[np.int64]:
    """An order of rows in which every stretch holds the classes in proportion, with one row of each class at the end.

    The row that is number j of the n of its class (counted from 0) stands at (j + 1/2) / n, the last one at the end.

    >>> stratified_order(np.array(["a", "a", "b", "a", "b", "a"])).tolist()
    [0, 2, 1, 3, 4, 5]
    """
    codes = np.unique(labels, return_inverse=True)[1].reshape(-1)
    by_class = np.argsort(codes, kind="stable")
    counts = np.bincount(codes)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    number = np.arange(len(labels)) - first
    size = np.repeat(counts, counts)
    positions = np.empty(len(labels))
    positions[by_class] = np.where(number == size - 1, 2.0, (number + 0.5) / size)
    return np.argsort(positions, kind="stable")
