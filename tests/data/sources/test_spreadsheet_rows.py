"""Notes and totals under a table, and the marks of files that were joined, are no rows; and what looks like them is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranvier.data import open_source
from ranvier.data.sources import Reading
from ranvier.errors import DataError

HEADER = "city,price,size\n"
BODY = "".join(f"c{n % 4},{n * 3 % 17}.5,{100 + n}\n" for n in range(30))
TRAINING = Reading(skip_empty_rows=True)


def rows_of(path: Path, text: str, reading: Reading = TRAINING) -> tuple[int, tuple[str, ...]]:
    path.write_text(text, encoding="utf-8", newline="")
    source = open_source(path, reading=reading)
    return source.rows, source.notes


@pytest.mark.parametrize(
    "below",
    [
        '\n"* provisional",,\n"Source: Statistics office",,\n',
        "Source: Statistics office,,\n",
        ",,\n(1) Estimate.,,\nLast updated: 3 May 2024,,\n",
        "† preliminary,,\n",
        "Stand: 31.12.2023,,\n",
        "注 1 推計値,,\n",
    ],
)
def test_notes_in_padded_rows_are_left_out_and_said(below: str, tmp_path: Path) -> None:
    rows, notes = rows_of(tmp_path / "t.csv", HEADER + BODY + below)
    assert rows == 30
    assert [note for note in notes if "of notes under the table" in note]


@pytest.mark.parametrize(
    "below",
    [
        "\nSource: Statistics office\nNote: provisional, see website\n",
        "\nNote: estimates, rounded\n",
        "\nQuelle: Amt\n",
    ],
)
def test_notes_behind_a_blank_line_are_left_out_and_said(below: str, tmp_path: Path) -> None:
    rows, notes = rows_of(tmp_path / "t.csv", HEADER + BODY + below)
    assert rows == 30
    assert [note for note in notes if "below the table" in note or "under" in note or "behind" in note]


def test_a_table_of_sentences_alone_is_no_table_of_notes(tmp_path: Path) -> None:
    assert rows_of(tmp_path / "t.csv", "text,price,size\n" + "good soup,,\n" * 12) == (12, ())


@pytest.mark.parametrize("below", ["c9,,\n", "New York,5.5,\n", "4711,,\n"])
def test_a_last_row_with_missing_cells_is_a_row(below: str, tmp_path: Path) -> None:
    assert rows_of(tmp_path / "t.csv", HEADER + BODY + below)[0] == 31


def test_no_row_is_left_out_where_each_is_to_be_predicted(tmp_path: Path) -> None:
    text = f"{HEADER}{BODY}Source: Statistics office,,\n"
    assert rows_of(tmp_path / "t.csv", text, Reading())[0] == 31


def test_short_rows_behind_a_blank_line_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has 2 cells in line 33 and 3 columns in its header"):
        rows_of(tmp_path / "t.csv", f"{HEADER}{BODY}\nc1,2.5\n")


@pytest.mark.parametrize("words", ["Average Mean Median", "Total Promedio", "Std Среднее", "Mediana 平均"])
def test_several_rows_that_sum_up_are_left_out(words: str, tmp_path: Path) -> None:
    below = "".join(f"{word},8.5,104\n" for word in words.split())
    rows, notes = rows_of(tmp_path / "t.csv", HEADER + BODY + below)
    assert rows == 30
    assert len([note for note in notes if "seems to sum up the others" in note]) == len(words.split())


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_marks_of_files_that_were_joined(ending: str, tmp_path: Path) -> None:
    text = f"\ufeff\ufeff{HEADER}{BODY}\ufeff{HEADER}{BODY}\ufeff{BODY}".replace("\n", ending)
    rows, notes = rows_of(tmp_path / "t.csv", text)
    assert rows == 90
    assert notes == ("1 row that repeats the header was left out.",)
    assert open_source(tmp_path / "t.csv").column_names == ("city", "price", "size")


@pytest.mark.parametrize("text", ['[{"a": 1}]', '{"a": 1, "b": 2}\n', '[["a", 1]]', ' ["x"]'])
def test_json_under_another_name_is_called_so(text: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is JSON and not a table in CSV"):
        rows_of(tmp_path / "t.csv", text)
