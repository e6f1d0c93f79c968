"""The history of a training: one record an epoch, and the same as arrays, a data frame or a plot."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, field
from math import isfinite
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ranvier.errors import InputError
from ranvier.records import record
from ranvier.training.epoch_columns import VALIDATION_LOSS, EpochColumns

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

    >>> import ranvier as rv
    >>> model = rv.Network(1, [rv.Dense(1)]).fit([[0.0], [1.0]], [1.0, 3.0], epochs=2, engine="reference")
    >>> last = model.history[-1]
    >>> last.epoch, last.validation_loss, last.loss < model.history[0].loss
    (2, None, True)
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


def _parts(epoch: Epoch) -> tuple[dict[str, Any], dict[str, float]]:
    """The values that all epochs have, and the others, as `EpochColumns.append` takes them."""
    validation = {} if epoch.validation_loss is None else {VALIDATION_LOSS: epoch.validation_loss}
    return vars(epoch), {**validation, **epoch.metrics}


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

    _source: EpochColumns | Callable[[], EpochColumns]
    _length: int

    def __init__(self, epochs: Iterable[Epoch] = ()) -> None:
        if isinstance(epochs, History):
            self._columns, self._length = epochs._columns, epochs._length
            return
        self._columns, self._length = EpochColumns(), 0
        for epoch in epochs:
            self._columns.append(self._length, *_parts(epoch))
            self._length += 1

    @property
    def _columns(self) -> EpochColumns:
        if not isinstance(self._source, EpochColumns):
            self._source = self._source()
        return self._source

    @_columns.setter
    def _columns(self, columns: EpochColumns) -> None:
        self._source = columns

    def appended(self, epoch: Epoch) -> History:
        """A history with another epoch at its end; this one stays as it is. Takes the same time for any length.

        >>> first = History([Epoch(1, 0.5)])
        >>> first.appended(Epoch(2, 0.25)).loss.tolist(), len(first)
        ([0.5, 0.25], 1)
        """
        longer = History(self)
        parts = _parts(epoch)
        if not longer._columns.append(self._length, *parts):
            longer._columns = self._columns.first(self._length)
            longer._columns.append(self._length, *parts)
        longer._length += 1
        return longer

    def extended(self, epochs: range, columns: Mapping[str, Sequence[float] | NDArray[np.float64]]) -> History:
        """A history with several epochs at its end, as if `appended` had added each.

        Parameters:
            epochs: their numbers.
            columns: "loss", "learning_rate", "seconds" and "examples_per_second" of each; "best", where some are
                marked as the best so far; and what was measured, such as "validation_loss".

        >>> values = {"loss": [0.5, 0.25], "learning_rate": [0.1, 0.1], "seconds": [1.0, 2.0]}
        >>> longer = History().extended(range(1, 3), {**values, "examples_per_second": [9.0, 9.0]})
        >>> longer.loss.tolist(), longer.total_seconds
        ([0.5, 0.25], 3.0)
        """
        longer = History(self)
        if not longer._columns.extend(self._length, epochs, columns):
            longer._columns = self._columns.first(self._length)
            longer._columns.extend(self._length, epochs, columns)
        longer._length += len(epochs)
        return longer

    def mark_best(self) -> None:
        """Mark the last epoch, which `appended` has just added, as the best so far.

        >>> history = History().appended(Epoch(1, 0.5))
        >>> history.mark_best()
        >>> history[0].best, history.best_epoch
        (True, 1)
        """
        self._columns.mark_best(self._length)

    @overload
    def __getitem__(self, index: int) -> Epoch: ...
    @overload
    def __getitem__(self, index: slice) -> History: ...
    def __getitem__(self, index: int | slice) -> Epoch | History:
        if isinstance(index, slice):
            return History(self._record(at) for at in range(*index.indices(self._length)))
        at = operator.index(index)
        if not -self._length <= at < self._length:
            raise IndexError(f"epoch index {at} of a history of {self._length} epochs")
        return self._record(at % self._length)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[Epoch]:
        return map(self._record, range(self._length))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (History, tuple, list)):
            return NotImplemented
        return len(self) == len(other) and all(map(operator.eq, self, other))

    def __hash__(self) -> int:
        return hash((self._length, self[-1].loss if self._length else None))

    def __getstate__(self) -> dict[str, Any]:
        return self.stored()

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._columns, self._length = EpochColumns.restored(state), state["count"]

    def _record(self, index: int) -> Epoch:
        values, optional = self._columns.row(index)
        validation_loss = optional.pop(VALIDATION_LOSS, None)
        return Epoch(validation_loss=validation_loss, metrics=optional, **values)

    def stored(self, limit: int | None = None) -> dict[str, Any]:
        """The history as JSON values of some twenty bytes an epoch, which `from_stored` reads.

        Parameters:
            limit: the most epochs to store; of longer histories the later half of these is kept whole and the earlier
                ones evenly thinned out. None for all.
        """
        rows = np.arange(self._length)
        if limit is not None and self._length > limit:
            late = limit // 2
            early = np.linspace(0, self._length - late - 1, limit - late).astype(np.int64)
            rows = np.concatenate([early, rows[self._length - late :]])
        return self._columns.stored(rows)

    @classmethod
    def from_stored(cls, data: Any) -> History:
        """The history that `stored` wrote, or an earlier version as a list of records.

        Raises:
            KeyError, TypeError, ValueError, AttributeError: `data` is no such history.

        >>> history = History([Epoch(1, 0.5), Epoch(2, 0.25, validation_loss=float("nan"))])
        >>> History.from_stored(history.stored())[1].validation_loss
        nan
        """
        if isinstance(data, list):
            return cls(Epoch.from_json(epoch) for epoch in data)
        history = cls()
        history.__setstate__(data)
        return history

    @property
    def total_seconds(self) -> float:
        """How long all epochs took together."""
        return self._columns.seconds(self._length)

    @property
    def best_epoch(self) -> int:
        """The number of the epoch that was marked as the best so far last; 0 for none."""
        return self._columns.last_best(self._length)

    @property
    def epoch(self) -> NDArray[np.int64]:
        """The number of each epoch."""
        return np.array(self._columns.epochs[: self._length], np.int64)

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
        return {name: self._array(name) for name in self._columns.names(self._length) if name != VALIDATION_LOSS}

    def __getattr__(self, name: str) -> Array:
        # Copies and pickles are asked for special methods before they have epochs.
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._columns.names(self._length):
            return self._array(name)
        raise AttributeError(f"This history has no {name!r}; it has {', '.join(self.columns())}.")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.metrics})

    def __repr__(self) -> str:
        return f"<ranvier.History of {len(self)} epoch{'' if len(self) == 1 else 's'}: {', '.join(self.columns())}>"

    def _array(self, name: str) -> Array:
        return self._columns.values(name, self._length)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Every name with its array, as `to_frame` has them; no `validation_loss` where there were no such rows.

        >>> sorted(History([Epoch(1, 0.5)]).columns())
        ['best', 'epoch', 'examples_per_second', 'learning_rate', 'loss', 'seconds']
        """
        columns: dict[str, NDArray[Any]] = {"epoch": self.epoch, "loss": self.loss}
        if VALIDATION_LOSS in self._columns.names(self._length):
            columns["validation_loss"] = self.validation_loss
        columns |= self.metrics
        columns |= {name: self._array(name) for name in ("learning_rate", "seconds", "examples_per_second")}
        return columns | {"best": np.array(self._columns.best[: self._length], np.bool_)}

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
        if not self._length:
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
        if self.best_epoch:
            axes.axvline(
                self.best_epoch, color="gray", linewidth=1, linestyle=":", label=f"best epoch, {self.best_epoch}"
            )
        axes.set(xlabel="epoch", ylabel="loss")
        axes.legend(frameon=False)
        return axes


def deferred_history(length: int, make: Callable[[], EpochColumns]) -> History:
    """A history of so many epochs whose columns are made when somebody asks for them.

    >>> len(deferred_history(3, EpochColumns))
    3
    """
    history = History.__new__(History)
    history._source, history._length = make, length
    return history
