"""Records become columns and lists of texts become texts, in files and in memory, in training and in prediction."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

import ranvier as rv
from ranvier.data import TableEncoder, open_source
from ranvier.data.sources.nested import flat_frame
from ranvier.data.sources.reading import Reading
from ranvier.errors import DataError

ROWS: list[dict[str, Any]] = [
    {"user": {"age": 20.5 + row, "home": {"city": ["Rome", "Oslo"][row % 2]}}, "tags": ["a", "b"][: row % 3], "n": row}
    for row in range(12)
]
NAMES = ("user.age", "user.home.city", "tags", "n")


def _json_lines(folder: Path) -> Any:
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def _mixed_json_lines(folder: Path) -> Any:
    path = folder / "mixed.jsonl"
    path.write_text("".join(json.dumps({**row, "n": str(row["n"]) if row["n"] else 0.5}) + "\n" for row in ROWS))
    return path


def _json(folder: Path) -> Any:
    path = folder / "rows.json"
    path.write_text(json.dumps(ROWS))
    return path


def _parquet(folder: Path) -> Any:
    pl.DataFrame(ROWS).write_parquet(folder / "rows.parquet")
    return folder / "rows.parquet"


WAYS: tuple[Callable[[Path], Any], ...] = (
    *(_json_lines, _mixed_json_lines, _json, _parquet),
    *(
        lambda _: ROWS,
        lambda _: pl.DataFrame(ROWS),
        lambda _: {name: [row[name] for row in ROWS] for name in ("tags", "n")},
    ),
)


@pytest.mark.parametrize("way", WAYS)
def test_records_and_lists_are_taken_apart(way: Callable[[Path], Any], tmp_path: Path) -> None:
    frame = open_source(way(tmp_path)).frame
    assert set(frame.columns) in ({*NAMES}, {"tags", "n"})
    assert frame["tags"].to_list()[:3] == ["", "a", "a, b"]
    if "user.age" in frame.columns:
        assert frame["user.age"].to_list()[:2] == [20.5, 21.5]
        assert frame["user.home.city"].to_list()[:2] == ["Rome", "Oslo"]


def test_files_say_so(tmp_path: Path) -> None:
    notes = open_source(_parquet(tmp_path)).notes
    assert notes == (
        'Column "user" holds records; their fields are columns: user.age, user.home.city.',
        'Column "tags" holds lists of texts, which are read as texts with commas between.',
    )


def test_a_model_takes_the_records_that_it_was_trained_on(tmp_path: Path) -> None:
    model = rv.train(_json_lines(tmp_path), target="n", recipe="plain", hidden=[2], epochs=1)
    flat = {"user.age": 25.5, "user.home.city": "Oslo", "tags": "a"}
    expected = model.outputs([flat]).tolist()
    row = {"user": {"age": 25.5, "home": {"city": "Oslo"}}, "tags": ["a"]}
    assert model.outputs([row]).tolist() == expected
    assert model.outputs(row).tolist() == expected
    assert model.outputs(pl.DataFrame([row])).tolist() == expected
    assert model.outputs([row, row]).tolist() == expected * 2


def test_lists_of_texts_in_pandas(tmp_path: Path) -> None:
    frame = pd.DataFrame({"tags": [["a"], ["a", "b"], None], "n": [1.5, 2.5, 3.5]})
    assert open_source(frame).frame["tags"].to_list() == ["a", "a, b", None]


def test_a_field_whose_name_is_taken_leaves_its_record() -> None:
    frame = pl.DataFrame({"user": [{"age": 1.5}], "user.age": [2.5]})
    with pytest.raises(DataError, match='Column "user" has a cell of type dict'):
        TableEncoder.fit(frame)


def test_columns_that_nobody_looks_at_stay(tmp_path: Path) -> None:
    opened = open_source(_json_lines(tmp_path), reading=Reading(unread=frozenset({"user"})))
    assert opened.column_names == ("user", "tags", "n")


JSON: dict[str, Any] = {
    "rows": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}],
    "rows in an object": {"count": 2, "data": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]},
    "columns": {"a": [1, 2], "b": ["x", "y"]},
    "columns beside rows of cells": {"columns": ["a", "b"], "index": [0, 1], "data": [[1, "x"], [2, "y"]]},
    "columns with an index": {"a": {"0": 1, "1": 2}, "b": {"0": "x", "1": "y"}},
}


@pytest.mark.parametrize("name", JSON)
def test_json_is_read_in_the_forms_that_others_write(name: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(JSON[name]), encoding="utf-8")
    assert open_source(path).frame.to_dict(as_series=False) == {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize("between", ["\n", "", "\n\n"])
def test_objects_of_several_lines_one_after_another(between: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(between.join(json.dumps(row, indent=2) for row in JSON["rows"]), encoding="utf-8")
    assert open_source(path).frame.to_dict(as_series=False) == {"a": [1, 2], "b": ["x", "y"]}


@pytest.mark.parametrize(
    "content", ["[1, 2]", '{"columns": ["a"], "data": [[1, 2]]}', '{"a": [1], "b": [1, 2]}', '"text"', "[]", "{}"]
)
def test_json_that_is_no_table_is_refused(content: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"is JSON and no table\. A list of objects"):
        open_source(path)


def test_json_lines_called_json_are_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('{"a": 1}\n{"a": 2}\n', encoding="utf-8")
    assert open_source(path).frame["a"].to_list() == [1, 2]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "json"])
@pytest.mark.parametrize("packing", ["gz", "bz2", "xz"])
def test_packed_files_are_read(ending: str, packing: str, tmp_path: Path) -> None:
    text = {"csv": "a,b\n1,2\n3,4\n", "tsv": "a\tb\n1\t2\n3\t4\n", "json": '[{"a": 1}, {"a": 3}]'}
    data = text.get(ending, '{"a": 1}\n{"a": 3}\n').encode()
    path = tmp_path / f"rows.{ending}.{packing}"
    path.write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[packing].compress(data))  # type: ignore[attr-defined]
    assert [str(cell) for cell in open_source(path).frame["a"].to_list()] == ["1", "3"]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match="is damaged: it cannot be unpacked as"):
        open_source(path)


@pytest.mark.parametrize("ending", ["dat", "tab", "psv", "txt"])
def test_tables_with_other_endings_are_read(ending: str, tmp_path: Path) -> None:
    separator = {"tab": "\t", "psv": "|"}.get(ending, ",")
    path = tmp_path / f"rows.{ending}"
    path.write_text("\n".join(separator.join(row) for row in (("a", "b"), ("1", "x"), ("2", "y"))), encoding="utf-8")
    assert open_source(path, target="b").frame["a"].to_list() == ["1", "2"]


@pytest.mark.parametrize("name", ["a.jsonl", "mixed.jsonl", "a.json", "a.parquet", "rows", "frame"])
def test_a_record_that_is_left_out_is_not_taken_apart(name: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"x": float(at % 7), "raw": {"a": at, "b": "q"}, "y": "yes" if at % 7 > 3 else "no"} for at in range(40)
    ]
    if name == "mixed.jsonl":
        rows[3]["x"] = True  # polars does not mix it with numbers, so that lines are read one by one
    path = tmp_path / name
    if name.endswith(".jsonl"):
        path.write_text("\n".join(map(json.dumps, rows)))
    elif name == "a.json":
        path.write_text(json.dumps(rows))
    elif name == "a.parquet":
        pl.DataFrame(rows).write_parquet(path)
    data = {"rows": rows, "frame": pl.DataFrame(rows) if name == "frame" else None}.get(name, path)
    options: dict[str, Any] = {"recipe": "plain", "epochs": 1, "engine": "reference", "progress": False}
    model = rv.train(data, target="y", ignore=["raw"], **options)
    assert [column["name"] for column in model.report.columns] == ["x"]


def test_records_without_fields_are_left_out() -> None:
    frame = pl.DataFrame({"a": [1, 2], "none": [{}, {}]}, schema={"a": pl.Int64, "none": pl.Struct([])})
    flat, notes = flat_frame(frame)
    assert flat.columns == ["a"]
    assert notes == ['Column "none" holds records without fields, and is left out.']
