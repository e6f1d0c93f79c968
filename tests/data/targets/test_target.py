"""What a target is taken for, and the way there and back."""

from __future__ import annotations

import datetime
import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.data import TargetEncoder, explain_task, fit_target, infer_task, prepare
from ranvier.errors import DataError, InputError, ModelFileError, ShapeError
from ranvier.network.task import Task

CASES: dict[str, tuple[Any, str, int]] = {
    "two words": (["yes", "no"] * 5, "binary", 1),
    "three words": (["a", "b", "c"] * 5, "multiclass", 3),
    "booleans": ([True, False] * 5, "binary", 1),
    "zero and one": ([0, 1] * 5, "binary", 1),
    "digits": (np.arange(100) % 10, "multiclass", 10),
    "bytes": (np.arange(100, dtype=np.uint8) % 3, "multiclass", 3),
    "counts": (np.arange(100), "regression", 1),
    "few rows": ([1, 2, 3, 4, 5], "regression", 1),
    "numbers": ([0.5, 1.5, 2.5], "regression", 1),
    "whole floats": (np.repeat([1.0, 2.0, 3.0], 20), "multiclass", 3),
    "many floats": (np.arange(100.0), "regression", 1),
    "with missing": (["yes", None, "no", "yes", "no"], "binary", 1),
    "labels": (np.eye(3), "multilabel", 3),
    "outputs": ([[0.5, 1.0], [2.0, 3.0]], "regression", 2),
    "one column": ([[0.5], [1.0]], "regression", 1),
}


@pytest.mark.parametrize("name", CASES)
def test_tasks(name: str) -> None:
    values, kind, outputs = CASES[name]
    task, reason = explain_task(values)
    assert (task.kind, task.outputs, len(task.target_names)) == (
        kind,
        outputs,
        np.ndim(values) and max(1, len(task.target_names)),
    )
    assert reason
    assert infer_task(values) == task


def test_the_kind_can_be_requested() -> None:
    assert infer_task([0, 1, 2] * 10, "regression").kind == "regression"
    assert infer_task([0, 1] * 10, "multiclass").classes == (0, 1)
    assert infer_task([0, 1] * 10, "multilabel").kind == "multilabel"
    assert infer_task([[0, 1], [1, 0]], "regression").outputs == 2
    assert infer_task([1, 1, 2, 2, 3, 3], "multiclass", ("grade",)) == Task("multiclass", 3, (1, 2, 3), ("grade",))


REFUSED: dict[str, tuple[Any, str | None, str]] = {
    "one value": (["a"] * 5, None, 'value "a" in every row'),
    "one number": ([2.5] * 5, "regression", "in every row"),
    "one label": ([[0, 1], [1, 1], [0, 1]], None, '"y1" has the value'),
    "all missing": ([None, float("nan")], None, "is missing"),
    "single rows": (["a", "b"], None, 'class "a" of the target column "y" has one row, and so has 1 other'),
    "single number": ([1.0, 1.0, 2.0], None, 'class "2.0" of the target column "y" has one row'),
    "all different": ([f"name {row}" for row in range(30)], None, "30 different values in 30 rows"),
    "infinite": ([1.5, float("inf"), 2.5], None, "has inf in row 2"),
    "text regression": (["a", "b"], "regression", 'has "a" in row 1, where a number was expected'),
    "three binary": ([0, 1, 2] * 5, "binary", "two"),
    "two columns of classes": (np.eye(2), "multiclass", "one target column"),
    "no labels": ([[0, 1], [2, 0]], "multilabel", "holds 2"),
    "unknown kind": ([0, 1], "regresion", 'Did you mean "regression"'),
    "dates": (np.array(["2024-01-01"], "datetime64[D]"), None, "dates"),
    "date objects": ([datetime.date(2024, 1, 1)] * 3, None, "type date"),
    "ragged": ([[1], [1, 2]], None, "different lengths"),
    "three dimensions": (np.zeros((2, 2, 2)), None, "shape"),
    "text columns": (np.array([["a", "b"], ["c", "d"]], object), None, "expected"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_targets_that_cannot_be_learned(name: str) -> None:
    values, kind, message = REFUSED[name]
    with pytest.raises(InputError) as caught:
        infer_task(values, kind)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


LABELS = st.one_of(
    st.lists(st.text(min_size=1, max_size=4), min_size=2, max_size=6, unique=True),
    st.lists(st.integers(-50, 50), min_size=2, max_size=6, unique=True),
    st.just([False, True]),
    st.lists(st.integers(-50, 50).map(float), min_size=2, max_size=6, unique=True),
)


@settings(max_examples=80, deadline=None)
@given(LABELS, st.integers(0, 99))
def test_decoded_labels_have_their_type(labels: list[Any], seed: int) -> None:
    values = [labels[row] for row in np.random.default_rng(seed).permutation(np.arange(len(labels)).repeat(3))]
    task = infer_task(values, "multiclass")
    encoder = fit_target(values, task)
    outputs = encoder.transform(values)
    assert outputs.shape == (len(values), task.outputs)
    assert outputs.dtype == np.float32
    np.testing.assert_array_equal(outputs.sum(axis=1), 1)
    decoded = encoder.decode(outputs)
    assert decoded.tolist() == values
    assert {type(label) for label in decoded.tolist()} == {type(label) for label in values}
    assert TargetEncoder.from_dict(json.loads(json.dumps(encoder.to_dict()))) == encoder
    np.testing.assert_array_equal(encoder.class_index(values), outputs.argmax(axis=1))


def test_binary_and_multilabel() -> None:
    encoder = fit_target(["no", "yes"], infer_task(["no", "yes", "yes", "no"]))
    assert encoder.transform(["yes", "no"]).tolist() == [[1.0], [0.0]]
    assert encoder.decode([[0.5], [0.49]]).tolist() == ["yes", "no"]
    assert encoder.decode([0.9]).tolist() == ["yes"]
    many = fit_target(np.eye(2), infer_task(np.eye(2)))
    assert many.transform([[1, 0]]).tolist() == [[1.0, 0.0]]
    assert many.decode([[0.2, 0.7]]).tolist() == [[0, 1]]
    with pytest.raises(DataError, match='target "y1" at row index 1 is 2; 0 or 1'):
        many.transform([[1, 0], [0, 2]])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=2, max_size=20, unique=True), st.booleans())
