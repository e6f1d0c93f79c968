"""Tables whose columns stand below each other, with blanks in their cells or without cells."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranvier.data import open_source
from ranvier.data.sources.fixed_widths import NOTE
from ranvier.data.sources.reading import PLAIN, Reading

NAMES, CITIES = ("John Smith", "Al Wu", "Mary Ann Lee"), ("Boston", "New York", "Rome")
ROWS = [(f"{at:03d}", NAMES[at % 3], str(7 * at + 5), CITIES[at * 2 % 3], f"{at * 1.5:.1f}") for at in range(9)]
HEADER = ("id", "name", "age", "city", "score")
Rows = list[tuple[str, ...]]


def written(rows: Rows, blanks: int = 1, right: str = "age score") -> str:
    """The rows, each column as wide as its longest cell, numbers on the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    ends = [rows[0][at] in right.split() for at in range(len(widths))]
    cells = [
        [cell.rjust(width) if end else cell.ljust(width) for cell, width, end in zip(row, widths, ends, strict=True)]
        for row in rows
    ]
    return "".join(f"{(' ' * blanks).join(row).rstrip()}\n" for row in cells)


def gaps(rows: Rows) -> Rows:
    return [(*row[:2], "" if at % 3 == 1 else row[2], *row[3:]) for at, row in enumerate(rows)]


TABLES: dict[str, tuple[str, Rows]] = {
    "one blank between columns": (written([HEADER, *ROWS]), ROWS),
    "three blanks": (written([HEADER, *ROWS], 3), ROWS),
    "cells on the left": (written([HEADER, *ROWS], right=""), ROWS),
    "absent cells": (written([HEADER, *gaps(ROWS)]), gaps(ROWS)),
    "carriage returns": (written([HEADER, *ROWS]).replace("\n", "\r\n"), ROWS),
    "blank lines": (written([HEADER, *ROWS]) + "\n\n", ROWS),
    "words alone, far apart": (written([HEADER[1::2], *(row[1::2] for row in ROWS)], 2), [row[1::2] for row in ROWS]),
}


def read(text: str, path: Path, reading: Reading = PLAIN) -> tuple[list[str], Rows, tuple[str, ...]]:
    path.write_bytes(text.encode())
    source = open_source(path, reading=reading)
    return source.frame.columns, source.frame.rows(), source.notes  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", TABLES)
def test_columns_below_each_other_are_read(tmp_path: Path, name: str) -> None:
    text, rows = TABLES[name]
    columns, cells, notes = read(text, tmp_path / "rows.dat")
    assert (columns, cells) == (list(HEADER[1::2] if len(rows[0]) == 2 else HEADER), rows)
    assert NOTE in notes


def test_without_a_header(tmp_path: Path) -> None:
    columns, cells, notes = read(written(ROWS), tmp_path / "rows.dat")
    assert (columns, cells) == ([f"column_{at}" for at in range(1, 6)], ROWS)
    assert NOTE in notes


def test_a_text_that_is_asked_for_its_columns(tmp_path: Path) -> None:
    columns, cells, _ = read(written([HEADER, *ROWS]), tmp_path / "rows.txt", Reading(names=frozenset({"score"})))
    assert (columns, cells) == (list(HEADER), ROWS)


@pytest.mark.parametrize("names", [("full name", "age"), ("name", "age")])
def test_one_row_to_predict(tmp_path: Path, names: tuple[str, ...]) -> None:
    text = written([names, ("John Smith", "33")], 1 + (" " in names[0]))
    columns, cells, _ = read(text, tmp_path / "rows.csv", Reading(names=frozenset(names)))
    assert (columns, cells) == (list(names), [("John Smith", "33")])


@pytest.mark.parametrize(
    "text",
    [
        "The cat sat on the mat\nA dog ran in the fog\nWe saw no man\nHe is a fool\n",
        "review\ngood soup 5\nbad  tea  3\nno      1\nwhat a cake 7\n",
        'name  age\n"John  Smith"  3\nLi  4\n',
        "notes\nfirst  line\n  second line\nthird\n",
    ],
)
def test_other_texts_stay_one_column(tmp_path: Path, text: str) -> None:
    assert NOTE not in read(text, tmp_path / "rows.csv")[2]
