"""Data frames of every maker, dicts of columns, lists of rows."""

from __future__ import annotations

import datetime
import sys
from typing import Any

import numpy as np
import polars as pl
import pytest

from ranvier.data import Arrays, Table, TableEncoder, open_source
from ranvier.data.sources.frames import frame_from, row_of
from ranvier.errors import DataError
from ranvier.network.layers import Dense
from ranvier.network.network import Network

COLUMNS: dict[str, list[Any]] = {
    "age": [39, 50, 38],
    "rate": [1.5, None, 2.0],
    "job": ["clerk", None, "boss"],
    "member": [True, False, True],
    "since": [datetime.datetime(2024, 1, day, 12, 30) for day in (1, 2, 3)],
}


def makers() -> dict[str, Any]:
    pandas = pytest.importorskip("pandas")
    pyarrow = pytest.importorskip("pyarrow")
    return {
        "polars": pl.DataFrame(COLUMNS),
        "pandas": pandas.DataFrame(COLUMNS),
        "pandas categories": pandas.DataFrame(COLUMNS).astype({"job": "category"}),
        "pandas objects": pandas.DataFrame(COLUMNS).astype({"job": object}),
        "pandas nullable": pandas.DataFrame(COLUMNS).astype({"age": "Int64", "member": "boolean"}),
        "pyarrow": pyarrow.table(COLUMNS),
        "dict": COLUMNS,
        "rows": [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)],
    }


@pytest.mark.parametrize("maker", makers())
def test_every_data_frame_library_gives_the_same_table(maker: str) -> None:
    frame = frame_from(makers()[maker])
    assert frame.to_dict(as_series=False) == COLUMNS


def test_missing_cells_of_nullable_columns() -> None:
    pandas = pytest.importorskip("pandas")
    columns = {"age": [39, None, 2**60 + 1], "member": [None, True, False], "job": ["a", None, " b"]}
    types = {"age": "Int64", "member": "boolean", "job": "string"}
    frame = pandas.DataFrame({name: pandas.array(cells, types[name]) for name, cells in columns.items()})
    assert frame_from(frame).to_dict(as_series=False) == columns


@pytest.mark.parametrize("cells", [["2024-01-02 03:04"] * 2, ["2024-01-02 03:04", None]])
def test_local_hours_are_kept_beside_missing_cells(cells: list[str | None]) -> None:
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    column_mean_std = pandas.Series(pandas.to_datetime(cells)).dt.tz_localize("Europe/Berlin")
    arrow = pandas.ArrowDtype(pyarrow.timestamp("us", "Europe/Berlin"))
    for column in (column_mean_std, column_mean_std.astype(arrow), column_mean_std.astype(object)):
        message_text = frame_from(pandas.DataFrame({"at": column}))["at"].dt.replace_time_zone(None)
        assert message_text[0] == datetime.datetime(2024, 1, 2, 3, 4)
    table = pyarrow.table({"at": pyarrow.array(column_mean_std)})
    assert frame_from(table)["at"].dt.replace_time_zone(None)[0] == datetime.datetime(2024, 1, 2, 3, 4)


@pytest.mark.parametrize("unit", ["D", "h", "s", "ms", "us", "ns"])
def test_times_of_numpy_in_any_unit(unit: str) -> None:
    day, spans = np.array(["2024-01-02", "NaT"], f"datetime64[{unit}]"), np.array([2, "NaT"], "timedelta64[D]")
    for cells in (day, list(day)):
        frame = frame_from({"at": cells})
        assert frame["at"].cast(pl.Datetime("us")).to_list() == [datetime.datetime(2024, 1, 2), None]
    for cells in (spans.astype(f"timedelta64[{unit}]"), list(spans.astype(f"timedelta64[{unit}]"))):
        assert frame_from({"span": cells})["span"].to_list() == [datetime.timedelta(2), None]


def test_pandas_na_is_missing_in_every_container() -> None:
    pandas = pytest.importorskip("pandas")
    for cell in (pandas.NA, pandas.NaT, None, np.nan, np.float32("nan"), np.datetime64("NaT")):
        assert frame_from({"a": cell, "b": 1}).rows() == [(None, 1)]
        assert frame_from([{"a": cell}, {"a": 2}])["a"].to_list() == [None, 2]
        assert frame_from({"a": ["x", cell]})["a"].to_list() == ["x", None]


def test_text_comes_without_arrow_too(monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"job": ["clerk", None, "Ünï"]})
    expected = frame_from(frame)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert frame_from(frame).equals(expected)
    assert expected["job"].to_list() == ["clerk", None, "Ünï"]


def test_a_frame_of_one_row_gives_its_cells() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", None], 3: [0.5, np.nan]})
    assert row_of(frame.iloc[[0]]) == {"a": 1, "b": "x", 3: 0.5}
    assert [type(cell) for cell in (row_of(frame.iloc[[0]]) or {}).values()] == [int, str, float]
    for none in (frame, frame["a"].iloc[[0]], pandas.DataFrame([[1, 2]], columns=["a", "a"]), [1], np.ones((1, 2))):
        assert row_of(none) is None


