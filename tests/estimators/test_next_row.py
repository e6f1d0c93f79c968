"""partial_fit of a single row after another: the bits, history and messages of the usual way."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

import ranvier as rv
from ranvier.estimators import base
from ranvier.estimators.next_row import NextRow
from tests.training.trial import timeless

RNG = np.random.default_rng(0)
X = RNG.normal(size=(1100, 3)) * [1.0, 20.0, 0.1] + [0.0, 5.0, 3.0]
X[::50, 1] = np.nan
SUM = np.nansum(X, axis=1)
TEXTS = np.where(SUM > 8, "high", np.where(SUM > 2, "middle", "low"))
OPTIONS: dict[str, Any] = {"hidden": (5,), "random_state": 0}
KINDS: dict[str, tuple[Any, Any]] = {
    "two labels": (lambda **options: rv.Classifier(**OPTIONS, **options), (SUM > 5).astype(int)),
    "texts": (lambda **options: rv.Classifier(**OPTIONS, **options), TEXTS),
    "number": (lambda **options: rv.Regressor(**OPTIONS, **options), SUM),
    "optimizer": (lambda **options: rv.Classifier(optimizer="sgd", learning_rate=0.1, **OPTIONS, **options), TEXTS),
    "counts": (lambda **options: rv.Regressor(loss="poisson", **OPTIONS, **options), np.abs(SUM).round()),
}


QUICK = ("two labels", "texts", "number", "optimizer")


def first_fit(name: str, rows: int = 1100, **options: Any) -> Any:
    make, y = KINDS[name]
    estimator = make(**options)
    classes = {} if isinstance(estimator, rv.Regressor) else {"classes": np.unique(y)}
    return estimator.partial_fit(X[:rows], y[:rows], **classes)


def same(first: Any, second: Any) -> bool:
    states = first.model_.training_state, second.model_.training_state
    plain = [{name: value for name, value in state.to_dict().items() if name != "history"} for state in states]
    pairs = zip(states[0].arrays().items(), states[1].arrays().items(), strict=True)
    arrays = all(a == b and x.tobytes() == y.tobytes() for (a, x), (b, y) in pairs)
    histories = timeless(first.model_.history) == timeless(second.model_.history)
    return arrays and histories and plain[0] == plain[1] and np.array_equal(first.predict(X), second.predict(X))


@pytest.fixture
def usual(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], Any]:
    """Calls a function whose `partial_fit` looks at everything each time."""

    def call(function: Callable[[], Any]) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(base, "next_row", lambda *_: None)
            return function()

    return call


@pytest.mark.parametrize("first", [1, 3, 995, 1100])
@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("name", KINDS)
def test_rows_one_by_one_have_the_usual_bits(name: str, engine: str, first: int, usual: Any) -> None:
    y = KINDS[name][1]

    def learned() -> Any:
        estimator = first_fit(name, rows=first, engine=engine)
        for row in (3, 4, 50, 5, 6, 7, 8):
            estimator.partial_fit(X[row : row + 1], y[row : row + 1])
            estimator.partial_fit(X[row : row + 1].astype(np.float32), y[row : row + 1].tolist())
        return estimator

    assert same(learned(), usual(learned))


@pytest.mark.parametrize(("name", "first"), [("two labels", 3), *((name, 1100) for name in QUICK)])
def test_rows_are_learned_from_the_quick_way(name: str, first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator, y, learned, learn = first_fit(name, first), KINDS[name][1], [], NextRow.learn
    monkeypatch.setattr(NextRow, "learn", lambda *of: learned.append(learn(*of)) or learned[-1])
    for row in range(5):
        estimator.partial_fit(X[row : row + 1], y[row : row + 1])
    assert learned[-1:] == [True]


BETWEEN: dict[str, Callable[[Any], Any]] = {
    "another rate": lambda estimator: estimator.set_params(learning_rate=0.5),
    "another batch": lambda estimator: estimator.partial_fit(X[:70], KINDS["texts"][1][:70]),
    "another fit of the model": lambda estimator: estimator.model_.fit(X[:70], KINDS["texts"][1][:70], epochs=2),
    "weights": lambda estimator: estimator.partial_fit(X[:1], KINDS["texts"][1][:1], sample_weight=[3.0]),
    "weights of classes": lambda estimator: estimator.set_params(class_weight={"low": 3.0, "middle": 1.0, "high": 2.0}),
    "a closed model": lambda estimator: estimator.model_.close(),
    "a callback": lambda estimator: estimator.set_params(callbacks=[rv.EarlyStopping(metric="loss")]),
    "predictions": lambda estimator: estimator.predict(X[:1]),
}


@pytest.mark.parametrize("name", BETWEEN)
def test_what_happens_between_rows_counts(name: str, usual: Any) -> None:
    y = KINDS["texts"][1]

    def learned() -> Any:
        estimator = first_fit("texts")
        for row in range(8):
            if row == 4:
                BETWEEN[name](estimator)
            estimator.partial_fit(X[row : row + 1], y[row : row + 1])
        return estimator

    assert same(learned(), usual(learned))


def test_scales_are_learned_on_until_they_are_known(usual: Any) -> None:
    y = KINDS["number"][1]

    def learned() -> Any:
        estimator = first_fit("number", rows=990)
        for row in range(990, 1010):
            estimator.partial_fit(X[row : row + 1], y[row : row + 1])
        return estimator

    assert same(learned(), usual(learned))


def test_a_callback_that_is_added_to_a_list_later_is_asked() -> None:
    calls: list[int] = []

    def count(context: rv.EpochContext) -> None:
        calls.append(context.epoch.epoch)

    callbacks: list[Any] = []
    estimator = first_fit("texts", callbacks=callbacks)
    for row in range(4):
        estimator.partial_fit(X[row : row + 1], TEXTS[row : row + 1])
    callbacks.append(count)
    estimator.partial_fit(X[4:5], TEXTS[4:5])
    assert len(calls) == 1


ODD: dict[str, tuple[Any, Any]] = {
    "an unknown label": (X[:1], ["huge"]),
    "an infinite cell": (np.array([[1.0, np.inf, 0.0]]), ["low"]),
    "another width": (X[:1, :2], ["low"]),
    "no label": (X[:1], [None]),
    "two labels": (X[:1], ["low", "high"]),
    "a label in two dimensions": (X[:1], [["low", "high"]]),
    "a text": (X[:1], "low"),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_rows_are_refused_in_the_usual_words(name: str, usual: Any) -> None:
    rows, y = ODD[name]

    def refused() -> str:
        estimator = first_fit("texts")
        for row in range(4):
            estimator.partial_fit(X[row : row + 1], TEXTS[row : row + 1])
        with pytest.raises(ValueError) as error:
            estimator.partial_fit(rows, y)
        return str(error.value)

    assert refused() == usual(refused)


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda estimator: pickle.loads(pickle.dumps(estimator))])
def test_copies_go_on_alone(copied: Any) -> None:
    original, second = first_fit("texts"), first_fit("texts")
    for row in range(4):
        for estimator in (original, second):
            estimator.partial_fit(X[row : row + 1], TEXTS[row : row + 1])
    twin = copied(original)
    original.partial_fit(X[4:5], TEXTS[4:5])
    twin.partial_fit(X[5:6], TEXTS[5:6])
    if copied is not copy.copy:
        second.partial_fit(X[4:5], TEXTS[4:5])
        assert same(original, second)
    assert not hasattr(clone(original), "_next_row")
