"""The six workloads: what is trained, on which rows, from which weights. B rows a batch, K inputs, N outputs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
DATA_SEED, WEIGHT_SEED, SHUFFLE_SEED = 12, 7, 3
FIRST_STEPS = 4
QUICK_SHARE = 4


@dataclass(frozen=True, slots=True)
class Workload:
    """One network with its data and its way of training; softmax and cross-entropy stand on top.

    Fields: `name`; `sizes`, from the inputs to the classes; `activation` of the hidden layers; `batch`; `optimizer`,
    "sgd" or "adam"; `rate`, the learning rate; `rows`, a multiple of the batch; `noise`, how far the rows of a class
    are spread around its centres, next to centres of spread 1.
    """

    name: str
    sizes: tuple[int, ...]
    activation: str
    batch: int
    optimizer: str
    rate: float
    rows: int
    noise: float

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.rows // self.batch

    @property
    def step_flops(self) -> int:
        """FLOPs of the products of a step: forward, weight gradient and, but for the first layer, data gradient.

        A multiply-add counts as two.
        """
        products = [inputs * units for inputs, units in pairwise(self.sizes)]
        return 2 * self.batch * (3 * sum(products) - products[0])

    @property
    def title(self) -> str:
        """The network in short."""
        return f"{'-'.join(map(str, self.sizes))} {self.activation}, batch {self.batch}, {self.optimizer}"

    def shortened(self) -> Workload:
        """The same with fewer rows, for a quick look."""
        steps = max(2, self.steps // QUICK_SHARE)
        return Workload(**{name: getattr(self, name) for name in self.__slots__} | {"rows": steps * self.batch})


@dataclass(frozen=True, slots=True, eq=False)
class Pace:
    """How a contender is to be trained: `seed`, of Ranvier's run or of a peer's shuffle; `schedule`, of Ranvier's
    learning rate; `rates`, the learning rate of every step of a peer, None for that of the workload."""

    seed: int
    schedule: Any = "constant"
    rates: Array | None = None


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("playground", (2, 8, 8, 2), "tanh", 10, "sgd", 0.03, 50_000, 0.3),
        Workload("nielsen", (784, 30, 10), "sigmoid", 10, "sgd", 0.1, 20_000, 4.0),
        Workload("digits", (784, 128, 10), "relu", 32, "adam", 1e-3, 25_600, 6.0),
        Workload("tabular", (54, 256, 256, 256, 7), "relu", 256, "adam", 1e-3, 51_200, 2.0),
        Workload("mlp512", (784, 512, 512, 10), "relu", 128, "adam", 1e-3, 12_800, 6.0),
        Workload("wide", (3072, 2048, 2048, 10), "relu", 512, "adam", 1e-4, 4_096, 12.0),
    )
}
CENTRES = 3


def make_rows(workload: Workload) -> tuple[Array, Array]:
    """Rows that can be learned: every class is a few clouds. Gives X (rows, K) float32 and labels y (rows,) int64."""
    draw = np.random.default_rng(DATA_SEED)
    inputs, classes = workload.sizes[0], workload.sizes[-1]
    centres = draw.standard_normal((classes, CENTRES, inputs), np.float32)
    y = draw.integers(0, classes, workload.rows)
    X = draw.standard_normal((workload.rows, inputs), np.float32)
    X *= workload.noise
    X += centres[y, draw.integers(0, CENTRES, workload.rows)]
    X /= np.float32(np.hypot(1.0, workload.noise))
    return X, y


def write_rows(workload: Workload, folder: Path, weights: Array) -> None:
    """Put the rows and the initial weights where the contenders, each in its own process, read them."""
    folder.mkdir(parents=True, exist_ok=True)
    X, y = make_rows(workload)
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", y)
    np.save(folder / "weights.npy", weights)


def read_rows(folder: Path, rows: int | None = None) -> tuple[Array, Array]:
    """X and y, all of them or the first few."""
    X, y = np.load(folder / "X.npy", mmap_mode=None if rows is None else "r"), np.load(folder / "y.npy")
    return (X, y) if rows is None else (np.array(X[:rows]), np.array(y[:rows]))


def layers_of(flat: Array, sizes: tuple[int, ...]) -> list[tuple[Array, Array]]:
    """A flat array of parameters as (weight (K, N), bias (N,)) for each layer."""
    layers, at = [], 0
    for inputs, units in pairwise(sizes):
        weight = flat[at : at + inputs * units].reshape(inputs, units)
        at += inputs * units
        layers.append((weight, flat[at : at + units]))
        at += units
    return layers
