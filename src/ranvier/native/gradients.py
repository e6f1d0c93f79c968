"""Gradients as flat arrays, and the loss and gradient over all rows, some at a time, in a workspace of bounded size.

    loss     = sum over the parts of fraction * loss of the part        fraction = its weight / weight of all rows
    gradient = sum over the parts of fraction * gradient of the part    summed in float64, in the order of the parts

The parts depend on the rows alone, so the result does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.native.lowering.buffers import Buffer
from ranvier.native.lowering.lowered import batch_statistic
from ranvier.native.program import Program
from ranvier.native.scheduling.packing import pack, unpack
from ranvier.network.layers import BatchNorm
from ranvier.network.network import Network
from ranvier.network.parameters import Entry
from ranvier.network.penalties import penalty, penalty_gradient

Array = NDArray[Any]
PART = 4096
"""Rows that are taken at once."""


def part_starts(network: Network, rows: int) -> NDArray[np.int64]:
    """Where the parts start, and where the last one ends. BatchNorm looks at all rows at once.

    >>> from ranvier.network.layers import Dense
    >>> part_starts(Network(2, [Dense(1)]), 10_000).tolist()
    [0, 4096, 8192, 10000]
    """
    in_one_part = any(isinstance(info.layer, BatchNorm) for info in network.iter_layers())
    return np.array([0, rows] if in_one_part else [*range(0, max(rows, 1), PART), rows], np.int64)


def part_fractions(weights: NDArray[np.float64] | None, starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each part counts: its fraction of the weight of all rows, or all alike where nothing has weight."""
    masses = np.diff(starts).astype(np.float64) if weights is None else np.add.reduceat(weights, starts[:-1])
    total = masses.sum()
    return masses / total if total > 0 else np.full(len(masses), 1 / len(masses))


def add_gradient(program: Program, fraction: float, gradient: NDArray[np.float64]) -> None:
    """Add a fraction of the gradient that a program has stored to a flat one, (P,)."""
    for trained in program.plan.trained:
        entry = trained.entry
        assert trained.gradient is not None
        part = np.empty(entry.shape, program.plan.dtype)
        unpack(program.arrays[trained.gradient.name], trained.gradient, part)
        gradient[entry.slice] += fraction * part.ravel().astype(np.float64)


def add_penalties(program: Program, gradient: NDArray[np.float64]) -> float:
    """The penalties, l1 |w| + l2 w^2 / 2; their derivatives are added where compiled code has not done so."""
    total = 0.0
    for trained in program.plan.trained:
        entry = trained.entry
        if not (entry.l1 or entry.l2):
            continue
        assert trained.gradient is not None
        stored = np.empty(entry.shape, program.plan.dtype)
        unpack(program.arrays[entry.name], trained.value, stored)
        weights = stored.astype(np.float64)
        total += penalty(weights, entry.l1, entry.l2)
        if trained.gradient.kind == "table":
            gradient[entry.slice] += penalty_gradient(weights, entry.l1, entry.l2).ravel()
    return total


def stored_gradient(program: Program) -> Array:
    """The gradient that a program has stored, flat, shape (P,), with the batch's statistics of each BatchNorm.

    They stand where its running statistics do, which they move when the gradient is applied.
    """
    flat = np.zeros(program.plan.spec.network.parameter_table.size, program.plan.dtype)
    for entry, buffer in _pieces(program):
        unpack(program.arrays[buffer.name], buffer, flat[entry.slice].reshape(entry.shape))
    return flat


def store_gradient(program: Program, flat: Array) -> None:
    """Put a flat gradient, (P,), where the update of a program reads it."""
    for entry, buffer in _pieces(program):
        pack(flat[entry.slice].reshape(entry.shape), buffer, program.arrays[buffer.name])


def _pieces(program: Program) -> Iterator[tuple[Entry, Buffer]]:
    """The entries of the flat gradient and the buffers that hold them."""
    for trained in program.plan.trained:
        assert trained.gradient is not None
        yield trained.entry, trained.gradient
    by_name = {buffer.name: buffer for buffer in program.plan.buffers}
    for entry in program.plan.spec.network.parameter_table:
        if entry.is_statistic and batch_statistic(entry.name) in by_name:
            yield entry, by_name[batch_statistic(entry.name)]
