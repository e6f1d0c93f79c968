"""Early stopping in arrays decides for each network what the callback decides for it alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.training.callbacks import EarlyStoppingFromStart, TimeLimit, epoch_context
from ranvier.training.history import Epoch, History
from ranvier.training.member_stopping import StoppingOfMembers, all_early_stopping

CALLBACKS = [
    rv.EarlyStopping(patience=2),
    rv.EarlyStopping(patience=1, metric="loss"),
    rv.EarlyStopping(patience=3, metric="accuracy", min_delta=0.05),
    rv.EarlyStopping(patience=2, metric="rmse"),
    EarlyStoppingFromStart(patience=2),
]


@pytest.mark.parametrize("callback", CALLBACKS, ids=str)
def test_each_network_has_the_state_and_the_reason_of_a_callback_of_its_own(callback: rv.EarlyStopping) -> None:
    rng, names = np.random.default_rng(1), ("loss", "validation_loss", "accuracy", "rmse")
    values = {name: rng.choice([0.1, 0.2, 0.22, 0.3, np.nan, np.inf], size=(40, 30)) for name in names}
    stopping, numbers = StoppingOfMembers(callback, 40), np.arange(40)
    states, ended = [callback.init_state() for _ in numbers], {}
    for epoch in range(30):
        now = {name: column[numbers, epoch] for name, column in values.items()}
        better, stopped = stopping.after_epoch(numbers, epoch + 1, now)
        for at, number in enumerate(numbers.tolist()):
            loss, validation_loss, accuracy, rmse = (float(now[name][at]) for name in names)
            record = Epoch(epoch + 1, loss, validation_loss, {"accuracy": accuracy, "rmse": rmse})
            with epoch_context(record, History(), dict) as context:
                states[number], result = callback.on_epoch_end(states[number], context)
            assert stopping.state(number) == states[number]
            assert better[at] == result.save_best
            assert stopped[at] == (result.stop_reason is not None)
            if result.stop_reason is not None:
                ended[number] = result.stop_reason
                assert stopping.reason(number) == result.stop_reason
        numbers = numbers[~stopped]
    assert len(ended) > 20


def test_only_our_own_early_stopping_is_known_to_do_nothing_else() -> None:
    class Mine(rv.EarlyStopping):
        pass

    wrong: list[Any] = [Mine(), TimeLimit(1.0), rv.Callback()]
    assert all_early_stopping(CALLBACKS)
    assert all_early_stopping(())
    assert not any(all_early_stopping([*CALLBACKS, callback]) for callback in wrong)
