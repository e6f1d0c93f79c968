"""Callbacks and decisions."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ranvier.errors import InputError
from ranvier.training.callbacks import (
    Callback,
    Decision,
    EarlyStopping,
    FromFunction,
    Moment,
    TimeLimit,
    as_callback,
    as_callbacks,
)
from ranvier.training.events import Epoch
from tests.training.trial import make_course, make_rows, run

NAN = float("nan")


def moment(number: int, **values: Any) -> Moment:
    epoch = Epoch(number, **({"loss": 1.0} | values))
    return Moment(epoch, (epoch,), dict)


def follow(callback: Callback, scores: list[float]) -> list[Decision]:
    """The decisions on a sequence of validation losses."""
    state, decisions = callback.start(), []
    for number, score in enumerate(scores, 1):
        state, decision = callback.after_epoch(state, moment(number, validation_loss=score))
        decisions.append(decision)
    return decisions


@given(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, NAN, float("inf")]), max_size=12), st.integers(1, 4))
def test_early_stopping_keeps_the_first_best_and_counts_what_follows(scores: list[float], patience: int) -> None:
    best, waited = None, 0
    for score, decision in zip(scores, follow(EarlyStopping(patience), scores), strict=True):
        better = score < float("inf") and (best is None or score < best)
        best, waited = (score, 0) if better else (best, waited + 1)
        assert decision.keep == better
        assert (decision.stop is not None) == (waited >= patience)


@pytest.mark.parametrize(
    ("scores", "text"),
    [
        ([1.0, 2.0], "The validation loss has not improved for 1 epoch; the weights of epoch 1 are kept."),
        ([NAN], "The validation loss has not improved for 1 epoch."),
    ],
)
def test_early_stopping_says_why_it_stops(scores: list[float], text: str) -> None:
    assert follow(EarlyStopping(1), scores)[-1].stop == text


def test_early_stopping_wants_the_change_that_it_was_told() -> None:
    assert [one.keep for one in follow(EarlyStopping(9, minimum_change=0.5), [3.0, 2.6, 2.4])] == [True, False, True]


def test_other_metrics_are_to_be_large_and_the_loss_small() -> None:
    watch = EarlyStopping(metric="accuracy")
    state, _ = watch.after_epoch(watch.start(), moment(1, validation_loss=1.0, metrics={"accuracy": 0.5}))
    _, decision = watch.after_epoch(state, moment(2, validation_loss=1.0, metrics={"accuracy": 0.6}))
    assert decision.keep
    watch = EarlyStopping(metric="loss")
    state, _ = watch.after_epoch(watch.start(), moment(1, loss=0.5))
    assert not watch.after_epoch(state, moment(2, loss=0.6))[1].keep


@pytest.mark.parametrize(
    ("metric", "known", "words"),
    [
        ("validation_loss", ("loss",), "there are no validation rows: give validation=0.1"),
        ("acuracy", ("loss", "validation_loss", "accuracy"), 'Did you mean "accuracy"'),
    ],
)
def test_a_score_that_no_epoch_has_is_said_before_training(metric: str, known: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        EarlyStopping(metric=metric).check(known)
    with pytest.raises(InputError):
        EarlyStopping(metric=metric).after_epoch(EarlyStopping().start(), moment(1))


@pytest.mark.parametrize("metric", ["loss", "validation_loss", "r2"])
def test_scores_that_epochs_have_are_fine(metric: str) -> None:
    EarlyStopping(metric=metric).check(("loss", "validation_loss", "r2"))


def test_the_time_limit_counts_the_epochs_of_this_run_only() -> None:
    limit = TimeLimit(1.0)
    state = limit.start()
    decisions = []
    for number in (7, 8, 9):
        state, decision = limit.after_epoch(state, moment(number, seconds=0.4))
        decisions.append(decision.stop)
    assert decisions == [None, None, "The time limit of 1 s is reached."]


@pytest.mark.parametrize(
    "make",
    [
        lambda: EarlyStopping(patience=0),
        lambda: EarlyStopping(patience="5"),  # type: ignore[arg-type]
        lambda: EarlyStopping(patience=1.5),  # type: ignore[arg-type]
        lambda: EarlyStopping(minimum_change=-1.0),
        lambda: TimeLimit(0),
        lambda: TimeLimit(NAN),
        lambda: Decision(stop=True),  # type: ignore[arg-type]
        lambda: Decision(stop=""),
        lambda: Decision(learning_rate_factor=0.0),
        lambda: Decision(learning_rate_factor=NAN),
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
    def stop(given: Moment) -> Decision:
        return Decision(stop="Enough.")

    chosen = as_callback(stop)
    assert isinstance(chosen, FromFunction)
    assert chosen.after_epoch({}, moment(1)) == ({}, Decision(stop="Enough."))
    with pytest.raises(InputError, match=r"must return rv\.Decision"):
        as_callback(lambda given: True).after_epoch({}, moment(1))


def test_a_callback_sees_the_history_and_the_parameters() -> None:
    seen: list[tuple[int, int, dict[str, Any]]] = []

    def look(given: Moment) -> None:
        seen.append((given.epoch.epoch, len(given.history), {k: v.copy() for k, v in given.read().items()}))

    course = make_course(epochs=3, callbacks=(as_callback(look),), validation=make_rows(4))
    state = run(course).state
    assert [(epoch, length) for epoch, length, _ in seen] == [(1, 1), (2, 2), (3, 3)]
    views = course.problem.network.parameter_table.views(state.engine.parameters)
    assert all((seen[-1][2][name] == view).all() for name, view in views.items())
    assert any((seen[0][2][name] != view).any() for name, view in views.items())


def test_several_callbacks_are_all_asked_and_the_first_reason_counts() -> None:
    first, second = (FromFunction(lambda m, w=word: Decision(stop=w)) for word in ("One.", "Two."))
    outcome = run(make_course(epochs=3, callbacks=(Callback(), first, second)))
    assert (outcome.reason, outcome.text) == ("stopped", "One.")


def test_a_callback_that_fails_ends_the_run_with_its_own_error() -> None:
    def fail(given: Moment) -> None:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        run(make_course(callbacks=(as_callback(fail),)))
