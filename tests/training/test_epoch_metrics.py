"""Metrics after every epoch: by name, of the user's own, on validation rows and on a sample of the training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss, max_error

import ranvier as rv
from ranvier.training.epoch_metrics import as_metrics

X = np.random.default_rng(0).normal(size=(80, 2)).astype(np.float32)
LABELS = np.where(X[:, 0] > 0, "yes", "no")


def fit(y: Any, output: rv.Dense, **options: Any) -> rv.Model:
    network = rv.Network(2, [rv.Dense(4, "tanh"), output])
    return network.fit(X, y, epochs=3, validation=(X[:30], y[:30]), engine="reference", progress=False, **options)


def test_metrics_by_name_are_those_of_evaluate() -> None:
    model = fit(LABELS, rv.Dense(2, "softmax"), metrics=["f1", "auc", "log_loss"])
    actual = model.evaluate(X[:30], LABELS[:30])
    assert model.history[-1].metrics == pytest.approx(
        {name: actual[name] for name in model.history[-1].metrics}, rel=1e-5
    )
    assert set(model.history[-1].metrics) == {"accuracy", "f1", "auc", "log_loss"}


def test_a_function_gets_labels_and_early_stopping_follows_it() -> None:
    arguments: list[Any] = []

    def mistakes(y_true: Any, y_pred: Any) -> float:
        arguments.append((set(y_true) | set(y_pred), len(y_true)))
        return float(len(arguments))

    errors = rv.metric("mistakes", mistakes, greater_is_better=False)
    model = fit(LABELS, rv.Dense(2, "softmax"), callbacks=[rv.EarlyStopping(2, metric=errors)])
    assert model.history.mistakes.tolist() == [1.0, 2.0, 3.0]
    assert model.best_epoch == 1
    assert all(labels <= {"yes", "no"} and rows == 30 for labels, rows in arguments)


def test_early_stopping_makes_errors_small() -> None:
    model = fit(X[:, 0] * 2, rv.Dense(1), callbacks=[rv.EarlyStopping(3, metric="rmse")])
    assert model.best_epoch == int(model.history.rmse.argmin()) + 1


def test_the_name_of_a_function_says_what_is_better() -> None:
    errors = iter([3.0, 2.0, 1.0])

    def mean_error(y_true: Any, y_pred: Any) -> float:
        return next(errors)

    model = fit(X[:, 0] * 2, rv.Dense(1), callbacks=[rv.EarlyStopping(3, metric=mean_error)])
    assert (model.best_epoch, model.history.mean_error.tolist()) == (3, [3.0, 2.0, 1.0])
    assert rv.EarlyStopping(metric=accuracy_score).metric.greater_is_better
    assert not any(rv.EarlyStopping(metric=function).metric.greater_is_better for function in (log_loss, max_error))


@pytest.mark.parametrize("function", [lambda y, p: 0.0, print])
def test_a_function_whose_name_says_nothing_is_measured_but_not_followed(function: Any) -> None:
    assert as_metrics([function])
    with pytest.raises(rv.InputError, match=r"does not say whether a greater value is better.*greater_is_better"):
        rv.EarlyStopping(metric=function)
    model = fit(LABELS, rv.Dense(2, "softmax"))
    with pytest.raises(rv.InputError, match=r"does not say whether a greater value is better.*greater_is_better"):
        model.importances(X, LABELS, metric=function)


def test_training_rows_are_measured_where_that_is_asked_for() -> None:
    model = fit(LABELS, rv.Dense(2, "softmax"), metrics=["training_accuracy"])
    assert model.history.training_accuracy[-1] == model.evaluate(X, LABELS)["accuracy"]
    plain = fit(LABELS, rv.Dense(2, "softmax"))
    assert "training_accuracy" not in plain.history[-1].metrics
    np.testing.assert_array_equal(model.outputs(X), plain.outputs(X))


def test_unknown_metrics_are_refused() -> None:
    with pytest.raises(rv.InputError, match=r"There is no metric 'acuracy'.*accuracy"):
        fit(LABELS, rv.Dense(2, "softmax"), metrics=["acuracy"])
    with pytest.raises(rv.InputError, match="must be a list"):
        fit(LABELS, rv.Dense(2, "softmax"), metrics="f1")


def test_weights_of_validation_rows_count() -> None:
    weights = np.arange(30) % 3 + 0.5
    network = rv.Network(2, [rv.Dense(2, "softmax")])
    held = (X[:30], LABELS[:30], weights)
    options: dict[str, Any] = {"engine": "reference", "progress": False, "metrics": ["f1"]}
    model = network.fit(X, LABELS, epochs=1, validation=held, **options)
    expected = model.evaluate(X[:30], LABELS[:30], sample_weight=weights)
    assert model.history[-1].metrics == pytest.approx({name: expected[name] for name in ("accuracy", "f1")}, rel=1e-5)
    assert expected["accuracy"] != model.evaluate(X[:30], LABELS[:30])["accuracy"]


@pytest.mark.parametrize("levels", [(0.1, 0.5, 0.9), (0.2, 0.4), (0.9,)])
def test_metrics_of_quantiles_are_those_of_evaluate(levels: tuple[float, ...]) -> None:
    y = X[:, 0] + np.random.default_rng(1).normal(size=80) ** 2
    loss = rv.loss("quantile", q=levels if len(levels) > 1 else levels[0])
    model = fit(y, rv.Dense(len(levels)), loss=loss, metrics=["rmse", "mae"])
    actual = model.evaluate(X[:30], y[:30])
    assert set(model.history[-1].metrics) == {"r2", "rmse", "mae"}
    for name, value in model.history[-1].metrics.items():
        assert value == pytest.approx(actual[name], rel=1e-5)
