"""Rows of delimited text are as many as there are, or the text is refused; the csv module counts them independently."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ranvier.data.sources.delimited import delimited_table
from ranvier.data.sources.reading import Reading
from ranvier.data.sources.table_source import Table
from ranvier.errors import DataError

WITH_HEADER = Reading(header=True)


def read(text: str | bytes, separator: str = ",", reading: Reading = WITH_HEADER) -> Table:
    data = text if isinstance(text, bytes) else text.encode()
    return delimited_table(data, "rows.csv", '"rows.csv"', separator, reading)


def rows(text: str | bytes, reading: Reading = WITH_HEADER) -> list[tuple[str, ...]]:
    return read(text, reading=reading).frame.rows()


def refused(text: str | bytes, *parts: str) -> None:
    with pytest.raises(DataError) as caught:
        read(text)
    for part in parts:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def counted(text: str) -> int:
    """The number of rows under the header as the csv module counts them, blank lines left out."""
    records = list(csv.reader(io.StringIO(text, newline="")))
    return sum(len(row) > 1 or bool("".join(row).strip()) for row in records) - 1


QUOTED = st.text('ab1 ,"\n\r', max_size=5).map(lambda cell: '"' + cell.replace('"', '""') + '"')
PLAIN = st.text("ab1. ", max_size=4)
STRAY = st.tuples(st.sampled_from(["", '"']), st.text('ab "', max_size=4), st.sampled_from(["", '"'])).map("".join)
CELL = st.one_of(PLAIN, PLAIN, QUOTED, STRAY)
LINE = st.lists(CELL, min_size=3, max_size=3).map(",".join)
RAGGED = st.lists(CELL, min_size=1, max_size=5).map(",".join)


def text_of(lines: list[str], ends: list[str]) -> str:
    return "".join(line + ends[index % len(ends)] for index, line in enumerate(["a,b,c", *lines]))


# Quotes that hide separators make all rows narrower than the header, which is no title above them.
@example([",,", ",,", ',","1"', '","1,1'], ["\n"])
@example(['","a",b', '","1,1'], ["\n"])
@example([',","\r"', ',",1'], ["\n"])
@settings(max_examples=300, deadline=None)
@given(st.lists(LINE, min_size=1, max_size=8), st.sampled_from([["\n"], ["\r\n"], ["\r"], ["\n", "\r"]]))
def test_the_number_of_rows_is_that_of_the_csv_module_or_the_text_is_refused(lines: list[str], ends: list[str]) -> None:
    text = text_of(lines, ends)
    try:
        table = read(text)
    except DataError:
        return
    assume(not footer_of(table))
    assert table.rows == counted(text)


def footer_of(table: Table) -> list[str]:
    """What is said of lines under the rows, which hold none."""
    return [note for note in table.notes if "skipped under the rows" in note]


@settings(max_examples=200, deadline=None)
@given(st.lists(RAGGED, min_size=2, max_size=8))
def test_ragged_rows_are_refused_or_counted(lines: list[str]) -> None:
    text = text_of(lines, ["\n"])
    try:
        table = read(text)
    except DataError:
        return
    assume(not any("above the header" in note for note in table.notes) and not footer_of(table))
    assert table.rows == counted(text)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(QUOTED, min_size=3, max_size=3), min_size=1, max_size=8))
def test_regular_text_is_never_refused_and_keeps_its_cells(cells: list[list[str]]) -> None:
    text = text_of([",".join(row) for row in cells], ["\n"])
    assert rows(text) == [tuple(row) for row in csv.reader(io.StringIO(text, newline=""))][1:]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(LINE, RAGGED), min_size=2, max_size=8))
def test_bad_rows_are_left_out_and_counted(lines: list[str]) -> None:
    text = text_of(["1,2,3", "4,5,6", "7,8,9", *lines], ["\n"])
    table = read(text, reading=Reading(header=True, skip_bad_rows=True))
    assert table.rows >= 1
    if counted(text) > table.rows:
        assert footer_of(table) or any("left out: line" in note for note in table.notes)


INCHES = {
    "closed early": '"5" pipe",1,a\n"rod",2,b\n"rod",3,a\n"6" pipe",4,b\n"rod",5,a\n"rod",6,b\n',
    "not opened": '5" pipe,1,a\nrod,2,b\nrod,3,a\n6" pipe,4,b\nrod,5,a\nrod,6,b\n',
    "at the end": 'pipe 5",1,a\nrod,2,b\nrod,3,a\npipe 6",4,b\nrod,5,a\nrod,6,b\n',
    "a word": '"a "good" rod",1,a\nrod,2,b\nrod,3,a\n"a "bad" rod",4,b\nrod,5,a\nrod,6,b\n',
}


@pytest.mark.parametrize("name", INCHES)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_stray_quotes_do_not_swallow_rows(name: str, end: str) -> None:
    text = ("size,x,y\n" + INCHES[name]).replace("\n", end)
    table = read(text)
    assert table.frame["x"].to_list() == list("123456")
    assert any('2 rows have a quote (")' in note and "lines 2, 5" in note for note in table.notes)


def test_a_stray_quote_among_many_rows_loses_none() -> None:
    lines = [f'"rod {row}",{row},{"ab"[row % 2]}\n' for row in range(300)]
    lines[17], lines[200] = '"5" pipe",17,b\n', '"6" pipe",200,a\n'
    assert read("size,x,y\n" + "".join(lines)).frame["x"].to_list() == [str(row) for row in range(300)]


SWALLOWING = {
    "doubled and open": '"5"" pipe,1,a\n"rod",2,b\n',
    "open until a later quote": 'rod,1,a\n"5 pipe,2,b\nrod,"3",a\n',
    "never closed": 'rod,1,a\n"5 pipe,2,b\nrod,3,a\n',
}


@pytest.mark.parametrize("name", SWALLOWING)
def test_a_quote_that_swallows_rows_is_refused_by_line_or_its_row_left_out(name: str) -> None:
    text = "size,x,y\n" + SWALLOWING[name]
    line = 2 if name == "doubled and open" else 3
    refused(text, f"line {line}", "--skip-bad-rows")
    table = read(text, reading=Reading(header=True, skip_bad_rows=True))
    assert table.rows == counted(text.replace('"', "")) - 1
    assert f"1 row that cannot be read was left out: line {line}." in table.notes


def test_rows_of_another_length_are_left_out_when_asked() -> None:
    text = "a,b,c\n1,2,3\n4,5\n6,7,8,9\n\n1,2,4\n"
    refused(text, "has 2 cells in line 3 and 3 columns in its header")
    table = read(text, reading=Reading(skip_bad_rows=True))
    assert table.frame.rows() == [("1", "2", "3"), ("1", "2", "4")]
    assert table.notes == ("2 rows that cannot be read were left out: lines 3, 4.", "A blank line was skipped.")


def test_empty_last_cells_are_cells_and_short_rows_are_not() -> None:
    assert rows('a,b\n1,\n"x,y",\n') == [("1", ""), ("x,y", "")]
    refused("a,b\n1,\n2\n3,\n", "has 1 cell in line 3")


def test_rows_of_empty_cells_are_skipped_only_when_asked() -> None:
    text = "a,b\n1,2\n,\n3,4\n , \n,\n"
    assert read(text).rows == 5
    table = read(text, reading=Reading(skip_empty_rows=True))
    assert table.frame.rows() == [("1", "2"), ("3", "4")]
    assert table.notes == ("3 rows of empty cells were skipped.",)


def test_blank_lines_are_counted_wherever_they_stand() -> None:
    assert read("a,b\n1,2\n\n   \n3,4\n").notes == ("2 blank lines were skipped.",)
    assert read("a,b\r\n1,2\r\n\r\n\r\n").notes == ("2 blank lines were skipped.",)
    assert rows("a\n1\n\n2\n") == [("1",), ("",), ("2",)]


def test_zero_bytes_are_refused_by_line() -> None:
    refused("a,b\n" + "1,2\n" * 2000 + "3\x00,4\n", "has a zero byte in line 2002")


@pytest.mark.parametrize("text", ["a,b\r\n1,2\r3,4\n5,6\r\n", 'a,b\r"1",2\r3,4\r5,6', 'a,b\n"1",2\r"3",4\r\n5,6\n'])
def test_every_end_of_a_line_ends_a_row(text: str) -> None:
    assert rows(text) == [("1", "2"), ("3", "4"), ("5", "6")]


@pytest.mark.parametrize("end", ["\x1a", "\n\x1a", "\n\x1a\n", "\r\n\x1a\r\n"])
def test_the_mark_of_an_end_of_a_file_is_no_row(end: str) -> None:
    assert rows(f"a,b\n1,2\n3,4{end}") == [("1", "2"), ("3", "4")]


def test_a_backslash_before_a_quote_and_a_blank_before_a_quoted_cell() -> None:
    assert rows('name,x\n"say ""hi, you""",1\nb,2\n') == rows('name,x\n"say \\"hi, you\\"",1\nb,2\n')
    assert rows('name, note\na, "one, two"\nb, "x"\n') == [("a", "one, two"), ("b", "x")]


