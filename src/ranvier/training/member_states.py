"""The states of many networks that were trained together, in the arrays in which they were trained.

A state of its own, with its records and arrays, takes more memory for each small network than its numbers do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.engine import State
from ranvier.training.member_epochs import MemberHistories
from ranvier.training.member_outputs import MemberOutputs
from ranvier.training.member_rates import Plateaus
from ranvier.training.member_stopping import StoppingOfMembers
from ranvier.training.state import TrainingState

Array = NDArray[Any]


class MemberStates(Sequence[TrainingState]):
    """The complete states of M networks, each made when it is asked for.

    Parameters:
        engine: parameters (M, P), slots (M, S, P) and numbers of steps (M,).
        histories, plateaus: of the networks.
        outputs: their best weights, and the outputs that are known.
        stopping: the callbacks.
        reasons: why each was stopped, (M,), None where it was not.
        loss_unit: as in `TrainingState`.
    """

    def __init__(
        self,
        engine: tuple[Array, Array, NDArray[np.int64]],
        histories: MemberHistories,
        plateaus: Plateaus,
        outputs: MemberOutputs,
        stopping: Sequence[StoppingOfMembers],
        reasons: Sequence[str | None],
        loss_unit: float,
    ) -> None:
        self._parameters, self._slots, self._steps = engine
        self._histories, self._plateaus, self._outputs = histories, plateaus, outputs
        self._stopping, self._reasons, self._unit = stopping, tuple(reasons), loss_unit

    def __len__(self) -> int:
        return len(self._parameters)

    def __getitem__(self, number: Any) -> Any:
        history = self._histories[number]
        return TrainingState(
            State(self._parameters[number].copy(), self._slots[number].copy(), int(self._steps[number])),
            epoch=len(history),
            best=self._outputs.best_of(number),
            callbacks=tuple(rule.state(number) for rule in self._stopping),
            plateau=self._plateaus[number],
            history=history,
            stop_reason=self._reasons[number],
            loss_unit=self._unit,
        )

    def take_outputs(self, number: int) -> Array | None:
        """What a network outputs for its validation rows, (n, N), if it is known; it is not kept then."""
        held, self._outputs.held[number] = self._outputs.held[number], None
        return held
