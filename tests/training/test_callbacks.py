"""Callbacks and what they ask for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ranvier as rv
from ranvier.errors import InputError
from ranvier.training.callbacks import (
    Callback,
    CallbackResult,
    EarlyStopping,
    EpochContext,
    FromFunction,
    TimeLimit,
    as_callback,
    as_callbacks,
)
from ranvier.training.history import Epoch, History
from tests.training.trial import make_config, make_rows, run

NAN = float("nan")


def moment(number: int, **values: Any) -> EpochContext:
    epoch = Epoch(number, **({"loss": 1.0} | values))
    return EpochContext(epoch, History([epoch]), dict)


def follow(callback: Callback, scores: list[float]) -> list[CallbackResult]:
    """The results for a sequence of validation losses."""
    state, results = callback.init_state(), []
    for number, score in enumerate(scores, 1):
        state, result = callback.on_epoch_end(state, moment(number, validation_loss=score))
        results.append(result)
    return results


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, NAN, float("inf")]), max_size=12), st.integers(1, 4))
def test_early_stopping_keeps_the_first_best_and_counts_what_follows(scores: list[float], patience: int) -> None:
    best, waited = None, 0
    for score, result in zip(scores, follow(EarlyStopping(patience), scores), strict=True):
        better = score < float("inf") and (best is None or score < best)
        best, waited = (score, 0) if better else (best, waited + 1)
        assert result.save_best == better
        assert (result.stop_reason is not None) == (waited >= patience)


@pytest.mark.parametrize(
    ("scores", "text"),
    [
        ([1.0, 2.0], "The validation loss has not improved for 1 epoch; the weights of epoch 1 are kept."),
        ([NAN], "The validation loss has not improved for 1 epoch."),
    ],
)
def test_early_stopping_says_why_it_stops(scores: list[float], text: str) -> None:
    assert follow(EarlyStopping(1), scores)[-1].stop_reason == text


def test_early_stopping_wants_a_change_of_min_delta() -> None:
    assert [decision.save_best for decision in follow(EarlyStopping(9, min_delta=0.5), [3.0, 2.6, 2.4])] == [
        True,
        False,
        True,
    ]


def test_other_metrics_are_to_be_large_and_the_loss_small() -> None:
    watch = EarlyStopping(metric="accuracy")
    state, _ = watch.on_epoch_end(watch.init_state(), moment(1, validation_loss=1.0, metrics={"accuracy": 0.5}))
    _, result = watch.on_epoch_end(state, moment(2, validation_loss=1.0, metrics={"accuracy": 0.6}))
    assert result.save_best
    watch = EarlyStopping(metric="loss")
    state, _ = watch.on_epoch_end(watch.init_state(), moment(1, loss=0.5))
    assert not watch.on_epoch_end(state, moment(2, loss=0.6))[1].save_best


@pytest.mark.parametrize(
    ("metric", "names", "words"),
    [
        ("validation_loss", ("loss",), "there are no validation rows: give validation=0.1"),
        ("acuracy", ("loss", "validation_loss", "accuracy"), 'Did you mean "accuracy"'),
    ],
)
def test_a_score_that_no_epoch_has_is_reported_before_training(metric: str, names: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        EarlyStopping(metric=metric).validate(names)
    with pytest.raises(InputError):
        EarlyStopping(metric=metric).on_epoch_end(EarlyStopping().init_state(), moment(1))


@pytest.mark.parametrize("metric", ["loss", "validation_loss", "r2"])
def test_scores_that_epochs_have_are_fine(metric: str) -> None:
    EarlyStopping(metric=metric).validate(("loss", "validation_loss", "r2"))


def test_the_time_limit_counts_the_epochs_of_this_run_only() -> None:
    limit = TimeLimit(1.0)
    state = limit.init_state()
    results = []
    for number in (7, 8, 9):
        state, result = limit.on_epoch_end(state, moment(number, seconds=0.4))
        results.append(result.stop_reason)
    assert results == [None, None, "The time limit of 1 s is reached."]


@pytest.mark.parametrize(
    "make",
    [
        lambda: EarlyStopping(patience=0),
        lambda: EarlyStopping(patience="5"),  # type: ignore[arg-type]
        lambda: EarlyStopping(patience=1.5),  # type: ignore[arg-type]
        lambda: EarlyStopping(min_delta=-1.0),
        lambda: TimeLimit(0),
        lambda: TimeLimit(NAN),
        lambda: CallbackResult(stop_reason=True),  # type: ignore[arg-type]
        lambda: CallbackResult(stop_reason=""),
        lambda: CallbackResult(learning_rate_factor=0.0),
        lambda: CallbackResult(learning_rate_factor=NAN),
        lambda: as_callback("early"),
        lambda: as_callback(EarlyStopping),
        lambda: as_callbacks(EarlyStopping()),
        lambda: as_callbacks(print),
        lambda: as_callbacks(3),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Any) -> None:
    with pytest.raises(InputError):
        make()


def test_a_function_is_a_callback_and_must_return_a_decision() -> None:
    def stop(given: EpochContext) -> CallbackResult:
        return CallbackResult(stop_reason="Enough.")

    callback = as_callback(stop)
    assert isinstance(callback, FromFunction)
    assert callback.on_epoch_end({}, moment(1)) == ({}, CallbackResult(stop_reason="Enough."))
    with pytest.raises(InputError, match=r"must return rv\.CallbackResult"):
        as_callback(lambda given: True).on_epoch_end({}, moment(1))


def test_a_callback_sees_the_history_and_the_parameters() -> None:
    calls: list[tuple[int, int, dict[str, Any]]] = []

    def look(given: EpochContext) -> None:
        calls.append((given.epoch.epoch, len(given.history), {k: v.copy() for k, v in given.parameters().items()}))

    config = make_config(epochs=3, callbacks=(as_callback(look),), validation=make_rows(4))
    state = run(config).state
    assert [(epoch, length) for epoch, length, _ in calls] == [(1, 1), (2, 2), (3, 3)]
    views = config.spec.network.parameter_table.views(state.engine.parameters)
    assert all((calls[-1][2][name] == view).all() for name, view in views.items())
    assert any((calls[0][2][name] != view).any() for name, view in views.items())


def test_several_callbacks_are_all_asked_and_the_first_reason_counts() -> None:
    first, second = (FromFunction(lambda m, w=word: CallbackResult(stop_reason=w)) for word in ("One.", "Two."))
    outcome = run(make_config(epochs=3, callbacks=(Callback(), first, second)))
    assert (outcome.reason, outcome.text) == ("stopped", "One.")


def test_a_callback_that_fails_ends_the_run_with_its_own_error() -> None:
    def fail(given: EpochContext) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        run(make_config(callbacks=(as_callback(fail),)))


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_a_kept_context_gives_no_weights_of_later_epochs(engine: str) -> None:
    contexts: list[Any] = []
    copies: list[Any] = []

    def keep(context: Any) -> None:
        contexts.append(context)
        copies.append(context.parameters())
        if len(contexts) > 1:
            with pytest.raises(InputError, match="The callback of epoch 1 has ended"):
                contexts[0].parameters()

    X = np.random.default_rng(0).normal(size=(20, 2))
    network = rv.Network(2, [rv.Dense(1)])
    model = network.fit(X, X[:, 0], epochs=3, callbacks=[keep], engine=engine)
    for context in contexts:
        with pytest.raises(InputError, match="has ended"):
            context.read_parameters()
    assert not np.array_equal(copies[0]["layers.0.weight"], copies[2]["layers.0.weight"])
    np.testing.assert_array_equal(copies[2]["layers.0.weight"], model.parameters["layers.0.weight"])
