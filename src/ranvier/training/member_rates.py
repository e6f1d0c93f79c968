"""The learning rates of many networks that are trained together, each with its own rate and schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ranvier.network.optimizers.base import at_unit_rate
from ranvier.network.schedules import Schedule
from ranvier.training.settings import TrainSettings

Numbers = NDArray[np.int64]
T = TypeVar("T")


class MemberRates:
    """What the optimizers' rules need at each step of M networks.

    Parameters:
        settings: of each.
        per_epoch: how many steps an epoch has.
        plateaus: the states of schedules that go on; empty for those that begin.

    `plateaus` are the states of the schedules.
    """

    def __init__(
        self, settings: Sequence[TrainSettings], per_epoch: int, plateaus: Sequence[dict[str, Any]] = ()
    ) -> None:
        self._settings, self._per_epoch = settings, per_epoch
        self._rates = np.array([settings_.optimizer.learning_rate for settings_ in settings])
        self._optimizers, self._optimizer_of = _distinct([at_unit_rate(settings_.optimizer) for settings_ in settings])
        self._schedules, self._schedule_of = _distinct([settings_.schedule for settings_ in settings])
        self.plateaus = Plateaus(self._schedules, self._schedule_of, plateaus)

    @property
    def watch(self) -> bool:
        """Whether a schedule looks at the losses."""
        return self.plateaus.watch

    def scalars(self, numbers: Numbers, done: int, epochs: int) -> NDArray[np.float64]:
        """The numbers of each step of some epochs, (m, steps, H), the learning rate first; `done` epochs were made."""
        first, count = done * self._per_epoch, epochs * self._per_epoch
        since, total = np.arange(first, first + count), self._settings[0].epochs * self._per_epoch
        unscaled = np.ones(count)
        kinds = np.stack([optimizer.scalars_from(first + 1, unscaled) for optimizer in self._optimizers])
        scalars = kinds[self._optimizer_of[numbers]]
        factors = np.array([schedule.factors(since, self._per_epoch, total) for schedule in self._schedules])
        np.multiply(self._rates[numbers, None], factors[self._schedule_of[numbers]], out=scalars[:, :, 0])
        return scalars

    def follow(self, numbers: Numbers, scalars: NDArray[np.float64]) -> None:
        """Multiply learning rates by what the schedules of some networks made of the losses so far."""
        if self.watch:
            scalars[:, :, 0] *= np.array([self.plateaus[number]["factor"] for number in numbers])[:, None]

    def after_epoch(self, numbers: Numbers, scores: NDArray[np.float64]) -> None:
        """Let schedules see the scores of some networks, (m,)."""
        if self.watch:
            for number, score in zip(numbers.tolist(), scores.tolist(), strict=True):
                self.plateaus.after_epoch(number, score)


class Plateaus:
    """The states of the schedules of M networks; of those that watch nothing there is none to keep.

    Parameters:
        schedules: the different ones.
        schedule_of: which of them each network has, (M,).
        states: of networks that go on; empty for those that begin.
    """

    def __init__(
        self, schedules: Sequence[Schedule], schedule_of: Numbers, states: Sequence[dict[str, Any]] = ()
    ) -> None:
        self._schedules, self._schedule_of = schedules, schedule_of
        self.watch = any(schedule.watches for schedule in schedules)
        self._states = list(states)
        if self.watch and not states:
            self._states = [schedules[number].init_state() for number in schedule_of]

    def __getitem__(self, number: int) -> dict[str, Any]:
        return self._states[number] if self._states else self._schedules[self._schedule_of[number]].init_state()

    def after_epoch(self, number: int, score: float) -> None:
        """Let the schedule of a network see a score."""
        schedule = self._schedules[self._schedule_of[number]]
        self._states[number] = schedule.on_epoch_end(self._states[number], score)


def _distinct(records: Sequence[T]) -> tuple[list[T], Numbers]:
    """The different ones of some records, and the number of each among these."""
    positions: dict[T, int] = {}
    of_each = [positions.setdefault(record, len(positions)) for record in records]
    return list(positions), np.array(of_each)
