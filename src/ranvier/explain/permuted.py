"""The outputs of a network for rows whose cells in some columns are those of other rows. n rows, N outputs.

A row whose new cells equal its own ones has the outputs that it had, and a row that gets the same cells in several
orders is computed once; in columns of categories that is most of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.explain.blocks import ROWS_AT_ONCE, InputBlock, MixedRows, first_equal_rows
from ranvier.rows import Inputs

Array = NDArray[Any]
Integers = NDArray[np.int64]
MAX_OUTPUTS = 2**25
"""How many outputs of several orders are held at once."""
MAX_PAIRS = 2**22
"""Up to so many pairs of a row and the cells of another one are looked up in a table."""


def permuted_outputs(
    outputs_of: Callable[[Inputs], Array],
    inputs: Inputs,
    blocks: Sequence[InputBlock],
    outputs: Array,
    orders: Sequence[Integers],
) -> Iterator[Array]:
    """The outputs (n, N) for each order, in which row i has the cells of row `order[i]` in the blocks.

    Parameters:
        outputs_of: the network.
        inputs: the rows, (n, K).
        blocks: the columns that change.
        outputs: of the rows as they are, (n, N).
        orders: indices of rows, (n,) each.

    >>> rows, order = Inputs(np.array([[1.0, 2.0], [3.0, 4.0]])), np.array([1, 0])
    >>> sums = lambda part: part.dense.sum(axis=1, keepdims=True)
    >>> next(permuted_outputs(sums, rows, [InputBlock("x0", slice(0, 1))], sums(rows), [order])).tolist()
    [[5.0], [5.0]]
    """
    equal = first_equal_rows(inputs, blocks)
    mixed = MixedRows(inputs, blocks)
    at_once = max(1, MAX_OUTPUTS // max(outputs.size, 1))
    for start in range(0, len(orders), at_once):
        sources = [equal[order] for order in orders[start : start + at_once]]
        changed = [np.flatnonzero(source != equal) for source in sources]
        rows = np.concatenate(changed)
        wanted = np.concatenate([source[some] for source, some in zip(sources, changed, strict=True)])
        rows, wanted, index = _different_pairs(rows, wanted, equal)
        values = np.empty((len(rows), outputs.shape[1]), outputs.dtype)
        for first in range(0, len(rows), ROWS_AT_ONCE):
            part = slice(first, first + ROWS_AT_ONCE)
            values[part] = outputs_of(mixed.make(rows[part], wanted[part]))
        end = 0
        for some in changed:
            begin, end = end, end + len(some)
            result = outputs.copy()
            result[some] = values[index[begin:end]]
            yield result


def _different_pairs(rows: Integers, sources: Integers, equal: Integers) -> tuple[Integers, Integers, Integers]:
    """The different pairs of row and source, and for each pair which of these it is."""
    representatives = np.unique(equal)
    n_pairs = len(equal) * len(representatives)
    if n_pairs > MAX_PAIRS:
        return rows, sources, np.arange(len(rows))
    code = np.zeros(len(equal), np.int64)
    code[representatives] = np.arange(len(representatives))
    keys = rows * len(representatives) + code[sources]
    present = np.zeros(n_pairs, np.bool_)
    present[keys] = True
    different = np.flatnonzero(present)
    position = np.empty(n_pairs, np.int32)
    position[different] = np.arange(len(different))
    return different // len(representatives), representatives[different % len(representatives)], position[keys]
