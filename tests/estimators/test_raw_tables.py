"""Raw tables in any form, and every wrong one in one sentence."""

from __future__ import annotations

import warnings
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

import ranvier as rv
from ranvier.data import Table
from ranvier.errors import InputError, RanvierError
from ranvier.estimators.rows import _is_frame, labels_array

QUICK: dict[str, Any] = {"recipe": "plain", "hidden": (6,), "epochs": 8, "random_state": 0, "engine": "reference"}
ROWS = 60
AGES = [None if row % 13 == 5 else float(20 + row % 40) for row in range(ROWS)]
COLUMNS: dict[str, list[Any]] = {
    "age": AGES,
    "city": [("Rome", "Oslo", None)[row % 3] for row in range(ROWS)],
    "member": [row % 4 == 0 for row in range(ROWS)],
    "since": [date(2020, 1 + row % 12, 1 + row % 28) for row in range(ROWS)],
}
LABELS = np.array([("low", "high")[row % 40 > 19] for row in range(ROWS)])
FORMS = {
    "dictionary": COLUMNS,
    "list of dictionaries": [{name: COLUMNS[name][row] for name in COLUMNS} for row in range(ROWS)],
    "pandas": pd.DataFrame(COLUMNS),
    "polars": pl.DataFrame(COLUMNS),
    "pyarrow": pa.table(COLUMNS),
    "array of records": np.array(
        list(zip(*COLUMNS.values(), strict=True)), [("age", "f8"), ("city", "O"), ("member", "?"), ("since", "O")]
    ),
}
TRUTHS = LABELS == "high"


def classifier(**changes: Any) -> rv.Classifier:
    return rv.Classifier(**{**QUICK, **changes})


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_table_gives_the_same_model(form: str) -> None:
    expected = classifier().fit(COLUMNS, LABELS)
    fitted = classifier().fit(FORMS[form], LABELS)
    assert fitted.predict_proba(FORMS[form]).tobytes() == expected.predict_proba(COLUMNS).tobytes()
    assert fitted.feature_names_in_.tolist() == list(COLUMNS)
    assert fitted.n_features_in_ == 4


@pytest.mark.parametrize(
    "y", [pa.array(TRUTHS), pa.chunked_array([TRUTHS[:7], TRUTHS[7:]]), pl.Series(TRUTHS), pd.Series(TRUTHS)], ids=str
)
def test_labels_of_every_library(y: Any) -> None:
    fitted = classifier().fit(COLUMNS, y)
    assert fitted.predict_proba(COLUMNS).tobytes() == classifier().fit(COLUMNS, TRUTHS).predict_proba(COLUMNS).tobytes()
    assert fitted.classes_.dtype == bool


@pytest.mark.parametrize("values", [[1, 0] * 30, ["a", "b"] * 30, [1.5, 2.5, None] * 20])
def test_labels_of_arrow_are_those_of_lists(values: list[Any]) -> None:
    labels = labels_array(pa.array(values))
    expected = [float("nan") if value is None else value for value in values]
    np.testing.assert_array_equal(labels, np.array(expected, labels.dtype))


def test_an_array_of_mixed_cells() -> None:
    table = np.array([[COLUMNS[name][row] for name in COLUMNS] for row in range(ROWS)], object)
    fitted = classifier().fit(table, LABELS)
    assert fitted.predict(table).tolist() == classifier().fit(table.tolist(), LABELS).predict(table.tolist()).tolist()
    assert not hasattr(fitted, "feature_names_in_")


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_an_array_in_the_order_of_the_columns_of_a_frame() -> None:
    fitted = classifier().fit(COLUMNS, LABELS)
    array = pd.DataFrame(COLUMNS).astype(object).to_numpy()
    assert fitted.predict_proba(array).tobytes() == fitted.predict_proba(COLUMNS).tobytes()


