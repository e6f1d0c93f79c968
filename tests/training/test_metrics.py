"""Metrics against their definitions."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sklearn import metrics as scorers

from ranvier.data.encoders.decoding import class_indices, class_probabilities
from ranvier.errors import TrainingError
from ranvier.network.task import Task
from ranvier.training import metrics

BINARY = Task("binary", 1, ("no", "yes"))
CLASSES = Task("multiclass", 3, ("a", "b", "c"))
REGRESSION = Task("regression", 1, target_names=("y",))
SEVERAL = Task("regression", 2, target_names=("u", "v"))
LABELS = Task("multilabel", 2, target_names=("red", "green"))
ONE_LABEL = Task("multilabel", 1, target_names=("red",))
TASKS = [BINARY, CLASSES, REGRESSION, SEVERAL, LABELS, ONE_LABEL]


def sample(task: Task, rows: int, seed: int) -> tuple[Any, Any]:
    """Outputs and encoded targets as the engines give them."""
    generator = np.random.default_rng(seed)
    outputs = generator.uniform(size=(rows, task.outputs))
    if task.kind == "regression":
        return outputs, generator.normal(size=outputs.shape)
    if task.kind == "multiclass":
        outputs /= outputs.sum(axis=1, keepdims=True)
        return outputs, np.eye(3)[generator.integers(3, size=rows)]
    return outputs, generator.integers(2, size=outputs.shape).astype(float)


def counts(actual: Any, predicted: Any) -> tuple[float, float, float]:
    """Precision, recall and f1 by counting."""
    true_positives = float((actual & predicted).sum())
    precision = true_positives / predicted.sum() if predicted.any() else 0.0
    recall = true_positives / actual.sum() if actual.any() else 0.0
    f1 = 2 * true_positives / (predicted.sum() + actual.sum()) if predicted.any() or actual.any() else 0.0
    return precision, recall, f1


@examples(max_examples=25)
@given(st.sampled_from(TASKS), st.integers(2, 40), st.integers(0, 99))
def test_they_are_what_their_definitions_say(task: Task, rows: int, seed: int) -> None:
    outputs, targets = sample(task, rows, seed)
    measured_values = metrics.all_metrics(task, outputs, targets)
    json.dumps(measured_values, allow_nan=False)
    if task.kind == "regression":
        error = targets - outputs
        spread = ((targets - targets.mean(0)) ** 2).sum(0)
        expected = {
            "r2": (1 - (error**2).sum(0) / spread).mean(),
            "rmse": np.sqrt((error**2).mean(0)).mean(),
            "mae": np.abs(error).mean(),
        }
        assert measured_values == pytest.approx(expected)
        assert metrics.headline_metric(task, outputs, targets) == {"r2": pytest.approx(expected["r2"])}
        return
    assert metrics.headline_metric(task, outputs, targets)["accuracy"] == pytest.approx(measured_values["accuracy"])
    if task.kind == "multiclass":
        p_true = outputs[targets > 0.5]
        actual, predicted = targets.argmax(1), outputs.argmax(1)
        scores = [counts(actual == c, predicted == c)[2] for c in np.union1d(actual, predicted)]
    else:
        p_true = np.where(targets > 0.5, outputs, 1 - outputs)
        scores = [counts(t > 0.5, o >= 0.5)[2] for t, o in zip(targets.T, outputs.T, strict=True)]
    assert measured_values["log_loss"] == pytest.approx(-np.log(p_true).mean())
    assert measured_values["f1"] == pytest.approx(np.mean(scores))


def test_one_number_a_row_needs_no_column() -> None:
    outputs, targets = sample(REGRESSION, 20, 5)
    expected = metrics.all_metrics(REGRESSION, outputs, targets)
    assert metrics.all_metrics(REGRESSION, outputs[:, 0], targets[:, 0]) == expected
    assert metrics.all_metrics(REGRESSION, outputs, targets[:, 0]) == expected


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.kind} {task.outputs}")
def test_weights_count_like_repeated_rows(task: Task) -> None:
    outputs, targets = sample(task, 30, 1)
    times = np.arange(30) % 3 + 1
    index = np.repeat(np.arange(30), times)
    weighted = metrics.all_metrics(task, outputs, targets, times.astype(float))
    assert weighted == pytest.approx(metrics.all_metrics(task, outputs[index], targets[index]))
    assert weighted != pytest.approx(metrics.all_metrics(task, outputs, targets))


@examples(max_examples=40, deadline=None)
@given(st.sampled_from([BINARY, CLASSES, REGRESSION, SEVERAL]), st.integers(2, 40), st.integers(0, 99), st.booleans())
def test_scikit_learn_says_the_same(task: Task, rows: int, seed: int, weighted: bool) -> None:
    outputs, targets = sample(task, rows, seed)
    outputs = np.round(outputs, 1)  # equal scores, and rows that do not add up to 1
    w = np.random.default_rng(seed).integers(1, 4, rows).astype(float) if weighted else None
    measured_values = metrics.all_metrics(task, outputs, targets, w)
    if task.kind == "regression":
        judges = (scorers.r2_score, scorers.root_mean_squared_error, scorers.mean_absolute_error)
        assert list(measured_values.values()) == pytest.approx(
            [judge(targets, outputs, sample_weight=w) for judge in judges]
        )
        return
    probabilities = class_probabilities(task, outputs)
    actual = class_indices(task, targets)
    predicted = probabilities.argmax(1) if task.kind == "multiclass" else class_indices(task, outputs)
    average, labels = ("binary", range(2)) if task.kind == "binary" else ("macro", range(3))
    assert measured_values["accuracy"] == pytest.approx(scorers.accuracy_score(actual, predicted, sample_weight=w))
    assert measured_values["log_loss"] == pytest.approx(
        scorers.log_loss(actual, probabilities, labels=labels, sample_weight=w)
    )
    f1 = scorers.f1_score(actual, predicted, average=average, zero_division=0.0, sample_weight=w)
    assert measured_values["f1"] == pytest.approx(f1)
    aucs = [
        scorers.roc_auc_score(actual == label, probabilities[:, label], sample_weight=w)
        for label in labels
        if 0 < (actual == label).sum() < rows and (label or task.kind == "multiclass")
    ]
    assert ("auc" in measured_values) == bool(aucs)
    assert measured_values.get("auc", 0.0) == pytest.approx(np.mean(aucs or [0.0]))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.kind} {task.outputs}")
def test_per_class_rows_are_counted(task: Task) -> None:
    outputs, targets = sample(task, 30, 2)
    rows = metrics.per_class(task, outputs, targets)
    json.dumps(rows, allow_nan=False)
    if task.kind == "regression":
        assert rows == []
        return
    if task.kind == "multilabel":
        labels, actual, predicted = task.target_names, (targets > 0.5).T, (outputs >= 0.5).T
    else:
        labels = task.classes
        actual = [class_indices(task, targets) == c for c in range(len(labels))]
        predicted = [class_indices(task, outputs) == c for c in range(len(labels))]
    for row, label, is_so, claimed in zip(rows, labels, actual, predicted, strict=True):
        precision, recall, f1 = counts(is_so, claimed)
        expected = {"precision": precision, "recall": recall, "f1": f1, "rows": int(is_so.sum())}
        assert row["label"] == label
        assert {name: row[name] for name in expected} == pytest.approx(expected)


def test_auc_is_the_fraction_of_pairs_in_order_and_absent_with_one_class() -> None:
    outputs, targets = np.array([[0.1], [0.4], [0.35], [0.8]]), np.array([[0.0], [0.0], [1.0], [1.0]])
    assert metrics.all_metrics(BINARY, outputs, targets)["auc"] == 0.75
    assert "auc" not in metrics.all_metrics(BINARY, outputs, np.ones((4, 1)))
    rows = metrics.all_metrics(CLASSES, np.eye(3)[[0, 1, 0]], np.eye(3)[[0, 1, 0]])
    assert rows["auc"] == 1.0


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.kind} {task.outputs}")
def test_outputs_that_are_no_numbers_cannot_be_measured(task: Task) -> None:
    outputs, targets = sample(task, 5, 0)
    outputs[3, 0] = np.nan
    with pytest.raises(TrainingError, match=r"1 of 5 rows \(the first in row 4\)"):
        metrics.all_metrics(task, outputs, targets)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.kind} {task.outputs}")
def test_the_baseline_guesses_the_mean_of_the_training_rows(task: Task) -> None:
    _, training_targets = sample(task, 50, 3)
    outputs, targets = sample(task, 20, 4)
    expected = metrics.all_metrics(task, np.repeat(training_targets.mean(0, keepdims=True), 20, axis=0), targets)
    assert metrics.baseline(task, training_targets, targets) == pytest.approx(expected)
    assert metrics.headline_metric_name(task) in expected
    assert set(metrics.headline_metric(task, outputs, targets)) == {metrics.headline_metric_name(task)}


def test_the_pair_most_confused() -> None:
    actual, predicted = np.eye(3)[[0, 0, 0, 1, 2]], np.eye(3)[[1, 1, 0, 0, 2]]
    assert metrics.most_confused(CLASSES, predicted, actual) == {"actual": "a", "predicted": "b", "rows": 2}
    assert metrics.most_confused(CLASSES, actual, actual) is None
    assert metrics.most_confused(LABELS, actual[:, :2], predicted[:, :2]) is None


def test_a_target_that_never_changes_has_no_r2_to_speak_of() -> None:
    assert metrics.r_squared(np.zeros((3, 1)), np.ones((3, 1))) == 0.0
    assert np.isnan(metrics.all_metrics(REGRESSION, np.zeros((1, 1)), np.ones((1, 1)))["r2"])


@pytest.mark.parametrize("outputs", [[[2.0], [2.0], [2.0]], [[2.0], [2.0], [2.5]]], ids=["exact", "not exact"])
def test_both_scores_of_a_target_that_never_changes_agree(outputs: Any) -> None:
    predicted, targets = np.array(outputs), np.full((3, 1), 2.0)
    expected = float((predicted == targets).all())
    assert metrics.headline_metric(REGRESSION, predicted, targets) == {"r2": expected}
    assert metrics.all_metrics(REGRESSION, predicted, targets)["r2"] == expected


@pytest.mark.parametrize("outputs", [[[0.0, 0.0, 0.0]], [[-1.0, 0.0, 0.0]], [[1e-300, 0.0, 1e-300]]])
def test_probabilities_always_add_up_to_one(outputs: Any) -> None:
    measured_values = class_probabilities(CLASSES, np.array(outputs))
    assert measured_values.sum() == pytest.approx(1.0)
    assert (measured_values >= 0).all()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.kind} {task.outputs}")
def test_rows_of_weight_zero_do_not_count(task: Task) -> None:
    outputs, targets = sample(task, 30, 6)
    weights = np.arange(30) % 3.0
    counted = weights > 0
    parts = outputs[counted], targets[counted], weights[counted]
    assert metrics.all_metrics(task, outputs, targets, weights) == pytest.approx(metrics.all_metrics(task, *parts))
    assert metrics.headline_metric(task, outputs, targets, weights) == pytest.approx(
        metrics.headline_metric(task, *parts)
    )
    with pytest.raises(TrainingError, match="weights of all 30 rows are 0"):
        metrics.all_metrics(task, outputs, targets, np.zeros(30))
    assert np.isnan(list(metrics.headline_metric(task, outputs, targets, np.zeros(30)).values()))


@pytest.mark.parametrize("task", TASKS, ids=lambda task: f"{task.kind} {task.outputs}")
def test_weights_of_the_table_of_classes_and_of_the_baseline_count_like_repeated_rows(task: Task) -> None:
    outputs, targets = sample(task, 30, 7)
    _, training = sample(task, 20, 8)
    times, training_times = np.arange(30) % 3 + 1, np.arange(20) % 2 + 1
    index, training_index = np.repeat(np.arange(30), times), np.repeat(np.arange(20), training_times)
    weighted = metrics.per_class(task, outputs, targets, times.astype(float))
    for row, expected in zip(weighted, metrics.per_class(task, outputs[index], targets[index]), strict=True):
        assert {**row, "rows": 0} == pytest.approx({**expected, "rows": 0})
    assert [row["rows"] for row in weighted] == [row["rows"] for row in metrics.per_class(task, outputs, targets)]
    assert metrics.baseline(task, training, targets, training_times, times) == pytest.approx(
        metrics.baseline(task, training[training_index], targets[index])
    )


@pytest.mark.parametrize("rows", [1, 2, 9, 300, 1000])
@pytest.mark.parametrize("task", [*TASKS, Task("regression", 5, target_names=tuple("abcde"))], ids=str)
def test_the_headline_metric_of_several_networks_is_that_of_each(task: Task, rows: int) -> None:
    samples = [sample(task, rows, seed) for seed in range(4)]
    outputs = np.stack([outputs for outputs, _ in samples]).astype(np.float32)
    weights = np.random.default_rng(0).uniform(size=rows)
    for targets in (samples[0][1], np.stack([targets for _, targets in samples])):
        for weight in (None, weights, 0 * weights):
            measured_values = metrics.headline_of_members(task, outputs, targets, weight)
            targets_of_each = targets if targets.ndim == 3 else [targets] * 4
            for value, of_one, of_row in zip(measured_values, outputs, targets_of_each, strict=True):
                (expected,) = metrics.headline_metric(task, of_one, of_row, weight).values()
                assert np.array_equal(value, expected, equal_nan=True)
