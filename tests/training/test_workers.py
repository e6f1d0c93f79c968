"""Threads of one call: what they see, and that the end of the call asks them to stop."""

from __future__ import annotations

import subprocess
import sys
import time
from contextvars import ContextVar

import pytest

from ranvier.training.workers import Workers, workers


def test_a_job_sees_the_context_variables_of_when_it_was_submitted() -> None:
    variable: ContextVar[int] = ContextVar("variable", default=0)
    with workers(1) as pool:
        calls = []
        for value in (1, 2):
            variable.set(value)
            calls.append(pool.submit(variable.get))
        assert [future.result() for future in calls] == [1, 2]


@pytest.mark.parametrize("fails", [False, True])
def test_the_end_of_the_call_asks_jobs_to_stop_and_waits_for_them(fails: bool) -> None:
    def until_asked(pool: Workers) -> bool:
        until = time.monotonic() + 20
        while not pool.should_stop():
            assert time.monotonic() < until, "never asked to stop"
            time.sleep(0.001)
        return True

    class BodyError(Exception):
        """What the body raises."""

    job = None
    try:
        with workers(1) as pool:
            job = pool.submit(lambda: until_asked(pool))
            if fails:
                raise BodyError
    except BodyError:
        pass
    assert job is not None
    assert job.done()
    assert job.result()
    assert not pool.pressed()


def test_a_process_that_ends_does_not_wait_for_jobs() -> None:
    """Python waits for threads of executors, also for those of a call in a daemon thread; they are asked to stop."""
    code = """
import threading
from ranvier.training.workers import workers

begun = threading.Event()

def job(threads):
    begun.set()
    while not threads.should_stop():
        pass

def call():
    with workers(1) as threads:
        threads.submit(lambda: job(threads)).result()

threading.Thread(target=call, daemon=True).start()
begun.wait()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
