"""Which columns are permuted together: each alone, groups by name, or those that are correlated. n rows, C columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError, nearest
from ranvier.explain.blocks import NOTHING, InputBlock
from ranvier.records import record
from ranvier.rows import Inputs
from ranvier.rows.some_rows import evenly

CORRELATED = "correlated"
MIN_CORRELATION = 0.8
MAX_ROWS = 4096
"""How many rows correlations are measured on; they lie evenly among all."""
MAX_FEATURES = 256
"""Columns of more inputs, such as texts and pictures, are not compared with others."""


@record
class ColumnGroup:
    """Columns that are permuted together: `name`, and their `blocks`."""

    name: str
    blocks: tuple[InputBlock, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(block.column for block in self.blocks)


def column_groups(blocks: Sequence[InputBlock], groups: Any, inputs: Inputs) -> list[ColumnGroup]:
    """The groups of columns, in the order of their first columns; a column of no group is one of its own.

    Parameters:
        blocks: of all columns.
        groups: None for each column alone; name -> columns; sequences of columns; or "correlated".
        inputs: the rows that correlations are measured on.

    Raises:
        InputError: the groups are something else, name an unknown column, or name one twice.

    >>> blocks = (InputBlock("a", slice(0, 1)), InputBlock("b", slice(1, 2)), InputBlock("c", slice(2, 3)))
    >>> [group.name for group in column_groups(blocks, [["c", "a"]], Inputs(np.zeros((1, 3))))]
    ['a + c', 'b']
    """
    named = _named(blocks, groups, inputs)
    index = {block.column: at for at, block in enumerate(blocks)}
    group_of: dict[int, str] = {}
    for name, columns in named:
        for column in columns:
            if column not in index:
                raise InputError(f'groups names the column "{column}". {nearest(str(column), list(index))}')
            if index[column] in group_of:
                raise InputError(f'groups has the column "{column}" twice; give each column in one group.')
            group_of[index[column]] = name
    members: dict[tuple[int, str], list[InputBlock]] = {}
    first: dict[str, int] = {}
    for at, block in enumerate(blocks):
        group = group_of.get(at)
        key = (at, block.column) if group is None else (first.setdefault(group, at), group)
        members.setdefault(key, []).append(block)
    return [ColumnGroup(name, tuple(parts)) for (_, name), parts in members.items()]


def _named(blocks: Sequence[InputBlock], groups: Any, inputs: Inputs) -> list[tuple[str, list[str]]]:
    """The groups with their names, each a list of columns."""
    if groups is None:
        return []
    if isinstance(groups, str) and groups == CORRELATED:
        groups = correlated_columns(blocks, inputs)
    if isinstance(groups, Mapping):
        named = [(str(name), list(columns)) for name, columns in groups.items() if not isinstance(columns, str)]
        if len(named) == len(groups):
            return named
    elif isinstance(groups, Sequence) and not isinstance(groups, str):
        lists = [list(columns) for columns in groups if isinstance(columns, Sequence) and not isinstance(columns, str)]
        if len(lists) == len(groups):
            order = {block.column: at for at, block in enumerate(blocks)}
            ordered = [sorted(columns, key=lambda column: order.get(column, -1)) for columns in lists]
            return [(" + ".join(map(str, columns)), columns) for columns in ordered]
    raise InputError(
        f"groups is {groups!r}; it must be lists of columns, such as [['height', 'weight']], a dictionary of name to "
        f"columns, '{CORRELATED}', or None."
    )


def correlated_columns(blocks: Sequence[InputBlock], inputs: Inputs) -> list[list[str]]:
    """The groups of two or more columns that are correlated, directly or by way of others.

    Two columns are correlated where the inputs of one predict those of the other linearly with R2 >= 0.64, which for
    two numbers is a correlation of 0.8. R2 is the fraction of the variance of all inputs of a column together, adjusted
    for the number of inputs it is predicted from; the larger of both directions counts. So a category and its number
    are correlated.

    Source: Stewart, Love, "A general canonical correlation index", Psychological Bulletin 1968 (the redundancy index).

    >>> x = np.arange(20.0)
    >>> rows = Inputs(np.stack([x, 3 - x, x % 3], axis=1))
    >>> correlated_columns([InputBlock(name, slice(at, at + 1)) for at, name in enumerate("abc")], rows)
    [['a', 'b']]
    """
    width = {block.column: block.dense.stop - block.dense.start for block in blocks if block.csr == NOTHING}
    compared = [block for block in blocks if 0 < width.get(block.column, 0) <= MAX_FEATURES]
    if len(compared) < 2 or len(inputs) < 3:
        return []
    related = _redundancy(compared, inputs) >= MIN_CORRELATION**2
    related |= related.T
    group = np.arange(len(compared))
    for at in range(len(compared)):
        for other in np.unique(group[related[at]]):
            group[group == other] = group[at]
    names = [[block.column for block, number in zip(compared, group, strict=True) if number == key] for key in group]
    return [columns for at, columns in enumerate(names) if len(columns) > 1 and compared[at].column == columns[0]]


def _redundancy(blocks: Sequence[InputBlock], inputs: Inputs) -> NDArray[np.float64]:
    """The adjusted R2 of predicting each column (second axis) from each (first axis), shape (C, C); 0 for itself."""
    rows = evenly(len(inputs), MAX_ROWS)
    dense, n_rows = inputs.dense[rows], len(rows)
    whitened, centred, ranks, starts, variances = [], [], [], [0], []
    for block in blocks:
        values = dense[:, block.dense].astype(np.float64)
        values -= values.mean(axis=0)
        length, axes = np.linalg.eigh(values.T @ values)
        nonzero = length > max(1e-9 * float(length.max(initial=0.0)), 1e-12)
        whitened.append(values @ (axes[:, nonzero] / np.sqrt(length[nonzero])))
        centred.append(values)
        ranks.append(int(nonzero.sum()))
        variances.append(float(length.sum()))
        starts.append(starts[-1] + values.shape[1])
    everything = np.concatenate(centred, axis=1)
    r_squared = np.zeros((len(blocks), len(blocks)))
    for at, basis in enumerate(whitened):
        explained = ((basis.T @ everything) ** 2).sum(axis=0) if ranks[at] else np.zeros(everything.shape[1])
        r_squared[at] = np.add.reduceat(explained, starts[:-1]) / np.maximum(variances, 1e-300)
        free = n_rows - ranks[at] - 1
        r_squared[at] = 1.0 - (1.0 - r_squared[at]) * (n_rows - 1) / free if free > 0 else 0.0
    r_squared[:, np.array(variances) <= 1e-12] = 0.0
    np.fill_diagonal(r_squared, 0.0)
    return r_squared
