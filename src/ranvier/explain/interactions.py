"""Which pairs of columns interact: Friedman's H. n rows of a sample, C columns."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from ranvier.explain.blocks import ROWS_AT_ONCE, InputBlock, MixedRows
from ranvier.records import record
from ranvier.rows import Inputs


@record
class Interaction:
    """How far two columns together do something else than each alone.

    Fields:
        first, second: the columns.
        strength: the root mean square of what the pair does beyond the sum of both, in the units of the output.
        h: the same as a fraction of what the pair does altogether, 0 to about 1: Friedman's H.

    >>> import ranvier as rv
    >>> parameters = {"layers.0.weight": [[2.0], [-1.0]], "layers.0.bias": [1.0]}
    >>> model = rv.Model.from_parameters(rv.Network(2, [rv.Dense(1)]), parameters, engine="reference")
    >>> pair = model.interactions([[0.0, 1.0], [1.0, 5.0], [2.0, 2.0]])[0]
    >>> pair.first, pair.second, pair.strength < 1e-9
    ('x0', 'x1', True)
    """

    first: str
    second: str
    strength: float
    h: float


def interactions(
    values: Callable[[Inputs], NDArray[np.float64]], sample: Inputs, blocks: Sequence[InputBlock], max_columns: int
) -> tuple[Interaction, ...]:
    """The pairs of columns, the strongest interaction first.

    Formula: with F_j(i) and F_jk(i) the mean output over the sample of rows with the cells of row i in column j, or in
    j and k, each less its mean over i: strength^2 = mean_i (F_jk - F_j - F_k)^2, H^2 = strength^2 / mean_i F_jk^2.

    Parameters:
        values: the explained output of rows, (m, K) -> (m,).
        sample: the rows, (n, K); n^2 rows are computed for each column and pair.
        blocks: of the columns.
        max_columns: of more columns those that change the output most by themselves are paired.

    Source: Friedman, Popescu, "Predictive learning via rule ensembles", Annals of Applied Statistics 2008.
    """
    alone = [_mean_outputs(values, sample, [block]) for block in blocks]
    size = np.array([np.sqrt(np.mean(means**2)) for means in alone])
    used = sorted(np.argsort(-size, kind="stable")[:max_columns].tolist())
    pairs = []
    for first, second in itertools.combinations(used, 2):
        both = _mean_outputs(values, sample, [blocks[first], blocks[second]])
        strength = float(np.sqrt(np.mean((both - alone[first] - alone[second]) ** 2)))
        joint = float(np.sqrt(np.mean(both**2)))
        h = strength / joint if joint > 0 else 0.0
        pairs.append(Interaction(blocks[first].column, blocks[second].column, strength, h))
    return tuple(sorted(pairs, key=lambda pair: -pair.strength))


def _mean_outputs(
    values: Callable[[Inputs], NDArray[np.float64]], sample: Inputs, blocks: Sequence[InputBlock]
) -> NDArray[np.float64]:
    """The mean output over the sample with the cells of each row in the blocks, less its mean, (n,)."""
    n_rows = len(sample)
    mixed, means = MixedRows(sample, blocks), np.empty(n_rows)
    at_once = max(1, ROWS_AT_ONCE // n_rows)
    for first in range(0, n_rows, at_once):
        sources = np.arange(first, min(first + at_once, n_rows))
        rows = np.tile(np.arange(n_rows), len(sources))
        outputs = values(mixed.make(rows, np.repeat(sources, n_rows)))
        means[sources] = outputs.reshape(len(sources), n_rows).mean(axis=1)
    centred: NDArray[np.float64] = means - means.mean()
    return centred
