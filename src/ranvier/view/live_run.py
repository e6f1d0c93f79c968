"""LiveRun: a run that is followed while it trains. P parameters."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ranvier.data import TargetEncoder
from ranvier.errors import InputError, RanvierError
from ranvier.model.load import load
from ranvier.model.model import Model
from ranvier.model.run_rows import RunRows
from ranvier.model.running import data_of_running
from ranvier.network.network import Network
from ranvier.network.task import Task
from ranvier.storage.live_folder import MAX_ROWS, LiveReader, Status
from ranvier.storage.lock import is_held
from ranvier.storage.run_folder import RunFolder
from ranvier.storage.tail import Tail
from ranvier.training.events import DataEvent, EndEvent, EpochEvent, event_from_dict
from ranvier.training.history import History
from ranvier.training.report import TrainReport
from ranvier.training.settings import TrainSettings
from ranvier.training.shown_rows import rows_to_bytes
from ranvier.view.known_rows import KnownRows, known_rows, rows_of
from ranvier.view.run_model import model_file_of
from ranvier.view.subject import Subject

Array = NDArray[Any]
TOUCH_SECONDS, FOLLOW_SECONDS = 1.0, 0.5
SEARCH_SECONDS = 0.2
"""The time between two looks for events and other networks, while a page is open."""
START_SECONDS = 5.0
"""How long a run may take from its folder to its lock."""
LOOKING_SECONDS = 2.0
"""For how long a page counts as open after it was sent something."""
SAMPLE_ROWS = 256
"""By how many rows neurons are described while the network changes."""
NOT_YET = "The run has not begun to train yet."


class NotYet(InputError):  # noqa: N818
    """A question about a network that is not there yet."""


class LiveRun:
    """The run, its newest parameters, and what its events said.

    Attributes:
        state: "preparing", "running", "paused", "ending" once its last event came, "ended", or "missing".
        status: where training stands.
        sequence: the number of the newest parameters.
        step: how many steps made these.
        values_sequence: the number of the newest values that `values_of` gives.
        version: counts everything that changed, for those who follow.
        generation: counts the networks that were looked at; the finished model is one, too.
        epochs, controls: the epochs so far, and the events by which viewers steered.
        reason: why training ended, in a sentence.

    Parameters:
        run: its folder.
    """

    def __init__(self, run: str | Path) -> None:
        self.folder = RunFolder.open(run)
        self.state, self.reason = "preparing", ""
        self.status, self.sequence, self.step = Status(), 0, 0
        self.version = self.generation = 0
        self.epochs = History()
        self.controls: list[dict[str, Any]] = []
        self.closed = False
        self.parameters: Array | None = None
        self.values_sequence = 0
        self._values: tuple[tuple[int, ...], Array] | None = None
        self._wanted: dict[int, float] = {}
        self._requested: tuple[int, tuple[int, ...], int] | None = None
        self.lock = threading.RLock()
        """Held while the model is asked or changed."""
        self._reader, self._tail = LiveReader(self.folder.path), Tail(self.folder.events)
        self._restarts = 0
        self._data: DataEvent | None = None
        self._rows: tuple[TargetEncoder, Any, RunRows] | None = None
        threading.Thread(target=self._read_rows, name="ranvier view rows", daemon=True).start()
        self._was_looking, self._start = False, time.monotonic()
        self._model: Model | None = None
        self._known_rows: KnownRows | None = None
        self._final: Subject | None = None
        self._subject: tuple[int, int, Subject] | None = None
        self._touched = self._looked = self._searched = -math.inf
        threading.Thread(target=self._follow, name="ranvier view run", daemon=True).start()

    @property
    def name(self) -> str:
        """Of the run, for the page."""
        return self.folder.path.name

    def look(self) -> None:
        """Look for what is new, for a page that is open, so that the training shows itself."""
        self._looked = time.monotonic()
        self._poll()

    def glance(self) -> None:
        """As `look`, for a page that comes again at once: events and other networks can wait a little."""
        self._looked = time.monotonic()
        if self._looked - self._searched > SEARCH_SECONDS:
            self._poll()
            return
        with self.lock:
            self._read_numbers()

    def _follow(self) -> None:
        while not self.closed and self.state != "ended":
            if time.monotonic() - self._looked > FOLLOW_SECONDS:
                self._poll()
            time.sleep(FOLLOW_SECONDS)

    def _poll(self) -> None:
        with self.lock:
            if self.state == "ended" or self.closed:
                return
            now = self._searched = time.monotonic()
            looking = now - self._looked < LOOKING_SECONDS
            if now - self._touched > TOUCH_SECONDS or (looking and not self._was_looking):
                self._was_looking = looking
                if not self.folder.events.exists():
                    self._set_state("missing")
                    return
                self._touched = now
                self._reader.touch(looking)
                self._ask_for_rows(now)
                is_locked = is_held(self.folder.path / "lock")
                self._start = -math.inf if is_locked else self._start
                if not is_locked and now - self._start > START_SECONDS:
                    self._read_events()
                    self._end()
                    return
            self._read_events()
            self._read_parameters()

    def subject(self) -> Subject:
        """The newest network beside the rows to look at.

        Raises:
            NotYet: training has not begun.
        """
        with self.lock:
            if self._final is not None:
                return self._final
            if self._model is None or self.parameters is None:
                raise NotYet(NOT_YET)
            key = (self.generation, self.sequence)
            if self._subject is None or self._subject[:2] != key:
                self._model.replace_parameters(self.parameters)
                self._model.history = self.epochs
                same = self._subject is not None and self._subject[0] == self.generation
                before = self._subject[2] if same and self._subject is not None else None
                self._subject = (*key, Subject(self._model, self._known_rows, self.name, SAMPLE_ROWS, before))
            return self._subject[2]

    def values_of(self, row: int) -> Array | None:
        """Outputs that the training wrote for a known row, (V,), as `training.shown_values` does; None before it does.

        From now on it says it more often than it shows its parameters, as long as this is asked.
        """
        now = time.monotonic()
        is_new = row not in self._wanted
        self._wanted[row] = now
        if is_new:
            self._ask_for_rows(now)
        if self._values is None or row not in self._values[0]:
            return None
        rows, values = self._values
        of_row: Array = values[rows.index(row)]
        return of_row

    def _ask_for_rows(self, now: float) -> None:
        """Tell the training which known rows pages look at."""
        self._wanted = {row: at for row, at in self._wanted.items() if now - at < LOOKING_SECONDS}
        rows = tuple(sorted(self._wanted, key=self._wanted.__getitem__)[-MAX_ROWS:])
        table, requested = self._known_rows, self._requested
        if table is None or not rows or (requested is not None and requested[:2] == (self.generation, rows)):
            return
        with contextlib.suppress(OSError):
            content = rows_to_bytes(table.inputs[np.array(rows)].in_memory())
            self._requested = self.generation, rows, self._reader.ask_for(content)

    def send(self, action: str, value: float | None, mark: str) -> None:
        """Ask the training for something.

        Raises:
            InputError: the run has ended, or the folder cannot be written.
        """
        if self.state in ("ended", "missing"):
            raise InputError("The run has ended, so there is nothing to steer any more.")
        command = {"do": action, "id": mark, **({} if value is None else {"value": value})}
        try:
            self._reader.touch(looking=True)
            self._reader.send(command)
        except OSError as error:
            raise InputError(f'"{self.folder.path}" cannot be written: {error.strerror or error}.') from error

    def close(self) -> None:
        """Follow no longer; a training that waits for this viewer goes on."""
        self.closed = True
        self._reader.leave()

    def _set_state(self, state: str) -> None:
        if state != self.state:
            self.state = state
            self.version += 1

    def _read_events(self) -> None:
        entries = self._tail.read()
        if self._tail.restarts != self._restarts:
            self._restarts = self._tail.restarts
            self.epochs, self.controls = History(), []
        for entry in entries:
            try:
                event = event_from_dict(entry)
            except InputError:
                continue
            self.version += 1
            if isinstance(event, DataEvent):
                self._data = event
            elif isinstance(event, EpochEvent):
                # A run that was resumed goes on from a checkpoint, before which some epochs may be told twice.
                if self.epochs and self.epochs[-1].epoch >= event.epoch:
                    self.epochs = History(epoch for epoch in self.epochs if epoch.epoch < event.epoch)
                self.epochs = self.epochs.appended(event.record)
            elif isinstance(event, EndEvent):
                self.reason = event.text
                self._set_state("ending")
            elif event.kind == "control":
                self.controls.append(entry)

    def _read_parameters(self) -> None:
        # Another network is looked for where the one that is known shows nothing new.
        if not self._shows_more() and self._reader.refresh():
            self._make_model(self._reader.description)
        if self._model is not None and self._known_rows is None and self._rows is not None:
            self._take_rows()
        self._read_numbers()

    def _read_numbers(self) -> None:
        """What the network that is known shows."""
        self._read_values()
        if not self._shows_more():
            return
        read = self._reader.read()
        if read is not None:
            self.sequence, status, self.parameters = read
            self.step = status.step
            self._take_status(status, self.sequence > self.values_sequence)

    def _read_values(self) -> None:
        read = None if self._requested is None else self._reader.read_values(self.values_sequence)
        if read is None or self._requested is None:
            return
        self.values_sequence, status, values = read
        self._take_status(status, self.values_sequence > self.sequence)
        generation, rows, mark = self._requested
        self._values = (rows, values[mark]) if generation == self.generation and mark in values else None

    def _take_status(self, status: Status, is_newer: bool) -> None:
        """Parameters and values come by turns, each with where training stood."""
        self.version += 1
        if is_newer:
            self.status = status
            if self.state != "ending":
                self._set_state("paused" if status.paused else "running")

    def _shows_more(self) -> bool:
        newest = self._reader.sequence()
        return newest > 0 and (newest != self.sequence or self.parameters is None)

    def _make_model(self, description: dict[str, Any]) -> None:
        network = Network.from_dict(description["network"])
        settings = replace(TrainSettings.from_dict(description["training"]), threads=1)
        target = TargetEncoder(self._task(network.outputs)) if self._rows is None else self._rows[0]
        report = TrainReport(run=str(self.folder.path), evaluated_on="validation")
        nothing = np.zeros(network.parameter_count, np.float32)
        self._model = Model(network, target, nothing, training=settings, report=report)
        self.parameters, self.sequence, self._known_rows, self._subject = None, 0, None, None
        self.values_sequence, self._values, self._requested = 0, None, None
        self.generation += 1
        self.version += 1

    def _take_rows(self) -> None:
        """The rows to look at, where the network reads rows as they were encoded."""
        assert self._model is not None
        assert self._rows is not None
        target, encoder, rows = self._rows
        old = self._model
        if encoder.width != old.network.inputs:
            return
        nothing = np.zeros(old.network.parameter_count, np.float32)
        model = Model(old.network, target, nothing, training=old.training, encoder=encoder, report=old.report)
        try:
            self._known_rows = known_rows(
                model, rows.source, rows.numbers, f"{rows.part} rows", rows.notes, rows.recordings
            )
        except RanvierError:
            self._rows = None
            return
        self._model, self._subject = model, None
        self._values = None
        self.generation += 1
        self.version += 1

    def _read_rows(self) -> None:
        try:
            prepared, rows = data_of_running(self.folder.path)
        except (RanvierError, KeyError, OSError):
            return
        self._rows = (prepared.target, prepared.encoder, rows)

    def _task(self, outputs: int) -> Task:
        data = self._data
        if data is None:
            return Task("regression", outputs)
        classes = tuple(data.classes) if data.task in ("binary", "multiclass") else ()
        return Task(data.task, outputs, classes, tuple(data.target))

    def _end(self) -> None:
        """The run holds its folder no longer: take the model that it saved, or what it showed last."""
        try:
            file = model_file_of(self.folder.path)
            model = load(file)
            self._final = Subject(model, rows_of(model, file), file.name)
        except RanvierError as error:
            self.reason = self.reason or str(error)
            self._read_parameters()
        if not self.reason:
            self.reason = "Training was broken off."
        self.generation += 1
        self._set_state("ended")
        self._reader.leave()
