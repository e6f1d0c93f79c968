"""Tables as plain text and as HTML."""

from __future__ import annotations

from ranvier.text_table import html_table, text_table


def test_columns_are_as_wide_as_their_longest_cell_and_numbers_end_in_line() -> None:
    lines = text_table(["Name", "n"], [["a", "1"], ["longer name", "1,000"]], numbers=["n"]).splitlines()
    assert lines == [
        "Name             n",
        "──────────────────",
        "a                1",
        "longer name  1,000",
    ]


def test_no_line_ends_in_blanks_and_no_rows_leave_the_titles() -> None:
    assert all(line == line.rstrip() for line in text_table(["A", "Note"], [["x", ""]]).splitlines())
    assert text_table(["A", "B"], []).splitlines() == ["A  B", "────"]


def test_html_escapes_titles_and_cells_and_aligns_numbers() -> None:
    html = html_table(["a<b", "n"], [["<script>", "1"]], numbers=["n"])
    assert "<script>" not in html
    assert "a&lt;b" in html
    assert html.count("text-align:right") == html.count("text-align:left") == 2
