"""A list of texts as target: names of columns, or one label a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

import ranvier as rv
from ranvier.errors import InputError

ROWS = 60
X = np.random.default_rng(0).normal(size=(ROWS, 2))
COLUMNS = {"a": X[:, 0], "b": X[:, 1]}
LABELS = ["low" if value < 0 else "high" for value in X @ [1.0, 2.0]]
QUICK: dict[str, Any] = {"recipe": "plain", "hidden": (2,), "epochs": 1, "engine": "reference"}
DATA: dict[str, Any] = {
    "array": X,
    "list of rows": X.tolist(),
    "sparse": sparse.csr_matrix(X),
    "dict": COLUMNS,
    "pandas": pd.DataFrame(COLUMNS),
    "polars": pl.DataFrame(COLUMNS),
    "arrow": pa.table(COLUMNS),
    "list of dicts": [dict(zip("ab", row, strict=True)) for row in X.tolist()],
}
FORMS: dict[str, Callable[[list[str]], Any]] = {
    "list": list,
    "tuple": tuple,
    "object array": lambda labels: np.array(labels, object),
    "array of text": np.array,
    "pandas Series": pd.Series,
    "polars Series": pl.Series,
    "Categorical": pd.Categorical,
    "with None": lambda labels: [None, *labels[1:]],
    "with NA": lambda labels: pd.Series([pd.NA, *labels[1:]], dtype="string"),
    "booleans": lambda labels: [label == "low" for label in labels],
}


@pytest.mark.parametrize("data", DATA)
def test_labels_in_every_form(data: str) -> None:
    for form, made in FORMS.items():
        report = rv.train(DATA[data], made(LABELS), **QUICK).report
        assert report.rows == ROWS - form.startswith("with"), form
        assert report.classes == ([False, True] if form == "booleans" else ["high", "low"]), form


@pytest.mark.parametrize("data", DATA)
def test_labels_that_are_names_of_columns_too(data: str) -> None:
    assert rv.train(DATA[data], ["a", "b"] * 30, **QUICK).report.classes == ["a", "b"]


def test_names_stay_names() -> None:
    table = {**COLUMNS, "c": X[:, 0] * 2, "d": X[:, 1] + 1}
    assert rv.train(table, ["c", "d"], **QUICK).report.target == ["c", "d"]
    assert rv.train(pd.DataFrame(table), ("d",), **QUICK).report.target == ["d"]
    square = {"a": [1.0, 2.0, 3.0], "b": [2.0, 1.0, 5.0], "c": [1.0, 2.0, 1.5]}
    assert rv.train(square, ["a", "b"], test=0.0, validation=0.0, **QUICK).report.target == ["a", "b"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (["prise"], "has no column"),
        (["a", "a"], "given twice"),
        (LABELS[:50], "number of target values is 50"),
        (["low", "low", "high"], "number of target values is 3"),
    ],
)
def test_neither(target: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        rv.train({**COLUMNS, "price": X[:, 0]}, target, **QUICK)


def test_labels_beside_a_file_and_a_named_set() -> None:
    assert rv.train("iris", ["x", "y", "z"] * 50, **QUICK).report.classes == ["x", "y", "z"]
    with pytest.raises(InputError, match="has no column"):
        rv.train("iris", ["x", "y"], **QUICK)


def test_estimators_take_the_same() -> None:
    for made in FORMS.values():
        labels = made(LABELS)
        if pd.isna(labels[0]):
            with pytest.raises(InputError, match="row index 0"):
                rv.Classifier(**QUICK).fit(X, labels)
        else:
            assert len(rv.Classifier(**QUICK).fit(X, labels).classes_) == 2
