"""The sentence on models that are no better than guessing, and scores that are undefined."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ranvier.network.task import Task
from ranvier.training import metrics
from ranvier.training.against_baseline import loss_gain, no_better_sentence

RANDOM = np.random.default_rng(5)
ROWS = 200
BINARY = Task("binary", 1, ("no", "yes"), ("y",))
CLASSES = Task("multiclass", 3, ("a", "b", "c"), ("y",))
LABELS = Task("multilabel", 2, target_names=("p", "q"))
NUMBERS = Task("regression", 1, target_names=("y",))
TARGETS: dict[str, tuple[Task, Any]] = {
    "binary": (BINARY, (RANDOM.random((ROWS, 1)) < 0.3).astype(float)),
    "multiclass": (CLASSES, np.eye(3)[RANDOM.integers(0, 3, ROWS)]),
    "multilabel": (LABELS, (RANDOM.random((ROWS, 2)) < 0.4).astype(float)),
    "regression": (NUMBERS, RANDOM.normal(5.0, 2.0, (ROWS, 1))),
}


@pytest.mark.parametrize("name", TARGETS)
def test_a_model_of_noise_is_said_to_be_no_better(name: str) -> None:
    task, targets = TARGETS[name]
    shuffled = RANDOM.permutation(targets) * 0.2 + 0.8 * targets.mean(axis=0)
    sentence = no_better_sentence(task, shuffled, targets, targets, part="test")
    assert sentence.startswith("On these 200 test rows the model is no better than guessing: ")
    assert ("the mean" in sentence) == (name == "regression")


@pytest.mark.parametrize("name", TARGETS)
def test_a_model_that_knows_something_is_not(name: str) -> None:
    task, targets = TARGETS[name]
    mixed = 0.6 * targets + 0.4 * targets.mean(axis=0)
    for weights in (None, RANDOM.random(ROWS)):
        assert no_better_sentence(task, mixed, targets, targets, weights) == ""


def test_the_right_order_is_enough() -> None:
    """Class weights spoil the loss and the accuracy, and not the order."""
    task, targets = TARGETS["binary"]
    outputs = np.clip(0.9 + 0.05 * targets + RANDOM.normal(0, 0.03, targets.shape), 0.01, 0.99)
    assert no_better_sentence(task, outputs, targets, targets) == ""


def test_a_few_far_targets_hide_nothing() -> None:
    draw = np.random.default_rng(5)
    targets = np.exp(draw.normal(size=(60, 1)) * 0.5)
    targets[7] = 2000.0
    outputs = targets * np.exp(draw.normal(size=(60, 1)) * 0.1)
    task = Task("regression", 1)
    assert no_better_sentence(task, outputs, targets, targets) == ""
    # A constant is nearer to most rows than the mean is, and knows nothing.
    for constant in (0.9, 1.0, 1.1):
        assert "no better than guessing" in no_better_sentence(task, np.full_like(targets, constant), targets, targets)


def test_two_rows_say_nothing() -> None:
    assert no_better_sentence(NUMBERS, np.zeros((2, 1)), np.ones((2, 1)), np.ones((2, 1))) == ""


def undefined(task: Task, outputs: Any, targets: Any) -> tuple[dict[str, Any], list[dict[str, Any]], str]:
    outputs, targets = np.asarray(outputs, float), np.asarray(targets, float)
    classes = metrics.per_class(task, outputs, targets)
    values, notes = metrics.with_undefined(task, metrics.all_metrics(task, outputs, targets), classes, targets)
    return values, classes, " ".join(notes)


def test_r2_needs_rows_that_differ() -> None:
    assert undefined(NUMBERS, [[1.0]], [[2.0]])[0]["r2"] is None
    values, _, notes = undefined(NUMBERS, [[1.0], [2.0]], [[2.0], [2.0]])
    assert values["r2"] is None
    assert "all rows have the same target" in notes
    assert undefined(NUMBERS, [[1.0], [2.0]], [[2.0], [3.0]])[2] == ""


def test_auc_needs_two_classes() -> None:
    values, classes, notes = undefined(BINARY, [[0.2], [0.1]], [[0.0], [0.0]])
    assert (values["auc"], values["f1"]) == (None, None)
    assert 'all rows have one class, "no"' in notes
    assert 'no row is "yes"' in notes
    assert [classes[1][name] for name in ("precision", "recall", "f1")] == [None, None, None]
    assert classes[0]["f1"] == 1.0


def test_classes_without_rows_or_predictions_have_no_scores() -> None:
    outputs, targets = np.eye(3)[[0, 0, 1, 1]], np.eye(3)[[0, 0, 0, 0]]
    _, classes, notes = undefined(CLASSES, outputs, targets)
    assert (classes[1]["precision"], classes[1]["recall"], classes[1]["f1"]) == (0.0, None, None)
    assert 'No row has the class "b", "c"' in notes
    _, classes, notes = undefined(CLASSES, np.eye(3)[[0, 0, 1]], np.eye(3)[[0, 1, 2]])
    assert (classes[2]["precision"], classes[2]["recall"], classes[2]["f1"]) == (None, 0.0, 0.0)
    assert '"c" was never predicted: its precision is' in notes
    notes = undefined(CLASSES, np.eye(3)[[0, 0, 0]], np.eye(3)[[0, 1, 2]])[2]
    assert '"b", "c" were never predicted: their precision is' in notes
    assert "No row has the label" in undefined(LABELS, [[1, 0], [1, 0]], [[1, 0], [0, 0]])[2]


def test_class_numbers_of_many_classes_are_compared_as_classes() -> None:
    task = Task("multiclass", 20, tuple(range(20)))
    index = np.random.default_rng(0).integers(0, 20, 400)
    right = np.full((400, 20), 0.01)
    right[np.arange(400), index] = 0.81
    numbers = index.astype(np.int32)[:, None]
    name, gain = loss_gain(task, right, numbers, np.full((400, 20), 0.05))
    assert name == "log loss"
    np.testing.assert_allclose(gain, np.log(0.81 / 0.05))
    assert no_better_sentence(task, right, numbers, numbers) == ""