def test_one_row_in_every_form() -> None:
    fitted = classifier().fit(COLUMNS, LABELS)
    for column in (0, 2, 5):
        row = {name: cells[column] for name, cells in COLUMNS.items()}
        expected = fitted.predict_proba(pl.DataFrame(COLUMNS))[column].tolist()
        forms = [row, list(row.values()), tuple(row.values()), [row], pd.DataFrame([row]), pl.DataFrame([row])]
        for form in forms:
            assert fitted.predict_proba(form).tolist() == [expected]


def test_the_order_of_the_rows_does_not_matter() -> None:
    order = np.random.default_rng(0).permutation(ROWS)
    frame = pd.DataFrame(COLUMNS)
    sorted_model = classifier().fit(frame, LABELS)
    other = classifier().fit(frame.iloc[order], LABELS[order])
    assert sorted_model.predict_proba(frame).tobytes() == other.predict_proba(frame).tobytes()


def test_labels_that_look_like_missing_cells_are_labels() -> None:
    fitted = classifier().fit(COLUMNS, np.where(LABELS == "low", "NA", "?"))
    assert fitted.classes_.tolist() == ["?", "NA"]
    assert set(fitted.predict(COLUMNS)) <= {"?", "NA"}
    numbers = classifier().fit(COLUMNS, np.where(LABELS == "low", "1", "0"))
    assert numbers.predict(COLUMNS).dtype.kind == "U"


def test_sparse_matrices_of_every_kind() -> None:
    X = np.random.default_rng(0).random((ROWS, 5))
    X[X < 0.7] = 0.0
    expected = classifier().fit(sparse.csr_array(X), LABELS).predict_proba(X)
    for form in ("csr", "csc", "coo", "lil", "dok", "bsr", "dia"):
        matrix = sparse.csr_array(X).asformat(form)
        assert np.array_equal(classifier().fit(matrix, LABELS).predict_proba(matrix), expected)


def test_a_numeric_frame_and_its_array_give_the_same_model() -> None:
    X = np.random.default_rng(0).normal(size=(ROWS, 3))
    X[3, 1] = np.nan
    first, second = classifier().fit(X, LABELS), classifier().fit(pd.DataFrame(X, columns=list("abc")), LABELS)
    assert first.predict_proba(X).tobytes() == second.predict_proba(pd.DataFrame(X, columns=list("abc"))).tobytes()


@pytest.mark.parametrize("width", [3, 1001])
def test_a_frame_of_numbered_columns_is_an_array(width: int) -> None:
    """What pandas.DataFrame makes of an array has no names, for scikit-learn and here."""
    X = np.random.default_rng(2).normal(size=(ROWS, width))
    frame, named = pd.DataFrame(X), pd.DataFrame(X, columns=[f"c{column}" for column in range(width)])
    quick = {"warm_start": True, "epochs": 2}
    fitted = classifier(**quick).fit(X, LABELS)
    assert not hasattr(fitted, "feature_names_in_")
    expected = fitted.predict_proba(X)
    assert fitted.predict_proba(frame).tobytes() == expected.tobytes()
    assert fitted.predict_proba(frame[:1]).tobytes() == expected[:1].tobytes()
    assert fitted.fit(frame, LABELS).score(frame, LABELS) == fitted.score(X, LABELS)
    both = [classifier(**quick).fit(X, LABELS, validation=(rows, LABELS)) for rows in (X, frame)]
    assert both[0].predict_proba(X).tobytes() == both[1].predict_proba(X).tobytes()
    part = classifier().partial_fit(X, LABELS, classes=sorted(set(LABELS))).partial_fit(frame, LABELS)
    assert part.predict(frame).tolist() == part.predict(X).tolist()
    fitted = classifier(**quick).fit(named, LABELS)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        assert fitted.predict_proba(frame).tobytes() == fitted.predict_proba(named).tobytes()


