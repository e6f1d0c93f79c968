"""A second fit with warm_start: what changes, what is refused, and that it never makes an estimator worse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.errors import InputError

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(120, 3))
Y = X @ [1.0, -2.0, 0.5] + GENERATOR.normal(size=120)
OPTIONS: dict[str, Any] = {
    "hidden": (8,),
    "dropout": 0.0,
    "recipe": "plain",
    "epochs": 4,
    "random_state": 0,
    "engine": "reference",
    "warm_start": True,
}


def fitted(**options: Any) -> Any:
    return rv.Regressor(**{**OPTIONS, **options}).fit(X, Y)


REFUSED = {"hidden": (4,), "activation": "tanh", "dropout": 0.5, "recipe": "table", "effort": "fast"}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_network_was_made_by_cannot_change(name: str) -> None:
    estimator = fitted()
    before = estimator.predict(X)
    estimator.set_params(**{name: REFUSED[name]})
    for call in (lambda: estimator.fit(X, Y), lambda: estimator.partial_fit(X, Y)):
        with pytest.raises(InputError, match=rf"^{name} is .* made with .*warm_start=False"):
            call()
    np.testing.assert_array_equal(estimator.predict(X), before)


def test_the_same_value_in_another_form_is_no_change() -> None:
    fitted().set_params(hidden=[8]).fit(X, Y)
    fitted(hidden=8).set_params(hidden=(8,)).fit(X, Y)


CHANGED: dict[str, tuple[Any, Any]] = {
    "learning_rate": (0.125, lambda model: model.training.optimizer.learning_rate == 0.125),
    "weight_decay": (0.25, lambda model: model.training.optimizer.weight_decay == 0.25),
    "optimizer": ("sgd", lambda model: model.training.optimizer == rv.SGD()),
    "schedule": ("one_cycle", lambda model: model.training.schedule == rv.schedule("one_cycle")),
    "loss": ("absolute_error", lambda model: model.training.loss == rv.loss("absolute_error")),
    "batch_size": (7, lambda model: model.training.batch_size == 7),
    "epochs": (2, lambda model: len(model.history) == 6),
    "precision": ("float64", lambda model: model.training.precision == "float64"),
    "threads": (1, lambda model: model.training.threads == 1),
    "engine": ("native", lambda model: model.engine == "native"),
    "callbacks": ([rv.TimeLimit(1e-9)], lambda model: len(model.history) == 5),
}


@pytest.mark.parametrize("name", CHANGED)
def test_what_can_change_does(name: str) -> None:
    value, holds = CHANGED[name]
    estimator = fitted(validation=None)
    assert not holds(estimator.model_)
    assert holds(estimator.set_params(**{name: value}).fit(X, Y).model_)


@pytest.mark.parametrize("options", [{}, {"recipe": "auto", "hidden": None, "dropout": None, "effort": "fast"}])
def test_going_on_has_validation_rows_and_keeps_the_better_weights(options: dict[str, Any]) -> None:
    estimator = fitted(**options)
    estimator.set_params(learning_rate=5.0, patience=3, epochs=20)
    first, before = len(estimator.model_.history), estimator.model_.parameters
    before = {name: np.array(values) for name, values in before.items()}
    estimator.fit(X, Y)
    again = estimator.model_.history[first:]
    assert np.isfinite(again.validation_loss).all()
    assert len(again) == 3
    for name, values in before.items():
        np.testing.assert_array_equal(estimator.model_.parameters[name], values)


def test_better_weights_are_taken() -> None:
    estimator = fitted()
    before = estimator.score(X, Y)
    assert estimator.set_params(epochs=40, learning_rate=0.02).fit(X, Y).score(X, Y) > before + 0.1


def test_rows_of_ones_own_decide() -> None:
    estimator = fitted()
    estimator.set_params(epochs=30, patience=2, learning_rate=0.05)
    estimator.fit(X, Y, validation=(X[:20], -Y[:20]))
    assert len(estimator.model_.history) < 30


@pytest.mark.parametrize("make", [rv.Classifier, rv.Regressor])
def test_estimators_clip_gradients_as_train_does(make: Any) -> None:
    rows = np.random.default_rng(0).normal(size=(60, 3))
    labels = (rows[:, 0] > 0).astype(int)
    options: dict[str, Any] = {"recipe": "plain", "hidden": (4,), "epochs": 3, "engine": "reference"}
    made = [make(random_state=0, clip_norm=norm, **options).fit(rows, labels) for norm in (None, 1e-3)]
    assert not np.array_equal(*(estimator.model_.outputs(rows) for estimator in made))
    assert made[1].model_.training.optimizer.clip_norm == 1e-3
    going_on = make(random_state=0, warm_start=True, **options).fit(rows, labels)
    going_on.set_params(clip_norm=2.0).fit(rows, labels)
    assert going_on.model_.training.optimizer.clip_norm == 2.0
