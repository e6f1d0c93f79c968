"""When to save: never within two seconds, and never for more than a fiftieth of the time."""

from __future__ import annotations

import pytest

from ranvier.training import save_timer
from ranvier.training.save_timer import CHECKPOINT_SECONDS, MAX_SAVING, SaveTimer


class Clock:
    now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.mark.parametrize("cost", [0.0, 0.01, 3.0])
def test_the_pause_is_two_seconds_or_fifty_times_the_cost(cost: float, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(save_timer, "time", clock)
    timer = SaveTimer()
    clock.now += CHECKPOINT_SECONDS
    assert not timer.due()
    clock.now += 0.25
    assert timer.due()

    def save() -> None:
        clock.now += cost

    timer.run(save)
    pause = max(CHECKPOINT_SECONDS, cost / MAX_SAVING)
    clock.now += 0.9 * pause
    assert not timer.due()
    clock.now += 0.2 * pause
    assert timer.due()
