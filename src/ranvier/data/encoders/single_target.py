"""The target of a single row, with the bits of `TargetEncoder.transform`."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data.encoders.target import TargetEncoder

PLAIN = (int, float, bool, str)
MAX_INTEGER = 2**63
"""Larger integers have no type of NumPy's."""


class SingleTarget:
    """Encodes target values one at a time: one of several labels, or one number that a loss takes any of.

    Parameters:
        encoder: of the targets.
        dtype: float32 or float64.

    >>> from ranvier.network.task import Task
    >>> single = SingleTarget(TargetEncoder(Task("multiclass", 3, ("a", "b", "c"), ("letter",))))
    >>> single.encode("b").tolist(), single.encode("d")
    ([[0.0, 1.0, 0.0]], None)
    """

    def __init__(self, encoder: TargetEncoder, dtype: Any = np.float32) -> None:
        self._encoder, self._dtype = encoder, dtype
        self._classes = {label: label for label in encoder.task.classes} if encoder.task.is_classifier else {}
        self._rows: dict[Any, NDArray[Any]] = {}
        self._limits = encoder.limits[0] if encoder.limits else (-np.inf, np.inf)
        self._largest = float(np.finfo(dtype).max)
        regression = encoder.task.kind == "regression" and encoder.task.outputs == 1 and not encoder.levels
        self._scaling = (encoder.mean[0], encoder.scale[0]) if regression else None

    def encode(self, value: Any) -> NDArray[Any] | None:
        """The target of a label or number, (1, N), which is not to be written to.

        None for what only `TargetEncoder.transform` can read, or refuse.
        """
        row = self._rows.get(value) if type(value) in PLAIN else None
        if row is not None:
            return row
        small = type(value) is float or (type(value) is int and -MAX_INTEGER <= value < MAX_INTEGER)
        if self._scaling is not None and small and isfinite(value):
            low, high = self._limits
            scaled = (min(max(float(value), low), high) - self._scaling[0]) / self._scaling[1]
            return np.array([[scaled]], self._dtype) if abs(scaled) <= self._largest else None
        if type(value) not in PLAIN or value not in self._classes:
            return None
        row = self._rows[value] = self._encoder.transform([self._classes[value]], dtype=self._dtype)
        return row
