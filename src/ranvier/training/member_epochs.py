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

    def histories(self) -> MemberHistories:
        """The history of each network."""
        columns: dict[str, Array] = {}
        at = 0
        for numbers, epochs, values in self._spans:
            for name, value in values.items():
                if name not in columns:
                    columns[name] = np.zeros((self._count, self.made - self._before), np.float64)
                columns[name][numbers, at : at + epochs] = value
            at += epochs
        return MemberHistories(self._lengths - self._before, self._before, columns, self._earlier)


class MemberHistories(Sequence[History]):
    """The histories of M networks, each made when it is asked for: of many, few are looked at.

    Parameters:
        lengths: how many epochs each made, (M,).
        before: how many each had made before.
        columns: name -> values of these epochs, (M, epochs).
        earlier: the histories of the epochs before, (M,); empty for none.
    """

    def __init__(
        self, lengths: Numbers, before: int, columns: Mapping[str, Array], earlier: Sequence[History] = ()
    ) -> None:
        self._lengths, self._before, self._earlier = lengths, before, earlier
        # What all networks have in common, such as the seconds, is kept once.
        self._columns = {name: values[:1].copy() if _is_common(values) else values for name, values in columns.items()}

    def __len__(self) -> int:
        return len(self._lengths)

    def __getitem__(self, number: Any) -> Any:
        length, earlier = int(self._lengths[number]), self._earlier[number] if self._earlier else History()
        if not self._columns:
            return earlier
        names = tuple(self._columns)
        values = np.stack([column[number if len(column) > 1 else 0, :length] for column in self._columns.values()])
        if self._earlier:
            return earlier.extended(range(self._before + 1, self._before + length + 1), _named(names, values))
        return deferred_history(length, partial(_columns_of, names, values))


def _is_common(values: Array) -> bool:
    return bool((values == values[0]).all())


def _columns_of(names: tuple[str, ...], values: Array) -> EpochColumns:
    """The epochs of one network from the first one on, (columns, epochs)."""
    columns = EpochColumns()
    columns.extend(0, range(1, values.shape[1] + 1), _named(names, values))
    return columns


def _named(names: tuple[str, ...], values: Array) -> dict[str, Array]:
    return dict(zip(names, values, strict=True))
