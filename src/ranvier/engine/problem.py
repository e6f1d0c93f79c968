"""What crosses the border to an engine: frozen records and plain arrays.

Letters: B rows of a batch, K inputs, N outputs, P parameters, S optimizer slots, H scalars a step, k steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.network.losses import Loss
from ranvier.network.network import Network
from ranvier.network.optimizers import Optimizer

Array = NDArray[Any]
PRECISIONS = ("float32", "float64", "bfloat16")


@dataclass(frozen=True, slots=True)
class Problem:
    """Everything that an engine specializes itself to.

    Fields:
        network, loss, optimizer: the records.
        batch_size: the rows of a full batch.
        weighted: whether rows carry weights.
        precision: "float32", "float64" or "bfloat16"; the reference engine always computes in float64.
        threads: how many threads may work; None takes RANVIER_THREADS, or every core. The result never depends on it.
        seed: of the dropout masks.
    """

    network: Network
    loss: Loss
    optimizer: Optimizer
    batch_size: int
    weighted: bool = False
    precision: str = "float32"
    threads: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise InputError(f"precision is {self.precision!r}; it must be one of {', '.join(PRECISIONS)}.")
        if self.threads is not None and self.threads < 1:
            raise InputError(f"threads is {self.threads!r}; it must be at least 1, or None for every core.")
        if self.batch_size < 1:
            raise InputError(f"batch_size is {self.batch_size!r}; it must be at least 1.")
        check_pairing(self.network, self.loss)


@dataclass(frozen=True, slots=True)
class State:
    """The numbers that training changes.

    Fields: `parameters` (P,); `slots` (S, P), the optimizer's memory; `step`, how many steps were made.
    """

    parameters: Array
    slots: Array
    step: int


@dataclass(frozen=True, slots=True)
class Rows:
    """Resident rows: `inputs` (rows, K) float or uint8, `targets` (rows, N), `weights` (rows,) or None if equal."""

    inputs: Array
    targets: Array
    weights: Array | None = None

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class LayerValues:
    """What one layer computed: `path` such as "layers.0", `weighted_sums` (rows, N) or None, `outputs` (rows, N)."""

    path: str
    weighted_sums: Array | None
    outputs: Array


def check_pairing(network: Network, loss: Loss) -> None:
    """Raise an `InputError` where a loss needs another output activation than the network has.

    >>> from ranvier.network.layers import Dense
    >>> from ranvier.network.losses import loss
    >>> check_pairing(Network(2, [Dense(3, "softmax")]), loss("categorical_cross_entropy"))
    """
    needed = {"logit": "sigmoid", "log_probability": "softmax"}.get(loss.on)
    given = network.output_activation.name
    if needed and given != needed:
        raise InputError(
            f"The loss {loss.name} needs an output layer with the {needed} activation; this one has {given}. "
            f"Make the last layer rv.Dense({network.outputs}, {needed!r}) or choose another loss."
        )
