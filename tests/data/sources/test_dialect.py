"""Separators, lines above the header, headers that are shorter, longer or absent: what the first lines tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranvier.data.sources import Reading, open_source
from ranvier.data.sources.delimited import delimited_table
from ranvier.data.sources.first_line import first_line
from ranvier.data.sources.table_source import Table
from ranvier.errors import DataError


def read(text: str, suggested: str = ",", **reading: object) -> Table:
    return delimited_table(text.encode(), "rows.csv", '"rows.csv"', suggested, Reading(**reading))  # type: ignore[arg-type]


# name -> text, its columns, its first row, a part of a note.
READINGS = {
    "semicolons under a comma in the header": (
        "Temp, C;Feuchte;c;label\n12,5;60;1;a\n13,5;61;2;b\n",
        ["Temp, C", "Feuchte", "c", "label"],
        ["12,5", "60", "1", "a"],
        "separated by ';'",
    ),
    "bars": ("x|y\n1|a\n2|b\n", ["x", "y"], ["1", "a"], "separated by '|'"),
    "tabs": ("x\ty\n1,5\ta\n2,5\tb\n", ["x", "y"], ["1,5", "a"], "separated by tabs"),
    "sep=": ("sep=;\nx;y\n1;a\n2;b\n", ["x", "y"], ["1", "a"], "as the first line says"),
    "sep= in quotes": ('"sep=|"\nx|y\n1|a\n2|b\n', ["x", "y"], ["1", "a"], "as the first line says"),
    "title": (
        "Sales report\n\nmonth,amount\n1,20\n2,30\n",
        ["month", "amount"],
        ["1", "20"],
        '1 line was skipped above the header: "Sales report".',
    ),
    "title with commas": (
        "Sales, 2020, all\nmonth,shop,amount,x\n1,a,20,3\n2,b,30,4\n",
        ["month", "shop", "amount", "x"],
        ["1", "a", "20", "3"],
        "1 line was skipped",
    ),
    "title of a spreadsheet": (
        "Sales report,,\n,,\nmonth,shop,amount\n1,a,20\n2,b,30\n",
        ["month", "shop", "amount"],
        ["1", "a", "20"],
        "1 line was skipped",
    ),
    "a title with the separator in it": (
        "Anomalies of land, June\nUnits: degrees\nMissing: -999\nyear,value\n"
        + "".join(f"{1880 + at},-0.{at}\n" for at in range(1, 8)),
        ["year", "value"],
        ["1881", "-0.1"],
        '3 lines were skipped above the header: "Anomalies of land, June" and more.',
    ),
    "comments": (
        "# made by hand\n# in 2020, with care\nmonth,amount\n1,20\n2,30\n",
        ["month", "amount"],
        ["1", "20"],
        '2 lines were skipped above the header: "# made by hand" and more.',
    ),
    "NumPy's header": ("# x y z\n1.0 2.5 3.0\n1.5 2.5 3.5\n", ["x", "y", "z"], ["1.0", "2.5", "3.0"], "by blanks"),
    "separators at the end of rows": ("a,b\n1,2,\n3,4,\n", ["a", "b"], ["1", "2"], "ends in a separator"),
    "separators at the end of all lines": ("a,b,\n1,2,\n3,4,\n", ["a", "b"], ["1", "2"], "ends in a separator"),
    "several separators at the end of all lines": ("a,b,,,\n1,2,,,\n3,4,,,\n", ["a", "b"], ["1", "2"], "ends in 3 sep"),
    "a separator at the end of the header": ("a;b;\n1;2\n3;4\n", ["a", "b"], ["1", "2"], "header ends in a separator"),
    "R's write.table with commas": (
        '"length","species"\n"1",5.1,"setosa"\n"2",4.9,"setosa"\n',
        ["row_names", "length", "species"],
        ["1", "5.1", "setosa"],
        "one name fewer",
    ),
    "R's write.table": (
        '"length" "species"\n"1" 5.1 "setosa"\n"2" 4.9 "vir ginica"\n',
        ["row_names", "length", "species"],
        ["1", "5.1", "setosa"],
        "one name fewer",
    ),
    "R's names in tabs": (
        "mpg\tcyl\nMazda RX4\t21\t6\nDatsun 710\t22.8\t4\n",
        ["row_names", "mpg", "cyl"],
        ["Mazda RX4", "21", "6"],
        "one name fewer",
    ),
    "R's integer names, decimals with points": (
        "size,count\n7,5,.5\n12,3,1.25\n",
        ["row_names", "size", "count"],
        ["7", "5", ".5"],
        "one name fewer",
    ),
    "blanks": ("x y label\n1.5 2.0 a\n1.6 2.2 b\n", ["x", "y", "label"], ["1.5", "2.0", "a"], "by blanks"),
    "aligned": (
        "    x     y  label\n  1.5   2.0      a\n 11.6  22.2      b\n",
        ["x", "y", "label"],
        ["1.5", "2.0", "a"],
        "by blanks",
    ),
    "aligned with Windows lines": ("x   y\r\n1   2\r\n3   5\r\n", ["x", "y"], ["1", "2"], "separated by"),
}


@pytest.mark.parametrize("name", READINGS)
def test_the_reading_that_makes_the_lines_agree_is_taken_and_said(name: str) -> None:
    text, columns, first, note = READINGS[name]
    table = read(text)
    assert table.frame.columns == columns
    assert list(table.frame.rows()[0]) == first
    assert table.rows in (2, 7)
    assert any(note in sentence for sentence in table.notes)


ROW_NAMES = {
    "in another order": ("a,b", ["812,7,x", "31,10,y", "95,120,x"]),
    "from one on": ("a,b", ["1,7,0", "2,9,1", "3,5,1"]),
    "of the rows that a filter left, one by one": ("a,b", ["40,7,0", "41,10,1", "42,5,1"]),
    "under names in quotes": ('"a","b"', ["7,10,1", "9,5,0", "12,7,1"]),
    "blanks, with gaps": ("a b", ["3 7 0", "9 5 1", "11 5 0"]),
    "blanks, from one on": ("a b", ["1 7 0", "2 5 1", "3 5 0"]),
}


@pytest.mark.parametrize("name", ROW_NAMES)
def test_integers_are_names_of_rows_where_they_cannot_stand_before_decimals(name: str) -> None:
    header, rows = ROW_NAMES[name]
    table = read("\n".join([header, *rows, ""]))
    assert table.frame.columns == ["row_names", "a", "b"]
    assert [",".join(row) for row in table.frame.rows()] == [row.replace(" ", ",") for row in rows]


@pytest.mark.parametrize(
    "rows", [["12,5,x", "7,25,y", "9,5,x"], ["1,50,3", "2,25,4", "7,75,4"], ["10,0,x", "11,1,x", "12,2,y"]]
)
def test_integers_before_decimals_behind_a_comma_are_refused(rows: list[str]) -> None:
    with pytest.raises(DataError, match="if commas stand before decimals, write points there"):
        read("\n".join(["a,b", *rows, ""]))


@pytest.mark.parametrize("first", ["1949-01,0", "01/02/2020,7", "2020-01-01 10:00,a"])
def test_a_date_above_dates_written_like_it_is_no_name(first: str) -> None:
    begin, _, last = first.partition(",")
    lines = [first, *(f"{begin.replace('01', f'0{at}', 1)},{last}" for at in range(2, 8))]
    table = read("\n".join([*lines, ""]))
    assert (table.frame.columns, table.rows) == (["column_1", "column_2"], 7)


PLAIN = {
    "one column of names": "full name\nAda Lovelace\nAlan Turing\n",
    "one column of amounts": "weight\n1 kg\n2 kg\n3 kg\n",
    "one column of times": "at\n2020-01-01 10:00\n2020-01-02 11:00\n",
    "years": "country,2019,2020\na,1.5,2\nb,3,4\n",
    "wavelengths": "name,1100.5,1102.5,1104.5\na,1.5,2,7\nb,3,4,9\n",
    "a comma file with semicolons in a cell": "name,tags\nx,a;b\ny,c;d\n",
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_reading_says_nothing(name: str) -> None:
    text = PLAIN[name]
    table = read(text)
    assert table.frame.columns == text.split("\n")[0].split(",")
    assert table.notes == ()


@pytest.mark.parametrize("text", ["text\nhello, world\nfoo, bar\n", "price\n1,5\n2,5\n3,5\n"])
def test_a_comma_in_the_only_column_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="has 2 cells in line 2 and 1 column in its header"):
        read(text)


HEADERLESS = {
    "numbers and a word": "5.1,3.5,1.4,setosa\n4.9,3.0,1.4,setosa\n7,3.2,4.7,versicolor\n",
    "words that come again": "high,low,2,good\nlow,low,4,bad\nhigh,high,2,good\nlow,low,5 or more,bad\n",
    "pixels": "5,0,0,0,3\n3,0,0,1,3\n",
}


@pytest.mark.parametrize("name", HEADERLESS)
def test_a_first_line_of_data_is_a_row_unless_it_is_said_to_be_a_header(name: str) -> None:
    text = HEADERLESS[name]
    width = text.split("\n")[0].count(",") + 1
    table = read(text)
    assert table.frame.columns == [f"column_{index + 1}" for index in range(width)]
    assert table.rows == text.count("\n")
    assert "The first line holds data" in table.notes[0]
    assert "--header" in table.notes[0]
    if name == "numbers and a word":
        assert read(text, header=True).rows == text.count("\n") - 1


def test_a_file_can_be_said_to_have_no_header() -> None:
    assert read("a,b\n1,2\n", header=False).frame.rows() == [("a", "b"), ("1", "2")]
    assert read("# a comment\n1,2\n3,4\n", header=False).rows == 2


def test_a_name_that_is_asked_for_makes_a_header(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("gene,101,205\na,1.5,7\nb,2.5,8\n")
    assert open_source(path, target="205").column_names == ("gene", "101", "205")
    assert open_source(path).column_names == ("column_1", "column_2", "column_3")


def test_first_lines_that_cannot_be_told_are_headers_with_a_note() -> None:
    assert read("1,2\n3,4\n").frame.rows() == [("3", "4")]
    assert "--no-header" in read("1,2\n3,4\n").notes[0]
    doubtful = read("ham\tgo until\nspam\tfree entry\nham\tok\n", "\t")
    assert doubtful.rows == 2
    assert "--no-header" in doubtful.notes[0]


def test_first_line_without_rows_or_names() -> None:
    assert first_line(["1", "x"], []) == "names"
    assert first_line(["", "a"], [["1", "2"], ["2", "3"]]) == "sure"
    assert first_line(["0", "b"], [["1", "x"], ["2", "y"]]) == "names"
    assert first_line(["7", "b"], [["1", "x"], ["2", "y"]], {"column_1"}) == "data"


@pytest.mark.parametrize("above", ["Statement;;\nIBAN;DE00;\n;;\n", "Group A;;Group B\n", "Report;2023;\nby;me;\n"])
def test_a_name_that_is_asked_for_tells_the_header(above: str) -> None:
    text = above + "day;amount;kind\n" + "".join(f"{row};{row * 2};b\n" for row in range(20))
    table = delimited_table(text.encode(), "rows.csv", "The file", ";", Reading(names=frozenset({"kind"})))
    assert table.column_names == ("day", "amount", "kind")
    assert table.frame.height == 20


def test_a_name_that_stands_in_a_row_of_data_tells_no_header() -> None:
    text = "day;amount;kind\n" + "".join(f"{row};{row * 2};b\n" for row in range(20))
    table = delimited_table(text.encode(), "rows.csv", "The file", ";", Reading(names=frozenset({"b"})))
    assert table.column_names == ("day", "amount", "kind")


@pytest.mark.parametrize("end", ["", ";"])
def test_the_header_of_an_account_stands_below_what_the_bank_says(end: str) -> None:
    above = f'"Konto:";"DE12"{end}\n\n"Von:";"01.01.2021"{end}\n"Bis:";"31.01.2021"{end}\n\n'
    rows = "".join(f'"{1 + at}.01.2021";"-1.{100 + at},50";"Miete {at}"{end}\n' for at in range(20))
    text = above + f'"Buchungstag";"Betrag";"Zweck"{end}\n' + rows
    table = delimited_table(text.encode(), "it", "It", ",", Reading(skip_empty_rows=True))
    assert (table.column_names, table.rows) == (("Buchungstag", "Betrag", "Zweck"), 20)


@pytest.mark.parametrize("cell", ["01.02.2021", "1.234.567", "1.2.3"])
def test_dates_and_versions_in_the_first_line_are_data(cell: str) -> None:
    table = read(f"{cell},5\n02.03.2021,6\n03.04.2021,7\n")
    assert (table.column_names, table.rows) == (("column_1", "column_2"), 3)
