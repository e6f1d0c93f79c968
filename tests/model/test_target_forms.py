"""Soft labels, many classes and targets with gaps through `Network.fit`, `Model.fit` and `Model.evaluate`."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import ranvier as rv

X = np.random.default_rng(0).standard_normal((60, 4))
WEIGHT = np.random.default_rng(1).standard_normal((4, 3))
SOFT = np.exp(2 * X @ WEIGHT) / np.exp(2 * X @ WEIGHT).sum(axis=1, keepdims=True)


def softmax(classes: int = 3) -> rv.Network:
    return rv.Network(4, [rv.Dense(8, "tanh"), rv.Dense(classes, "softmax")])


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_soft_labels_are_learned(engine: str) -> None:
    model = softmax().fit(X, SOFT, validation=(X, SOFT), epochs=60, optimizer=rv.Adam(0.03), engine=engine)
    entropy = float(-(SOFT * np.log(SOFT)).sum(axis=1).mean())
    measured = model.evaluate(X, SOFT)
    assert entropy <= measured["log_loss"] < entropy + 0.05
    assert measured["accuracy"] > 0.85
    np.testing.assert_allclose(model.probabilities(X), SOFT, atol=0.25)
    assert model.history.validation_loss[-1] == pytest.approx(measured["log_loss"], rel=1e-3)
    model.fit(X, SOFT.argmax(axis=1), epochs=1)
    model.fit(X, SOFT, epochs=1, class_weight="balanced")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y * 1.1, "row at index 0 adds up to 1.1"),
        (lambda y: y - [[2.0, -1.0, -1.0]] * (np.arange(60) == 7)[:, None], "row at index 7 holds -"),
        (lambda y: np.where(np.arange(60)[:, None] == 9, np.nan, y), "row index 9"),
        (lambda y: np.where((np.arange(60)[:, None] == 5) & (np.arange(3) == 1), np.nan, y), "row at index 5"),
    ],
)
def test_rows_that_are_no_probabilities(change: object, message: str) -> None:
    with pytest.raises(rv.RanvierError, match=message):
        softmax().fit(X, change(SOFT), epochs=1)  # type: ignore[operator]


@pytest.mark.parametrize("engine", ["native", "reference"])
@pytest.mark.parametrize("text", [False, True])
def test_many_classes(engine: str, text: bool, tmp_path: Path) -> None:
    numbers = np.arange(60) % 20
    labels = np.array([f"class {number:02d}" for number in numbers]) if text else numbers
    model = softmax(20).fit(X, labels, validation=0.4, metrics=["log_loss"], epochs=2, engine=engine)
    hot = softmax(20).fit(X, np.eye(20)[numbers], validation=0.4, metrics=["log_loss"], epochs=2, engine=engine)
    for name, values in model.parameters.items():
        np.testing.assert_array_equal(values, hot.parameters[name])
    assert model.evaluate(X, labels) == hot.evaluate(X, np.eye(20)[numbers])
    np.testing.assert_array_equal(model.history.log_loss, hot.history.log_loss)
    model.save(tmp_path / "many.rv")
    assert rv.load(tmp_path / "many.rv").predict(X).dtype == labels.dtype
    wrong = softmax(20).fit(X, labels, metrics=[rv.metric("hits", lambda y, p: float((y == p).sum()))], epochs=1)
    assert wrong.gradients(X, labels)["layers.0.weight"].shape == (4, 8)


def test_many_classes_take_no_memory_of_one_hot_rows() -> None:
    rows, classes = 2000, 3000
    inputs, labels = np.zeros((rows, 1), np.float32), np.arange(rows) % classes
    labels[-1] = classes - 1
    network = rv.Network(1, [rv.Dense(2), rv.Dense(classes, "softmax")])
    tracemalloc.start()
    network.fit(inputs, labels, epochs=1, batch_size=32, optimizer="sgd")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < rows * classes * 4 / 2


@pytest.mark.parametrize("engine", ["native", "reference"])
def test_targets_with_gaps(engine: str) -> None:
    targets = X @ WEIGHT
    gaps = np.where(np.random.default_rng(2).random(targets.shape) < 0.5, np.nan, targets)
    gaps[np.isnan(gaps).all(axis=1), 0] = 0.0
    network = rv.Network(4, [rv.Dense(3)])
    model = network.fit(X, gaps, validation=0.2, epochs=150, optimizer=rv.Adam(0.05), engine=engine)
    assert np.isfinite(model.history.loss).all()
    assert np.isfinite(model.history.r2).all()
    complete = model.evaluate(X[~np.isnan(gaps).any(axis=1)], targets[~np.isnan(gaps).any(axis=1)])
    assert complete["r2"] > 0.8
    measured = model.evaluate(X, gaps, sample_weight=np.arange(1, 61))
    predicted = model.predict(X)
    errors = [
        np.average(np.abs(gaps[k, j] - predicted[k, j]), weights=np.arange(1, 61)[k])
        for j in range(3)
        for k in [~np.isnan(gaps[:, j])]
    ]
    assert measured["mae"] == pytest.approx(np.mean(errors), rel=1e-9)
    model.fit(X, gaps, epochs=1)
    assert all(np.isfinite(values).all() for values in model.gradients(X, gaps).values())


def test_labels_with_gaps() -> None:
    labels = (X @ WEIGHT > 0).astype(float)
    gaps = np.where(np.random.default_rng(2).random(labels.shape) < 0.3, np.nan, labels)
    gaps[np.isnan(gaps).all(axis=1), 0] = 0.0
    network = rv.Network(4, [rv.Dense(3, "sigmoid")])
    model = network.fit(X, gaps, epochs=80, optimizer=rv.Adam(0.1))
    assert model.task.kind == "multilabel"
    measured = model.evaluate(X, gaps)
    assert measured["f1"] > 0.9
    assert 0 < measured["log_loss"] < 0.4


def test_a_row_without_any_target_is_refused() -> None:
    targets = X @ WEIGHT
    targets[7] = np.nan
    with pytest.raises(rv.DataError, match="no value at row index 7"):
        rv.Network(4, [rv.Dense(3)]).fit(X, targets, epochs=1)
