"""Rows in memory in unusual forms are read as the same rows in a data frame are, by `train` and by the estimators."""

from __future__ import annotations

import warnings
from collections import namedtuple
from typing import Any

import numpy as np
import polars as pl
import pytest

import ranvier as rv
from ranvier.data import open_source

pandas = pytest.importorskip("pandas")
pyarrow = pytest.importorskip("pyarrow")

ROWS = 40
SIZES = [at % 9 + 0.5 for at in range(ROWS)]
SOLD = ["no" if at * 5 % 7 > 3 else "yes" for at in range(ROWS)]
QUICK: dict[str, Any] = {"recipe": "plain", "hidden": (2,), "epochs": 1, "engine": "reference"}
Sale = namedtuple("Sale", ["size", "sold"])
FORMS: dict[str, Any] = {
    "named tuples": [Sale(*row) for row in zip(SIZES, SOLD, strict=True)],
    "a structured array": np.array(list(zip(SIZES, SOLD, strict=True)), dtype=[("size", "f8"), ("sold", "U3")]),
    "a record array": np.rec.fromarrays([SIZES, SOLD], names="size,sold"),
    "a batch of Arrow": pyarrow.record_batch({"size": SIZES, "sold": SOLD}),
    "long doubles": pandas.DataFrame({"size": np.array(SIZES, np.longdouble), "sold": SOLD}),
    "half precision": pandas.DataFrame({"size": np.array(SIZES, np.float16), "sold": SOLD}),
    "sparse columns": pandas.DataFrame({"size": pandas.arrays.SparseArray(SIZES), "sold": SOLD}),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_rows_are_those_of_a_frame(form: str) -> None:
    frame = open_source(FORMS[form]).frame
    assert frame.columns == ["size", "sold"]
    assert frame["size"].cast(pl.Float64).to_list() == SIZES
    assert frame["sold"].to_list() == SOLD


RECORDS = [{"age": at % 7, "home": {"city": "ab"[at % 2]}} for at in range(ROWS)]
WITH_RECORDS = {
    "pandas": pandas.DataFrame({"user": RECORDS, "sold": SOLD}),
    "pandas with missing cells": pandas.DataFrame({"user": [None, *RECORDS[1:]], "sold": SOLD}),
    "Arrow in pandas": pandas.DataFrame(
        {"user": pandas.array(RECORDS, dtype=pandas.ArrowDtype(pyarrow.array(RECORDS).type)), "sold": SOLD}
    ),
    "Arrow": pyarrow.table({"user": RECORDS, "sold": SOLD}),
    "polars": pl.DataFrame({"user": RECORDS, "sold": SOLD}),
    "dicts": [{"user": record, "sold": sold} for record, sold in zip(RECORDS, SOLD, strict=True)],
}


@pytest.mark.parametrize("form", WITH_RECORDS)
def test_records_are_columns_for_their_fields_on_all_ways_in(form: str) -> None:
    frame = open_source(WITH_RECORDS[form]).frame
    assert frame.columns == ["user.age", "user.home.city", "sold"]
    assert frame["user.age"].to_list()[1:] == [record["age"] for record in RECORDS][1:]
    assert frame["user.home.city"].to_list()[1:] == [record["home"]["city"] for record in RECORDS][1:]


@pytest.mark.parametrize("missing", [(), (0, 9)])
def test_truth_values_of_a_target_stay_so_beside_missing_ones(missing: tuple[int, ...]) -> None:
    cells = [None if at in missing else sold == "yes" for at, sold in enumerate(SOLD)]
    for target in (pandas.array(cells, "boolean"), pandas.Series(cells, dtype=object), pl.Series(cells)):
        if isinstance(target, pl.Series):
            table: Any = pl.DataFrame({"size": SIZES, "sold": target})
        else:
            table = pandas.DataFrame({"size": SIZES, "sold": target})
        model = rv.train(table, "sold", progress=False, **QUICK)
        assert [(type(label), label) for label in model.task.classes] == [(bool, False), (bool, True)]
        assert model.report.rows == ROWS - len(missing)


def test_classifiers_take_truth_values_of_pandas() -> None:
    X = np.array(SIZES)[:, None]
    truths = [sold == "yes" for sold in SOLD]
    for y in (
        pandas.array(truths, "boolean"),
        pandas.Series(truths, dtype=object),
        pandas.Series(truths, dtype="boolean"),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            classifier = rv.Classifier(**QUICK).fit(X, y)
        assert classifier.classes_.tolist() == [False, True]
        assert classifier.predict(X).dtype == bool
