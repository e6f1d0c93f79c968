"""Work by several threads: results in order, and an end soon after an interrupt."""

from __future__ import annotations

import threading

import pytest

from ranvier.data.images import threads
from ranvier.data.images.threads import map_by_threads


def test_results_are_in_order_and_progress_is_reported() -> None:
    calls: list[tuple[int, int]] = []
    assert map_by_threads(lambda item: item * item, range(50), lambda *progress: calls.append(progress)) == [
        item * item for item in range(50)
    ]
    assert calls == [(done, 50) for done in range(1, 51)]


@pytest.mark.parametrize("where", ["in progress", "in work"])
def test_what_waits_is_left_out_after_an_interrupt(monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.setattr(threads.os, "cpu_count", lambda: 2)
    done, hold = [], threading.Event()

    def work(item: int) -> None:
        if where == "in work" and item == 0:
            raise KeyboardInterrupt
        if item > 0:
            hold.wait(0.05)
        done.append(item)

    def interrupt(finished: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        map_by_threads(work, range(1000), interrupt)
    assert len(done) < 100
