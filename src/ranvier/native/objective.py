"""The objective over all rows, some rows at a time, so that its workspace does not grow with the rows.

    loss     = sum over the parts of share * loss of the part        share = weight of the part / weight of all rows
    gradient = sum over the parts of share * gradient of the part    summed in float64, in the order of the parts

The parts depend on the rows alone, so the result does not depend on the number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.native.program import Program
from ranvier.native.scheduling.packing import unpack
from ranvier.network.layers import BatchNorm
from ranvier.network.network import Network
from ranvier.rows import Rows

Array = NDArray[Any]
PART = 4096
"""Rows that are taken at once."""


def part_starts(network: Network, rows: int) -> NDArray[np.int64]:
    """Where the parts start, and where the last one ends. BatchNorm looks at all rows at once.

    >>> from ranvier.network.layers import Dense
    >>> part_starts(Network(2, [Dense(1)]), 10_000).tolist()
    [0, 4096, 8192, 10000]
    """
    whole = any(isinstance(info.layer, BatchNorm) for info in network.iter_layers())
    return np.array([0, rows] if whole else [*range(0, max(rows, 1), PART), rows], np.int64)


def part_shares(rows: Rows, starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each part counts: its share of the weight of all rows, or all alike where nothing has weight."""
    if rows.weights is None:
        masses = np.diff(starts).astype(np.float64)
    else:
        masses = np.add.reduceat(np.asarray(rows.weights, np.float64), starts[:-1])
    total = masses.sum()
    return masses / total if total > 0 else np.full(len(masses), 1 / len(masses))


def add_gradient(program: Program, share: float, gradient: NDArray[np.float64]) -> None:
    """Add a share of the gradient that a program has stored to a flat one, (P,)."""
    for trained in program.plan.trained:
        entry = trained.entry
        assert trained.gradient is not None
        part = np.empty(entry.shape, program.plan.dtype)
        unpack(program.arrays[trained.gradient.name], trained.gradient, part)
        gradient[entry.slice] += share * part.ravel().astype(np.float64)


def add_penalties(program: Program, gradient: NDArray[np.float64]) -> float:
    """The penalties, l1 |w| + l2 w^2 / 2; their derivatives are added where compiled code has not done so."""
    penalty = 0.0
    for trained in program.plan.trained:
        entry = trained.entry
        if not (entry.l1 or entry.l2):
            continue
        assert trained.gradient is not None
        stored = np.empty(entry.shape, program.plan.dtype)
        unpack(program.arrays[entry.name], trained.value, stored)
        weights = stored.astype(np.float64)
        penalty += float((entry.l1 * np.abs(weights) + 0.5 * entry.l2 * weights**2).sum())
        if trained.gradient.kind == "table":
            gradient[entry.slice] += (entry.l1 * np.sign(weights) + entry.l2 * weights).ravel()
    return penalty
