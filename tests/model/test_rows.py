"""From X, y and weights to resident rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import ranvier as rv
from ranvier.data import TargetEncoder
from ranvier.errors import InputError, ShapeError
from ranvier.model.rows import (
    prepare_rows,
    resolve_class_weight,
    row_weights,
    split,
    targets,
)
from ranvier.network.task import Task
from ranvier.rows import Rows, as_inputs

BINARY = Task("binary", 1, ("no", "yes"), ("y",))
CLASSES = Task("multiclass", 3, ("a", "b", "c"), ("y",))
NUMBERS = Task("regression", 1, target_names=("y",))
LABELS = np.array([[0.0], [1.0], [1.0], [1.0]])


def resident(validation: Any = None, weight: Any = None, by_class: Any = None, y: Any = "nnyyynyyyy") -> Any:
    X = np.arange(20.0).reshape(10, 2)
    words = [{"n": "no", "y": "yes"}[letter] for letter in y]
    return prepare_rows(lambda X: as_inputs(X, 2), TargetEncoder(BINARY), X, words, validation, weight, by_class, 0)


def test_balanced_classes_have_the_same_weight_in_all() -> None:
    weights = row_weights(BINARY, LABELS, None, "balanced")
    np.testing.assert_allclose(weights, [2.0, 2 / 3, 2 / 3, 2 / 3])
    mixed = row_weights(BINARY, LABELS, [1, 2, 3, 4], {"yes": 5})
    np.testing.assert_allclose(mixed, [1.0, 10, 15, 20])
    hot = row_weights(CLASSES, np.eye(3)[[0, 0, 2]], None, "balanced")
    np.testing.assert_allclose(hot, [0.75, 0.75, 1.5])
    assert row_weights(BINARY, LABELS, None, None) is None


@pytest.mark.parametrize(
    ("task", "sample", "by_class", "words"),
    [
        (BINARY, [1, 2], None, r"shape \(2,\); it must have one number a row, \(4,\)"),
        (BINARY, [1, 1, -1, 1], None, "at least 0"),
        (BINARY, [1, 1, np.nan, 1], None, "finite"),
        (BINARY, [0, 0, 0, 0], None, "above 0"),
        (BINARY, "heavy", None, "must hold numbers"),
        (BINARY, None, {"maybe": 1}, "names the class 'maybe'; the classes are"),
        (BINARY, None, {"yes": -1}, "at least 0"),
        (BINARY, None, {"yes": "x"}, "must hold numbers"),
        (BINARY, None, {"yes": 0, "no": 0}, "above 0"),
        (BINARY, None, "even", "'balanced' or a dictionary"),
        (NUMBERS, None, "balanced", "need a target with classes; the task here is regression"),
    ],
)
def test_weights_that_make_no_sense(task: Task, sample: Any, by_class: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        row_weights(task, LABELS, sample, by_class)


@given(st.integers(4, 60), st.floats(0.05, 0.9), st.integers(0, 99))
def test_a_fraction_divides_the_rows_and_their_weights(rows: int, fraction: float, seed: int) -> None:
    numbers = np.arange(rows, dtype=float)
    given_rows = Rows(numbers[:, None], (numbers[:, None] % 2), numbers + 1.0)
    training, apart = split(given_rows, fraction, seed, BINARY)
    np.testing.assert_array_equal(np.sort(np.append(training.inputs.dense, apart.inputs.dense)), numbers)
    for part in (training, apart):
        assert len(part) > 0
        np.testing.assert_array_equal(part.inputs.dense[:, 0] + 1.0, part.weights)
        np.testing.assert_array_equal(part.inputs.dense % 2, part.targets)


def test_validation_may_be_nothing_a_fraction_or_rows() -> None:
    assert resident()[1] is None
    assert resident(0)[1] is None
    assert [len(part) for part in resident(0.2)] == [8, 2]
    assert [len(part) for part in resident(np.float32(0.2))] == [8, 2]
    rows, held = resident(([[1.0, 2.0]], ["yes"], [3.0]), weight=np.arange(1, 11))
    assert (len(rows), held.inputs.dense.tolist(), held.targets.tolist(), held.weights.tolist()) == (
        10,
        [[1.0, 2.0]],
        [[1.0]],
        [3.0],
    )


@pytest.mark.parametrize(
    ("validation", "words"),
    [
        (1.0, "fraction between 0 and 1"),
        (-0.1, "fraction between 0 and 1"),
        (True, "it must be a fraction"),
        ("0.1", "it must be a fraction"),
        (([[1.0, 2.0]],), "it must be a fraction"),
        (([[1.0, 2.0]], ["maybe"]), "a class that the training rows did not have"),
        (([[1.0]], ["yes"]), "this network takes 2"),
        (([[1.0, 2.0]], ["yes", "no"]), "X has 1 row and y has 2"),
        (([[1.0, 2.0]], ["yes"], [-1.0]), "at least 0"),
    ],
)
def test_validation_that_cannot_be_used(validation: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        resident(validation)


def test_one_hot_rows_are_checked_before_they_are_taken() -> None:
    encoder = TargetEncoder(CLASSES)
    np.testing.assert_array_equal(targets(encoder, np.eye(3)), np.eye(3))
    with pytest.raises(ShapeError, match="2 columns; the model knows 3 classes"):
        targets(encoder, np.eye(2))
    with pytest.raises(InputError, match="a single 1 among zeros"):
        targets(encoder, np.ones((1, 3)))


def test_class_weights_of_the_training_rows_count_for_validation_rows() -> None:
    assert resolve_class_weight(BINARY, LABELS, "balanced") == {"no": 2.0, "yes": 2 / 3}
    assert resolve_class_weight(BINARY, LABELS, {"yes": 5}) == {"yes": 5}
    assert resolve_class_weight(NUMBERS, LABELS, None) is None
    apart = ([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], ["yes", "no", "no"])
    assert resident(apart)[1].weights is None
    assert resident(apart, by_class={"yes": 5})[1].weights.tolist() == [5.0, 1.0, 1.0]
    assert resident((*apart, [1.0, 2.0, 0.5]), by_class={"no": 3})[1].weights.tolist() == [1.0, 6.0, 1.5]
    no, yes = 10 / (2 * 3), 10 / (2 * 7)
    assert resident(apart, by_class="balanced")[1].weights.tolist() == [yes, no, no]


def test_validation_rows_that_all_weigh_nothing_are_refused() -> None:
    X, y, options = np.arange(20.0)[:, None], np.arange(20.0), {"epochs": 1, "engine": "reference", "progress": False}
    network = rv.Network(1, [rv.Dense(1)])
    for fraction, name in ((0.25, "validation"), (0.75, "training")):
        apart = split(Rows(X, y[:, None]), fraction, 0, Task("regression", 1))
        few = apart[1] if name == "validation" else apart[0]
        weight = np.where(np.isin(y, few.targets[:, 0]), 0.0, 1.0)
        with pytest.raises(InputError, match=f"All 5 {name} rows of validation={fraction:g} have weight 0"):
            network.fit(X, y, sample_weight=weight, validation=fraction, **options)
        weight[int(few.targets[0, 0])] = 1.0
        assert network.fit(X, y, sample_weight=weight, validation=fraction, **options).history[0].loss > 0
