"""The numbers that training changes, the steps that an engine is to make, and what it says about layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.network.optimizers import Optimizer
from ranvier.records import record

Array = NDArray[Any]


@record
class State:
    """The numbers that training changes.

    Fields: `parameters` (P,); `slots` (S, P), the optimizer's memory; `step`, how many steps were made.
    """

    parameters: Array
    slots: Array
    step: int

    @classmethod
    def before_training(cls, parameters: Array, optimizer: Optimizer) -> State:
        """The state before the first step, from parameters (P,): the optimizer has seen nothing yet."""
        return cls(parameters, optimizer.initial_slots(parameters), 0)


@record
class Span:
    """k steps to run without a pause.

    Fields:
        order: row numbers of all the batches, one after the other.
        starts: where each batch begins in `order`, then its end: shape (k + 1,).
        scalars: what the optimizer's rule needs at each step, shape (k, H) float64; see `UpdateRule.scalars`.
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    scalars: NDArray[np.float64]

    @property
    def steps(self) -> int:
        """k, how many steps there are."""
        return len(self.starts) - 1


@record
class LayerValues:
    """What one layer computed: `path` such as "layers.0", `weighted_sums` (rows, N) or None, `outputs` (rows, N)."""

    path: str
    weighted_sums: Array | None
    outputs: Array
