"""Early stopping of many networks at once: what `EarlyStopping` decides for one, decided in arrays over M of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.training.callbacks import Callback, EarlyStopping, EarlyStoppingFromStart, stop_reason
from ranvier.training.epoch_columns import VALIDATION_LOSS
from ranvier.training.epoch_metrics import greater_is_better

Numbers = NDArray[np.int64]
Values = Mapping[str, NDArray[np.float64]]
Mask = NDArray[np.bool_]


def all_early_stopping(callbacks: Sequence[Any]) -> bool:
    """Whether callbacks are ours that stop early: those are known to do nothing else.

    >>> from ranvier.training.callbacks import TimeLimit
    >>> all_early_stopping([EarlyStopping()]), all_early_stopping([EarlyStopping(), TimeLimit(60)])
    (True, False)
    """
    return all(type(callback) in (EarlyStopping, EarlyStoppingFromStart) for callback in callbacks)


class StoppingOfMembers:
    """The states of one callback for M networks.

    Parameters:
        callback: that of all of them, one of `all_early_stopping`.
        count: M.
        states: those of networks that go on, as `state` gives them; empty for networks that begin.

    >>> stopping = StoppingOfMembers(EarlyStopping(patience=1), 2)
    >>> for epoch, losses in enumerate([[0.5, 0.3], [0.6, 0.2]], start=1):
    ...     better, stopped = stopping.after_epoch(np.arange(2), epoch, {"validation_loss": np.array(losses)})
    >>> better.tolist(), stopped.tolist(), stopping.state(0)
    ([False, True], [True, False], {'best': 0.5, 'best_epoch': 1, 'waited': 1})
    """

    def __init__(self, callback: Callback, count: int, states: Sequence[Mapping[str, Any]] = ()) -> None:
        assert isinstance(callback, EarlyStopping)
        self.callback = callback
        states = states or [callback.init_state()] * count
        best = [state["best"] for state in states]
        self._best = np.array([np.nan if score is None else score for score in best])
        self._best_epoch = np.array([state["best_epoch"] or 0 for state in states], np.int64)
        self._waited = np.array([state["waited"] for state in states], np.int64)

    def after_epoch(self, numbers: Numbers, epoch: int, values: Values) -> tuple[Mask, Mask]:
        """Which of some networks, (m,), are better than before after an epoch, and which are to stop.

        Parameters:
            numbers: of the networks.
            epoch: its number.
            values: "loss", and what was measured on validation rows, (m,) each.
        """
        callback, scores = self.callback, self._scores(values)
        best = self._best[numbers]
        # NaN is never better, and anything that is a number is better than nothing.
        better = np.isfinite(scores) & (np.isnan(best) | (scores < best - callback.min_delta))
        improved, others = numbers[better], numbers[~better]
        self._best[improved], self._best_epoch[improved], self._waited[improved] = scores[better], epoch, 0
        self._waited[others] += 1
        return better, ~better & (self._waited[numbers] >= callback.patience)

    def _scores(self, values: Values) -> NDArray[np.float64]:
        """The values to make small."""
        name = self.callback.name
        of_metric = name not in ("loss", VALIDATION_LOSS) and greater_is_better(self.callback.metric)
        return -values[name] if of_metric else values[name]

    def reason(self, number: int) -> str:
        """Why a network was stopped, in one sentence."""
        return stop_reason(self.callback.name, **self._counts(number))

    def state(self, number: int) -> dict[str, Any]:
        """The state of the callback for one network."""
        best = None if np.isnan(self._best[number]) else float(self._best[number])
        return {"best": best, **self._counts(number)}

    def _counts(self, number: int) -> dict[str, Any]:
        has_best = not np.isnan(self._best[number])
        return {"best_epoch": int(self._best_epoch[number]) if has_best else None, "waited": int(self._waited[number])}
