"""Row numbers that a saved index leaves are no inputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ranvier.data.columns.input_columns import input_columns
from ranvier.data.columns.row_numbers import REASON, row_number_columns
from ranvier.data.sources import open_source

ROWS = 12
SHUFFLED = np.random.default_rng(0).permutation(ROWS)
PART = SHUFFLED * 3 + 7


@pytest.mark.parametrize("name", ["Unnamed: 0", "Unnamed: 0.1", "__index_level_0__", "level_0", "row_names", ""])
@pytest.mark.parametrize("numbers", [np.arange(ROWS), np.arange(1, ROWS + 1), SHUFFLED, PART, PART.astype(float)])
def test_what_an_index_leaves_is_row_numbers_whatever_the_part(name: str, numbers: np.ndarray) -> None:
    frame = pl.DataFrame({name: numbers, "age": np.arange(ROWS) * 2.5})
    assert row_number_columns(frame) == [name]
    assert row_number_columns(frame.with_columns(pl.all().cast(pl.String))) == (
        [name] if numbers.dtype != float else []
    )


@pytest.mark.parametrize("name", ["index", "Row", "row#", "row_id"])
def test_a_column_that_may_mean_something_must_count_the_rows(name: str) -> None:
    for numbers in (np.arange(ROWS), SHUFFLED + 1):
        assert row_number_columns(pl.DataFrame({name: numbers})) == [name]
    for numbers in (PART, SHUFFLED // 2, np.arange(ROWS) - 1, np.arange(ROWS) + 0.5):
        assert row_number_columns(pl.DataFrame({name: numbers})) == []


def test_other_columns_are_not_row_numbers() -> None:
    for cells in ([1, 1, 2], ["a", "b", "c"], [1.5, 2.5, 3.5], [-1, 0, 1], [None, 1, 2], [True, False, True]):
        assert row_number_columns(pl.DataFrame({"Unnamed: 0": cells})) == []
    assert row_number_columns(pl.DataFrame({"month": np.arange(ROWS)})) == []


@pytest.mark.parametrize("first", ["", "Unnamed: 0", "index"])
def test_row_numbers_are_dropped_with_a_note(tmp_path: Path, first: str) -> None:
    path = tmp_path / "part.csv"
    numbers = SHUFFLED if first == "index" else PART
    lines = [f"{number},{row % 5}.5,{'ab'[number % 2]}" for row, number in enumerate(numbers)]
    path.write_text("\n".join([f"{first},age,kind", *lines]))
    columns, notes = input_columns(open_source(path), ["kind"], ())
    called = first or "column_1"
    assert [(column.name, column.used) for column in columns] == [(called, False), ("age", True)]
    assert f'Column "{called}" is dropped: {REASON}.' in notes
    with_kind, _ = input_columns(open_source(path), ["kind"], (), {called: "number"})
    assert with_kind[0].used


def test_row_numbers_are_used_where_nothing_else_is_left() -> None:
    columns, _ = input_columns(open_source({"index": list(range(20)), "y": [0.5] * 20}), ["y"], ())
    assert columns[0].used


def test_a_column_of_a_file_without_a_header_is_no_index(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("17,2.5,a\n3,3.5,b\n25,1.5,a\n")
    columns, _ = input_columns(open_source(path), ["column_3"], ())
    assert columns[0].used
