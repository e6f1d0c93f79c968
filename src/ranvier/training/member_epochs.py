"""The epochs that many networks have made so far, in arrays over the networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.training.epoch_columns import BEST
from ranvier.training.history import History

Array = NDArray[Any]
Numbers = NDArray[np.int64]


class MemberEpochs:
    """The epochs of M networks, which each made some number of from the first one on.

    Parameters:
        count: M.

    `made` is how many epochs those made that made most.

    >>> epochs = MemberEpochs(2)
    >>> others = {"learning_rate": 0.1, "seconds": 1.0, "examples_per_second": 20.0}
    >>> epochs.append(np.array([0, 1]), 1, {"loss": np.array([[0.5], [0.7]]), **others})
    >>> epochs.append(np.array([1]), 1, {"loss": np.array([[0.6]]), **others})
    >>> [history.loss.tolist() for history in epochs.histories()]
    [[0.5], [0.7, 0.6]]
    """

    def __init__(self, count: int) -> None:
        self._count, self.made = count, 0
        self._spans: list[tuple[Numbers, int, Mapping[str, Any]]] = []
        self._lengths = np.zeros(count, np.int64)

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
        """The history of each network."""
        columns: dict[str, Array] = {}
        at = 0
        for numbers, epochs, values in self._spans:
            for name, value in values.items():
                if name not in columns:
                    columns[name] = np.zeros((self._count, self.made), np.bool_ if name == BEST else np.float64)
                columns[name][numbers, at : at + epochs] = value
            at += epochs
        histories = []
        for number, length in enumerate(self._lengths.tolist()):
            of_one = {name: column[number, :length] for name, column in columns.items()}
            histories.append(History().extended(range(1, length + 1), of_one) if length else History())
        return histories
