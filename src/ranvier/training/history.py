"""The history of a training: one record an epoch, and the same as arrays, a data frame or a plot."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, field
from math import isfinite, nan
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.records import record

Array = NDArray[np.float64]


@record
class Epoch:
    """One epoch of the history.

    Fields:
        epoch: its number, from 1.
        loss: the weighted mean of the training rows' losses, each taken just before its step, penalties left out.
        validation_loss: the loss of the validation rows after the epoch; None where there are none.
        metrics: name -> value: of the validation rows, and "training_..." of a sample of the training rows.
        learning_rate: that of the epoch's last step.
        seconds: how long the epoch took, in seconds, validation included.
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
        validation_loss = data["validation_loss"]
        return cls(
            epoch=int(data["epoch"]),
            validation_loss=None if validation_loss is None else float(validation_loss),
            metrics={str(name): float(value) for name, value in data["metrics"].items()},
            best=bool(data["best"]),
            **values,
        )


def _storable(value: Any) -> Any:
    return value if not isinstance(value, float) or isfinite(value) else str(value)


class History(Sequence[Epoch]):
    """The epochs of a training, in order: a sequence of `Epoch` records whose numbers are also attributes.

    Attributes:
        epoch: the number of each epoch, int64, shape (epochs,).
        loss, validation_loss, learning_rate, seconds, examples_per_second: float64, shape (epochs,); NaN where an
            epoch has no such value. They are described at `Epoch`.
        NAME: so is each metric that was measured: `history.accuracy`, `history.r2`, `history.training_accuracy`.

    >>> history = History([Epoch(1, 0.5, metrics={"accuracy": 0.8}), Epoch(2, 0.25, metrics={"accuracy": 0.9})])
    >>> history.loss.tolist(), history.accuracy.tolist(), len(history), history[-1].epoch
    ([0.5, 0.25], [0.8, 0.9], 2, 2)
    """

    def __init__(self, epochs: Iterable[Epoch] = ()) -> None:
        self._epochs = tuple(epochs)

    @overload
    def __getitem__(self, index: int) -> Epoch: ...
    @overload
    def __getitem__(self, index: slice) -> History: ...
    def __getitem__(self, index: int | slice) -> Epoch | History:
        return History(self._epochs[index]) if isinstance(index, slice) else self._epochs[index]

    def __len__(self) -> int:
        return len(self._epochs)

    def __iter__(self) -> Iterator[Epoch]:
        return iter(self._epochs)

    def __eq__(self, other: object) -> bool:
        return self._epochs == tuple(other) if isinstance(other, (History, tuple, list)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._epochs)

    @property
    def epoch(self) -> NDArray[np.int64]:
        """The number of each epoch."""
        return np.array([epoch.epoch for epoch in self._epochs], np.int64)

    @property
    def loss(self) -> Array:
        """The loss of the training rows."""
        return self._array("loss")

    @property
    def validation_loss(self) -> Array:
        """The loss of the validation rows; NaN without them."""
        return self._array("validation_loss")

    @property
    def learning_rate(self) -> Array:
        """The learning rate of each epoch's last step."""
        return self._array("learning_rate")

    @property
    def seconds(self) -> Array:
        """How long each epoch took, in seconds."""
        return self._array("seconds")

    @property
    def examples_per_second(self) -> Array:
        """Training rows a second."""
        return self._array("examples_per_second")

    @property
    def metrics(self) -> dict[str, Array]:
        """Name -> values of each metric, shape (epochs,); NaN in an epoch that lacks it."""
        names = dict.fromkeys(name for epoch in self._epochs for name in epoch.metrics)
        return {name: np.array([epoch.metrics.get(name, nan) for epoch in self._epochs]) for name in names}

    def __getattr__(self, name: str) -> Array:
        # Copies and pickles are asked for special methods before they have epochs.
        if name.startswith("_"):
            raise AttributeError(name)
        if any(name in epoch.metrics for epoch in self._epochs):
            return self.metrics[name]
        raise AttributeError(f"This history has no {name!r}; it has {', '.join(self.columns())}.")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.metrics})

    def __repr__(self) -> str:
        return f"<ranvier.History of {len(self)} epoch{'' if len(self) == 1 else 's'}: {', '.join(self.columns())}>"

    def _array(self, name: str) -> Array:
        return np.array([getattr(epoch, name) for epoch in self._epochs], np.float64)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Every name with its array, as `to_frame` has them; no `validation_loss` where there were no such rows.

        >>> sorted(History([Epoch(1, 0.5)]).columns())
        ['best', 'epoch', 'examples_per_second', 'learning_rate', 'loss', 'seconds']
        """
        columns: dict[str, NDArray[Any]] = {"epoch": self.epoch, "loss": self.loss}
        if any(epoch.validation_loss is not None for epoch in self._epochs):
            columns["validation_loss"] = self.validation_loss
        columns |= self.metrics
        columns |= {name: self._array(name) for name in ("learning_rate", "seconds", "examples_per_second")}
        return columns | {"best": np.array([epoch.best for epoch in self._epochs], np.bool_)}

    def to_frame(self) -> Any:
        """A data frame with one row an epoch and one column a number: of pandas if it is installed, else of polars.

        >>> History([Epoch(1, 0.5), Epoch(2, 0.25)]).to_frame()["loss"].to_list()
        [0.5, 0.25]
        """
        try:
            import pandas as pd
        except ImportError:
            import polars as pl

            return pl.DataFrame(self.columns())
        return pd.DataFrame(self.columns())

    def plot(self, axes: Any = None) -> Any:
        """Draw the loss, and the validation loss, over the epochs; mark the epoch whose weights were kept.

        Parameters:
            axes: the matplotlib axes to draw on; None makes a figure.

        Returns the axes.

        Raises:
            InputError: matplotlib is not installed, or there are no epochs.
        """
        if not self._epochs:
            raise InputError("There is nothing to plot: the history has no epochs.")
        if axes is None:
            try:
                from matplotlib import pyplot
            except ImportError as error:
                raise InputError(
                    "history.plot() draws with matplotlib, which is not installed: pip install matplotlib. "
                    "history.to_frame() and print(model.summary()) need nothing more."
                ) from error
            axes = pyplot.figure(figsize=(6.4, 3.6), layout="constrained").add_subplot()
        axes.plot(self.epoch, self.loss, label="training")
        if np.isfinite(self.validation_loss).any():
            axes.plot(self.epoch, self.validation_loss, label="validation")
        best = [epoch.epoch for epoch in self._epochs if epoch.best]
        if best:
            axes.axvline(best[-1], color="gray", linewidth=1, linestyle=":", label=f"best epoch, {best[-1]}")
        axes.set(xlabel="epoch", ylabel="loss")
        axes.legend(frameon=False)
        return axes
