"""What the training loop tells: one record an epoch, and plain dictionaries for whoever listens.

A listener ("sink") is a callable that takes one event, a dictionary with a "kind": "start", "progress", "epoch",
"note" or "end". The progress display, the run folder's log and a user's own function are all sinks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, field
from math import isfinite
from typing import Any

from ranvier.records import record

Event = dict[str, Any]
Sink = Callable[[Event], None]


@record
class Epoch:
    """One epoch of the history.

    Fields:
        epoch: its number, from 1.
        loss: the weighted mean of the training rows' losses, each taken just before its step, penalties left out.
        validation_loss: the loss of the validation rows after the epoch; None where there are none.
        metrics: accuracy or r2 of the validation rows, measured on the network's own outputs.
        learning_rate: that of the epoch's last step.
        seconds: how long the epoch took, validation included.
        examples_per_second: training rows over the seconds spent training on them.
        best: whether a callback marked this epoch as the best so far.
    """

    epoch: int
    loss: float
    validation_loss: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    learning_rate: float = 0.0
    seconds: float = 0.0
    examples_per_second: float = 0.0
    best: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON values.

        >>> Epoch(1, 0.5).to_dict()["loss"]
        0.5
        """
        return asdict(self)

    def to_json(self) -> dict[str, Any]:
        """The record for a file: as `to_dict`, with NaN and infinities as text, because strict JSON cannot hold them.

        >>> Epoch(1, 0.5, validation_loss=float("nan")).to_json()["validation_loss"]
        'nan'
        """
        plain = {name: _storable(value) for name, value in self.to_dict().items()}
        return plain | {"metrics": {name: _storable(value) for name, value in self.metrics.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Epoch:
        """The record that `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: `data` is no such record.

        >>> Epoch.from_json(Epoch(1, 0.5, metrics={"r2": float("-inf")}).to_json()).metrics
        {'r2': -inf}
        """
        numbers = ("loss", "learning_rate", "seconds", "examples_per_second")
        values: dict[str, Any] = {name: float(data[name]) for name in numbers}
        watched = data["validation_loss"]
        return cls(
            epoch=int(data["epoch"]),
            validation_loss=None if watched is None else float(watched),
            metrics={str(name): float(value) for name, value in data["metrics"].items()},
            best=bool(data["best"]),
            **values,
        )


def _storable(value: Any) -> Any:
    return value if not isinstance(value, float) or isfinite(value) else str(value)


def silent(event: Event) -> None:
    """A sink that ignores every event."""


def tee(sinks: tuple[Sink, ...]) -> Sink:
    """A sink that passes every event on to all the given ones, in order."""

    def pass_on(event: Event) -> None:
        for sink in sinks:
            sink(event)

    return pass_on
