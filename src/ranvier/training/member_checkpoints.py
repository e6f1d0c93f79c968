"""Checkpoints of many networks that are trained together, each in a folder of its own, as if it were trained alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ranvier.network.network import Network
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.training.runner import checkpoint_saver, fingerprint, locked_checkpoints
from ranvier.training.save_timer import SaveTimer
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
        self._timer = SaveTimer()

    def due(self) -> bool:
        """Whether it is time to save again."""
        return bool(self._savers) and self._timer.due()

    def save(self, states: Sequence[TrainingState]) -> None:
        """Save the state of each network that made an epoch since it was saved."""
        self._timer.run(lambda: self._save_all(states))

    def _save_all(self, states: Sequence[TrainingState]) -> None:
        for number, save in enumerate(self._savers):
            if states[number].epoch > self._saved[number]:
                save(states[number])
                self._saved[number] = states[number].epoch


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
