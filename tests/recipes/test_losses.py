"""Losses of regressions through `train` and the estimators: units, ranges of targets, activations of outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import ranvier as rv
from ranvier.errors import DataError, InputError

Array = NDArray[Any]
RECIPES = ("table", "plain")
OPTIONS: dict[str, dict[str, Any]] = {
    "table": {"effort": "fast", "epochs": 30},
    "plain": {"dropout": 0.0, "hidden": (16,), "epochs": 80, "learning_rate": 0.01},
}
OWN_HUBER = rv.loss(
    "own_huber",
    lambda output, target: rv.where(
        abs(output - target) <= 30, 0.5 * (output - target) ** 2, 30 * (abs(output - target) - 15)
    ),
)


def estimator(recipe: str, loss: Any, **options: Any) -> rv.Regressor:
    return rv.Regressor(recipe=recipe, loss=loss, random_state=0, **{**OPTIONS[recipe], **options})


def by_train(recipe: str, loss: Any) -> Callable[[Array, Array], Callable[[Array], Array]]:
    def fit(X: Array, y: Array) -> Callable[[Array], Array]:
        model = rv.train(X, y, task="regression", test=0.0, recipe=recipe, loss=loss, **OPTIONS[recipe])
        return model.predict

    return fit


def rows(seed: int = 0, count: int = 300) -> tuple[Array, NDArray[np.float64]]:
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(count, 2))
    return X, 0.6 * X[:, 0] - 0.3 * X[:, 1]


def r2(y: Array, predicted: Array) -> float:
    return float(1 - np.sum((y - predicted) ** 2) / np.sum((y - y.mean()) ** 2))


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("size", [1.0, 1e5])
def test_poisson_predicts_rates(recipe: str, size: float) -> None:
    X, effect = rows()
    counts = np.random.default_rng(1).poisson(8 * np.exp(effect)) * size
    for predict in (estimator(recipe, "poisson").fit(X, counts).predict, by_train(recipe, "poisson")(X, counts)):
        assert (predict(X) > 0).all()
        assert r2(counts, predict(X)) > 0.5
        assert predict(100 * X).min() >= 0


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "binary_focal"])
def test_fractions_of_a_total(loss: str) -> None:
    X, effect = rows()
    fractions = 1 / (1 + np.exp(-2 * effect))
    fitted = estimator("plain", loss).fit(X, fractions)
    far = fitted.predict(20 * X)
    assert far.min() >= 0
    assert far.max() <= 1
    assert np.corrcoef(fractions, fitted.predict(X))[0, 1] > 0.95


OUTSIDE = {
    "poisson": (-1.0, "of at least 0"),
    "binary_cross_entropy": (1.5, "from 0 to 1"),
    "binary_focal": (-0.1, "from 0 to 1"),
}


@pytest.mark.parametrize("loss", OUTSIDE)
def test_targets_outside_the_range_of_a_loss_are_named_by_row(loss: str) -> None:
    value, text = OUTSIDE[loss]
    X, _ = rows(count=40)
    y = np.full(40, 0.5)
    y[23] = value
    activation = "exponential" if loss == "poisson" else "sigmoid"
    network = rv.Network(2, [rv.Dense(1, activation)])
    apart = (X, np.full(40, 0.5))
    for call in (
        lambda: estimator("table", loss).fit(X, y),
        lambda: rv.train(X, y, task="regression", loss=loss, recipe="plain", epochs=1),
        lambda: estimator("plain", loss).fit(*apart, validation=(X, y)),
        lambda: network.fit(X, y, loss=loss, epochs=1, engine="reference"),
        lambda: network.fit(*apart, loss=loss, epochs=1, engine="reference").fit(X, y, epochs=1),
    ):
        with pytest.raises((DataError, InputError), match=f"{value:g}") as raised:
            call()
        if "gives numbers from 0 to 1" not in str(raised.value):
            assert text in str(raised.value)
            assert "23" in str(raised.value) or "24" in str(raised.value)


def test_outputs_that_may_be_negative_are_refused_for_rates() -> None:
    X, _ = rows(count=20)
    for activation in ("identity", "tanh", "silu"):
        with pytest.raises(InputError, match=r"never negative.*'exponential'"):
            rv.Network(2, [rv.Dense(1, activation)]).fit(X, np.ones(20), loss="poisson", epochs=1)
    rv.Network(2, [rv.Dense(1, "softplus")]).fit(X, np.ones(20), loss="poisson", epochs=1, engine="reference")


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_size_of_errors_counts_in_the_units_of_the_user(recipe: str) -> None:
    X, effect = rows()
    generator = np.random.default_rng(2)
    clean = 300 * effect
    y = clean + np.where(generator.random(len(X)) < 0.15, generator.exponential(3000, len(X)), 0)
    off = {}
    for name, loss in {
        "squared": "squared_error",
        "wide": rv.loss("huber", delta=1e5),
        "narrow": rv.loss("huber", delta=30),
        "own": OWN_HUBER,
        "log_cosh": "log_cosh",
    }.items():
        predicted = estimator(recipe, loss).fit(X, y).predict(X)
        off[name] = abs(float(np.mean(predicted - clean)))
    assert off["narrow"] == pytest.approx(off["own"], abs=1.0)
    assert max(off["narrow"], off["log_cosh"]) < 100
    assert min(off["wide"], off["squared"]) > 200


def test_a_loss_of_two_targets_has_one_scale() -> None:
    X, effect = rows()
    y = np.stack([500 * effect + 4000, 20 * effect], axis=1)
    model = estimator("plain", rv.loss("huber", delta=10)).fit(X, y).model_
    assert len(set(model.target.scale)) == 1
    assert r2(y[:, 0], model.predict(X)[:, 0]) > 0.9


@pytest.mark.parametrize(
    ("loss", "measure"),
    [
        ("squared_error", lambda y, p: np.mean((y - p) ** 2)),
        ("absolute_error", lambda y, p: np.mean(np.abs(y - p))),
        (rv.loss("quantile", q=0.9), lambda y, p: np.mean(np.maximum(0.9 * (y - p), -0.1 * (y - p)))),
        ("log_cosh", lambda y, p: np.mean(np.abs(y - p) + np.log1p(np.exp(-2 * np.abs(y - p))) - np.log(2))),
        ("poisson", lambda y, p: np.mean(p - y * np.log(p))),
        (OWN_HUBER, lambda y, p: np.mean(np.where(abs(y - p) <= 30, (y - p) ** 2 / 2, 30 * (abs(y - p) - 15)))),
    ],
    ids=["squared_error", "absolute_error", "quantile", "log_cosh", "poisson", "own"],
)
def test_the_history_is_in_the_units_of_the_user(loss: Any, measure: Any) -> None:
    X, effect = rows(count=60)
    y = np.round(50 * np.exp(effect))
    options: dict[str, Any] = {"hidden": (4,), "recipe": "plain", "random_state": 0, "engine": "reference"}
    fitted = rv.Regressor(loss=loss, epochs=2, precision="float64", **options).fit(X, y, validation=(X, y))
    best = min(epoch.validation_loss for epoch in fitted.model_.history)
    assert best == pytest.approx(measure(y, fitted.predict(X)), rel=1e-5)
