"""Events: what a training tells its listeners while it runs, as frozen records with a version.

A listener ("sink") is a callable that takes one event. The progress display, the run folder's log, a viewer and a
user's own function are all sinks. `Event.to_dict` gives plain JSON values, and `event_from_dict` reads them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, fields
from math import nan
from typing import Any, ClassVar

from ranvier import user_warnings
from ranvier.errors import InputError, nearest
from ranvier.network.renamed import EVENT_FIELDS, renamed
from ranvier.records import record
from ranvier.training.history import Epoch

VERSION = 1


class Event:
    """Base of the events.

    Attributes:
        kind: "work", "data", "start", "progress", "epoch", "note", "control" or "end".
    """

    kind: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """The event as plain JSON values, with "kind" and "version".

        >>> NoteEvent("A checkpoint was damaged.").to_dict()
        {'kind': 'note', 'version': 1, 'text': 'A checkpoint was damaged.'}
        """
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}  # type: ignore[arg-type]
        return {"kind": self.kind, "version": VERSION, **values}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Event:
        """The event that `to_dict` wrote, also under earlier names; fields that are not known here are left out.

        Raises:
            TypeError: a field is missing.
        """
        names = {entry.name for entry in fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: value for name, value in renamed(data, EVENT_FIELDS).items() if name in names})


@record
class WorkEvent(Event):
    """So much of a work besides training, such as reading pictures, is `done`, of its `total`; `what` says which."""

    kind: ClassVar[str] = "work"
    what: str
    done: int
    total: int


@record
class DataEvent(Event):
    """What was read, before training starts.

    Fields:
        origin: the file, set or object that was read.
        task, target, classes: the kind of the task, the target columns, and the classes if it has any.
        class_counts: class -> its rows, all parts together.
        positive: the class of two that f1, precision, recall and auc are about; None for other tasks.
        rows, split: how many rows there are, and how many of them are "training", "validation" and "test" rows.
        columns: one record a column: name, kind, encoded, note.
        notes: what was missing, dropped, repaired or guessed, in sentences.
        inputs, layers, parameters: the width of the encoded rows; one record a layer; the trainable parameters.
        run: the folder of the run; None where it has none.
    """

    kind: ClassVar[str] = "data"
    origin: str
    task: str
    target: list[str]
    classes: list[Any]
    class_counts: dict[str, int]
    rows: int
    split: dict[str, int]
    columns: list[dict[str, Any]]
    notes: list[str]
    inputs: int
    layers: list[dict[str, Any]]
    parameters: int
    positive: Any = None
    run: str | None = None


@record
class StartEvent(Event):
    """A run begins.

    Fields:
        epochs, first_epoch: the number of the last epoch to be made, and of the first.
        rows, validation_rows: how many there are.
        engine, threads: what computes; None for every core.
        parameters, batch_size: of the network, and of each step.
        member, members: which network of how many, of an ensemble.
        greater_is_better: of each metric of the user's own whether a greater value is better.
    """

    kind: ClassVar[str] = "start"
    epochs: int
    first_epoch: int = 1
    rows: int = 0
    validation_rows: int = 0
    engine: str = ""
    threads: int | None = None
    parameters: int = 0
    batch_size: int = 0
    member: int = 1
    members: int = 1
    greater_is_better: dict[str, bool] = field(default_factory=dict)


@record
class ProgressEvent(Event):
    """So many steps of an epoch are `done`, of all its `steps`."""

    kind: ClassVar[str] = "progress"
    epoch: int
    done: int
    steps: int
    member: int = 1
    members: int = 1


@record
class EpochEvent(Event):
    """An epoch is complete: its `record`, whose fields are those of the dictionary."""

    kind: ClassVar[str] = "epoch"
    record: Epoch
    member: int = 1
    members: int = 1

    @property
    def epoch(self) -> int:
        """The number of the epoch."""
        return self.record.epoch

    def to_dict(self) -> dict[str, Any]:
        """The event as plain JSON values, those of the epoch among them.

        >>> EpochEvent(Epoch(1, 0.5)).to_dict()["loss"]
        0.5
        """
        members = {"member": self.member, "members": self.members}
        return {"kind": self.kind, "version": VERSION, **self.record.to_dict(), **members}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> EpochEvent:
        """The event that `to_dict` wrote; a loss that JSON could not hold was written as null, and is NaN.

        >>> EpochEvent.from_dict(EpochEvent(Epoch(1, 0.5), 2, 3).to_dict()).member
        2
        """
        data = renamed(data, EVENT_FIELDS)
        numbers = {name: nan if value is None else value for name, value in data.items() if name != "validation_loss"}
        measured = {name: nan if value is None else value for name, value in data["metrics"].items()}
        epoch = Epoch.from_json({**numbers, "validation_loss": data["validation_loss"], "metrics": measured})
        return cls(epoch, data.get("member", 1), data.get("members", 1))


@record
class NoteEvent(Event):
    """Something that a person should know, in a sentence."""

    kind: ClassVar[str] = "note"
    text: str


@record
class ControlEvent(Event):
    """A viewer steered the run.

    Fields:
        do: "pause", "play", "step", "epoch", "rate" or "stop".
        epoch, step: how many were complete then.
        text: what happened, in a sentence.
        value: the learning rate, or how many steps; None for others.
        id: what the viewer named its request.
    """

    kind: ClassVar[str] = "control"
    do: str
    epoch: int
    step: int
    text: str
    value: float | None = None
    id: str = ""


@record
class EndEvent(Event):
    """A run is over.

    Fields:
        reason: "finished", "stopped" by a callback, "interrupted" or "failed".
        text: the reason in a sentence.
        epochs, best_epoch: how many were made, and the one whose weights are given back.
        seconds: how long they took.
    """

    kind: ClassVar[str] = "end"
    reason: str
    text: str
    epochs: int = 0
    best_epoch: int = 0
    seconds: float = 0.0


EVENTS: dict[str, type[Event]] = {
    kind.kind: kind
    for kind in (WorkEvent, DataEvent, StartEvent, ProgressEvent, EpochEvent, NoteEvent, ControlEvent, EndEvent)
}
Sink = Callable[[Any], None]


def event_from_dict(data: Mapping[str, Any]) -> Event:
    """The event that `Event.to_dict` wrote, in this version or an earlier one.

    Raises:
        InputError: the kind is unknown, or a field is missing.

    >>> event_from_dict({"kind": "note", "text": "Hello."})
    NoteEvent(text='Hello.')
    """
    kind = data.get("kind")
    if kind not in EVENTS:
        raise InputError(f"There are no events of the kind {kind!r}. {nearest(str(kind), tuple(EVENTS))}")
    try:
        return EVENTS[kind].from_dict(data)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise InputError(f"The {kind} event is incomplete ({error!r}).") from error


class SettingWarning(RuntimeWarning):
    """A setting in the environment asks for what this machine does not have, and something else is taken."""


def silent(event: Event) -> None:
    """A sink that shows no event; of a setting that cannot be used, such as an unknown RANVIER_CPU, it warns."""
    if isinstance(event, NoteEvent) and event.text.startswith("RANVIER_"):
        user_warnings.warn(SettingWarning(event.text))


def work_progress(sink: Sink, what: str) -> Callable[[int, int], None]:
    """A function that tells a sink how much of a work is done, and of how much.

    >>> work_progress(print, "Reading pictures")(1, 9)
    WorkEvent(what='Reading pictures', done=1, total=9)
    """

    def tell(done: int, total: int) -> None:
        sink(WorkEvent(what, done, total))

    return tell


def tee(sinks: tuple[Sink, ...]) -> Sink:
    """A sink that passes every event on to all the given ones, in order."""
    if len(sinks) == 1:
        return sinks[0]

    def pass_on(event: Event) -> None:
        for sink in sinks:
            sink(event)

    return pass_on
