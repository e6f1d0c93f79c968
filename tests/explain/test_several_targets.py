"""Models of several numbers, several labels and quantiles: which output is explained, and what it is called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.model.predictions import predict_file

ROWS = 60
OPTIONS: dict[str, Any] = {"recipe": "plain", "hidden": [3], "epochs": 2, "progress": False, "engine": "reference"}
LEVELS = (0.1, 0.5, 0.9)


def table(*targets: str) -> dict[str, Any]:
    """Two columns of numbers, one of categories, and some targets."""
    numbers = np.random.default_rng(0).normal(size=(2, ROWS))
    target_columns = {"y": 2 * numbers[0], "z": 100 * numbers[1] + 5, "p": numbers[0] > 0, "q": numbers[1] > 0}
    columns = {"a": numbers[0] + 0.1 * numbers[1], "b": numbers[1], "c": ["u", "v", "w"] * (ROWS // 3)}
    return columns | {name: target_columns[name].astype(float if name in "yz" else int) for name in targets}


@pytest.fixture(scope="module")
def numbers() -> rv.Model:
    return rv.train(table("y", "z"), target=["y", "z"], **OPTIONS)


@pytest.fixture(scope="module")
def quantiles() -> rv.Model:
    return rv.train(table("y", "z"), target=["y", "z"], loss=rv.loss("quantile", q=LEVELS), **OPTIONS)


@pytest.fixture(scope="module")
def labels() -> rv.Model:
    return rv.train(table("p", "q"), target=["p", "q"], task="multilabel", **OPTIONS)


def test_each_number_is_explained_by_itself(numbers: rv.Model) -> None:
    rows = table("y", "z")
    (first, *_) = predict_file(numbers, rows, explain=2).records()
    assert list(first["explanation"]) == list(first["prediction"]) == ["y", "z"]
    for name, part in first["explanation"].items():
        assert part["output"] == pytest.approx(first["prediction"][name], rel=1e-4)
        actual = numbers.attributions(rows, output=name)
        assert [(entry["column"], entry["value"]) for entry in part["columns"]] == actual.largest(0, 2)
    with pytest.raises(rv.InputError, match="predicts 2 numbers; choose the one to explain: output='y', 'z'"):
        numbers.attributions(rows)


def test_of_quantiles_the_middle_one_is_explained_or_the_one_that_is_named(quantiles: rv.Model) -> None:
    rows = table("y", "z")
    for name, index, called in (("z", 4, "z at 0.5"), ("z at 0.9", 5, "z at 0.9"), ("y at 0.1", 0, "y at 0.1")):
        actual = quantiles.attributions(rows, output=name)
        assert set(actual.explained) == {called}
        np.testing.assert_array_equal(actual.values, quantiles.attributions(rows, output=index).values)
    (first, *_) = predict_file(quantiles, rows, explain=1).records()
    assert list(first["explanation"]) == ["y at 0.5", "z at 0.5"]
    with pytest.raises(rv.InputError, match="output='y', 'z'"):
        quantiles.attributions(rows)
    with pytest.raises(rv.InputError, match="There is no output 'w'; give one of 'y', 'z', or its number"):
        quantiles.attributions(rows, output="w")


def test_of_labels_the_most_probable_one_is_explained_or_one_by_name_or_number(labels: rv.Model) -> None:
    rows = table("p", "q")
    actual = labels.attributions(rows)
    assert set(actual.explained) <= {"p", "q"}
    by_name, by_number = (labels.attributions(rows, output=output) for output in ("q", 1))
    np.testing.assert_array_equal(by_name.values, by_number.values)
    (first, *_) = predict_file(labels, rows, explain=1).records()
    assert first["explanation"]["explained"] == actual.explained[0]
    with pytest.raises(rv.InputError, match="numbers, and this model predicts several labels a row"):
        labels.predict_interval(rows)


@pytest.mark.parametrize("kind", ["numbers", "quantiles", "labels"])
def test_the_other_explanations_take_every_output(kind: str, request: pytest.FixtureRequest) -> None:
    model: rv.Model = request.getfixturevalue(kind)
    rows = table(*model.target.column_names)
    names = model.task.target_names
    assert {entry.column for entry in model.importances(rows, repeats=1)} == {"a", "b", "c"}
    curve = model.partial_dependence("a", rows, grid=3)
    assert (curve.outputs, curve.average.shape) == (names, (3, len(names)))
    assert [part.outputs for part in model.response({name: cells[:1] for name, cells in rows.items()}, grid=2)] == [
        names
    ] * 3
    assert len(model.interactions(rows, rows=8, output=names[-1])) == 3


def test_findings_of_quantiles_call_a_target_by_its_name(quantiles: rv.Model) -> None:
    rows = table("y", "z") | {"a": table("z")["z"]}
    trained, new = (
        {entry.column: entry.evidence for entry in actual if entry.kind == "leaking_column"}
        for actual in (quantiles.diagnose(), quantiles.diagnose(rows))
    )
    assert list(trained) == ["b"]
    assert trained["b"].startswith('Column "b" alone predicts "z" with R')
    assert new["a"] == 'Column "a" is a copy of the target "z".'
