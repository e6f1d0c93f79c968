"""How good the model is, and what it was trained on, against the report of its training."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import ranvier as rv
from ranvier.training import metrics
from ranvier.view.known_rows import rows_from_arrays, rows_from_file
from ranvier.view.questions.confusion import measured
from ranvier.view.questions.data import data
from ranvier.view.questions.importances import importances
from ranvier.view.questions.result import result
from ranvier.view.subject import Subject


def test_the_result_of_a_run_is_that_of_its_report(digits: Subject) -> None:
    answer = result(digits)
    report = digits.model.report
    assert answer["metrics"] == report.metrics
    assert answer["baseline"] == report.baseline
    assert answer["headline"] == "accuracy"
    assert answer["measured_on"] == digits.known_rows().name
    assert answer["notes"] == [note for note in report.notes if note not in report.findings]


def test_rows_of_ones_own_are_measured_beside_their_own_baseline(people: Subject) -> None:
    answer = result(people)
    assert answer["measured_on"] == people.known_rows().name
    assert answer["metrics"]["accuracy"] == float((people.actual == people.predicted).mean())
    assert answer["baseline"]["accuracy"] == np.bincount(people.actual).max() / len(people.actual)
    assert answer["metrics"] != people.model.report.metrics


def test_a_model_without_rows_says_what_its_training_measured(people: Subject) -> None:
    answer = result(Subject(people.model))
    assert answer["metrics"] == people.model.report.metrics
    assert answer["measured_on"] == f"the {people.model.report.split['test']} test rows of its training"


def test_a_model_of_arrays_has_measured_nothing() -> None:
    model = rv.Network(2, [rv.Dense(1)]).fit([[0.0, 1.0], [1.0, 3.0]], [1.0, 3.0], epochs=1, engine="reference")
    answer = result(Subject(model))
    assert answer["measured_on"] is answer["headline"] is answer["guess"] is None
    rows = rows_from_arrays(model, [[0.0, 1.0], [1.0, 3.0]], [1.0, 3.0])
    answer = result(Subject(model, rows))
    assert answer["headline"] == "r2"
    assert answer["baseline"]["r2"] == metrics.r_squared(np.array([[2.0], [2.0]]), np.array([[1.0], [3.0]]))


@pytest.mark.parametrize("levels", [(0.1, 0.5, 0.9), 0.9])
def test_quantiles_are_measured_as_evaluate_does(levels: Any) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 2))
    y = X[:, 0] + rng.normal(size=40) ** 2
    n_levels = len(np.atleast_1d(levels))
    network = rv.Network(2, [rv.Dense(n_levels)])
    model = network.fit(X, y, loss=rv.loss("quantile", q=levels), epochs=3, engine="reference")
    subject = Subject(model, rows_from_arrays(model, X, y))
    answer = result(subject)
    assert answer["metrics"] == pytest.approx(model.evaluate(X, y), rel=1e-6)
    assert answer["metrics"] == measured(subject)
    assert set(answer["baseline"]) == set(answer["metrics"])
    assert answer["guess"] == "The baseline predicts the same quantiles for every row."


def test_labels_that_are_not_known_do_not_make_a_row_wrong() -> None:
    X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[1.0, np.nan], [0.0, 1.0], [1.0, 0.0], [np.nan, 1.0]])
    model = rv.Network(1, [rv.Dense(2, "sigmoid")]).fit(X, y, epochs=2, engine="reference")
    subject = Subject(model, rows_from_arrays(model, X, y))
    chances = model.probabilities(X)
    assert subject.losses[0] == pytest.approx(-np.log(chances[0, 0]), rel=1e-6)
    assert subject.losses[3] == pytest.approx(-np.log(chances[3, 1]), rel=1e-6)
    assert subject.losses[1] == pytest.approx(-np.log([1 - chances[1, 0], chances[1, 1]]).mean(), rel=1e-6)


def test_what_the_data_hold(people: Subject) -> None:
    answer = json.loads(json.dumps(data(people), allow_nan=False))
    age, city, _ = answer["columns"]
    assert (age["name"], age["kind"], age["missing"]) == ("age", "number", 0)
    cells = np.array(people.known_rows().source.frame["age"].to_list())
    low, high = age["edges"]
    assert (low, high) == (20, 58)
    assert sum(age["counts"]) == int(((cells >= low) & (cells <= high)).sum())
    encoder: Any = people.model.encoder
    trained = next(column.missing for column in encoder.columns if column.name == "city")
    assert city["missing"] == trained > 0
    assert sorted(city["top"]) == [["Oslo", pytest.approx(1 / 3)], ["Rome", pytest.approx(1 / 3)]]
    assert sum(answer["classes"].values()) == 60


def test_pixels_are_counted_not_listed(digits: Subject) -> None:
    answer = data(digits)
    assert (answer["columns"], answer["pixels"]) == ([], 64)


def test_a_column_that_a_file_lacks_has_no_cells(people: Subject) -> None:
    rows = rows_from_file(people.model, {"age": [30, 40], "city": ["Rome", None], people.form.columns[2].name: [1, 2]})
    answer = data(Subject(people.model, rows))
    assert answer["columns"][1]["top"] == [["Rome", 0.5]]
    assert "counts" not in data(Subject(people.model))["columns"][0]


def test_importances_are_those_of_the_model(people: Subject) -> None:
    answer = importances(people)
    rows = people.known_rows()
    expected = people.model.importances(rows.source, repeats=3, seed=0)
    assert [(part["column"], part["importance"]) for part in answer["columns"]] == [
        (entry.column, pytest.approx(entry.importance)) for entry in expected
    ]
    assert (answer["metric"], answer["rows"]) == ("accuracy", 60)
    with pytest.raises(rv.InputError, match="No rows are known"):
        importances(Subject(people.model))


def test_a_column_of_categories_may_be_called_count() -> None:
    table = {"count": ["one", "many", "one"] * 10, "y": ["a", "b", "b"] * 10}
    model = rv.train(table, target="y", recipe="plain", epochs=1, engine="reference", progress=False)
    answer = data(Subject(model, rows_from_file(model, table)))
    assert answer["columns"][0]["top"] == [["one", pytest.approx(2 / 3)], ["many", pytest.approx(1 / 3)]]