def test_single_values_are_one_row_and_mixtures_become_text() -> None:
    assert frame_from({"a": 1, "b": "x", "c": None}).rows() == [(1, "x", None)]
    assert frame_from({"a": np.float32(1.5), "b": np.array(2)}).rows() == [(1.5, 2)]
    assert frame_from({"a": [1, "x", 2.5, True]})["a"].to_list() == ["1", "x", "2.5", "True"]
    assert frame_from({"a": [2**70, 1]})["a"].to_list() == [float(2**70), 1.0]
    assert frame_from({1: [1, 2]}).columns == ["1"]


def test_pandas_index_is_left_out_and_number_names_become_text() -> None:
    pandas = pytest.importorskip("pandas")
    frame = frame_from(pandas.DataFrame(np.arange(6.0).reshape(3, 2), index=[5, 6, 7]))
    assert frame.columns == ["0", "1"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"a": [1, 2], "b": [1, 2, 3]}, 'differ in length: "a" has 2 rows and "b" has 3'),
        ({"a": [[True], [False]]}, "one value for each cell"),
        ({"a": [[1], [2, "c"]]}, "one value for each cell"),
        ({"a": np.array([["x", "y"]] * 2)}, "one vector of numbers"),
        ({"a": []}, "no rows"),
        ({}, "no columns"),
        ({"1": [1], 1: [2]}, "more than once"),
        (pl.DataFrame({"a": [1]}).lazy(), "collect"),
        (pl.DataFrame({"a": []}), "0 rows"),
        (object(), "data frame"),
    ],
)
def test_tables_that_cannot_be_used(source: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_source(source)


def test_pandas_columns_of_one_name_are_refused() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(DataError, match='"a" more than once'):
        open_source(pandas.DataFrame([[1, 2]], columns=["a", "a"]))


def test_a_target_is_a_name_or_values() -> None:
    opened = open_source(COLUMNS, target="job")
    assert isinstance(opened, Table)
    assert opened.target == "job"
    opened = open_source(COLUMNS, target=[1, 2, 3])
    assert isinstance(opened, Table)
    assert opened.target == "target"
    assert opened.frame["target"].to_list() == [1, 2, 3]
    assert open_source(opened) is opened
    with pytest.raises(DataError, match=r'no column "jop".*Did you mean "job"'):
        open_source(COLUMNS, target="jop")
    with pytest.raises(DataError, match="3 rows, and the number of target values is 2"):
        open_source(COLUMNS, target=[1, 2])


def test_masked_cells_are_missing() -> None:
    """NumPy itself would read what lies under the mask."""
    masked = np.ma.masked_array([[1.0, 2.0], [3.0, 999.0], [5.0, 6.0]], mask=[[0, 0], [0, 1], [0, 0]])
    opened = open_source(masked)
    assert isinstance(opened, Arrays)
    assert np.isnan(opened.dense()).tolist() == masked.mask.tolist()
    columns = {"number": masked[:, 1], "whole": masked.astype(int)[:, 1], "word": masked.astype(str)[:, 1]}
    assert [[cell is None or cell != cell for cell in frame_from(columns)[name]] for name in columns] == [
        [False, True, False]
    ] * 3
    encoder = TableEncoder.fit(columns)
    row = dict.fromkeys(columns)
    assert encoder.transform(columns)[1].tobytes() == encoder.transform(row).tobytes()
    with pytest.raises(DataError, match="nan at row index 1, column index 1"):
        Network(2, [Dense(1)]).fit(masked, np.arange(3.0), epochs=1, engine="reference", progress=False)


def test_an_index_that_says_something_is_named_and_a_count_of_rows_is_not() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"shop": [*"abcd"], "day": [1, 2, 1, 2], "sold": [3.5, 4.0, 2.5, 1.0]})
    days = pandas.date_range("2024-01-01", periods=4)
    saying = {
        "dates": frame.set_index(days),
        "periods": frame.set_index(days.to_period("M")),
        "durations": frame.set_index(days - days[0]),
        "words": frame.set_index(pandas.Index([*"wxyz"])),
        " (shop)": frame.set_index("shop"),
        " (shop, day)": frame.set_index(["shop", "day"]),
        " (number)": frame.rename_axis("number"),
    }
    for name, index in saying.items():
        (note,) = open_source(index).notes
        called = name if name.startswith(" ") else ""
        assert note == (
            f"The index of the data frame{called} is not read; to learn from it, make it a column: .reset_index()."
        )
    for index in (frame, frame.iloc[[2, 0]], frame.sample(frac=0.5), frame.set_index(pandas.Index([7, 9, 3, 1]))):
        assert open_source(index).notes == ()
