"""Groups, time, the positive class and rows that are left out: as `fit` and the constructor ask, as in `train`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold

import ranvier as rv
from ranvier.errors import InputError, ShapeError

ROWS = 120
RANDOM = np.random.default_rng(3)
PATIENT = RANDOM.integers(0, 15, ROWS)
FRAME = pl.DataFrame({"x": RANDOM.normal(size=ROWS), "z": RANDOM.normal(size=ROWS), "day": RANDOM.permutation(ROWS)})
X = FRAME.to_numpy()
ILL = np.where(FRAME["x"].to_numpy() + PATIENT / 10 > 0.8, "yes", "no")
COST = 3 * FRAME["x"].to_numpy() + PATIENT
FAST: dict[str, Any] = {"engine": "reference", "epochs": 2, "hidden": (4,)}


def same_parameters(first: rv.Model, second: rv.Model) -> None:
    assert set(first.parameters) == set(second.parameters)
    for name, values in first.parameters.items():
        np.testing.assert_array_equal(values, second.parameters[name])


@pytest.mark.parametrize("recipe", ["plain", "table"])
def test_groups_of_fit_give_what_train_gives(recipe: str) -> None:
    table = FRAME.with_columns(pl.Series("patient", PATIENT), pl.Series("ill", ILL))
    options = {"recipe": recipe, **FAST}
    trained = rv.train(table, "ill", group="patient", test=0.0, seed=5, **options)
    fitted = rv.Classifier(random_state=5, **options).fit(FRAME, ILL, groups=PATIENT)
    column = rv.Classifier(random_state=5, group="patient", **options).fit(table.drop("ill"), ILL)
    by_chance = rv.Classifier(random_state=5, **options).fit(FRAME, ILL)
    for estimator in (fitted, column):
        same_parameters(estimator.model_, trained)
        assert any("stay together" in note for note in estimator.model_.report.notes)
    assert fitted.n_features_in_ == 3
    np.testing.assert_array_equal(fitted.predict(FRAME), column.predict(table.drop("ill")))
    assert any(
        not np.array_equal(values, trained.parameters[name]) for name, values in by_chance.model_.parameters.items()
    )


def test_groups_in_every_form_and_with_what_else_a_row_has() -> None:
    weight = RANDOM.integers(1, 3, ROWS)
    made = [
        rv.Regressor(recipe="plain", random_state=0, **FAST).fit(X, COST, sample_weight=weight, groups=groups).model_
        for groups in (PATIENT, PATIENT.tolist(), pd.Series(PATIENT), pl.Series(PATIENT), PATIENT.astype(str))
    ]
    for model in made[1:4]:
        same_parameters(made[0], model)
    named = pd.DataFrame({"groups": PATIENT, "x": X[:, 0]})
    assert rv.Regressor(recipe="plain", **FAST).fit(named, COST, groups=PATIENT).predict(named).shape == (ROWS,)


@pytest.mark.parametrize("recipe", ["plain", "table"])
def test_the_latest_rows_are_for_validation(recipe: str) -> None:
    options = {"recipe": recipe, "split": "time:day", **FAST}
    trained = rv.train(FRAME.with_columns(pl.Series("cost", COST)), "cost", test=0.0, seed=1, **options)
    fitted = rv.Regressor(random_state=1, **options).fit(FRAME, COST)
    same_parameters(fitted.model_, trained)
    assert any("validation 108 to 119" in note for note in fitted.model_.report.notes)
    numbered = rv.Regressor(random_state=1, **{**options, "split": "time:x2"}).fit(X, COST)
    np.testing.assert_allclose(numbered.predict(X), fitted.predict(FRAME))


def test_the_positive_class_is_that_of_train_and_classes_stay_sorted() -> None:
    options = {"recipe": "plain", **FAST}
    table = FRAME.with_columns(pl.Series("ill", ILL))
    trained = rv.train(table, "ill", positive="no", test=0.0, seed=2, **options)
    fitted = rv.Classifier(random_state=2, positive="no", **options).fit(FRAME, ILL)
    same_parameters(fitted.model_, trained)
    assert fitted.model_.report.positive == "no"
    assert fitted.model_.report.metrics == trained.report.metrics
    assert fitted.classes_.tolist() == ["no", "yes"]
    fractions = fitted.predict_proba(FRAME)
    np.testing.assert_array_equal(fractions[:, 0], trained.probabilities(FRAME)[:, 1])
    np.testing.assert_array_equal(fitted.predict(FRAME), trained.predict(FRAME))
    np.testing.assert_array_equal(fitted.predict(FRAME) == "no", fractions[:, 0] >= 0.5)
    again = clone(fitted).set_params(warm_start=True).fit(FRAME, ILL)
    before = again.score(FRAME, ILL)
    again.set_params(epochs=20).fit(FRAME, ILL)
    assert again.score(FRAME, ILL) > max(before - 0.05, 0.6)
    part = rv.Classifier(positive="no", random_state=0, engine="reference", hidden=(4,), learning_rate=0.02)
    for _ in range(30):
        part.partial_fit(X, ILL, classes=["no", "yes"])
    assert part.score(X, ILL) > 0.6
    with pytest.raises(InputError, match="has no class"):
        rv.Classifier(positive="maybe", **options).fit(FRAME, ILL)
    with pytest.raises(InputError, match="one of two"):
        rv.Classifier(positive="a", **options).fit(FRAME, ["a", "b", "c"] * 40)


@pytest.mark.parametrize(
    ("cells", "row"), [((None, 4), 4), ((float("nan"), 0), 0), ((pd.NA, 7), 7)], ids=["None", "NaN", "NA"]
)
def test_labels_that_are_missing_are_left_out(cells: tuple[Any, int], row: int) -> None:
    labels = ILL.astype(object)
    labels[cells[1]] = cells[0]
    for y in (labels, labels.tolist(), pd.Series(labels)):
        with pytest.raises(InputError, match=f"row index {row}"):
            rv.Classifier(recipe="plain", **FAST).fit(X, y)
        fitted = rv.Classifier(recipe="plain", skip_bad_rows=True, **FAST).fit(X, y, groups=PATIENT)
        assert fitted.model_.report.rows == ROWS - 1
        assert any(f"at row index {row}." in note for note in fitted.model_.report.notes)


@pytest.mark.parametrize("cell", ["dear", np.nan, np.inf, None, "12..5"])
def test_numbers_that_cannot_be_read_are_left_out(cell: Any) -> None:
    cost = COST.astype(object)
    cost[[9, 40]] = cell
    with pytest.raises(InputError):
        rv.Regressor(recipe="plain", **FAST).fit(X, cost)
    weight = np.ones(ROWS)
    fitted = rv.Regressor(recipe="plain", skip_bad_rows=True, random_state=0, **FAST).fit(X, cost, weight)
    rows = np.delete(np.arange(ROWS), [9, 40])
    same = rv.Regressor(recipe="plain", random_state=0, **FAST).fit(X[rows], COST[rows], weight[rows])
    same_parameters(fitted.model_, same.model_)
    assert any("2 rows were left out" in note and "row index 9" in note for note in fitted.model_.report.notes)


def test_what_cannot_be() -> None:
    options = {"recipe": "plain", **FAST}
    with pytest.raises(ShapeError, match="groups has 3"):
        rv.Classifier(**options).fit(X, ILL, groups=[1, 2, 3])
    with pytest.raises(InputError, match=r"fit\(X, y, groups="):
        rv.Classifier(group="x0", **options).fit(X, ILL)
    with pytest.raises(InputError, match="group or groups, one of them"):
        rv.Classifier(group="day", **options).fit(FRAME, ILL, groups=PATIENT)
    with pytest.raises(InputError, match="split or group"):
        rv.Classifier(group="day", split="time:day", **options).fit(FRAME, ILL)
    with pytest.raises(InputError, match="no columns that could say"):
        rv.Classifier(**options).fit(sparse.csr_matrix(X), ILL, groups=PATIENT)
    warm = rv.Classifier(warm_start=True, **options).fit(X, ILL, groups=PATIENT)
    with pytest.raises(InputError, match="warm_start=True"):
        warm.fit(X, ILL, groups=PATIENT)
    with pytest.raises(InputError, match="has no column"):
        rv.Classifier(split="time:when", **options).fit(FRAME, ILL)


def test_partial_fit_leaves_the_column_of_groups_out() -> None:
    table = FRAME.with_columns(pl.Series("patient", PATIENT))
    fitted = rv.Classifier(group="patient", engine="reference", hidden=(4,)).partial_fit(table, ILL, ["no", "yes"])
    assert "patient" not in [column.name for column in fitted.model_.encoder.columns if column.used]


def test_a_search_passes_groups_to_its_folds() -> None:
    search = GridSearchCV(rv.Regressor(recipe="plain", **FAST), {"hidden": [(2,), (3,)]}, cv=GroupKFold(2))
    assert search.fit(X, COST, groups=PATIENT).best_params_["hidden"] in ((2,), (3,))
