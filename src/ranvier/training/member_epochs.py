"""The epochs that many networks have made so far, in arrays over the networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.training.epoch_columns import EpochColumns
from ranvier.training.history import History, deferred_history

Array = NDArray[Any]
Numbers = NDArray[np.int64]


class MemberEpochs:
    """The epochs of M networks, which each made some number of from the first one on.

    Parameters:
        count: M.
        earlier: the epochs that each had made before, as many of all; empty for none.

    `made` is how many epochs those made that made most.

    >>> epochs = MemberEpochs(2)
    >>> others = {"learning_rate": 0.1, "seconds": 1.0, "examples_per_second": 20.0}
    >>> epochs.append(np.array([0, 1]), 1, {"loss": np.array([[0.5], [0.7]]), **others})
    >>> epochs.append(np.array([1]), 1, {"loss": np.array([[0.6]]), **others})
    >>> [history.loss.tolist() for history in epochs.histories()]
    [[0.5], [0.7, 0.6]]
    """

    def __init__(self, count: int, earlier: Sequence[History] = ()) -> None:
        self._count, self._earlier = count, earlier
        self._before = self.made = len(earlier[0]) if earlier else 0
        self._spans: list[tuple[Numbers, int, Mapping[str, Any]]] = []
        self._lengths = np.full(count, self.made, np.int64)

    def append(self, numbers: Numbers, epochs: int, columns: Mapping[str, Any]) -> None:
        """Append epochs that some networks made together.

        Parameters:
            numbers: of the networks, (m,).
            epochs: how many.
            columns: name -> values, which have the shape (m, epochs), or are one number for all.
        """
        self._spans.append((numbers, epochs, columns))
        self.made += epochs
        self._lengths[numbers] = self.made

    def histories(self) -> list[History]:
        """The history of each network; of many, few are looked at, so each is one array until then."""
        columns: dict[str, Array] = {}
        at = 0
        for numbers, epochs, values in self._spans:
            for name, value in values.items():
                if name not in columns:
                    columns[name] = np.zeros((self._count, self.made - self._before), np.float64)
                columns[name][numbers, at : at + epochs] = value
            at += epochs
        names, lengths = tuple(columns), (self._lengths - self._before).tolist()
        if not names:
            return list(self._earlier) or [History() for _ in lengths]
        together = np.stack(list(columns.values()))
        made = [together[:, number, :length] for number, length in enumerate(lengths)]
        if self._earlier:
            pairs = zip(self._earlier, made, strict=True)
            return [history.extended(self._numbers(values), _named(names, values)) for history, values in pairs]
        return [deferred_history(values.shape[1], partial(_columns_of, names, values.copy())) for values in made]

    def _numbers(self, values: Array) -> range:
        """The numbers of epochs whose values are (columns, epochs)."""
        return range(self._before + 1, self._before + values.shape[1] + 1)


def _columns_of(names: tuple[str, ...], values: Array) -> EpochColumns:
    """The epochs of one network from the first one on, (columns, epochs)."""
    columns = EpochColumns()
    columns.extend(0, range(1, values.shape[1] + 1), _named(names, values))
    return columns


def _named(names: tuple[str, ...], values: Array) -> dict[str, Array]:
    return dict(zip(names, values, strict=True))
