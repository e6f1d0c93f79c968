"""The training loop: descent by hand, schedules, weights, validation, spans, events, and ways to end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ranvier.network.layers import Dense
from ranvier.network.optimizers import SGD, Adam
from ranvier.network.schedules import CosineDecay, OneCycle, ReduceOnPlateau, Schedule, StepDecay, Warmup
from ranvier.rows import Rows
from ranvier.training import loop, save_timer
from ranvier.training.callbacks import Callback, CallbackResult, EarlyStopping, FromFunction
from ranvier.training.loop import final_parameters
from tests.training.trial import Recorder, StopAfter, begin, digest, make_config, make_rows, recorded, run, timeless

LINEAR = (Dense(1),)


def descend(rows: Rows, batch: int, epochs: int, rate: float, orders: list[Any], start: Any) -> Any:
    """Gradient descent on squared error of one linear neuron, written out: w, then b."""
    w, b = np.array(start[:-1]), float(start[-1])
    for order in orders[:epochs]:
        for first in range(0, len(order), batch):
            index = order[first : first + batch]
            x, t = rows.inputs.dense[index], rows.targets[index, 0]
            fraction = np.ones(len(index)) if rows.weights is None else rows.weights[index]
            fraction = fraction / fraction.sum()
            derivative = 2.0 * fraction * (x @ w + b - t)
            w, b = w - rate * (x.T @ derivative), b - rate * derivative.sum()
    return np.append(w, b)


@pytest.mark.parametrize("batch", [1, 5, 23], ids=["one example", "mini batch", "full batch"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_descent_is_the_one_written_out(batch: int, weighted: bool, shuffle: bool) -> None:
    from ranvier.training.batches import epoch_order

    rows = make_rows(weighted=weighted)
    config = make_config(SGD(0.03), rows, batch_size=batch, epochs=3, shuffle=shuffle, seed=4, layers=LINEAR)
    orders = [epoch_order(23, number, 4, shuffle) for number in (1, 2, 3)]
    expected = descend(rows, batch, 3, 0.03, orders, begin(config).engine.parameters)
    actual = run(config).state.engine
    np.testing.assert_allclose(actual.parameters, expected, rtol=1e-12)
    assert actual.step == 3 * -(-23 // batch)
    other = descend(rows, batch, 2, 0.03, orders, begin(config).engine.parameters)
    assert not np.allclose(actual.parameters, other, rtol=1e-6)


def test_the_seed_decides_the_shuffle_and_nothing_else_does() -> None:
    config = make_config(epochs=3)
    start = begin(config)
    assert digest(run(config, start).state) == digest(run(config, start).state)
    assert digest(run(config, start).state) != digest(run(replace(config, seed=1), start).state)
    assert digest(run(config, start).state) != digest(run(replace(config, shuffle=False), start).state)


def test_the_history_holds_the_weighted_mean_of_the_losses_before_each_step() -> None:
    rows = make_rows(weighted=True)
    assert rows.weights is not None
    config = make_config(SGD(1e-12), rows, epochs=1, layers=LINEAR)
    parameters = begin(config).engine.parameters
    error = (rows.inputs.dense @ parameters[:2] + parameters[2] - rows.targets[:, 0]) ** 2
    loss = run(config).state.history[0].loss
    assert loss == pytest.approx(np.average(error, weights=rows.weights), rel=1e-9)
    assert loss != pytest.approx(error.mean(), rel=1e-3)


def test_a_weight_of_two_is_the_row_twice_and_of_zero_the_row_left_out() -> None:
    rows = make_rows(12)
    counts = np.array([0, 1, 2, 3] * 3)
    index = np.repeat(np.arange(12), counts)
    weighted = Rows(rows.inputs, rows.targets, counts.astype(float))
    repeated = Rows(rows.inputs[index], rows.targets[index])
    options: dict[str, Any] = {"epochs": 6, "batch_size": 99}
    first, second = run(make_config(Adam(0.05), weighted, **options)), run(make_config(Adam(0.05), repeated, **options))
    np.testing.assert_allclose(first.state.engine.parameters, second.state.engine.parameters, rtol=1e-9)
    np.testing.assert_allclose(
        [e.loss for e in first.state.history], [e.loss for e in second.state.history], rtol=1e-10
    )


def test_a_batch_without_weight_is_a_step_that_counts_nothing() -> None:
    rows = make_rows(10)
    config = make_config(rows=Rows(rows.inputs, rows.targets, np.repeat([0.0, 1.0], 5)), shuffle=False, epochs=1)
    alone = make_config(rows=Rows(rows.inputs[5:], rows.targets[5:]), shuffle=False, epochs=1)
    assert run(config).state.history[0].loss == pytest.approx(run(alone).state.history[0].loss, rel=1e-12)


def test_validation_is_measured_after_the_epoch_on_its_own_rows() -> None:
    held = make_rows(9, seed=5)
    config = make_config(epochs=2, validation=held, metrics=lambda o, t: {"largest": float(np.abs(o - t).max())})
    outcome = run(config)
    executable = Recorder(config).inner
    executable.set_state(outcome.state.engine)
    loss, outputs = executable.evaluate(held)
    last = outcome.state.history[-1]
    assert last.validation_loss == loss
    assert last.metrics == {"largest": float(np.abs(outputs - held.targets).max())}
    assert digest(run(replace(config, validation=None)).state) != digest(outcome.state)
    np.testing.assert_array_equal(
        run(replace(config, validation=None)).state.engine.parameters, outcome.state.engine.parameters
    )


def test_the_average_of_the_weights_is_what_is_validated_and_given_back() -> None:
    held = make_rows(9, seed=5)
    config = make_config(SGD(0.3, ema_decay=0.9), epochs=3, validation=held)
    state = run(config).state
    average = final_parameters(state, config.spec.optimizer, config.spec.network)
    np.testing.assert_array_equal(average, state.engine.slots[0])
    assert not np.allclose(average, state.engine.parameters)
    executable = Recorder(config).inner
    executable.set_state(replace(state.engine, parameters=average))
    assert state.history[-1].validation_loss == executable.evaluate(held)[0]
    np.testing.assert_array_equal(
        run(replace(config, validation=None)).state.engine.parameters, state.engine.parameters
    )


def test_early_stopping_gives_back_the_best_weights() -> None:
    held = make_rows(9, seed=5)
    scores = iter([5.0, 3.0, 4.0, 6.0, 1.0])
    config = make_config(
        epochs=9, validation=held, metrics=lambda o, t: {"score": -next(scores)}, callbacks=(EarlyStopping(2, "score"),)
    )
    outcome = run(config)
    assert (outcome.reason, outcome.state.epoch) == ("stopped", 4)
    assert outcome.text == "The score has not improved for 2 epochs; the weights of epoch 2 are kept."
    assert [epoch.best for epoch in outcome.state.history] == [True, True, False, False]
    second = run(replace(config, epochs=2, callbacks=(), metrics=None)).state.engine.parameters
    actual = final_parameters(outcome.state, config.spec.optimizer, config.spec.network)
    np.testing.assert_array_equal(actual, second)
    assert not np.array_equal(actual, outcome.state.engine.parameters)


SCHEDULES = [StepDecay(2, 0.5), CosineDecay(), OneCycle(), Warmup(1.5, CosineDecay(0.1)), ReduceOnPlateau()]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
def test_every_step_has_the_learning_rate_of_its_schedule(schedule: Schedule) -> None:
    spans = recorded(make_config(SGD(0.2), epochs=4, schedule=schedule))
    rates = np.concatenate([span.scalars[:, 0] for span in spans])
    np.testing.assert_allclose(rates, 0.2 * schedule.factors(np.arange(20), 5, 20), rtol=1e-15)


@pytest.mark.parametrize("warm_up", [0, 2])
def test_the_rate_is_cut_on_a_plateau_with_a_warm_up_before_it_too(warm_up: int) -> None:
    plateau = ReduceOnPlateau(factor=0.5, patience=0, threshold=0.0)
    schedule = Warmup(warm_up, plateau) if warm_up else plateau
    values = iter([1.0, 2.0, 0.5, 3.0, 3.0])
    config = make_config(SGD(0.2), rows=make_rows(20), epochs=5, schedule=schedule, validation=make_rows(3, seed=1))
    executable = Recorder(config)
    executable.evaluate = lambda rows: (next(values), rows.rows.targets)  # type: ignore[attr-defined]
    loop.train(executable, config, begin(config))  # type: ignore[arg-type]
    rates = np.concatenate([span.scalars[:, 0] for span in executable.spans])
    ramp = np.minimum(np.arange(1, 21) / max(4 * warm_up, 1), 1.0)
    np.testing.assert_allclose(rates, 0.2 * ramp * np.repeat([1, 1, 0.5, 0.5, 0.25], 4))


def test_the_plateau_looks_at_the_training_loss_without_validation() -> None:
    config = make_config(SGD(1e-9), epochs=4, schedule=ReduceOnPlateau(0.1, patience=0, threshold=0.01))
    assert [epoch.learning_rate for epoch in run(config).state.history] == pytest.approx([1e-9, 1e-9, 1e-10, 1e-11])


def test_callbacks_change_the_learning_rate_from_the_next_epoch_on() -> None:
    halve = FromFunction(lambda moment: CallbackResult(learning_rate_factor=0.5) if moment.epoch.epoch != 2 else None)
    outcome = run(make_config(SGD(0.2), epochs=4, callbacks=(halve, halve), schedule=StepDecay(3, 0.1)))
    assert [e.learning_rate for e in outcome.state.history] == pytest.approx([0.2, 0.05, 0.05, 0.00125])
    assert outcome.state.factor == 0.5**6


@pytest.mark.parametrize("seconds", [1e-9, 1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("optimizer", [Adam(0.02, ema_decay=0.9), SGD(0.1, momentum=0.9, nesterov=True)])
def test_the_clock_never_changes_a_bit(seconds: float, optimizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    config = make_config(optimizer, epochs=13, schedule=OneCycle())
    expected = digest(run(replace(config, callbacks=(Callback(),))).state)
    monkeypatch.setattr(
        loop.TrainingLoop, "_update_step_time", lambda self, spent, steps: setattr(self, "step_seconds", seconds)
    )
    state = run(config).state
    state = replace(state, callbacks=({},))
    assert digest(state) == expected


@examples(max_examples=15)
@given(st.integers(1, 12), st.integers(1, 14), st.integers(1, 9), st.integers(0, 30))
def test_spans_of_any_length_give_the_same_bits(rows: int, batch: int, epochs: int, span: int) -> None:
    config = make_config(Adam(0.02), make_rows(rows), batch_size=batch, epochs=epochs, schedule=CosineDecay())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.TrainingLoop, "_update_step_time", lambda self, spent, steps: None)
        expected = digest(run(config).state)
        patch.setattr(
            loop.TrainingLoop, "_update_step_time", lambda self, spent, steps: setattr(self, "step_seconds", 1.0)
        )
        patch.setattr(loop, "SPAN_SECONDS", float(span))
        assert digest(run(config).state) == expected


def test_short_epochs_share_a_span_and_watched_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        loop.TrainingLoop, "_update_step_time", lambda self, spent, steps: setattr(self, "step_seconds", 1e-5)
    )
    assert len(recorded(make_config(epochs=100))) < 10
    observed = {"callbacks": (Callback(),)}, {"validation": make_rows(3)}, {"schedule": Warmup(1, ReduceOnPlateau())}
    for options in observed:
        assert len(recorded(make_config(epochs=100, **options))) >= 100


@pytest.mark.parametrize("with_callback", [False, True])
def test_a_request_to_stop_ends_between_spans_with_the_state_so_far(with_callback: bool) -> None:
    callbacks = (Callback(),) if with_callback else ()
    outcome = run(make_config(epochs=10**6, callbacks=callbacks, stop_requested=StopAfter(9)))
    assert outcome.reason == "interrupted"
    assert 0 < outcome.state.engine.step < 5 * 10**6
    assert outcome.text.startswith("Interrupted ")


@pytest.mark.parametrize("batch", [5, 99])
def test_a_request_in_the_last_moment_does_not_unmake_the_end(batch: int) -> None:
    config = make_config(epochs=1, batch_size=batch, callbacks=(Callback(),))
    calls = []
    run(replace(config, stop_requested=lambda: bool(calls.append(1))))
    outcome = run(replace(config, stop_requested=StopAfter(len(calls))))
    assert (outcome.reason, outcome.text) == ("finished", "The epoch is done.")
    stopping = FromFunction(lambda moment: CallbackResult(stop_reason="Enough."))
    config = replace(config, epochs=5, callbacks=(stopping,), stop_requested=StopAfter(len(calls)))
    assert (run(config).reason, run(replace(config, stop_requested=bool)).text) == ("stopped", "Enough.")


def test_the_text_says_where_it_was_interrupted() -> None:
    callbacks = (Callback(),)
    within = run(make_config(epochs=3, batch_size=1, callbacks=callbacks, stop_requested=StopAfter(2)))
    between = run(make_config(epochs=3, batch_size=99, callbacks=callbacks, stop_requested=StopAfter(2)))
    assert (within.text, between.text) == ("Interrupted in epoch 1.", "Interrupted after epoch 1.")
    assert (within.state.position, len(within.state.partial_losses)) == (1, 1)
    before = run(make_config(epochs=3, stop_requested=StopAfter(1)))
    assert before.text == "Interrupted before the first step was made."
    assert before.state.engine.step == 0


def test_events_come_in_order() -> None:
    events: list[dict[str, Any]] = []
    outcome = run(make_config(epochs=2, batch_size=20, callbacks=(Callback(),), sink=events.append))
    assert [(e.kind, e.epoch) for e in events if e.kind == "epoch"] == [("epoch", 1), ("epoch", 2)]
    assert [event.kind for event in events] == ["progress", "progress", "epoch", "progress", "epoch"]
    assert [(e.done, e.steps) for e in events if e.kind == "progress"] == [(1, 2), (2, 2), (2, 2)]
    records = [event.record.to_dict() for event in events if event.kind == "epoch"]
    assert records == [epoch.to_dict() for epoch in outcome.state.history]


def test_times_and_speeds_are_those_of_the_epochs() -> None:
    history = run(make_config(epochs=3)).state.history
    assert all(epoch.seconds > 0 and epoch.examples_per_second > 0 for epoch in history)
    assert history[0].examples_per_second >= 23 / max(history[0].seconds, 1e-9)
    assert len(timeless(history)) == 3


@pytest.mark.parametrize("cost", [0.0, 0.2, 3.0])
def test_saving_takes_a_small_fraction_of_the_time(cost: float, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock:
        now = 0.0

        def perf_counter(self) -> float:
            self.now += 0.05
            return self.now

    clock, saved = Clock(), list[float]()

    def save(state: Any) -> None:
        saved.append(clock.now)
        clock.now += cost

    monkeypatch.setattr(loop, "time", clock)
    monkeypatch.setattr(save_timer, "time", clock)
    run(make_config(epochs=800, save=save, callbacks=(Callback(),)))
    pauses = np.diff([0.0, *saved[:-1]])  # The last one is that of the end.
    assert len(pauses) > 1
    assert pauses.min() > save_timer.CHECKPOINT_SECONDS
    # The first cost is unknown until it is paid.
    assert cost * (len(pauses) - 1) <= save_timer.MAX_SAVING * clock.now
