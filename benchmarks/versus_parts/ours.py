"""Ranvier as a contender: the public `Network.fit`, with everything that is on by default."""

from __future__ import annotations

import ranvier as rv
from versus_parts.workloads import WEIGHT_SEED, Array, Pace, Workload

OWN_PACE = Pace(WEIGHT_SEED)


def network_of(workload: Workload) -> rv.Network:
    """The network of a workload."""
    hidden = [rv.Dense(units, workload.activation) for units in workload.sizes[1:-1]]
    return rv.Network(workload.sizes[0], [*hidden, rv.Dense(workload.sizes[-1], "softmax")])


def initial_weights(workload: Workload, seed: int = WEIGHT_SEED) -> Array:
    """The weights from which Ranvier starts, which are given to the peers: one flat array of float32."""
    return network_of(workload).parameter_table.initial(seed).astype("float32")


class Ranvier:
    """A `fit` for every call of `train`."""

    def __init__(self, workload: Workload, threads: int, engine: str) -> None:
        self.workload, self.threads, self.engine = workload, threads, engine
        self.network = network_of(workload)
        make = rv.Adam if workload.optimizer == "adam" else rv.SGD
        self.optimizer = make(workload.rate)

    def start(self, X: Array, y: Array, weights: Array | None, batch: int, pace: Pace = OWN_PACE) -> None:
        self.X, self.y, self.batch, self.pace = X, y, batch, pace

    def train(self, epochs: int, shuffle: bool = True) -> list[float]:
        return [epoch.loss for epoch in self.fit(epochs, shuffle).history]

    def fit(self, epochs: int, shuffle: bool = True) -> rv.Model:
        self.model = self.network.fit(
            self.X,
            self.y,
            optimizer=self.optimizer,
            epochs=epochs,
            batch_size=self.batch,
            schedule=self.pace.schedule,
            seed=self.pace.seed,
            engine=self.engine,
            threads=self.threads,
            shuffle=shuffle,
            progress=False,
        )
        return self.model

    def labels(self, X: Array) -> Array:
        """What the network of the last `train` says."""
        return self.model.predict(X)
