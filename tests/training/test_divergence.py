"""Training that goes wrong stops with a plain explanation and keeps nothing broken."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ranvier.errors import TrainingError
from ranvier.network.layers import Dense
from ranvier.network.optimizers import LBFGS, SGD, Adam
from ranvier.training import divergence, loop, save_timer
from ranvier.training.callbacks import Callback
from ranvier.training.state import TrainingState
from tests.training.trial import make_config, make_rows, run

LINEAR = (Dense(1),)


@pytest.mark.parametrize("with_validation", [False, True])
@pytest.mark.parametrize("rate", [1e3, 1e150])
def test_a_rate_that_is_far_too_large_is_explained(rate: float, with_validation: bool) -> None:
    saved: list[TrainingState] = []
    config = make_config(
        SGD(rate), layers=LINEAR, epochs=99, save=saved.append, callbacks=(Callback(),) if with_validation else ()
    )
    with pytest.raises(TrainingError) as caught:
        run(config)
    assert f"a smaller learning rate ({rate / 10:g} instead of {rate:g})" in str(caught.value)
    assert "gradient clipping (clip_norm=1.0 of the optimizer, --clip-norm 1) or inputs" in str(caught.value)
    assert all(np.isfinite(state.engine.parameters).all() for state in saved)


@pytest.mark.parametrize("optimizer", [SGD(1e200, clip_norm=1e150), LBFGS(1e200)])
def test_clipping_is_not_advised_to_those_who_clip_or_cannot(optimizer: SGD | LBFGS) -> None:
    assert "clipping" not in divergence.suggestions(make_config(optimizer, layers=LINEAR).spec)


def test_a_step_that_breaks_the_weights_at_the_very_end_is_noticed() -> None:
    rows = make_rows(4)
    rows.targets[:] *= 100.0
    config = make_config(SGD(1e308), rows, layers=LINEAR, epochs=1, batch_size=4)
    with pytest.raises(TrainingError, match=r"Parameters became infinite or NaN in epoch 1\. Try"):
        run(config)


def test_a_broken_state_is_never_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(save_timer, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(save_timer, "MAX_SAVING", math.inf)
    saved: list[TrainingState] = []
    with pytest.raises(TrainingError):
        run(make_config(SGD(1e200), layers=LINEAR, epochs=9, save=saved.append, callbacks=(Callback(),)))
    assert all(np.isfinite(state.engine.parameters).all() for state in saved)


def test_the_step_is_named_where_the_loss_breaks() -> None:
    spec = make_config(SGD(0.5)).spec
    with pytest.raises(TrainingError, match=r"The loss became nan near step 13\."):
        divergence.check(np.array([1.0, 2.0, np.nan, np.inf]), 10, spec)
    divergence.check(np.array([1.0, 2.0]), 10, spec)


def test_a_loss_that_grows_beyond_measure_is_noticed_after_a_break_too() -> None:
    spec = make_config(SGD(0.5)).spec
    watch = divergence.DivergenceMonitor([0.5, 3.0])
    watch.check(1e5, 3, spec)
    with pytest.raises(TrainingError, match=r"the loss rose from 0\.5 to 2e\+06 in epoch 4"):
        watch.check(2e6, 4, spec)
    divergence.DivergenceMonitor().check(2e6, 1, spec)
    divergence.DivergenceMonitor([1e5]).check(2e6, 2, spec)


def test_a_resumed_run_remembers_its_smallest_loss() -> None:
    config = make_config(SGD(0.1), epochs=2)
    state = run(config).state
    runner = loop.TrainingLoop(object.__new__(_Nothing), config, state)  # type: ignore[arg-type]
    assert runner.divergence_monitor.smallest == min(epoch.loss for epoch in state.history)


class _Nothing:
    """An executable that only takes states and rows."""

    step_seconds = 0.0

    def set_state(self, state: object) -> None:
        """Take a state."""

    def upload(self, rows: object) -> object:
        """Take rows."""
        return rows


@pytest.mark.parametrize("optimizer", [Adam(0.1), LBFGS()])
def test_rows_far_beyond_all_measure_are_a_training_error(optimizer: Adam | LBFGS) -> None:
    rows = make_rows(5)
    rows.inputs.dense[:] *= 1e200
    with pytest.raises(TrainingError, match="Try"):
        run(make_config(optimizer, rows, layers=LINEAR, epochs=3))


def test_validation_rows_may_be_beyond_measure_without_ending_the_training() -> None:
    held = make_rows(3)
    held.inputs.dense[:] *= 1e200
    outcome = run(make_config(layers=LINEAR, epochs=2, validation=held))
    assert outcome.reason == "finished"
    assert [epoch.validation_loss for epoch in outcome.state.history] == [np.inf, np.inf]
