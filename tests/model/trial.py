"""What the tests of fit, train and Model share: small data, and a digest of a model's numbers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import ranvier as rv
from ranvier.model.model import Model
from ranvier.training.engines import survey
from tests.training.trial import digest, timeless

Frame = pl.DataFrame
ENGINES = [name for name, reason in survey().items() if reason is None]
"""The engines that run here; what is promised of every engine is tested on each."""


def points(rows: int = 40, classes: int = 2, seed: int = 0) -> tuple[Any, Any]:
    """Points (rows, 2) and the number of the ring that each lies in."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(rows, 2))
    edges = np.quantile((X**2).sum(1), np.linspace(0, 1, classes + 1)[1:-1])
    return X, np.searchsorted(edges, (X**2).sum(1))


def net(outputs: int = 1, activation: str = "sigmoid", inputs: int = 2, hidden: str = "tanh") -> rv.Network:
    """One hidden layer of five."""
    return rv.Network(inputs, [rv.Dense(5, hidden), rv.Dense(outputs, activation)])


def fit(network: rv.Network, X: Any, y: Any, **options: Any) -> Model:
    """`rv.fit` on the reference engine, silent, for a few epochs."""
    return rv.fit(network, X, y, **{"engine": "reference", "progress": False, "epochs": 3, **options})


def bits(model: Model) -> str:
    """A hash of the parameters, the state of training and the history."""
    actual = hashlib.sha256(b"".join(name.encode() + array.tobytes() for name, array in model.parameters.items()))
    actual.update(b"" if model._state is None else digest(model._state).encode())
    actual.update(repr(timeless(model.history)).encode())
    return actual.hexdigest()


def frame(rows: int = 60, seed: int = 0) -> Frame:
    """A raw table: numbers with a gap, words, and an income that follows from them."""
    generator = np.random.default_rng(seed)
    age = generator.integers(18, 80, rows).astype(float)
    city = generator.choice(["Rome", "Oslo", "Lima"], rows)
    rich = (age + 20 * (city == "Oslo") + generator.normal(size=rows) * 5) > 55
    ages = [None if i % 13 == 5 else value for i, value in enumerate(age.tolist())]
    return pl.DataFrame({"age": ages, "city": city, "income": np.where(rich, "high", "low")})


QUICK: dict[str, Any] = {
    "recipe": "plain",
    "engine": "reference",
    "progress": False,
    "epochs": 4,
    "hidden": (6,),
    "batch_size": 8,
}


def train(data: Any, target: Any = "income", **options: Any) -> Model:
    """`rv.train`, small and silent."""
    return rv.train(data, target, **{**QUICK, **options})


def leftovers(folder: Path) -> list[str]:
    """Every file and folder under a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
