"""The best weights of many networks, and the outputs of the weights that are given back for their validation rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Numbers = NDArray[np.int64]


class MemberOutputs:
    """What is kept of M networks while they train. n validation rows, N outputs, P parameters.

    Parameters:
        count: M.
        best: the best weights so far of networks that go on, (P,) each, None for none; empty for networks that begin.

    `held` are the outputs for the validation rows, (n, N) each, of the best weights, or else of the last ones; None for
    unknown ones.

    >>> outputs = MemberOutputs(2)
    >>> outputs.keep(np.array([1]), np.ones((1, 3)), np.zeros((1, 4, 1)))
    >>> outputs.best_of(0), outputs.best_of(1)
    (None, array([1., 1., 1.]))
    """

    def __init__(self, count: int, best: Sequence[Array | None] = ()) -> None:
        self._best = list(best) or [None] * count
        self.held: list[Array | None] = [None] * count

    def keep(self, numbers: Numbers, parameters: Array, outputs: Array | None) -> None:
        """Keep the weights of some networks as the best so far, (m, P), and their outputs, (m, n, N)."""
        for at, number in enumerate(numbers.tolist()):
            self._best[number] = parameters[at].copy()
            self.held[number] = None if outputs is None else outputs[at].copy()

    def after_epoch(self, numbers: Numbers, outputs: Array, ends: NDArray[np.bool_]) -> None:
        """Keep the outputs of networks whose training ends and that have no best weights."""
        for at in np.flatnonzero(ends).tolist():
            if self._best[numbers[at]] is None:
                self.held[numbers[at]] = outputs[at].copy()

    def best_of(self, number: int) -> Array | None:
        """The best weights of a network, (P,), or None."""
        return self._best[number]
