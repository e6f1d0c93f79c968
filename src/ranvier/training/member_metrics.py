"""The metrics of many networks after an epoch: the usual one in arrays over M networks, others of each by itself.

n rows, N outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.rows import Rows
from ranvier.rows.class_numbers import are_class_numbers
from ranvier.training.epoch_metrics import EpochMetrics
from ranvier.training.metrics import headline_metric_name, headline_of_members
from ranvier.training.partial_targets import has_gaps

Array = NDArray[Any]
Numbers = NDArray[np.int64]


class MemberMetrics:
    """Measures networks on validation rows, with the bits of `EpochMetrics.measure` for each.

    Parameters:
        measured: what is measured.
        rows: of each network, as many of all, (M,).
    """

    def __init__(self, measured: EpochMetrics, rows: Sequence[Rows]) -> None:
        self._measured, self._rows = measured, rows
        self._name = headline_metric_name(measured.target.task)
        self._shared = all(part is rows[0] for part in rows)
        usual = measured.names == (self._name,) and not measured.target.levels
        self._targets = self._targets_at_once() if usual else None

    def _targets_at_once(self) -> Array | None:
        """The targets of all networks, (n, N), or of each, (M, n, N); None where they are measured one by one."""
        distinct = self._rows[:1] if self._shared else self._rows
        if any(has_gaps(part.targets) for part in distinct):
            return None
        if self._shared:
            return self._rows[0].targets
        plain = all(part.weights is None and not are_class_numbers(part.targets) for part in distinct)
        return np.stack([part.targets for part in distinct]) if plain else None

    def measure(self, numbers: Numbers, outputs: Array) -> dict[str, NDArray[np.float64]]:
        """Name -> value for some networks, (m,), by their outputs, (m, n, N)."""
        if self._targets is not None:
            targets = self._targets if self._shared else self._targets[numbers]
            weights = self._rows[0].weights if self._shared else None
            return {self._name: headline_of_members(self._measured.target.task, outputs, targets, weights)}
        rows_of_each = [self._rows[number] for number in numbers]
        values = [
            self._measured.measure(of_one, rows.targets, rows.weights)
            for of_one, rows in zip(outputs, rows_of_each, strict=True)
        ]
        return as_columns(values)


def as_columns(values: Sequence[dict[str, float]]) -> dict[str, NDArray[np.float64]]:
    """The metrics of several networks, name by name.

    >>> as_columns([{"r2": 0.5}, {"r2": 0.25}])
    {'r2': array([0.5 , 0.25])}
    """
    return {name: np.array([of_one[name] for of_one in values]) for name in values[0]}
