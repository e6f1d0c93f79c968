"""One contender in a process of its own: reads commands as JSON lines, writes answers as JSON lines.

The first line is the job: contender, workload, quick, folder, threads, engine.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from versus_parts.workloads import WORKLOADS, Workload, read_rows

CHECK_STEPS = 6
Job = dict[str, Any]


def workload_of(job: Job) -> Workload:
    workload = WORKLOADS[job["workload"]]
    return workload.shortened() if job["quick"] else workload


def contender_of(job: Job, workload: Workload) -> Any:
    if job["contender"] == "ranvier":
        from versus_parts.ours import Ranvier

        return Ranvier(workload, job["threads"], job["engine"])
    from versus_parts import peers

    make = {"jax": peers.Jax, "torch": peers.Torch, "scikit-learn": peers.ScikitLearn}[job["contender"]]
    return make(workload, job["threads"])


def seconds_of(work: Callable[[], Any]) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Trainer:
    """Trains on the rows of one workload, as often as it is asked to."""

    def __init__(self, job: Job) -> None:
        self.workload, self.threads = workload_of(job), job["threads"]
        folder = Path(job["folder"])
        self.X, self.y = read_rows(folder)
        self.weights = np.load(folder / "weights.npy")
        self.contender = contender_of(job, self.workload)

    def check(self) -> Any:
        """The losses of a few identical steps: always the same one batch, in order."""
        batch = self.workload.batch
        self.contender.start(self.X[:batch], self.y[:batch], self.weights, batch)
        return self.contender.train(CHECK_STEPS, shuffle=False)

    def learn(self, epochs: int) -> Any:
        """The losses of a few whole epochs, every contender in its own random order."""
        self.contender.start(self.X, self.y, self.weights, self.workload.batch)
        return self.contender.train(epochs)

    def timed(self, epochs: int) -> Any:
        """Seconds of so many epochs from the initial weights, after one epoch that is not counted.

        Of one that learns in a single call, the seconds by which a call with these epochs takes longer.
        """
        self.contender.start(self.X, self.y, self.weights, self.workload.batch)
        first = seconds_of(partial(self.contender.train, 1))
        if not hasattr(self.contender, "fit"):
            return seconds_of(partial(self.contender.train, epochs))
        return max(seconds_of(partial(self.contender.train, 1 + epochs)) - first, 0.0)

    def peak(self) -> Any:
        """FLOP/s that the machine reaches on multiply-adds and nothing else."""
        from ranvier.native.machine import peak

        peak._measure.cache_clear()
        return peak.measured_peak(self.threads) * 1e9


ZEROS_SEED = 5


class Predictor:
    """Predicts with one small network."""

    def __init__(self, job: Job) -> None:
        from versus_parts.prediction import PREDICTORS

        workload, folder = workload_of(job), Path(job["folder"])
        self.predict = PREDICTORS[job["contender"]](workload, folder, job["threads"], job["engine"])
        self.X = np.resize(np.load(folder / "X.npy"), (10_000, workload.sizes[0]))
        self.drawn = np.random.default_rng(ZEROS_SEED).random(self.X.shape, np.float32)

    def rows(self, rows: int, zeros: float) -> Any:
        """The first rows, with about such a share of their numbers set to 0."""
        return np.where(self.drawn[:rows] < zeros, np.float32(0.0), self.X[:rows])

    def outputs(self, rows: int, zeros: float) -> Any:
        return np.asarray(self.predict(self.rows(rows, zeros)), np.float64).tolist()

    def timed(self, rows: int, calls: int, zeros: float) -> Any:
        """Seconds of a call."""
        x = self.rows(rows, zeros)
        for _ in range(max(1, calls // 10)):
            self.predict(x)
        start = time.perf_counter()
        for _ in range(calls):
            self.predict(x)
        return (time.perf_counter() - start) / calls


KINDS = {
    "trainer": "versus_parts.worker:Trainer",
    "predictor": "versus_parts.worker:Predictor",
    "cold_start": "versus_parts.cold_start_process:ColdStart",
    "racer": "versus_parts.racer:Racer",
    "scaler": "versus_parts.scaler:Scaler",
}


def kind_of(name: str) -> Any:
    """The class of a worker; only what it needs is imported, since imports and memory are measured too."""
    module, _, kind = KINDS[name].partition(":")
    return getattr(importlib.import_module(module), kind)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints must not stand between the answers
    worker: Any = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if worker is None:
                worker, answer = kind_of(command["kind"])(command), None
            else:
                answer = getattr(worker, command.pop("do"))(**command)
            reply = {"answer": answer}
        except Exception as error:  # noqa: BLE001 - told to the process that asked
            reply = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(reply) + "\n")


if __name__ == "__main__":
    main()