TEN = "".join(f"{row},{row * row},b\n" for row in range(12))


@pytest.mark.parametrize(
    "footer",
    [
        "\nSource: Ministry of Tables\n",
        "\n\n* provisional\n** revised\n",
        ",,\nNote: values are rounded\n",
        '\n"Notes, and more"\n',
        "\n(c) 2024",
    ],
)
def test_lines_under_the_rows_are_skipped_and_said(footer: str) -> None:
    table = read("a,b,c\n" + TEN + footer, reading=Reading(header=True, skip_empty_rows=True))
    assert table.frame.height == 12
    assert any("skipped under the rows" in note for note in table.notes)


@pytest.mark.parametrize("end", ["Source: Ministry\n", "\n1,2\n", "\nSource\n13,169,b\n"])
def test_rows_that_are_too_short_are_no_footer(end: str) -> None:
    refused("a,b,c\n" + TEN + end, "in line 1", "--skip-bad-rows")


def test_comments_between_rows_are_skipped_where_some_stand_above() -> None:
    table = read("# made by a tool\na,b,c\n" + TEN + "# half\n" + TEN)
    assert (table.frame.height, table.notes[-1]) == (24, "1 line that begins with # was skipped.")
    refused("a,b,c\n" + TEN + "# half\n" + TEN, "has 1 cell in line 14")


@pytest.mark.parametrize(
    "last", ["Total,66,", "GRAND TOTAL,66,b", "Sum:,66,b", ",Total,", "Average,5.5,\nTotal,66,", "Gesamt,66,"]
)
def test_rows_that_sum_up_the_others_are_left_out_in_training(last: str) -> None:
    text = "a,b,c\n" + TEN.replace("0,0", "x,0") + last + "\n"
    table = read(text, reading=Reading(header=True, skip_empty_rows=True))
    assert table.frame.height == 12
    assert "seems to sum up the others" in table.notes[-1]
    assert read(text).frame.height == 12 + last.count("\n") + 1


@pytest.mark.parametrize("last", ["total loss,66,b", "7,Total b,b", "7,66,Total", "Totality,66,b"])
def test_other_last_rows_stay(last: str) -> None:
    assert read("a,b,c\n" + TEN + last, reading=Reading(header=True, skip_empty_rows=True)).frame.height == 13


def test_a_word_that_stands_in_other_rows_too_is_no_total() -> None:
    text = "a,b,c\n" + TEN + "Total,1,b\n" + TEN + "Total,66,b\n"
    assert read(text, reading=Reading(header=True, skip_empty_rows=True)).frame.height == 26
