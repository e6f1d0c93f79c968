"""The events and epochs of several networks as those of one run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ranvier.plural import plural
from ranvier.training.events import (
    ControlEvent,
    EndEvent,
    EpochEvent,
    Event,
    NoteEvent,
    ProgressEvent,
    Sink,
    StartEvent,
)
from ranvier.training.history import Epoch, History


@dataclass(slots=True)
class MergedEvents:
    """Sends the events of several runs as those of one; a note that all have is sent once.

    Parameters:
        sink: who listens.
        networks, epochs: how many networks are trained, and for how many epochs each at most.
        number, epochs_before: which network it is, from 0, and the epochs of those before it.
        at_once: how many are trained at a time; the seconds of an epoch are then divided among them, so that those of
            all epochs are how long the run took.
        seconds: how long the networks before trained.
        ended_by: why a callback ended the run, in its sentence; empty where none did.
        pressed: whether Ctrl-C was pressed, also where every network that had begun was finished.
    """

    sink: Sink
    networks: int
    epochs: int
    number: int = 0
    epochs_before: int = 0
    at_once: int = 1
    started: bool = False
    notes: set[str] = field(default_factory=set)
    seconds: float = 0.0
    ended_by: str = ""
    pressed: bool = False

    def __call__(self, event: Event) -> None:
        before, which = self.epochs_before, (self.number + 1, self.networks)
        if isinstance(event, StartEvent):
            if not self.started:
                self.sink(replace(event, epochs=self.networks * self.epochs, member=which[0], members=which[1]))
            self.started = True
        elif isinstance(event, ProgressEvent):
            self.sink(replace(event, epoch=event.epoch + before, member=which[0], members=which[1]))
        elif isinstance(event, EpochEvent):
            self.sink(EpochEvent(self.of_run(event.record, self.number, event.record.epoch + before), *which))
        elif isinstance(event, ControlEvent):
            self.sink(replace(event, epoch=event.epoch + before))
        elif isinstance(event, NoteEvent):
            if event.text not in self.notes:
                self.sink(event)
            self.notes.add(event.text)
        elif not isinstance(event, EndEvent) or event.reason == "failed":
            self.sink(event)

    def ctrl_c(self) -> None:
        """Ctrl-C was pressed: no more networks begin."""
        self.pressed = True

    def member_ended(self, history: History, ended_by: str) -> None:
        """A network was trained; the next one's events follow.

        Parameters:
            history: its epochs.
            ended_by: why a callback ended the run with it; empty where none did.
        """
        self.epochs_before += len(history)
        self.seconds += history.total_seconds
        self.ended_by = ended_by

    def text_of_end(self, merged: int) -> str:
        """Why a callback ended the run, and of how many networks the model is made."""
        return f"{self.ended_by} The model is made of {plural(merged, 'network')} of {self.networks}."

    def of_run(self, epoch: Epoch, member: int, number: int) -> Epoch:
        """The record of an epoch of a member as one of the run, by its number there."""
        beside = min(self.at_once, self.networks - member // self.at_once * self.at_once)
        return replace(epoch, epoch=number, seconds=epoch.seconds / beside)

    def end(self, text: str, interrupted: bool, history: History) -> None:
        """Send the one event that ends all runs."""
        seconds = history.total_seconds
        reason = "interrupted" if interrupted else "finished"
        self.sink(EndEvent(reason, text, len(history), len(history), seconds))


def renumbered(histories: Iterable[History], events: MergedEvents) -> Iterator[Epoch]:
    """The epochs of the members, from the first one on, as those of one run."""
    number = 0
    for member, history in enumerate(histories):
        for epoch in history:
            number += 1
            yield events.of_run(epoch, member, number)
