"""The worker of the accuracy part: trains 784-128-10 on handwritten digits, and says how long it took and how well."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ranvier.network.schedules import OneCycle
from versus_parts.worker import CHECK_STEPS, Job, contender_of
from versus_parts.workloads import WORKLOADS, Array, Pace, Workload

HELD_OUT_SHARE = 6
"""One training row in so many is a validation row: the last ones of the file."""

EPOCH_RATE, TIMED_EPOCHS = 1e-3, 3


def digits_workload(batch: int, rate: float, rows: int) -> Workload:
    """The network of the workload `digits` on these rows, with another batch size and learning rate."""
    return replace(WORKLOADS["digits"], batch=batch, rate=rate, rows=rows)


def one_cycle_rates(rate: float, batch: int, rows: int, epochs: int, all_steps: bool) -> Array:
    """The learning rate of every step: the same numbers that Ranvier takes.

    `whole` leaves out the last rows of an epoch that do not fill a batch.
    """
    steps = rows // batch if all_steps else -(-rows // batch)
    return rate * OneCycle().factors(np.arange(epochs * steps), steps, epochs * steps)


class Racer:
    """One contender with the rows in memory."""

    def __init__(self, job: Job) -> None:
        self.job, self.folder, self.is_ranvier = job, Path(job["folder"]), job["contender"] == "ranvier"
        arrays = [np.load(self.folder / f"{name}.npy") for name in ("X", "y", "X_test", "y_test")]
        self.X, self.y, self.X_test, self.y_test = arrays
        self.contenders: dict[tuple[int, float], Any] = {}

    def _start(self, batch: int, rate: float, epochs: int, seed: int, rows: int) -> Any:
        if (batch, rate) not in self.contenders:
            self.contenders[batch, rate] = contender_of(self.job, digits_workload(batch, rate, rows))
        contender, X, y = self.contenders[batch, rate], self.X[:rows], self.y[:rows]
        if self.is_ranvier:
            contender.start(X, y, None, batch, Pace(seed, schedule=OneCycle()))
        else:
            rates = one_cycle_rates(rate, batch, rows, epochs, all_steps=self.job["contender"] == "jax")
            weights = np.load(self.folder / f"weights-{seed}.npy")
            contender.start(X, y, weights, batch, Pace(seed, rates=rates))
        return contender

    def check(self, batch: int, rate: float) -> Any:
        """The losses of a few identical steps over a whole schedule: always the same one batch, in order."""
        return self._start(batch, rate, CHECK_STEPS, 0, batch).train(CHECK_STEPS, shuffle=False)

    def epoch(self, batch: int) -> Any:
        """Seconds of an epoch over all rows, in a training like the one before it, so that nothing is made again."""
        runs = [self.race(batch, EPOCH_RATE, TIMED_EPOCHS, 0, "test") for _ in range(2)]
        return runs[-1]["seconds"] / TIMED_EPOCHS

    def race(self, batch: int, rate: float, epochs: int, seed: int, held_out: str) -> Any:
        """Train from new weights. Gives the seconds of all epochs, the losses and the accuracy on other rows.

        Those are those of the test file, or validation rows from the training file, which are then not
        trained on.
        """
        rows = len(self.X)
        if held_out == "validation":
            rows -= rows // HELD_OUT_SHARE
        X, y = (self.X_test, self.y_test) if held_out == "test" else (self.X[rows:], self.y[rows:])
        contender = self._start(batch, rate, epochs, seed, rows)
        start = time.perf_counter()
        losses = contender.train(epochs)
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "accuracy": float(np.mean(contender.labels(X) == y)), "losses": losses}
