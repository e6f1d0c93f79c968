"""The header again between the rows, units under the header, and separators that are rare."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranvier.data.sources import Reading, open_source

TRAINING = Reading(skip_empty_rows=True)
ROWS = [f"{at},{at * 0.5},{'ab'[at % 2]}" for at in range(40)]


def read(
    path: Path, lines: list[str], reading: Reading = TRAINING, separator: str = ","
) -> tuple[list[int], tuple[str, ...]]:
    path.write_text("\n".join(lines).replace(",", separator) + "\n")
    source = open_source(path, reading=reading)
    assert source.column_names == ("x", "z", "y")
    return [int(cell) for cell in source.frame["x"].to_list() if cell.isdigit()], source.notes


@pytest.mark.parametrize("positions", [(0,), (39,), (10, 20, 30)])
def test_rows_that_repeat_the_header_are_left_out_in_training(positions: tuple[int, ...], tmp_path: Path) -> None:
    lines = list(ROWS)
    for position in reversed(positions):
        lines.insert(position, "x, z,y")
    numbers, notes = read(tmp_path / "rows.csv", ["x,z,y", *lines])
    assert numbers == list(range(40))
    what = (
        "1 row that repeats the header was left out."
        if len(positions) == 1
        else f"{len(positions)} rows that repeat the header were left out."
    )
    assert what in notes
    source = open_source(tmp_path / "rows.csv")
    assert source.rows == 40 + len(positions)


@pytest.mark.parametrize("units", ["[m],[s],[-]", "m,kg,name", "(cm),(g),", "-,kg,-", "cm,,", "integer,float,text"])
def test_units_under_the_header_are_left_out_in_training(units: str, tmp_path: Path) -> None:
    numbers, notes = read(tmp_path / "rows.csv", ["x,z,y", units, *ROWS])
    assert numbers == list(range(40))
    assert any(note.startswith("The first row was left out, since it seems to hold units") for note in notes)


@pytest.mark.parametrize("questions", [1, 0])
def test_the_rows_of_qualtrics_under_the_header_are_left_out_in_training(questions: int, tmp_path: Path) -> None:
    ids = ",".join('"{""ImportId"":""QID' + name + '""}"' for name in "123")
    numbers, notes = read(tmp_path / "rows.csv", ["x,z,y", *["How old?,How big?,Bought?"][:questions], ids, *ROWS])
    assert numbers == list(range(40))
    assert any("which Qualtrics writes" in note for note in notes)


@pytest.mark.parametrize("first", ["n/a,0.5,a", "?,?,a", "7,many,b", ",,a", "-,many,b"])
def test_a_first_row_of_data_stays(first: str, tmp_path: Path) -> None:
    _, notes = read(tmp_path / "rows.csv", ["x,z,y", first, *ROWS])
    assert not any("left out" in note for note in notes)
    assert open_source(tmp_path / "rows.csv", reading=TRAINING).rows == 41


@pytest.mark.parametrize("separator", ["^", "~", "|", "\t"])
def test_rare_separators(separator: str, tmp_path: Path) -> None:
    numbers, notes = read(tmp_path / "rows.csv", ["x,z,y", *ROWS], separator=separator)
    assert numbers == list(range(40))
    assert any("separated by" in note for note in notes)


@pytest.mark.parametrize("header", ["x^2,y", "x\x01,y"])
def test_text_that_begins_like_packed_bytes_is_text(header: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"{header}\n" + "1,a\n2,b\n" * 20)
    assert open_source(path).frame["y"].to_list() == ["a", "b"] * 20
