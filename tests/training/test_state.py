"""Training states: stopped anywhere, through a file and on again, they give the bits of a run that never stopped."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ranvier.engine import State
from ranvier.network.layers import BatchNorm, Dense, Dropout
from ranvier.network.optimizers import LBFGS, OPTIMIZERS, SGD, Adam, optimizer
from ranvier.network.schedules import OneCycle, ReduceOnPlateau, Warmup
from ranvier.storage.json_text import to_text
from ranvier.training import loop
from ranvier.training.callbacks import CallbackResult, EarlyStopping, FromFunction, TimeLimit
from ranvier.training.history import Epoch
from ranvier.training.loop_config import LoopConfig
from ranvier.training.state import TrainingState, state_at_best, state_for_next_fit
from tests.helpers import ALL_OPTIMIZERS
from tests.training.trial import StopAfter, begin, digest, make_config, make_rows, run, through_a_file

CHANCE = (Dense(4, "tanh"), BatchNorm(), Dropout(0.3), Dense(1))
PLAIN = (Dense(4, "tanh"), Dense(1))
EVERY = {**ALL_OPTIMIZERS, **{name: optimizer(name) for name in OPTIMIZERS}}


def halve_sometimes(moment: Any) -> CallbackResult:
    return CallbackResult(learning_rate_factor=0.5 if moment.epoch.epoch % 3 == 0 else None)


def with_validation(schedule_or_none: Any, epochs: int = 7) -> LoopConfig:
    """A config with everything that has a memory: validation, early stopping, plateau, a function, chance."""
    return make_config(
        schedule_or_none,
        make_rows(17, weighted=True),
        layers=PLAIN if schedule_or_none.full_batch else CHANCE,
        epochs=epochs,
        seed=3,
        validation=make_rows(6, seed=8),
        metrics=lambda o, t: {"r2": float(((o - t) ** 2).sum())},
        schedule=Warmup(1.5, ReduceOnPlateau(0.5, patience=1)),
        callbacks=(EarlyStopping(4), FromFunction(halve_sometimes), TimeLimit(1e6)),
    )


def interrupted_run(config: LoopConfig, stops: list[int], folder: Path) -> TrainingState:
    """The state at the end of a run that was stopped after so many steps of one span each, again and again."""
    state = begin(config)
    for times in stops:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(loop, "SPAN_SECONDS", 0.0)
            outcome = run(replace(config, stop_requested=StopAfter(times + 1)), state)
        state = through_a_file(outcome.state, folder)
    return run(config, state).state


@pytest.mark.parametrize("name", EVERY)
def test_every_optimizer_goes_on_with_the_same_bits(name: str, tmp_path: Path) -> None:
    config = with_validation(EVERY[name])
    expected = digest(run(config).state)
    for stops in ([1], [2, 3, 1]):
        assert digest(interrupted_run(config, stops, tmp_path / str(len(stops)))) == expected


@pytest.mark.parametrize("average", [None, 0.8])
@pytest.mark.parametrize("stop", range(1, 15))
def test_it_may_be_stopped_at_any_moment(stop: int, average: float | None, tmp_path: Path) -> None:
    config = replace(with_validation(Adam(0.05, ema_decay=average)), epochs=3)
    assert digest(interrupted_run(config, [stop], tmp_path)) == digest(run(config).state)


@examples(max_examples=12)
@given(st.lists(st.integers(1, 9), max_size=5), st.integers(1, 7), st.integers(0, 9))
def test_an_unwatched_run_too(stops: list[int], batch: int, seed: int) -> None:
    import tempfile

    config = make_config(SGD(0.1, momentum=0.9), epochs=9, batch_size=batch, seed=seed, schedule=OneCycle())
    with tempfile.TemporaryDirectory() as folder:
        assert digest(interrupted_run(config, stops, Path(folder))) == digest(run(config).state)


def test_the_digest_sees_a_single_changed_bit() -> None:
    state = run(make_config(Adam(), epochs=1)).state
    for name in ("parameters", "slots"):
        array = getattr(state.engine, name).copy()
        array.flat[0] = np.nextafter(array.flat[0], 9.0)
        assert digest(replace(state, engine=replace(state.engine, **{name: array}))) != digest(state)
    later = replace(state.history[0], loss=np.nextafter(state.history[0].loss, 9.0))
    assert digest(replace(state, history=(later,))) != digest(state)


def test_a_run_that_a_callback_ended_stays_ended(tmp_path: Path) -> None:
    config = make_config(epochs=9, callbacks=(FromFunction(lambda m: CallbackResult(stop_reason="Enough.")),))
    first = run(config)
    again = run(config, through_a_file(first.state, tmp_path))
    assert (again.reason, again.text) == ("stopped", "Enough.")
    assert digest(again.state) == digest(first.state)


def test_more_epochs_than_before_go_on(tmp_path: Path) -> None:
    config = make_config(Adam(), epochs=2)
    state = through_a_file(run(config).state, tmp_path)
    assert digest(run(replace(config, epochs=5), state).state) == digest(run(replace(config, epochs=5)).state)


def test_going_on_is_one_longer_run_for_a_constant_rate() -> None:
    config = make_config(Adam(0.03, ema_decay=0.9), epochs=3)
    first = run(config).state
    state = run(replace(config, epochs=4), state_for_next_fit(first.engine, first.epoch, first.history)).state
    full = run(replace(config, epochs=7)).state
    assert digest(replace(state, first_epoch=0, first_step=0)) == digest(full)


def test_going_on_starts_with_a_fresh_epoch_callbacks_and_schedule() -> None:
    stopping = (
        FromFunction(lambda m: CallbackResult(save_best=True, learning_rate_factor=0.5, stop_reason="Enough.")),
    )
    config = make_config(epochs=4, batch_size=1, schedule=ReduceOnPlateau(), callbacks=stopping)
    ended = run(config).state
    partly = run(replace(config, callbacks=(EarlyStopping(metric="loss"),), stop_requested=StopAfter(2))).state
    assert (partly.position, ended.stop_reason, ended.factor) == (1, "Enough.", 0.5)
    for state in (ended, partly):
        fresh = state_for_next_fit(state.engine, state.epoch, state.history)
        assert (fresh.position, len(fresh.partial_losses), fresh.best, fresh.stop_reason) == (0, 0, None, None)
        assert (fresh.factor, fresh.plateau, fresh.callbacks) == (1.0, {}, ())
        assert (fresh.first_epoch, fresh.first_step) == (state.epoch, state.engine.step)
        assert run(config, fresh).state.epoch == state.epoch + 1


def test_the_best_weights_replace_the_last_and_their_average() -> None:
    parameters, best = np.zeros(3), np.arange(3.0)
    state = TrainingState(State(parameters, Adam(ema_decay=0.9).initial_slots(parameters), 4))
    assert state_at_best(state, Adam(ema_decay=0.9)) is state.engine
    actual = state_at_best(replace(state, best=best), Adam(ema_decay=0.9))
    np.testing.assert_array_equal(actual.parameters, best)
    np.testing.assert_array_equal(actual.slots, [[0, 0, 0], [0, 0, 0], best])


@pytest.mark.parametrize("name", EVERY)
def test_the_first_slots_fit_the_engine(name: str) -> None:
    config = make_config(EVERY[name], layers=PLAIN)
    slots = begin(config).engine.slots
    if isinstance(EVERY[name], LBFGS):
        assert slots.shape == (20, 17)
    else:
        assert len(slots) == len(EVERY[name].rule().slots)
    if EVERY[name].ema_decay is not None:
        np.testing.assert_array_equal(slots[-1], begin(config).engine.parameters)


@given(
    st.floats(),
    st.none() | st.floats(),
    st.dictionaries(st.text(max_size=5), st.floats(), max_size=3),
    st.booleans(),
)
def test_epochs_with_nan_and_infinity_go_through_strict_json(
    loss: float, watched_loss: float | None, metrics: dict[str, float], best: bool
) -> None:
    epoch = Epoch(3, loss, watched_loss, metrics, learning_rate=0.1, best=best)
    again = Epoch.from_json(json.loads(to_text(epoch.to_json(), "epoch")))
    assert repr(again) == repr(epoch)


@pytest.mark.parametrize("change", [{"loss": None}, {"loss": "x"}, {"metrics": 3}, {"validation_loss": []}, None])
def test_a_record_that_is_none_is_refused(change: dict[str, Any] | None) -> None:
    data = {} if change is None else {**Epoch(1, 0.5).to_json(), **change}
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        Epoch.from_json(data)


def test_a_history_with_nan_is_saved_and_resumed(tmp_path: Path) -> None:
    config = make_config(epochs=4, validation=make_rows(3), metrics=lambda o, t: {"r2": float("nan")})
    config = replace(config, callbacks=(EarlyStopping(2, "r2"),), schedule=ReduceOnPlateau())
    half = run(replace(config, epochs=1)).state
    assert digest(run(config, through_a_file(half, tmp_path)).state) == digest(run(config).state)
    assert run(config).text == "The r2 has not improved for 2 epochs."


def test_slots_start_where_the_rule_says() -> None:
    parameters = np.arange(5.0)
    assert Adam(ema_decay=0.9).initial_slots(parameters).tolist() == [[0.0] * 5, [0.0] * 5, parameters.tolist()]
    assert optimizer("adagrad", initial_accumulator=0.25).initial_slots(parameters).tolist() == [[0.25] * 5]
    assert SGD().initial_slots(parameters).shape == (0, 5)
