"""Checkpoints of many networks that are trained together, each in a folder of its own, as if it were trained alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from ranvier.network.network import Network
from ranvier.records import record
from ranvier.rows import Rows
from ranvier.training.events import silent
from ranvier.training.runner import fingerprint, locked_checkpoints, opened_checkpoints
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


@record(eq=False)
class _Folder:
    """What saves a state in the folder of a network, the newest state there, if any, and how many epochs are made."""

    save: Callable[[TrainingState], None]
    stored: TrainingState | None
    epochs: int


class MemberCheckpoints:
    """Saves the states of networks; made by `member_checkpoints`.

    Parameters:
        folders: of each; none where nothing is saved.
    """

    def __init__(self, folders: Sequence[_Folder]) -> None:
        self._folders = folders
        self._saved = [0 if folder.stored is None else folder.stored.epoch for folder in folders]
        self._timer = SaveTimer()

    @property
    def stored(self) -> list[TrainingState]:
        """The states with which networks of `together` go on; empty where they begin."""
        return [folder.stored for folder in self._folders if folder.stored is not None]

    def together(self, count: int) -> list[list[int]]:
        """Which of so many networks can make their epochs together: those that begin, and those that come equally far.

        The others are done, were stopped, or were saved within an epoch.
        """
        groups: dict[Any, list[int]] = {}
        for number, folder in enumerate(self._folders):
            groups.setdefault(_standing(folder), []).append(number)
        return [numbers for key, numbers in groups.items() if key is not None] if groups else [list(range(count))]

    def of(self, numbers: Sequence[int]) -> MemberCheckpoints:
        """Those of some networks."""
        return MemberCheckpoints([self._folders[number] for number in numbers] if self._folders else ())

    def due(self) -> bool:
        """Whether it is time to save again."""
        return bool(self._folders) and self._timer.due()

    def save(self, states: Sequence[TrainingState]) -> None:
        """Save the state of each network that made an epoch since it was saved."""
        self._timer.run(lambda: self._save_all(states))

    def _save_all(self, states: Sequence[TrainingState]) -> None:
        for number, folder in enumerate(self._folders):
            if states[number].epoch > self._saved[number]:
                folder.save(states[number])
                self._saved[number] = states[number].epoch


def _standing(folder: _Folder) -> Any:
    """What the states of networks have in common that go on together; None for one that has to go on by itself."""
    state = folder.stored
    if state is None:
        return ()
    goes_on = state.stop_reason is None and state.epoch < folder.epochs
    at_an_end = not state.position and state.factor == 1.0 and not state.first_epoch
    names = tuple(state.history.columns())
    return (state.epoch, state.engine.step, state.loss_unit, names) if goes_on and at_an_end else None


@contextmanager
def member_checkpoints(members: Sequence[CheckpointedMember]) -> Iterator[MemberCheckpoints]:
    """What saves the states of networks, whose folders are locked meanwhile; none for no networks.

    Raises:
        InputError: a folder cannot be made, somebody else saves there, or it holds a checkpoint of another training.

    >>> with member_checkpoints([]) as checkpoints:
    ...     checkpoints.due(), checkpoints.together(3)
    (False, [[0, 1, 2]])
    """
    with ExitStack() as stack:
        folders = []
        for member in members:
            stack.enter_context(locked_checkpoints(member.folder))
            mark, epochs = (
                fingerprint(member.network, member.settings, member.rows, member.validation),
                member.settings.epochs,
            )
            folders.append(_Folder(*opened_checkpoints(member.folder, mark, silent, epochs), epochs))
        yield MemberCheckpoints(folders)
