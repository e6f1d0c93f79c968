"""NA, None and nan in a target: a class where the data say so, otherwise missing, and said in either case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ranvier.data import Prepared, open_source, prepare, target_values
from ranvier.data.cells.parsing import MISSING
from ranvier.errors import InputError

WORDS = [mark for mark in MISSING if any(map(str.isalpha, mark))]


def prepared(labels: list[Any], path: Path | None = None) -> Prepared:
    frame = pl.DataFrame({"x": [float(row % 7) for row in range(len(labels))], "y": pl.Series(labels, strict=False)})
    if path is None:
        return prepare(frame, "y")
    frame.write_csv(path)
    return prepare(path, "y")


@pytest.mark.parametrize("mark", list(MISSING))
def test_in_memory_only_null_is_missing(mark: str) -> None:
    ready = prepared([mark, "ZA", "BW"] * 10 + [None, "ZA"])
    assert set(ready.task.classes) == {mark, "ZA", "BW"}
    assert any("1 row was left out" in note for note in ready.notes)
    rare = prepared(["ZA", "BW"] * 20 + [mark, mark])
    assert mark in rare.task.classes


@pytest.mark.parametrize(("value", "mark"), [("0", "NA"), ("1.5", "nan"), ("yes", "?")])
def test_one_value_beside_a_mark_names_the_mark(value: str, mark: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        prepared([value, mark] * 10, tmp_path / "rows.csv")
    assert f"has the value {value} wherever it is not missing" in str(caught.value)
    assert f'"{mark}" counts as missing in 10 rows, first in row 2.' in str(caught.value)


@pytest.mark.parametrize("mark", WORDS)
def test_a_mark_as_frequent_as_the_classes_is_one(mark: str, tmp_path: Path) -> None:
    ready = prepared([mark, "ZA", "BW"] * 10, tmp_path / "rows.csv")
    assert set(ready.task.classes) == {mark, "ZA", "BW"}
    assert any(f'"{mark}" is a class, with 10 rows, the first of them row 1' in note for note in ready.notes)


@pytest.mark.parametrize("mark", WORDS)
def test_a_rare_mark_is_missing_and_named(mark: str, tmp_path: Path) -> None:
    ready = prepared(["yes", "no"] * 20 + [mark, mark, "yes"], tmp_path / "rows.csv")
    assert ready.task.classes == ("no", "yes")
    assert f'2 rows were left out because the target is missing ("{mark}" in 2, the first in row 41).' in ready.notes
    assert any("write it differently" in note for note in ready.notes)


@pytest.mark.parametrize("mark", ["", "?"])
def test_marks_that_are_no_words_are_missing_in_files(mark: str, tmp_path: Path) -> None:
    assert prepared([mark, "ZA", "BW"] * 10, tmp_path / "rows.csv").task.classes == ("BW", "ZA")


@pytest.mark.parametrize("in_file", [True, False])
def test_marks_among_numbers_are_missing(in_file: bool, tmp_path: Path) -> None:
    values = [f"{row * 0.37:.2f}" for row in range(40)] + ["NA"] * 20
    ready = prepared(values, tmp_path / "rows.csv" if in_file else None)
    assert ready.task.kind == "regression"
    assert any('"NA" in 20, the first in row 41' in note for note in ready.notes)
    assert prepared(["0", "1", "NA"] * 10, tmp_path / "rows.csv" if in_file else None).task.classes == (0, 1)


def test_a_model_reads_marks_as_it_was_trained(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("y\nNA\nZA\nZA\nZA\nZA\nZA\n")
    source = open_source(path)
    assert target_values(source, ("y",), ("BW", "NA", "ZA")).tolist()[:2] == ["NA", "ZA"]
    path.write_text("y\nNA\nyes\nno\n")
    assert target_values(open_source(path), ("y",), ("no", "yes")).tolist() == [None, "yes", "no"]


def test_a_target_may_be_called_count() -> None:
    labels = ["ZA", "BW", "NA"] * 10
    frame = pl.DataFrame({"x": [float(row % 7) for row in range(30)], "count": labels})
    assert set(prepare(frame, "count").task.classes) == set(labels)
