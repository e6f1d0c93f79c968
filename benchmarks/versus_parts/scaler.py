"""The worker of the scaling part: Ranvier's public fit on networks and rows of growing size."""

from __future__ import annotations

import math
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import ranvier as rv
from versus_parts.worker import Job
from versus_parts.workloads import Array

BATCH = 128
ROW_SIZES = (16, 64, 1)
DEPTH = 3
CHUNK = 1_000_000
CHECK_STEPS = 3
CHECKED_ROWS = 10_000
MAX_EPOCHS = 4096


def flops_of(sizes: tuple[int, ...], rows: int) -> int:
    """FLOPs of the products over so many rows: forward, weight gradient and, but for the first layer, data gradient.

    >>> flops_of((16, 64, 1), 1)
    4480
    """
    products = [inputs * units for inputs, units in pairwise(sizes)]
    return 2 * rows * (3 * sum(products) - products[0])


def parameters_of(sizes: tuple[int, ...]) -> int:
    """Weights and biases.

    >>> parameters_of((16, 64, 1))
    1153
    """
    return sum(inputs * units + units for inputs, units in pairwise(sizes))


def square_sizes(parameters: float) -> tuple[int, ...]:
    """The sizes of a network of three layers of one width, the narrowest with at least so many parameters.

    >>> square_sizes(1000)
    (18, 18, 18, 18)
    """
    width = math.ceil((0.25 + parameters / DEPTH) ** 0.5 - 0.5)
    return (width,) * (DEPTH + 1)


def network_of(sizes: tuple[int, ...]) -> rv.Network:
    """Linear outputs on relu layers."""
    hidden = [rv.Dense(units, "relu") for units in sizes[1:-1]]
    return rv.Network(sizes[0], [*hidden, rv.Dense(sizes[-1])])


def write_rows(folder: Path, rows: int) -> None:
    """Rows that a network can learn, and their targets, as files that can be mapped into memory."""
    inputs = ROW_SIZES[0]
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", np.float32, (rows, inputs))
    y = np.lib.format.open_memmap(folder / "y.npy", "w+", np.float32, (rows, 1))
    draw = np.random.default_rng(5)
    for at in range(0, rows, CHUNK):
        part = X[at : at + CHUNK]
        part[...] = draw.standard_normal(part.shape, np.float32)
        y[at : at + CHUNK] = np.sin(part[:, :1]) * part[:, 1:2]


class Scaler:
    """Trains by Adam, batches of 128, on rows that lie in a memory-mapped file or are made on the spot."""

    def __init__(self, job: Job) -> None:
        self.folder, self.threads, self.engine = Path(job["folder"]), job["threads"], job["engine"]

    def _fit(self, sizes: tuple[int, ...], X: Array, y: Array, epochs: int, engine: str | None = None) -> list[float]:
        """The losses of the epochs."""
        model = network_of(sizes).fit(
            X,
            y,
            optimizer=rv.Adam(1e-3),
            epochs=epochs,
            batch_size=BATCH,
            seed=1,
            engine=engine or self.engine,
            threads=self.threads,
            progress=False,
        )
        return [epoch.loss for epoch in model.history]

    def write(self, rows: int) -> Any:
        write_rows(self.folder, rows)

    def check_rows(self) -> Any:
        """The losses of the first rows: as the file lies, from memory, and by the reference engine."""
        X, y = (np.load(self.folder / f"{name}.npy", mmap_mode="r")[:CHECKED_ROWS] for name in "Xy")
        mapped = self._fit(ROW_SIZES, X, y, 2)
        return [mapped, self._fit(ROW_SIZES, np.array(X), np.array(y), 2), self._fit(ROW_SIZES, X, y, 2, "reference")]

    def fit_rows(self, rows: int, epochs: int, repeats: int) -> Any:
        """Seconds of whole fits on memory-mapped rows, after one that is not counted."""
        X, y = (np.load(self.folder / f"{name}.npy", mmap_mode="r")[:rows] for name in "Xy")
        self._fit(ROW_SIZES, X[:BATCH], y[:BATCH], 1)
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            losses = self._fit(ROW_SIZES, X, y, epochs)
            seconds.append(time.perf_counter() - start)
        return {"seconds": seconds, "loss": losses[-1]}

    def check_parameters(self, sizes: list[int]) -> Any:
        """The losses of a few steps of the same network by this engine and by the reference engine."""
        X, y = self._square_rows(sizes, 1)
        return [self._fit(tuple(sizes), X, y, CHECK_STEPS, engine) for engine in (None, "reference")]

    def fit_parameters(self, sizes: list[int], sample_seconds: float, repeats: int) -> Any:
        """Seconds of a step: by which calls with more epochs take longer than with one, after one that makes code."""
        steps = 4
        X, y = self._square_rows(sizes, steps)

        def seconds_of(epochs: int) -> float:
            start = time.perf_counter()
            self._fit(tuple(sizes), X, y, epochs)
            return time.perf_counter() - start

        seconds_of(1)
        epochs = 2
        while (span := seconds_of(1 + epochs) - seconds_of(1)) < sample_seconds / 2 and epochs < MAX_EPOCHS:
            epochs = max(2 * epochs, min(round(epochs * sample_seconds / max(span, 1e-3)), 8 * epochs))
        return {"seconds": [(seconds_of(1 + epochs) - seconds_of(1)) / epochs / steps for _ in range(repeats)]}

    def _square_rows(self, sizes: list[int], steps: int) -> tuple[Array, Array]:
        draw = np.random.default_rng(6)
        X = draw.standard_normal((steps * BATCH, sizes[0]), np.float32)
        return X, np.sin(X).astype(np.float32)
