"""Rows in memory as they come: cells that nobody looks at, single rows, numbers as names, absent keys, Decimals."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars as pl
import pyarrow
import pytest

import ranvier as rv
from ranvier.errors import DataError

OPTIONS: dict[str, Any] = {
    "recipe": "plain", "hidden": [4], "epochs": 2, "engine": "reference", "progress": False,
}  # fmt: skip
ESTIMATOR: dict[str, Any] = {name: value for name, value in OPTIONS.items() if name != "progress"}
X = np.random.default_rng(0).normal(size=(40, 2))
Y = (X[:, 0] > 0).astype(int)
COLUMNS = {"x": X[:, 0], "z": X[:, 1], "y": Y}
UNREADABLE: dict[str, list[Any]] = {
    "lists": [[1, 2], [1]] * 20,
    "dicts": [{"a": 1}] * 40,
    "bytes": [b"raw"] * 40,
    "arrays": [np.zeros(2), np.zeros(3)] * 20,
    "mixed": [[1], "word", None, 4] * 10,
}
MAKERS: dict[str, Any] = {
    "dict": dict,
    "pandas": pandas.DataFrame,
    "rows": lambda columns: [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
}


@pytest.fixture(scope="module")
def model() -> rv.Model:
    return rv.train(COLUMNS, target="y", **OPTIONS)


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("kind", UNREADABLE)
def test_ignored_and_further_columns_are_not_read(model: rv.Model, maker: str, kind: str) -> None:
    data = MAKERS[maker]({**COLUMNS, "raw": UNREADABLE[kind]})
    trained = rv.train(data, target="y", ignore=["raw"], **OPTIONS)
    assert [column["name"] for column in trained.report.columns] == ["x", "z"]
    assert model.predict(data).tolist() == model.predict(COLUMNS).tolist()
    if kind == "dicts" and maker in ("rows", "pandas"):
        trained = rv.train(data, target="y", **OPTIONS)
        assert [column["name"] for column in trained.report.columns] == ["x", "z", "raw.a"]
        return
    with pytest.raises(DataError, match='"raw"'):
        rv.train(data, target="y", **OPTIONS)


@pytest.mark.parametrize("make", [pl.DataFrame, pyarrow.table])
def test_ignored_columns_of_typed_frames_are_not_read(model: rv.Model, make: Any) -> None:
    data = make({**COLUMNS, "raw": [[1, 2]] * 40})
    assert rv.train(data, target="y", ignore=["raw"], **OPTIONS).report.rows == 40
    assert model.predict(data).tolist() == model.predict(COLUMNS).tolist()


@pytest.mark.parametrize("how", [{"ignore": ["raw"]}, {"kinds": {"raw": "drop"}}])
def test_columns_left_out_are_not_read_by_any_question(how: dict[str, Any], tmp_path: Path) -> None:
    data = {**COLUMNS, "raw": [{1}, len] * 20}
    model = rv.train(data, target="y", **how, **OPTIONS)
    expected = rv.train(COLUMNS, target="y", **OPTIONS)
    assert model.predict(data).tolist() == expected.predict(COLUMNS).tolist()
    assert model.predict({"x": 1.0, "z": 0.5, "raw": {3}}).tolist() == expected.predict({"x": 1.0, "z": 0.5}).tolist()
    assert model.evaluate(data) == expected.evaluate(COLUMNS)
    assert {entry.column for entry in model.importances(data)} == {"x", "z"}
    assert model.attributions(data).values.shape == (40, 2)
    assert all(finding.column != "raw" for finding in model.diagnose(data))
    model.write_report(tmp_path / "report.html", data)


def test_a_row_of_a_pandas_frame_is_a_row(model: rv.Model) -> None:
    frame = pandas.DataFrame({"z": X[:, 1], "name": ["a"] * 40, "x": X[:, 0]})
    estimator = rv.Classifier(**ESTIMATOR).fit(frame[["x", "z"]], Y)
    for row in (0, 17):
        expected = model.predict(frame.iloc[[row]]).tolist()
        assert model.predict(frame.iloc[row]).tolist() == expected
        assert model.predict(frame[["x", "z"]].iloc[row]).tolist() == expected
        alone = estimator.predict(frame[["x", "z"]].iloc[[row]]).tolist()
        assert estimator.predict(frame[["x", "z"]].iloc[row]).tolist() == alone
    with pytest.raises(DataError, match=r"pandas\.Series"):
        model.predict(frame["x"])


@pytest.mark.parametrize("target", [2, np.int64(2), [2], "2"])
def test_integers_name_columns(target: Any) -> None:
    frame = pandas.DataFrame(np.c_[X, Y])
    assert rv.train(frame, target=target, ignore=[1], **OPTIONS).task.target_names == ("2",)
    with pytest.raises(DataError, match='no column "9"'):
        rv.train(frame, target=9, **OPTIONS)
    with pytest.raises(DataError, match='target is "2", but the array'):
        rv.train(X, target=2, **OPTIONS)


def test_a_list_of_numbers_is_target_values_where_it_is_as_long_as_the_rows() -> None:
    assert rv.train({0: X[:, 0], 1: X[:, 1]}, target=Y.tolist(), **OPTIONS).task.kind == "binary"


DECIMALS = [Decimal(f"{value:.3f}") for value in X[:, 0]]


@pytest.mark.parametrize(
    "target",
    [DECIMALS, np.array(DECIMALS, object), pandas.Series(DECIMALS), pl.Series(DECIMALS), [*DECIMALS[:-1], None]],
)
def test_decimals_are_numbers_in_every_target(target: Any) -> None:
    data = {"x": X[:, 0], "z": X[:, 1]}
    trained = rv.train(data, target=target, **OPTIONS)
    assert trained.task.kind == "regression"
    assert rv.train(pandas.DataFrame({**data, "y": target}), target="y", **OPTIONS).task.kind == "regression"


def test_columns_of_the_same_name_are_refused_in_one_sentence(model: rv.Model) -> None:
    twice = pandas.DataFrame(X, columns=["x", "x"])
    estimator = rv.Classifier(**ESTIMATOR).fit(pandas.DataFrame(X, columns=["x", "z"]), Y)
    calls: list[Any] = [
        lambda: rv.train(twice, target=Y, **OPTIONS),
        lambda: model.predict(twice),
        lambda: rv.Classifier(**ESTIMATOR).fit(twice, Y),
        lambda: rv.Regressor(**ESTIMATOR).fit(twice, X[:, 0]),
        lambda: estimator.predict(twice),
    ]
    for call in calls:
        with pytest.raises(DataError, match='has the column name "x" more than once'):
            call()


@pytest.mark.parametrize("count", [1, 3])
def test_a_key_that_no_row_has_is_missing(model: rv.Model, tmp_path: Path, count: int) -> None:
    rows = [{"x": float(value)} for value in X[:count, 0]]
    expected = model.predict({"x": X[:count, 0], "z": [None] * count}).tolist()
    assert model.predict(rows).tolist() == expected
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(f'{{"x": {row["x"]!r}}}\n' for row in rows))
    assert model.predict(str(path)).tolist() == expected
    with pytest.raises(DataError, match=r'no column "z".*Did you mean "Z"'):
        model.predict([{**row, "Z": 1.0} for row in rows])
    with pytest.raises(DataError, match='no column "x" and 1 more'):
        model.predict([{"other": 1.0}] * count)
    with pytest.raises(DataError, match='no column "z"'):
        model.predict({"x": X[:count, 0]})


def test_dates_of_a_row_of_a_frame_are_dates() -> None:
    days = [datetime.datetime(2020, 1, 1) + datetime.timedelta(days=day) for day in range(40)]
    frame = pandas.DataFrame({"day": days, "x": X[:, 0]})
    trained = rv.train(frame, target=Y, **OPTIONS)
    assert trained.predict(frame.iloc[3]).tolist() == trained.predict(frame.iloc[[3]]).tolist()


@pytest.mark.parametrize("kind", ["list", "uint64", "text", "beyond 64 bits"])
@pytest.mark.parametrize("repeated", [False, True])
def test_long_integers_are_not_called_constant(kind: str, repeated: bool) -> None:
    numbers = [2**63 + (row % 4 if repeated else row) for row in range(40)]
    cells: Any = {
        "list": numbers,
        "uint64": np.array(numbers, np.uint64),
        "text": [str(number) for number in numbers],
        "beyond 64 bits": [number + 2**64 for number in numbers],
    }[kind]
    trained = rv.train({**COLUMNS, "card": cells}, target="y", **OPTIONS)
    column = next(column for column in trained.report.columns if column["name"] == "card")
    assert column["kind"] == ("category" if repeated else "drop")
    assert "more digits than a number keeps apart" in column["note"]
