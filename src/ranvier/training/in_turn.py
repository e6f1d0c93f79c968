"""Trainings side by side whose observers see them one after the other.

Each training runs on a thread of its own. Its events wait until all trainings before it have ended, so that displays,
logs and viewers are told of one training at a time, in one order, by the thread that asked for them. Nothing of what a
training computes depends on how many run beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import Any, TypeAlias, TypeVar

from ranvier.engine import unlimited
from ranvier.records import record
from ranvier.training.events import EpochEvent, Event, ProgressEvent, Sink
from ranvier.training.history import History
from ranvier.training.interrupt import stop_on_interrupt
from ranvier.training.watching import Watch, WatchInTurn, current_watch, stopped_by_viewer, watched_by
from ranvier.training.workers import SECONDS_BETWEEN_LOOKS, Workers, workers

T = TypeVar("T")


@record(eq=False)
class JobContext:
    """What a training is given that may run beside others.

    Fields:
        sink: takes its events.
        tell_earlier: takes the epochs of a checkpoint that it goes on with.
        stop_requested: whether to stop.
        thread_limit: how many threads may work for it now.
    """

    sink: Sink
    tell_earlier: Callable[[History], None]
    stop_requested: Callable[[], bool] = bool
    thread_limit: Callable[[], int] = unlimited

    def options(self) -> dict[str, Any]:
        """The same as options of `run_training`."""
        names = ("tell_earlier", "stop_requested", "thread_limit")
        return {"sinks": (self.sink,), **{name: getattr(self, name) for name in names}}


Job: TypeAlias = Callable[[JobContext], T]
Tell: TypeAlias = Callable[[int, Event], None]
"""Takes the number of a training and one of its events."""


def run_in_turn(
    jobs: Iterable[Job[T]],
    at_once: int,
    threads: int,
    tell: Tell,
    interrupted: Callable[[], None] = lambda: None,
) -> Iterator[T]:
    """Run trainings, some at a time, and give their results in order.

    After Ctrl-C, or once a viewer ends the run, no more begin and those that run are asked to stop.

    Parameters:
        jobs: the trainings; each is taken from here, in this thread, when it can begin.
        at_once: how many run at a time; 1 runs each in this thread.
        threads: how many may work in all; a training that runs alone may use all of them.
        tell: takes the events in this thread, those of each training after all of the one before.
        interrupted: called at the end where Ctrl-C was pressed.

    Gives what each returned.

    Raises:
        Exception: what a training raised, once those before it have ended.

    >>> list(run_in_turn([lambda context: 1, lambda context: 2], 2, 2, lambda number, event: None))
    [1, 2]
    """
    telling = _Telling(tell)
    if at_once == 1:
        # Ctrl-C is heard between trainings, too, where rows are made and results looked at.
        with stop_on_interrupt() as pressed:
            for number, job in enumerate(jobs):
                result = job(JobContext(telling.sink(number), telling.earlier(number), pressed))
                telling.end()
                yield result
                if pressed():
                    interrupted()
                    return
                telling.begin()
        return
    with workers(at_once) as pool:
        yield from _Trainings(pool, at_once, threads, telling).results(iter(jobs))
        if pool.pressed():
            interrupted()


class _Telling:
    """Tells the events of the training whose turn it is, and keeps those of the ones after it until their turn.

    A checkpoint may hold epochs of which nobody was told: a training had made them when the one before it was broken
    off. Then that one still had something to tell, when it went on.
    """

    def __init__(self, tell: Tell) -> None:
        self.turn = 0
        self._tell = tell
        self._waiting: dict[int, list[Event]] = defaultdict(list)
        self._earlier: dict[int, History] = {}
        self._spoke = self._spoke_before = False

    def sink(self, number: int) -> Sink:
        return lambda event: self.event(number, event)

    def earlier(self, number: int) -> Callable[[History], None]:
        return lambda history: self.history(number, history)

    def event(self, number: int, event: Event) -> None:
        if number == self.turn:
            self._spoke = self._spoke or isinstance(event, (EpochEvent, ProgressEvent))
            self._tell(number, event)
        elif not isinstance(event, ProgressEvent):
            self._waiting[number].append(event)

    def history(self, number: int, history: History) -> None:
        if number != self.turn:
            self._earlier[number] = history
        elif self._spoke_before:
            for epoch in history:
                self.event(number, EpochEvent(epoch))

    def end(self) -> None:
        """The training whose turn it was has told everything."""
        self._spoke_before, self._spoke = self._spoke, False

    def begin(self) -> None:
        """It is the next one's turn."""
        self.turn += 1
        if self.turn in self._earlier:
            self.history(self.turn, self._earlier.pop(self.turn))
        for event in self._waiting.pop(self.turn, ()):
            self.event(self.turn, event)


class _Trainings:
    """Trainings on threads. Everything but the trainings themselves happens in the thread that asks for the results."""

    def __init__(self, pool: Workers, at_once: int, threads: int, telling: _Telling) -> None:
        self._pool = pool
        self._at_once, self._threads, self._telling = at_once, threads, telling
        self._messages: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._futures: dict[int, Future[Any]] = {}
        self._n_started = 0  # Counted before a training runs: its future is known only afterwards.

    def results(self, jobs: Iterator[Job[T]]) -> Iterator[T]:
        """The results in order."""
        n_started = 0
        while True:
            while self._has_room(n_started) and (job := next(jobs, None)) is not None:
                self._begin(n_started, job)
                n_started += 1
            turn = self._telling.turn
            if turn == n_started:
                return
            if not self._futures[turn].done():
                self._pass_on(SECONDS_BETWEEN_LOOKS)
                continue
            self._pass_on(0.0)
            future = self._futures.pop(turn)
            self._n_started -= 1
            result: T = future.result()
            self._telling.end()
            yield result
            if stopped_by_viewer():
                return
            self._telling.begin()

    def _has_room(self, n_started: int) -> bool:
        """Whether another training may begin; the first one always does, so that there is a result."""
        return n_started == 0 or (self._active() < self._at_once and not self._pool.should_stop())

    def _begin(self, number: int, job: Job[Any]) -> None:
        sink, earlier = self._sent(self._telling.sink(number)), self._sent(self._telling.earlier(number))
        context = JobContext(sink, earlier, self._pool.should_stop, self._limit)
        watch = current_watch()
        in_turn = WatchInTurn(watch, lambda: self._telling.turn == number) if isinstance(watch, Watch) else watch

        def run() -> Any:
            with watched_by(in_turn):
                return job(context)

        self._n_started += 1
        future = self._pool.submit(run)
        future.add_done_callback(lambda _: self._messages.put(None))
        self._futures[number] = future

    def _sent(self, take: Callable[[Any], None]) -> Callable[[Any], None]:
        """A function that has something taken in the thread that asks for the results."""
        return lambda what: self._messages.put(lambda: take(what))

    def _pass_on(self, seconds: float) -> None:
        """Take what was sent; wait for it so long at most."""
        try:
            message = self._messages.get(timeout=seconds) if seconds else self._messages.get_nowait()
            while True:
                if message is not None:
                    message()
                message = self._messages.get_nowait()
        except Empty:
            return

    def _active(self) -> int:
        return self._n_started - sum(future.done() for future in list(self._futures.values()))

    def _limit(self) -> int:
        return self._threads if self._active() == 1 else 1
