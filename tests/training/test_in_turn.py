"""Trainings in turn: results and events stand in order, whatever runs beside; what stops one stops the others."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ranvier.training.events import EpochEvent, Event, NoteEvent
from ranvier.training.history import Epoch, History
from ranvier.training.in_turn import JobContext, run_in_turn

LONG = 20.0


def wait_until(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + LONG
    while not holds():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.001)


def epochs_of(number: int, first: int = 1, last: int = 3) -> list[Epoch]:
    return [Epoch(epoch, number + epoch / 10) for epoch in range(first, last + 1)]


def results_and_events(
    jobs: list[Callable[[JobContext], int]], at_once: int
) -> tuple[list[int], list[tuple[int, float]]]:
    """The results, and (training, loss) of the epochs that were told."""
    events: list[tuple[int, float]] = []

    def tell(number: int, event: Event) -> None:
        assert threading.current_thread() is threading.main_thread()
        if isinstance(event, EpochEvent):
            events.append((number, event.record.loss))

    return list(run_in_turn(jobs, at_once, at_once, tell)), events


def training(number: int) -> Callable[[JobContext], int]:
    def job(context: JobContext) -> int:
        for epoch in epochs_of(number):
            context.sink(EpochEvent(epoch))
            time.sleep(0.001 * (5 - number))
        return number

    return job


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_events_come_in_order(at_once: int) -> None:
    results, events = results_and_events([training(number) for number in range(5)], at_once)
    assert results == list(range(5))
    assert events == [(number, epoch.loss) for number in range(5) for epoch in epochs_of(number)]


@pytest.mark.parametrize("at_once", [1, 3])
def test_trainings_are_taken_when_they_can_begin(at_once: int) -> None:
    names, done = [0], [0]

    def jobs() -> Iterator[Callable[[JobContext], None]]:
        for _ in range(9):
            names[0] += 1
            assert names[0] - done[0] <= at_once
            yield lambda context: done.__setitem__(0, done[0] + 1)

    assert len(list(run_in_turn(jobs(), at_once, at_once, lambda number, event: None))) == 9


@pytest.mark.parametrize("at_once", [1, 3])
def test_an_error_comes_when_it_is_its_turn_and_stops_the_others(at_once: int) -> None:
    stopped = []

    def fails(context: JobContext) -> int:
        raise ValueError("no")

    def waits(context: JobContext) -> int:
        wait_until(context.stop_requested)
        stopped.append(1)
        return 2

    results = run_in_turn([lambda context: 0, fails, waits, waits, waits], at_once, at_once, lambda number, event: None)
    assert next(results) == 0
    with pytest.raises(ValueError, match=r"^no$"):
        next(results)
    assert at_once == 1 or stopped


def test_one_that_is_left_alone_may_use_all_threads() -> None:
    meeting, limits = threading.Barrier(2, timeout=LONG), []

    def short(context: JobContext) -> None:
        meeting.wait()
        limits.append(context.thread_limit())
        meeting.wait()

    def long(context: JobContext) -> None:
        meeting.wait()
        meeting.wait()
        wait_until(lambda: context.thread_limit() == 2)

    list(run_in_turn([short, long], 2, 2, lambda number, event: None))
    assert limits == [1]


@pytest.mark.parametrize("at_once", [1, 2])
def test_epochs_that_were_not_reported_are_reported_when_training_goes_on(at_once: int) -> None:
    """The first had ended before the run was broken off: the second was told as it went, and the third was not."""

    def goes_on(number: int, made: int) -> Callable[[JobContext], int]:
        def job(context: JobContext) -> int:
            context.tell_earlier(History(epochs_of(number, 1, made)))
            for epoch in epochs_of(number, made + 1):
                context.sink(EpochEvent(epoch))
            context.sink(NoteEvent("The end."))
            return number

        return job

    _, events = results_and_events([goes_on(0, 3), goes_on(1, 2), goes_on(2, 1)], at_once)
    expected = [(1, epoch.loss) for epoch in epochs_of(1, 3)] + [(2, epoch.loss) for epoch in epochs_of(2)]
    assert events == expected


def test_after_ctrl_c_between_two_trainings_no_more_begin() -> None:
    def waits(context: JobContext) -> int:
        return 1

    results = run_in_turn([waits] * 3, 1, 1, lambda number, event: None)
    assert next(results) == 1
    os.kill(os.getpid(), signal.SIGINT)
    assert list(results) == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_closing_stops_what_runs() -> None:
    has_started = threading.Event()

    def waits(context: JobContext) -> int:
        has_started.set()
        wait_until(context.stop_requested)
        return 1

    results = run_in_turn([lambda context: 0, waits], 2, 2, lambda number, event: None)
    assert next(results) == 0
    assert has_started.wait(LONG)
    results.close()  # type: ignore[attr-defined]
