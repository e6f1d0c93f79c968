"""From y and the output layer to the task and the loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from ranvier.errors import DataError, InputError
from ranvier.model.targets import infer_target, target_array
from ranvier.network.losses import loss
from ranvier.training.settings import default_loss
from tests.model.trial import net

WORDS = ["b", "a", "c", "a"]


@pytest.mark.parametrize(
    ("outputs", "activation", "y", "kind", "classes", "loss_name"),
    [
        (1, "sigmoid", [0, 1, 1, 0], "binary", (0, 1), "binary_cross_entropy"),
        (1, "sigmoid", [3, 7, 7, 3], "binary", (3, 7), "binary_cross_entropy"),
        (1, "sigmoid", [1, 1, 1, 1], "binary", (0, 1), "binary_cross_entropy"),
        (1, "sigmoid", [1.0, 0.0], "binary", (0.0, 1.0), "binary_cross_entropy"),
        (1, "sigmoid", [True, False], "binary", (False, True), "binary_cross_entropy"),
        (1, "sigmoid", [True, True], "binary", (False, True), "binary_cross_entropy"),
        (1, "sigmoid", ["no", "yes"], "binary", ("no", "yes"), "binary_cross_entropy"),
        (1, "sigmoid", [[1], [0]], "binary", (0, 1), "binary_cross_entropy"),
        (1, "identity", ["no", "yes"], "binary", ("no", "yes"), "squared_error"),
        (1, "identity", [0, 1, 1], "regression", (), "squared_error"),
        (1, "sigmoid", [0.25, 0.5, 1.0], "regression", (), "squared_error"),
        (3, "softmax", [0, 1, 2], "multiclass", (0, 1, 2), "categorical_cross_entropy"),
        (3, "softmax", [0, 1, 1], "multiclass", (0, 1, 2), "categorical_cross_entropy"),
        (3, "softmax", [2.0, 0.0], "multiclass", (0, 1, 2), "categorical_cross_entropy"),
        (3, "softmax", [5, 7, 9], "multiclass", (5, 7, 9), "categorical_cross_entropy"),
        (3, "softmax", WORDS, "multiclass", ("a", "b", "c"), "categorical_cross_entropy"),
        (2, "softmax", [True, False], "multiclass", (False, True), "categorical_cross_entropy"),
        (3, "softmax", np.eye(3), "multiclass", (0, 1, 2), "categorical_cross_entropy"),
        (3, "sigmoid", [0, 1, 2], "multiclass", (0, 1, 2), "binary_cross_entropy"),
        (3, "sigmoid", np.eye(3, dtype=bool), "multilabel", (), "binary_cross_entropy"),
        (2, "identity", [[0.5, 1.0], [2.0, -3.0]], "regression", (), "squared_error"),
        (2, "sigmoid", [[0.5, 1.0], [0.0, 1.0]], "regression", (), "squared_error"),
    ],
)
def test_the_task_is_read_off_y_and_the_output_layer(
    outputs: int, activation: str, y: Any, kind: str, classes: tuple[Any, ...], loss_name: str
) -> None:
    network = net(outputs, activation)
    task = infer_target(network, target_array(y), None).task
    assert (task.kind, task.outputs, task.classes) == (kind, outputs, classes)
    assert [type(label) for label in task.classes] == [type(label) for label in classes]
    assert default_loss(network, task).name == loss_name


@pytest.mark.parametrize("wrap", [list, np.array, pd.Series, pl.Series, lambda y: pd.Series(y, dtype="category")])
def test_y_may_come_in_any_container(wrap: Any) -> None:
    assert infer_target(net(3, "softmax"), target_array(wrap(WORDS)), None).task.classes == ("a", "b", "c")


@pytest.mark.parametrize(
    ("outputs", "activation", "y", "words"),
    [
        (1, "sigmoid", ["a", "a"], "nothing to learn"),
        (1, "sigmoid", WORDS, "one neuron a class"),
        (1, "sigmoid", [0, 1, 2], r"y holds 2, and the output layer \(sigmoid\) gives numbers from 0 to 1"),
        (1, "sigmoid", [0.1, -0.5], r"y holds -0\.5"),
        (3, "softmax", [0.5, 1.0], "one column an output for regression"),
        (3, "softmax", ["a", "b"], "2 different labels and the network has 3 outputs"),
        (3, "softmax", [0, 1, 2, 3], "4 different labels and the network has 3 outputs"),
        (3, "softmax", [[1, 0], [0, 1]], "2 columns and the network has 3 outputs"),
        (2, "softmax", [[1, 1], [0, 1]], "a single 1 among zeros"),
        (2, "softmax", [[0.5, 0.6], [0, 1]], "a single 1 among zeros"),
    ],
)
def test_targets_that_do_not_fit_the_output_layer(outputs: int, activation: str, y: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        infer_target(net(outputs, activation), target_array(y), None)


@pytest.mark.parametrize(
    ("y", "words"),
    [
        ([], "shape"),
        (3.0, "shape"),
        ([1.0, np.nan], "missing value .* at row index 1"),
        ([1, None, 2], "missing value .* at row index 1"),
        (["a", None], "missing value"),
        ([1.0, np.inf], "y holds inf at row index 1"),
        (np.zeros((2, 2, 2)), "shape"),
        ([[1], [1, 2]], "different lengths"),
        (np.array(["2020-01-01"], "datetime64[D]"), "dates"),
        ([1j, 2j], "complex|type"),
        ([object(), object()], "type"),
        (np.ma.masked_array([1, 999], mask=[0, 1]), "missing value .* at row index 1"),
        (np.ma.masked_array(["a", "b"], mask=[1, 0]), "missing value .* at row index 0"),
        (np.array([["a", "b"]]), "type"),
    ],
)
def test_targets_that_are_none(y: Any, words: str) -> None:
    with pytest.raises(DataError, match=words):
        target_array(y)


def test_a_loss_for_numbers_may_meet_a_sigmoid_with_any_numbers() -> None:
    assert infer_target(net(), target_array([0.5, 7.0]), loss("huber")).task.kind == "regression"
    with pytest.raises(InputError, match="y holds 7"):
        infer_target(net(), target_array([0.5, 7.0]), loss("binary_cross_entropy"))
