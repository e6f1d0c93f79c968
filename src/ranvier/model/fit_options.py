"""FitOptions: the options of `fit` in one record, for what lies between the public functions and the training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ranvier.model.model import Model
from ranvier.network.losses import Loss
from ranvier.network.optimizers import Optimizer
from ranvier.network.schedules import Schedule
from ranvier.records import fill_defaults, record


@record(eq=False, kw_only=True)
class FitOptions:
    """The options of `ranvier.fit`, which explains them, as they were given. None takes the default.

    >>> FitOptions(epochs=3).batch_size
    32
    """

    loss: str | Loss | None = None
    optimizer: str | Optimizer = "adam"
    schedule: str | Schedule = "constant"
    epochs: int = 10
    batch_size: int = 32
    validation: Any = None
    callbacks: Sequence[Any] = ()
    metrics: Sequence[Any] = ()
    seed: int = 0
    engine: str = "auto"
    precision: str = "float32"
    threads: int | None = None
    sample_weight: Any = None
    class_weight: Any = None
    shuffle: bool = True
    checkpoint: str | Path | None = None
    start: Model | Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        fill_defaults(self)
