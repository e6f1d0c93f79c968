"""Of a long training those epochs are shown that its curves need, and a page is sent the new ones alone."""

from __future__ import annotations

import numpy as np
import pytest

from ranvier.training.history import Epoch, History
from ranvier.view.shown_epochs import LAST, MAX_BUCKETS, first_new, shown_epochs

SEVERAL = 9 * MAX_BUCKETS + LAST


def history_of(count: int) -> History:
    losses = np.random.default_rng(0).uniform(1.0, 2.0, (2, count))
    losses[0, count // 2], losses[0, count // 3], losses[1, count // 4] = 90.0, np.nan, 0.5
    return History(Epoch(at + 1, *map(float, losses[:, at])) for at in range(count))


@pytest.mark.parametrize("count", [1, 30, MAX_BUCKETS + LAST])
def test_all_of_few_epochs_are_shown(count: int) -> None:
    assert shown_epochs(history_of(count)).tolist() == list(range(count))


def test_of_many_epochs_spikes_the_best_and_the_last_ones_are_shown() -> None:
    history = history_of(2 * SEVERAL)
    shown = shown_epochs(history)
    assert len(shown) < 5 * MAX_BUCKETS
    must = {SEVERAL, 2 * SEVERAL // 3, 2 * SEVERAL // 4, *range(2 * SEVERAL - LAST, 2 * SEVERAL)}
    assert must <= set(shown.tolist())


@pytest.mark.parametrize("sent", [0, 5, SEVERAL - 700, SEVERAL - 400, SEVERAL - 8, SEVERAL - 1, SEVERAL, SEVERAL + 5])
def test_what_a_page_has_and_what_it_is_told_are_what_is_shown(sent: int) -> None:
    history = history_of(SEVERAL)
    before = shown_epochs(History(list(history)[:sent])).tolist()
    start = first_new(history, sent)
    assert before[:start] + shown_epochs(history)[start:].tolist() == shown_epochs(history).tolist()
    assert (start > 0) == (SEVERAL - 400 <= sent <= SEVERAL)
