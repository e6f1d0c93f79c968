"""Checkpoints of many networks that are trained together, each in a folder of its own, as if it were trained alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ranvier.network.network import Network
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.training.loop import CHECKPOINT_SECONDS, MAX_SAVING
from ranvier.training.runner import checkpoint_saver, fingerprint, locked_checkpoints
from ranvier.training.settings import TrainSettings
from ranvier.training.state import TrainingState


@record(eq=False)
class CheckpointedMember:
    """A network whose states are saved: its folder, and what its fingerprint is of."""

    folder: Path
    network: Network
    settings: TrainSettings
    rows: Rows
    validation: Rows | None


class MemberCheckpoints:
    """Saves the states of networks; made by `member_checkpoints`.

    Parameters:
        savers: of each, what saves a state in its folder.
    """

    def __init__(self, savers: Sequence[Callable[[TrainingState], None]]) -> None:
        self._savers = savers
        self._saved = [0] * len(savers)
        self._saved_at, self._seconds = time.perf_counter(), 0.0

    def due(self) -> bool:
        """Whether it is time to save again; saving takes a small part of the time."""
        passed = time.perf_counter() - self._saved_at
        return bool(self._savers) and passed > max(CHECKPOINT_SECONDS, self._seconds / MAX_SAVING)

    def save(self, states: Sequence[TrainingState]) -> None:
        """Save the state of each network that made an epoch since it was saved."""
        start = time.perf_counter()
        for number, save in enumerate(self._savers):
            if states[number].epoch > self._saved[number]:
                save(states[number])
                self._saved[number] = states[number].epoch
        self._saved_at = time.perf_counter()
        self._seconds = self._saved_at - start


@contextmanager
def member_checkpoints(members: Sequence[CheckpointedMember]) -> Iterator[MemberCheckpoints]:
    """What saves the states of networks, whose folders are locked meanwhile; none for no networks.

    Raises:
        InputError: a folder cannot be made, or somebody else saves there.

    >>> with member_checkpoints([]) as checkpoints:
    ...     checkpoints.due()
    False
    """
    with ExitStack() as stack:
        savers = []
        for member in members:
            stack.enter_context(locked_checkpoints(member.folder))
            mark = fingerprint(member.network, member.settings, member.rows, member.validation)
            savers.append(checkpoint_saver(member.folder, mark))
        yield MemberCheckpoints(savers)
