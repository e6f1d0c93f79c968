"""Steady noise is taken away, and a share of it stays where that is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier.data.sounds.noise import without_noise


@pytest.mark.parametrize("floor", [0.0, 0.1])
def test_what_is_left_of_noise_has_a_floor(floor: float) -> None:
    random = np.random.default_rng(0)
    mel = random.exponential(1.0, (4, 300)).astype(np.float32)
    mel[:, 100:140] += 50.0
    cleaned = without_noise(mel, floor)
    assert cleaned[:, 100:140].min() > 45.0
    assert (cleaned == 0.0).any() == (floor == 0.0)
    assert np.median(cleaned[:, 150:]) < 0.2


def test_nothing_is_added_to_silence() -> None:
    assert not without_noise(np.zeros((2, 50), np.float32), 0.1).any()