def test_numbered_columns_that_are_not_those_of_an_array() -> None:
    X = np.random.default_rng(2).normal(size=(ROWS, 3))
    fitted = classifier().fit(X, LABELS)
    for columns in ([2, 1, 0], [1, 2, 3], [0.0, 1.0, 2.0]):
        with pytest.raises(ValueError, match='has no column "x0"'):
            fitted.predict(pd.DataFrame(X, columns=columns))
    with pytest.raises(ValueError, match="X has 4 features"):
        fitted.predict(pd.DataFrame(np.ones((2, 4))))
    swapped = classifier().fit(pd.DataFrame(X, columns=[2, 1, 0]), LABELS)
    expected = swapped.predict_proba(pd.DataFrame(X, columns=[2, 1, 0]))
    assert swapped.predict_proba(pd.DataFrame(X[:, ::-1], columns=[0, 1, 2])).tobytes() == expected.tobytes()


def test_validation_rows_of_mixed_cells_at_the_first_fit() -> None:
    rows = pd.DataFrame(COLUMNS).to_numpy()
    again = classifier().fit(rows, LABELS, validation=(rows, LABELS))
    assert (
        again.predict(rows).tolist() == classifier().fit(rows, LABELS, validation=(rows, LABELS)).predict(rows).tolist()
    )


