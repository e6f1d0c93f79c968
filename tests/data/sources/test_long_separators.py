"""Separators of several characters, or beyond ASCII, are read like others, and named."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranvier.data import open_source
from ranvier.data.sources.table_source import Table

HEADER = ["city", "price", "size"]
ROWS = [[f"c{n % 4}", f"{n * 3 % 17}.5", str(100 + n)] for n in range(30)]
SEPARATORS = ("::", "||", ";;", ",,", "\t\t", "\t|", "|;|", "~|~", "^|^", "@@", "$$", "|~|", "\x01", "\x1f", "¦", "§")


def table(path: Path, text: str) -> Table:
    path.write_text(text, encoding="utf-8", newline="")
    source = open_source(path)
    assert isinstance(source, Table)
    return source


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".dat"])
@pytest.mark.parametrize("separator", SEPARATORS)
def test_each_separator_is_read_and_named(separator: str, ending: str, tmp_path: Path) -> None:
    lines = [separator.join(row) for row in [HEADER, *ROWS]]
    read = table(tmp_path / f"t{ending}", "\n".join(lines) + "\n")
    assert read.frame.columns == HEADER
    assert [[cell.strip() for cell in row] for row in read.frame.rows()] == ROWS
    assert read.notes == (f"The cells are separated by {separator!r}.",)


def test_ratings_without_a_header(tmp_path: Path) -> None:
    lines = [f"{n}::{n * 3 % 50}::{1 + n % 5}::97830{n:04d}" for n in range(30)]
    assert table(tmp_path / "ratings.dat", "\n".join(lines)).frame.shape == (30, 4)


def test_single_characters_of_the_separator_stay_in_cells(tmp_path: Path) -> None:
    titles = ["Alien: Resurrection", "Heat, the|film", "M"]
    lines = ["id::title::genres", *(f"{n}::{title}::Crime|War" for n, title in enumerate(titles * 4))]
    read = table(tmp_path / "movies.dat", "\n".join(lines))
    assert read.frame["title"].to_list() == titles * 4
    assert set(read.frame["genres"]) == {"Crime|War"}


def test_the_separator_in_quotes_stays_in_its_cell(tmp_path: Path) -> None:
    lines = ["id::name", *(f'{n}::"std::map"' for n in range(20))]
    assert set(table(tmp_path / "t.csv", "\n".join(lines)).frame["name"]) == {"std::map"}


@pytest.mark.parametrize(
    "lines",
    [
        ["a,,b,c", *["1,,2,3"] * 20],  # a column that is always empty
        ["id,name", *["1,std::a"] * 20],
        ["name,value", *["::1,2"] * 20],
        ["a;b", *["1;x||y"] * 20],
        ["a|b|c", *["1||3", "1|2|3"] * 10],
        ["text", *["so :: what"] * 20],
        ["a\tb\tc", *["1\t\t3"] * 20],
    ],
)
def test_what_looks_like_one_and_is_none(lines: list[str], tmp_path: Path) -> None:
    read = table(tmp_path / "t.csv", "\n".join(lines))
    assert not [note for note in read.notes if "::" in note or "||" in note or ",," in note or "\t\t" in note]
    assert read.rows == 20


def test_a_row_of_another_length_is_refused_by_line(tmp_path: Path) -> None:
    from ranvier.errors import DataError

    with pytest.raises(DataError, match="has 2 cells in line 60 and 3 columns in its header"):
        table(tmp_path / "t.dat", "\n".join(["a::b::c", *["1::2::3"] * 58, "1::2", "4::5::6"]))