def test_regression_round_trip(values: list[float], standardize: bool) -> None:
    encoder = fit_target(values, Task("regression", 1, target_names=("price",)), standardize)
    outputs = encoder.transform(values)
    assert outputs.shape == (len(values), 1)
    assert np.isfinite(outputs).all()
    # Outputs are float32: exact to 2**-23 of the largest one, and nothing below the smallest normal number.
    format_ = np.finfo(np.float32)
    tolerance = 2 * format_.eps * max(abs(value) for value in values) + format_.tiny
    np.testing.assert_allclose(encoder.decode(outputs), values, rtol=0, atol=tolerance)
    assert TargetEncoder.from_dict(json.loads(json.dumps(encoder.to_dict()))) == encoder
    assert (encoder.scale == (1.0,)) or standardize


def test_several_outputs_are_standardized_separately() -> None:
    values = np.random.default_rng(0).normal([5.0, -100.0], [1.0, 30.0], (200, 2))
    encoder = fit_target(values, infer_task(values))
    outputs = encoder.transform(values)
    np.testing.assert_allclose(outputs.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(outputs.std(axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose(encoder.values(outputs), values, rtol=1e-5, atol=1e-4)


def test_labels_match_across_formats() -> None:
    assert fit_target([], Task("binary", 1, (0, 1), ("y",))).class_index(["1", "0"]).tolist() == [1, 0]
    assert fit_target([], Task("binary", 1, ("0", "1"), ("y",))).class_index([1, 0]).tolist() == [1, 0]
    assert fit_target([], Task("binary", 1, (False, True), ("y",))).class_index(["True", "false"]).tolist() == [1, 0]
    assert fit_target([], Task("multiclass", 2, (1.0, 2.0), ("y",))).class_index(["1", "2", 2]).tolist() == [0, 1, 1]


def test_targets_that_do_not_fit_the_training_rows() -> None:
    encoder = fit_target([], Task("multiclass", 2, ("a", "b"), ("grade",)))
    with pytest.raises(DataError, match=r'target "grade" at row index 1 is "c".*Known classes: a, b'):
        encoder.transform(["a", "c"])
    with pytest.raises(DataError, match="row index 1 is missing"):
        encoder.transform(["a", None])
    with pytest.raises(ShapeError, match="one label"):
        encoder.transform(np.eye(2))
    with pytest.raises(InputError, match="labels, not values"):
        encoder.values([[0.1, 0.9]])
    with pytest.raises(ShapeError, match=r"\(rows, 2\)"):
        encoder.decode(np.zeros((3, 4)))
    price = Task("regression", 1, target_names=("price",))
    with pytest.raises(DataError, match='target "price" at row index 1 is missing'):
        fit_target([1.0, float("nan")], price)
    with pytest.raises(DataError, match='target "price" at row index 0 is inf'):
        fit_target([float("inf"), 1.0], price)
    with pytest.raises(DataError, match='row index 0 is "cheap"; a number'):
        fit_target(["cheap"], price)
    with pytest.raises(DataError, match="row index 1 is 1e\\+300, which is too large"):
        fit_target([0.0], price, standardize=False).transform([1.0, 1e300])
    with pytest.raises(ShapeError, match="2 columns; 1 were"):
        fit_target([[1.0, 2.0]], price)


@pytest.mark.parametrize(
    "change",
    [
        {"task": None},
        {"task": {"kind": "magic", "outputs": 1, "classes": [], "target_names": []}},
        {"task": {"kind": "binary", "outputs": 1, "classes": ["a"], "target_names": []}},
        {"task": {"kind": "binary", "outputs": 1, "classes": ["a", None], "target_names": []}},
        {"mean": []},
        {"mean": ["x"]},
        {"scale": [0.0]},
        {"scale": [-1.0]},
        {"scale": [float("nan")]},
    ],
)
def test_damaged_descriptions_are_refused(change: dict[str, Any]) -> None:
    description = fit_target([1.0, 3.0], Task("regression", 1, target_names=("price",))).to_dict()
    with pytest.raises(ModelFileError, match="damaged"):
        TargetEncoder.from_dict(description | change)


PRICES = [str(300 + number) for number in range(299)]
VISITS = [0] * 60 + [1] * 40 + [2] * 30 + [3] * 20 + [4] * 10 + [5] * 8 + [6] * 6 + [7] * 4 + [8] * 3 + [9, 10, 11]
NOT_NUMBERS: dict[str, tuple[list[Any], str | None, str]] = {
    "one word among prices": ([*PRICES, "unknown"], None, '"unknown" in row 300'),
    "the same, regression": (["unknown", *PRICES], "regression", '"unknown" in row 1,'),
    "the same, classes": ([*PRICES[:10], "n. a.", *PRICES[10:]], "multiclass", '"n. a." in row 11'),
    "the same, two classes": (["0", "1"] * 20 + ["yes"], "binary", '"yes" in row 41'),
    "after missing rows": ([None, None, *PRICES, "sold"], None, '"sold" in row 302'),
    "several": ([*PRICES, "12,5", "tbd"], None, "299 of 301 cells are numbers"),
    "many of one word": (PRICES * 2 + ["unknown"] * 40, None, '"unknown" in row 599'),
    "counts and a word": ([*map(str, VISITS), "none"], None, f'"none" in row {len(VISITS) + 1}'),
    "labels": ([0, 1, 1, "x"] * 5, "multilabel", '"x" in row 4'),
    "text, regression": (["red", "1", "blue"], "regression", "2 of 3 cells are text"),
}


@pytest.mark.parametrize("name", NOT_NUMBERS)
def test_the_first_cell_that_is_no_number_is_named(name: str) -> None:
    values, kind, message = NOT_NUMBERS[name]
    with pytest.raises(InputError) as caught:
        infer_task(values, kind)
    assert message in str(caught.value)


def test_counts_with_a_rare_end_are_numbers() -> None:
    task, reason = explain_task(VISITS)
    assert task.kind == "regression"
    assert "9 stands in one row" in reason
    assert infer_task([float(count) for count in VISITS]).kind == "regression"
    # Where a person asks for classes, the way out is named.
    with pytest.raises(InputError, match="--task regression"):
        infer_task(VISITS, "multiclass")
    # Words with a few numbers among them stay classes.
    assert infer_task(["1", "2", "3", "unknown"] * 10).kind == "multiclass"


def test_a_guess_of_classes_names_the_way_out() -> None:
    assert "--task regression" in explain_task([0, 1, 2] * 10)[1]
    assert "--task" not in explain_task(["a", "b", "c"] * 10)[1]


@pytest.mark.parametrize(
    ("odd", "says"),
    [
        ("$399", "has a unit or a bound that most lack"),
        (">500", "has a unit or a bound that most lack"),
        ("(5)", "is read as a negative number"),
        ("12-", "is read as a negative number"),
    ],
)
def test_a_target_written_unlike_the_others_is_named(odd: str, says: str) -> None:
    frame = pl.DataFrame({"x": [row % 7 for row in range(60)], "y": [*(str(100 + row) for row in range(59)), odd]})
    assert any(says in note and f'"{odd}" in row' in note for note in prepare(frame, "y").notes)
