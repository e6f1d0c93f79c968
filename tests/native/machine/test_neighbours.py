"""How busy other processes are, from the counts of the system."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ranvier.native.machine import neighbours


def statistics(busy: list[int]) -> str:
    """The counts of processors after some ticks of work, by kind: user, system, interrupts, stolen."""
    lines = [
        f"cpu{n} {ticks // 4} 0 {ticks // 4} 500 70 0 {ticks // 4} {ticks // 4} 0 0" for n, ticks in enumerate(busy)
    ]
    return "\n".join(["cpu 1 2 3 4 5 6 7 8 9 10", *lines, "intr 5", "ctxt 7"])


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux")
@pytest.mark.parametrize(
    ("ticks", "own_ticks", "expected"),
    [([0, 0, 0], 0.0, 0.0), ([100, 0, 0], 0.0, 1.0), ([100, 100, 0], 0.5, 1.5), ([0, 0, 100], 0.0, 0.0),
     ([100, 40, 0], 2.0, 0.0), ([400, 400, 0], 0.0, 2.0)],
)  # fmt: skip
def test_others_are_counted_on_allowed_processors(
    ticks: list[int], own_ticks: float, expected: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One second, in which this process did its `own` part; processor 2 is not allowed."""
    clock = [0.0]
    (tmp_path / "stat").write_text(statistics([40, 40, 40]))

    def sleep(seconds: float) -> None:
        clock[0] = 1.0
        (tmp_path / "stat").write_text(statistics([40 + more for more in ticks]))

    monkeypatch.setattr(neighbours, "STATISTICS", tmp_path / "stat")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(os, "sysconf", lambda _: 100)
    monkeypatch.setattr(time, "sleep", sleep)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(time, "process_time", lambda: own_ticks * clock[0])
    assert neighbours.busy_processors() == pytest.approx(expected, abs=1e-9)


def test_a_system_that_does_not_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "STATISTICS", tmp_path / "missing")
    assert neighbours.busy_processors(0.0) is None
