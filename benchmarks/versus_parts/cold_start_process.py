"""What a new process pays: the imports, the first training, and the memory that all of it takes."""

from __future__ import annotations

import builtins
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from versus_parts.worker import Job, contender_of, workload_of
from versus_parts.workloads import FIRST_STEPS, read_rows

WARM_FITS = 5


class ImportClock:
    """Counts the seconds that imports take while it is entered; an import inside another one is counted once."""

    def __init__(self) -> None:
        self.seconds, self.depth = 0.0, 0

    def __enter__(self) -> ImportClock:
        self.builtin_import = builtins.__import__
        builtins.__import__ = self._timed(self.builtin_import)
        return self

    def __exit__(self, *failure: object) -> None:
        builtins.__import__ = self.builtin_import

    def _timed(self, load: Any) -> Any:
        def timed(*arguments: Any, **named: Any) -> Any:
            start = time.perf_counter()
            self.depth += 1
            try:
                return load(*arguments, **named)
            finally:
                self.depth -= 1
                if not self.depth:
                    self.seconds += time.perf_counter() - start

        return timed


class ColdStart:
    """Does something for the first time in a new process."""

    def __init__(self, job: Job) -> None:
        self.job, self.workload, self.folder = job, workload_of(job), Path(job["folder"])

    def first(self) -> Any:
        """Seconds of importing the library, of the first training on a few batches, and of the same once more.

        `inside` is the share of the first training that went into importing what was not loaded before it was used.
        """
        batch = self.workload.batch
        X, y = read_rows(self.folder, FIRST_STEPS * batch)
        weights = np.load(self.folder / "weights.npy")
        start = time.perf_counter()
        contender = contender_of(self.job, self.workload)
        importing = time.perf_counter() - start
        seconds, clock = [], ImportClock()
        for turn in range(1 + WARM_FITS):
            start = time.perf_counter()
            if turn:
                contender.start(X, y, weights, batch)
                contender.train(1)
            else:
                with clock:
                    contender.start(X, y, weights, batch)
                    contender.train(1)
            seconds.append(time.perf_counter() - start)
        return {"import": importing, "first": seconds[0], "inside": clock.seconds, "warm": median(seconds[1:])}

    def memory(self) -> Any:
        """Bytes in memory: with Python, NumPy and the rows; with the library warmed up too; at most, in two epochs."""
        X, y = read_rows(self.folder)
        bare = resident("VmRSS")
        small = replace(self.workload, sizes=(2, 2, 2), batch=4)
        warm = contender_of(self.job, small)
        warm.start(np.ones((8, 2), np.float32), np.array([0, 1] * 4), None, 4)
        warm.train(2)
        contender = contender_of(self.job, self.workload)
        loaded = resident("VmRSS")
        contender.start(X, y, None, self.workload.batch)
        losses = contender.train(2)
        if not losses[1] < losses[0]:
            raise ArithmeticError(f"The losses of two epochs are {losses}; they must fall.")
        return {"rows": X.nbytes + y.nbytes, "bare": bare, "loaded": loaded, "peak": resident("VmHWM")}


def resident(name: str) -> int:
    """Bytes of this process in memory: now (VmRSS) or at most so far (VmHWM)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(f"This system does not say {name}.")