NUMBERS = np.random.default_rng(1).normal(size=(ROWS, 2))
Y = np.arange(ROWS) % 2
WRONG: dict[str, tuple[Any, str]] = {
    "more labels than rows": (lambda: classifier().fit(NUMBERS, Y[:-1]), "X has 60 rows and y has 59"),
    "a table with more labels": (lambda: classifier().fit(COLUMNS, LABELS[:-1]), "X has 60 rows and y has 59"),
    "no target": (lambda: classifier().fit(NUMBERS, None), "requires y to be passed"),
    "a missing label": (lambda: classifier().fit(NUMBERS, [None, *LABELS[1:]]), "y holds None at row index 0"),
    "a missing number": (lambda: rv.Regressor(**QUICK).fit(NUMBERS, [np.nan, *Y[1:]]), "y holds nan at row index 0"),
    "an infinite number": (lambda: rv.Regressor(**QUICK).fit(NUMBERS, [np.inf, *Y[1:]]), "y holds inf at row index 0"),
    "a masked label": (
        lambda: classifier().fit(NUMBERS, np.ma.masked_array(LABELS, mask=Y)),
        "y holds None at row index 1",
    ),
    "a masked number": (
        lambda: rv.Regressor(**QUICK).fit(NUMBERS, np.ma.masked_array(Y * 999.0, mask=Y)),
        "y holds nan at row index 1",
    ),
    "a masked weight": (
        lambda: classifier().fit(NUMBERS, Y, np.ma.masked_array(np.ones(ROWS), mask=Y)),
        "sample_weight is nan at row index 1",
    ),
    "text for a regressor": (lambda: rv.Regressor(**QUICK).fit(NUMBERS, LABELS), "a regressor learns numbers"),
    "one class": (lambda: classifier().fit(NUMBERS, np.ones(ROWS)), "y holds one class alone, 1.0"),
    "labels of two types": (
        lambda: classifier().fit(NUMBERS, np.array(["a", 1] * 30, object)),
        r"^The labels in y are of several types \(int, str\)",
    ),
    "several columns of classes": (lambda: classifier().fit(NUMBERS, np.stack([Y, Y + 1], 1)), "one a label"),
    "all weights zero": (lambda: classifier().fit(NUMBERS, Y, np.zeros(ROWS)), "All of sample_weight is zero"),
    "a negative weight": (lambda: classifier().fit(NUMBERS, Y, [-1.0, *Y[1:]]), "sample_weight is -1.0 at row index 0"),
    "words as weights": (lambda: classifier().fit(NUMBERS, Y, ["much"] * ROWS), "one number a row"),
    "weights of another length": (lambda: classifier().fit(NUMBERS, Y, [1.0]), r"shape \(1,\)"),
    "validation as a table": (lambda: classifier().fit(NUMBERS, Y, validation=NUMBERS), r"the tuple \(X, y\)"),
    "validation of other classes": (
        lambda: classifier().fit(NUMBERS, Y, validation=(NUMBERS, Y + 5)),
        "holds the class",
    ),
    "validation as a word": (lambda: classifier(validation="some").fit(NUMBERS, Y), "validation is 'some'"),
    "an unknown activation": (lambda: classifier(activation="rel").fit(NUMBERS, Y), 'Did you mean "relu"'),
    "an unknown recipe": (lambda: classifier(recipe="tabel").fit(NUMBERS, Y), 'Did you mean "table"'),
    "an unknown effort": (lambda: classifier(recipe="table", effort="bset").fit(NUMBERS, Y), 'Did you mean "best"'),
    "weights of unknown classes": (lambda: classifier(class_weight={7: 2}).fit(NUMBERS, Y), "names the class 7"),
    "a cell that is a list": (lambda: classifier().fit([[[1], 2]] * ROWS, Y), "inhomogeneous|string or a number"),
    "no classes at the first part": (lambda: classifier().partial_fit(NUMBERS, Y), "needs all labels there are"),
    "one class at the first part": (
        lambda: classifier().partial_fit(NUMBERS, Y, classes=["one"]),
        "^classes holds one class alone, 'one'; Classifier needs at least two",
    ),
    "no class at the first part": (
        lambda: classifier().partial_fit(NUMBERS, Y, classes=[]),
        "^classes holds no class; Classifier needs at least two",
    ),
    "a number for classes": (
        lambda: classifier().partial_fit(NUMBERS, Y, classes=3),
        "^classes holds one class alone, 3; ",
    ),
    "classes of two types": (
        lambda: classifier().partial_fit(NUMBERS, Y, classes=np.array(["a", 1], object)),
        r"^The labels in classes are of several types \(int, str\)",
    ),
    "words where numbers were": (
        lambda: classifier().fit({"a": AGES}, LABELS).predict({"a": ["old"]}),
        'Column "a" has "old" at row index 0, where a number was expected',
    ),
    "numbers where words were": (
        lambda: classifier().fit({"a": COLUMNS["city"]}, LABELS).predict({"a": [1.0, 2.0]}),
        'Column "a" holds numbers, such as 1.0, and held strings in training, such as "Oslo"',
    ),
    "one number where words were": (
        lambda: classifier().fit({"a": COLUMNS["city"]}, LABELS).predict({"a": 3}),
        'Column "a" holds numbers, such as 3, and held strings',
    ),
    "a missing column": (lambda: classifier().fit(COLUMNS, LABELS).predict({"age": 3.0}), 'has no column "city"'),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_reported_in_one_sentence(name: str) -> None:
    call, words = WRONG[name]
    with pytest.raises((InputError, ValueError), match=words) as caught:
        call()
    if isinstance(caught.value, RanvierError):
        assert "\n" not in str(caught.value)


def test_a_class_that_was_not_named_at_the_start() -> None:
    fitted = classifier().partial_fit(NUMBERS, Y, classes=[0, 1])
    with pytest.raises(InputError, match=r"y holds the class 2 at row index 0.*it knows 0, 1"):
        fitted.partial_fit(NUMBERS, Y + 2)
    with pytest.raises(InputError, match="they cannot change"):
        fitted.partial_fit(NUMBERS, Y, classes=[0, 1, 2])


def test_no_warning_and_no_trace_in_the_data() -> None:
    frame = pd.DataFrame(COLUMNS)
    before = frame.copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier().fit(frame, LABELS).predict(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_an_opened_source_is_no_data_frame() -> None:
    table = pl.DataFrame({"x": [1.0]})
    assert [_is_frame(X) for X in (table, table.to_pandas(), table.to_arrow(), Table(table, "the table"))] == [
        True,
        True,
        True,
        False,
    ]


def test_the_probabilities_of_a_row_sum_to_one_in_float64() -> None:
    X = np.random.default_rng(0).normal(size=(90, 4))
    classifier = rv.Classifier(**QUICK).fit(X, np.arange(90) % 3)
    probabilities = classifier.predict_proba(X)
    assert np.abs(probabilities.sum(axis=1) - 1.0).max() < 1e-15
    assert probabilities.tobytes() == classifier.model_.probabilities(X).tobytes()
