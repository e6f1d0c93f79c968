"""Reading files: tables, and a clear message for every file that cannot be used."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranvier.data import NAMED, Table, infer_schema, open_source
from ranvier.data.sources.readers import READERS
from ranvier.data.sources.reading import PLAIN
from ranvier.errors import DataError


def table(path: Path) -> pl.DataFrame:
    opened = open_source(path)
    assert isinstance(opened, Table)
    return opened.frame


def refused(path: Path, *parts: str) -> str:
    with pytest.raises(DataError) as caught:
        open_source(path)
    message = str(caught.value)
    for part in parts:
        assert part in message
    assert "\n" not in message
    return message


ROWS = {"name": ["a,b", 'q"uote', "two\nlines", "é"], "x": ["1", "", "NA", "-2.5"]}


@pytest.mark.parametrize(("suffix", "separator"), [(".csv", ","), (".tsv", "\t"), (".csv.gz", ","), (".TSV", "\t")])
def test_delimited_files_keep_every_cell(tmp_path: Path, suffix: str, separator: str) -> None:
    path = tmp_path / f"rows{suffix}"
    data = pl.DataFrame(ROWS).write_csv(separator=separator).encode()
    path.write_bytes(gzip.compress(data) if suffix.endswith(".gz") else data)
    assert table(path).to_dict(as_series=False) == ROWS


CELL = st.text(st.characters(codec="utf-8", exclude_categories=("Cs",), exclude_characters="\r\x00"), max_size=8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=12))
def test_csv_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, str]]) -> None:
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    quoted = [",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) for row in rows]
    path.write_bytes("\n".join(["a,b,c", *quoted]).encode())
    assert READERS[".csv"](path, PLAIN).frame.rows() == rows


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_numbers_in_csv_are_bit_identical(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    from ranvier.data.cells.parsing import parse_numbers

    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    path.write_text("x,y\n" + "".join(f"{value!r},0\n" for value in values))
    values_read, wrong = parse_numbers(READERS[".csv"](path, PLAIN).frame["x"])
    assert wrong is None
    assert values_read.tobytes() == np.array(values).tobytes()


def test_line_endings_byte_order_mark_and_other_separators(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    for data in (b"a,b\r\n1,2\r\n", b"\xef\xbb\xbfa,b\n1,2\n", b"a,b\r1,2\r", b"\n\na,b\n1,2\n", b" a ,b\n1,2"):
        path.write_bytes(data)
        assert table(path).to_dict(as_series=False) == {"a": ["1"], "b": ["2"]}
    path.write_bytes(b"a;b\n1;2\n")
    assert open_source(path).notes == ("The cells are separated by ';'.",)


def test_blank_lines_are_skipped_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("a,b\n1,2\n\n3,4\n\n")
    opened = open_source(path)
    assert isinstance(opened, Table)
    assert opened.frame.rows() == [("1", "2"), ("3", "4")]
    assert opened.notes == ("2 blank lines were skipped.",)


def test_quotes_that_polars_refuses_are_still_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.tsv"
    path.write_text('label\ttext\nham\tsay "hi" now\nspam\t5" disk\n')
    assert table(path)["text"].to_list() == ['say "hi" now', '5" disk']


def test_a_header_cell_without_a_name_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(",a\n1,2\n")
    assert table(path).columns == ["column_1", "a"]
    path.write_text("1,2\n3,4\n")
    assert "header" in open_source(path).notes[0]


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("a,b,a", ("a", "b", "a.1")),
        ("a,a,a", ("a", "a.1", "a.2")),
        ("a,a.1,a", ("a", "a.1", "a.2")),
        ("a, a,b", ("a", "a.1", "b")),
    ],
)
def test_a_name_that_stands_twice_is_told_apart_as_by_pandas(
    tmp_path: Path, header: str, names: tuple[str, ...]
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(f"{header}\n1,2,3\n4,5,7\n")
    opened = open_source(path)
    assert opened.column_names == names
    assert any('are both called "a"; column' in note for note in opened.notes)


BAD_CSV = {
    "empty": (b"", "is empty"),
    "white": (b"\n \n", "is empty"),
    "header": (b"a,b\n", "has a header and no rows"),
    "short": (b"a,b\n1,2\n3\n5,6\n", "has 1 cell in line 3 and 2 columns"),
    "long": (b"a,b\n1,2\n3,4,5\n", "has 3 cells in line 3 and 2 columns"),
    "after a break": (b'a,b\n"1\n1",2\n3\n', "in line 4"),
    "binary": (b"a\x00b,c\n1,2\n" * 9, "is not a text file"),
    "open quote": (b'a,b\n1,"x\n2,3\n4,5\n', 'opens a quote (") in line 2'),
    "open quote at the end": (b'a,b\n1,2\n3,"x', 'opens a quote (") in line 3'),
}


@pytest.mark.parametrize("name", BAD_CSV)
def test_bad_csv_gets_a_clear_message(tmp_path: Path, name: str) -> None:
    data, expected = BAD_CSV[name]
    path = tmp_path / "rows.csv"
    path.write_bytes(data)
    refused(path, expected)


def test_damaged_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.gz"
    packed = gzip.compress(b"a,b\n1,2\n" * 100)
    path.write_bytes(b"a,b\n1,2\n")
    refused(path, "is not packed with gzip, although its name says so")
    for data in (packed[: len(packed) // 2], packed[:15] + b"\xff\xff\xff" + packed[18:]):
        path.write_bytes(data)
        refused(path, "is damaged")


def test_missing_files_name_their_neighbours(tmp_path: Path) -> None:
    (tmp_path / "adult.csv").write_text("a\n1\n")
    refused(tmp_path / "adlt.csv", "There is no file", 'Did you mean "adult.csv"?')
    refused(tmp_path / "zzzzzzzz", "Files in that folder: adult.csv", *NAMED)
    refused(tmp_path / "nowhere" / "adult.csv", "its folder", "does not exist")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "adult.pdf").write_bytes(bytes(range(256)))
    refused(tmp_path / "other", "holds 1 file (.pdf) and no picture")
    with pytest.raises(DataError, match='Did you mean "digits"'):
        open_source("digts")


def test_unknown_endings_are_refused(tmp_path: Path) -> None:
    for name, expected in (("rows.xyz", "ends in .xyz"), ("rows", "has no ending"), ("rows.xml.gz", ".xml.gz")):
        (tmp_path / name).write_text("a\n1\n")
        refused(tmp_path / name, expected, ".parquet")


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    frame = pl.DataFrame({"a": [1, 2], "b": [True, None], "c": ["x", "y"]})
    frame.write_parquet(path)
    assert table(path).equals(frame)
    frame.clear().write_parquet(path)
    refused(path, "has columns and no rows")


def test_damaged_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"a": list(range(100))}).write_parquet(path)
    content = path.read_bytes()
    for data, expected in (
        (b"", "is empty"),
        (b"a,b\n1,2\n", "is text and no Parquet file"),
        (content[:-9], "not a whole Parquet file"),
        (content[:4] + content[-4:], "damaged Parquet file"),
        (content[: len(content) // 2] + content[-8:], "damaged Parquet file"),
    ):
        path.write_bytes(data)
        refused(path, expected)


@pytest.mark.parametrize("suffix", [".jsonl", ".ndjson"])
def test_json_lines(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"rows{suffix}"
    path.write_text('{"a": 1, "b": "x"}\n\n{"a": 2.5}\n')
    assert table(path).to_dict(as_series=False) == {"a": [1.0, 2.5], "b": ["x", None]}
    path.write_text('{"a": true}\n{"a": NaN}\n{"a": 2}\n')
    assert table(path)["a"].to_list() == [1.0, None, 2.0]


def test_bad_json_lines_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    for data, expected in (
        (b"\n", "is empty"),
        (b'{"a": 1}\n{"a": \n', "line 2"),
        (b'{"a": 1}\n[1, 2]\n', "in line 2. Each line must be one object"),
        (b"{}\n{}\n", "no columns"),
    ):
        path.write_bytes(data)
        refused(path, expected)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(-(2**53), 2**53), st.text(max_size=5)), min_size=1, max_size=9))
def test_json_lines_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, str]]) -> None:
    path = tmp_path_factory.mktemp("json") / "rows.jsonl"
    path.write_text("".join(json.dumps({"a": number, "b": string}) + "\n" for number, string in rows))
    assert table(path).rows() == rows


@pytest.mark.parametrize("name", NAMED)
def test_named_sets(name: str) -> None:
    opened = open_source(name)
    assert isinstance(opened, Table)
    assert opened.target == NAMED[name]
    assert opened.target in opened.frame.columns


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_decimal_commas_where_commas_do_not_separate(tmp_path: Path, separator: str) -> None:
    lines = [["price", "size", "name", "note"], ["1.234,50", "1,250", "a,b", "1,5"], ["?", "-12,375", "1,5", "x"]]
    path = tmp_path / "euro.csv"
    path.write_text("".join(separator.join(line) + "\n" for line in lines))
    opened = open_source(path)
    assert isinstance(opened, Table)
    schema = {column.name: column for column in infer_schema(opened.frame, decimal_commas=opened.decimal_commas)}
    assert {name: column.kind for name, column in schema.items() if column.kind == "number"} == {
        "price": "number",
        "size": "number",
    }
    read = {name: schema[name].number_format.read(opened.frame[name])[0].tolist() for name in ("price", "size")}
    assert read["price"][0] == 1234.5
    assert read["size"] == [1.25, -12.375]


@pytest.mark.parametrize("cells", [["1,234", "12,345"], ["1,234,567", "1,5"], ["1,5 m", "2,5 m"], ["1.5,2", "3"]])
def test_commas_between_thousands_or_in_strings_stay(tmp_path: Path, cells: list[str]) -> None:
    path = tmp_path / "us.csv"
    path.write_text("amount;x\n" + "".join(f"{cell};1\n" for cell in cells))
    opened = open_source(path)
    assert isinstance(opened, Table)
    assert opened.frame["amount"].to_list() == cells


def test_spreadsheets_and_special_files_are_refused(tmp_path: Path) -> None:
    sheet = tmp_path / "rows.xlsx"
    sheet.write_bytes(b"PK")
    refused(sheet, ".xlsx", "Save it as CSV from the spreadsheet program.")
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    refused(pipe, "is not an ordinary file")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("t.xlsx", "Save it as CSV from the spreadsheet program."),
        ("t.ods", "Save it as CSV from the spreadsheet program."),
        ("t.csv.lz4", "Unpack it, and give the file that was in it."),
        ("t.7z", "Unpack it, and give the file that was in it."),
        ("t.orc", "Write it as CSV or Parquet from the program that it is of."),
        ("t.SAV", "Write it as CSV or Parquet from the program that it is of."),
        ("t.h5", "Write it as CSV or Parquet from the program that it is of."),
        ("t.sqlite", "Write the table as CSV from the database."),
        ("t.docx", "Give the table in it as CSV."),
        ("t.arff", "Give the data as CSV, Parquet or JSON Lines."),
        ("t.npy", "Write it with numpy.savez(path, X=inputs, y=targets)."),
        ("t.rv", "the command that uses it is ranvier predict MODEL DATA."),
        ("t.xyz", "Rename it if it is one of these."),
    ],
)
def test_files_of_other_programs_are_refused_with_what_to_do(name: str, advice: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"\x00\x01")
    with pytest.raises(DataError) as error:
        open_source(tmp_path / name)
    assert str(error.value).endswith(advice)


@pytest.mark.parametrize("rows", [[[1, "a"], [2, "b"]], [(0.5, "x")] * 3, [[1, None], [2, "b"]]])
def test_rows_of_numbers_and_words_are_refused_by_their_type(rows: list[list[object]]) -> None:
    with pytest.raises(DataError, match=r"numbers were expected\. Give columns of several types as a data frame"):
        open_source(rows)
