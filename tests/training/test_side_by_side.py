"""Jobs on threads: every job is done once, errors stop the others, and nothing begins after a stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.training.side_by_side import run_side_by_side


@given(st.integers(1, 30), st.integers(1, 5))
def test_every_job_is_done_once_and_results_stand_in_order(count: int, workers: int) -> None:
    done: list[int] = []
    jobs = [lambda stop, number=number: number * number for number in range(count)]
    results, interrupted = run_side_by_side(jobs, workers, lambda number, result: done.append(number))
    assert results == [number * number for number in range(count)]
    assert sorted(done) == list(range(count))
    assert not interrupted


def test_as_many_run_at_a_time_as_there_are_workers() -> None:
    meeting = threading.Barrier(3, timeout=20)
    results, _ = run_side_by_side([lambda stop: meeting.wait() >= 0] * 3, workers=3)
    assert results == [True] * 3


@pytest.mark.parametrize("workers", [1, 3])
def test_jobs_see_the_context_variables_of_the_caller(workers: int) -> None:
    variable = ContextVar("variable", default="unknown")
    token = variable.set("known")
    try:
        assert run_side_by_side([lambda stop: variable.get()] * 4, workers) == (["known"] * 4, False)
    finally:
        variable.reset(token)


@pytest.mark.parametrize("workers", [1, 3])
def test_what_a_job_raises_is_raised_and_the_others_are_asked_to_stop(workers: int) -> None:
    started_jobs: list[int] = []

    def wait_for_stop(stop: Callable[[], bool]) -> None:
        started_jobs.append(1)
        until = time.monotonic() + 20
        while not stop():
            assert time.monotonic() < until, "never asked to stop"
            time.sleep(0.001)

    def fail(stop: Callable[[], bool]) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match=r"^no$"):
        run_side_by_side([fail, *[wait_for_stop] * 9], workers)
    assert len(started_jobs) < 9


@pytest.mark.parametrize("workers", [1, 2])
def test_after_ctrl_c_jobs_are_asked_to_stop_and_no_more_begin(workers: int) -> None:
    def interrupt(stop: Callable[[], bool]) -> str:
        os.kill(os.getpid(), signal.SIGINT)
        until = time.monotonic() + 20
        while not stop():
            assert time.monotonic() < until, "never asked to stop"
            time.sleep(0.001)
        return "stopped"

    results, interrupted = run_side_by_side([interrupt, *[lambda stop: "done"] * 30], workers)
    assert interrupted
    assert results[0] == "stopped"
    if workers == 1:
        assert results[1:] == [None] * 30
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
