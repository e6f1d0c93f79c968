"""Watching: between two spans a training shows itself to viewers and does what they ask. P parameters.

A viewer is another process that opens the run's folder. Without one, a span costs a look for its folder. Watching alone
changes nothing of what is computed; what a viewer asks for is an event of the run.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from numpy.typing import NDArray

from ranvier.network.network import Network
from ranvier.records import record
from ranvier.rows import Inputs
from ranvier.training.events import ControlEvent, Sink
from ranvier.training.settings import TrainSettings
from ranvier.training.shown_rows import rows_from_bytes
from ranvier.training.shown_values import shown_widths

if TYPE_CHECKING:
    from ranvier.storage.live_folder import Status

PUBLISH_SECONDS = 0.1
"""The mean time between two publications: one that comes late, at the end of a span, is followed sooner by the next."""
MAX_FRACTION = 0.02
"""Of the time, at most, goes into publishing."""
WEIGHTS_SECONDS = 1.0
"""The time between two publications of the parameters, where viewers look at outputs of neurons for some rows."""
RETRY_SECONDS = 5.0
LOOK_SECONDS = 0.03
"""How often a training that waits looks whether it may go on."""
MAX_VALUE = 2**53
"""The largest number that comes with a command."""
STOPPED = "Stopped from the view; the weights so far are kept."


@record
class Request:
    """What viewers asked for: a factor for the learning rate, a reason to stop, how long training was paused."""

    factor: float = 1.0
    stop_reason: str | None = None
    seconds: float = 0.0


Snapshot = Callable[[], NDArray[Any]]
Values = Callable[[Inputs], NDArray[Any] | None]


def status_of(*values: Any) -> Status:
    """Where a training is, as viewers read it; a fit without a run folder imports no storage."""
    from ranvier.storage.live_folder import Status

    return Status(*values)


class Watch:
    """Shows the trainings of one run, one after the other.

    Attributes:
        stopped: whether a viewer ended the run.

    Parameters:
        run: its folder.
    """

    def __init__(self, run: Path) -> None:
        from ranvier.storage.live_folder import LivePublisher

        self._live = LivePublisher(run)
        self.stopped = False
        self._paused = False
        self._pause_at: int | None = None
        self._pause_after: int | None = None
        self._next = self._next_weights = 0.0
        self._contents: dict[int, bytes] = {}
        self._rows: dict[int, Inputs] = {}
        self._described: dict[str, Any] | None = None
        self._size: tuple[int, type, int] = (0, float, 0)

    def begin(self, network: Network, settings: TrainSettings, dtype: type) -> None:
        """Another network is going to be trained; its parameters are of `dtype`."""
        self._live.close()
        self._described = {"network": network.to_dict(), "training": settings.to_dict()}
        self._size = network.parameter_count, dtype, sum(shown_widths(network))
        self._contents, self._rows, self._next_weights = {}, {}, 0.0
        self._next, self._pause_at, self._pause_after = 0.0, None, None

    def end(self) -> None:
        """No more steps are made with the network."""
        self._live.close()

    def steps_left(self, step: int) -> int | None:
        """How many steps may be made before a viewer wants to look again; None for any number."""
        if self._pause_at is not None:
            return max(1, self._pause_at - step)
        return None

    @property
    def paused(self) -> bool:
        """Whether a viewer paused the run."""
        return self._paused

    @property
    def holds(self) -> bool:
        """Whether a viewer wants to look again soon, so that epochs must not share a span."""
        return self._paused or self._pause_at is not None or self._pause_after is not None

    def look(
        self,
        status: Status,
        snapshot: Snapshot,
        values: Values,
        stop_requested: Callable[[], bool],
        sink: Sink,
    ) -> Request:
        """Show the state, obey, and wait while training is paused.

        Parameters:
            status: where training stands; `time` and `paused` are filled in.
            snapshot: gives the parameters (P,) as predictions use them.
            values: gives what viewers are told of rows, (n, V), or None where that takes as long.
            stop_requested: whether Ctrl-C was pressed, which ends a pause.
            sink: is told what a viewer asked for.
        """
        viewed = self._live.is_watched()
        if not viewed and not self._paused and not self.stopped:
            self._pause_at = self._pause_after = None
            return Request()
        factor = self._obey(status, sink)
        if self._pause_at is not None and status.step >= self._pause_at:
            self._pause()
        if self._pause_after is not None and status.epoch >= self._pause_after:
            self._pause()
        if status.epoch >= status.last_epoch:
            self._paused = False
        if viewed and (self._paused or time.perf_counter() >= self._next):
            self._publish(status, snapshot, values)
        start, was_viewed = time.perf_counter(), viewed
        while self._paused and not self.stopped and not stop_requested():
            if not self._live.is_open():
                self._paused = False
                sink(ControlEvent("play", status.epoch, status.step, "The view has gone, so training goes on."))
                break
            time.sleep(LOOK_SECONDS)
            changed = self._obey(replace(status, learning_rate=status.learning_rate * factor), sink)
            factor *= changed
            viewed = self._live.is_watched()
            if viewed and (not was_viewed or changed != 1.0 or time.perf_counter() >= self._next):
                self._publish(replace(status, learning_rate=status.learning_rate * factor), snapshot, values)
            was_viewed = viewed
        return Request(factor, STOPPED if self.stopped else None, time.perf_counter() - start)

    def _pause(self) -> None:
        self._paused, self._pause_at, self._pause_after = True, None, None

    def _publish(self, status: Status, snapshot: Snapshot, values: Values) -> None:
        start = time.perf_counter()
        try:
            if self._described is not None:
                self._live.begin(self._described, *self._size)
                self._described = None
            if (contents := self._live.rows()) is not self._contents:
                self._contents, self._next_weights = contents, 0.0
                read = {mark: rows_from_bytes(content) for mark, content in contents.items()}
                self._rows = {mark: rows for mark, rows in read.items() if rows is not None}
                # The first time, code is compiled, which says nothing of how long later ones take.
                for rows in self._rows.values():
                    values(rows)
            thread_start = time.thread_time()
            computed = {mark: values(rows) for mark, rows in self._rows.items()}
            outputs = {mark: of_rows for mark, of_rows in computed.items() if of_rows is not None}
            now = replace(status, time=time.time(), paused=self._paused)
            if not outputs or self._paused or start >= self._next_weights:
                self._live.publish(now, snapshot())
                self._next_weights = start + WEIGHTS_SECONDS
            if outputs:
                self._live.publish_values(now, outputs)
        except OSError:
            # A full disk costs viewers the sight of the training, not the training.
            self._next = start + RETRY_SECONDS
            return
        cost = time.thread_time() - thread_start
        due = max(self._next, start - PUBLISH_SECONDS) + PUBLISH_SECONDS
        self._next = max(due, start + cost / MAX_FRACTION, start + 1.0 if self._paused else 0.0)

    def _obey(self, status: Status, sink: Sink) -> float:
        """Do what was asked for since the last look; gives the factor for the learning rate."""
        factor = 1.0
        for command in self._live.commands():
            action, value = command.get("do"), command.get("value")
            text, changed = self._done(action, value, replace(status, learning_rate=status.learning_rate * factor))
            if text is None:
                continue
            factor *= changed
            mark, amount = command.get("id"), float(value) if action in ("rate", "step") else None  # type: ignore[arg-type]
            event = ControlEvent(
                str(action), status.epoch, status.step, text, amount, mark if type(mark) is str else ""
            )
            sink(event)
        return factor

    def _done(self, action: Any, value: Any, status: Status) -> tuple[str | None, float]:
        """What happened, in a sentence, and the factor for the learning rate; None for what cannot be done."""
        if action == "pause":
            self._pause()
            return "Paused.", 1.0
        if action == "play":
            self._go_on()
            return "Training goes on.", 1.0
        if action == "step" and type(value) is int and 0 < value <= MAX_VALUE:
            self._go_on(pause_at=status.step + value)
            return "One step." if value == 1 else f"{value:,} steps.", 1.0
        if action == "epoch":
            self._go_on(pause_after=status.epoch + 1)
            return f"To the end of epoch {status.epoch + 1:,}.", 1.0
        if action == "rate" and _is_rate(value) and status.learning_rate > 0:
            return f"The learning rate was set to {value:g}.", float(value) / status.learning_rate
        if action == "stop":
            self.stopped = True
            return STOPPED, 1.0
        return None, 1.0

    def _go_on(self, pause_at: int | None = None, pause_after: int | None = None) -> None:
        self._paused, self._pause_at, self._pause_after = False, pause_at, pause_after


class WatchInTurn:
    """The watch of a training that may run beside others of its run: viewers see and steer it when it is its turn.

    Before, it waits while they pause the run.

    Parameters:
        watch: of the run.
        has_turn: whether all trainings before this one have ended.
    """

    def __init__(self, watch: Watch, has_turn: Callable[[], bool]) -> None:
        self._watch, self._has_turn = watch, has_turn
        self._about: tuple[Network, TrainSettings, type] | None = None
        self._has_started = False

    @property
    def stopped(self) -> bool:
        """Whether a viewer ended the run."""
        return self._watch.stopped

    @property
    def holds(self) -> bool:
        """As for `Watch`."""
        return self._watch.paused or (self._has_started and self._watch.holds)

    def begin(self, network: Network, settings: TrainSettings, dtype: type) -> None:
        """As for `Watch`."""
        self._about = network, settings, dtype

    def end(self) -> None:
        """As for `Watch`."""
        if self._has_started:
            self._watch.end()

    def steps_left(self, step: int) -> int | None:
        """As for `Watch`."""
        return self._watch.steps_left(step) if self._has_started else None

    def look(
        self, status: Status, snapshot: Snapshot, values: Values, stop_requested: Callable[[], bool], sink: Sink
    ) -> Request:
        """As for `Watch`."""
        start = time.perf_counter()
        while self._watch.paused and not self._has_turn() and not stop_requested():
            time.sleep(LOOK_SECONDS)
        waited = time.perf_counter() - start
        if not self._has_turn() or self._about is None:
            return Request(seconds=waited)
        if not self._has_started:
            self._watch.begin(*self._about)
            self._has_started = True
        request = self._watch.look(status, snapshot, values, stop_requested, sink)
        return replace(request, seconds=request.seconds + waited)


def _is_rate(value: Any) -> bool:
    return type(value) in (int, float) and 1 / MAX_VALUE <= value < 1e6


AnyWatch: TypeAlias = Watch | WatchInTurn
_current: ContextVar[AnyWatch | None] = ContextVar("watch", default=None)


def current_watch() -> AnyWatch | None:
    """The watch of the run whose training this is; None outside `shown_to_viewers`."""
    return _current.get()


@contextlib.contextmanager
def watched_by(watch: AnyWatch | None) -> Iterator[None]:
    """Let a watch show the trainings of the body."""
    before = _current.set(watch)
    try:
        yield
    finally:
        _current.reset(before)


def stopped_by_viewer() -> bool:
    """Whether a viewer ended the run, so that no further network is to be trained."""
    watch = _current.get()
    return watch is not None and watch.stopped


@contextlib.contextmanager
def shown_to_viewers(run: Path | None) -> Iterator[None]:
    """Let viewers watch all trainings of the body; None for a run without a folder."""
    watch = None if run is None else Watch(run)
    try:
        with watched_by(watch):
            yield
    finally:
        if watch is not None:
            watch.end()
