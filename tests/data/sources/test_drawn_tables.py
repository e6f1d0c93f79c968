"""Tables drawn with rules, rows in quotes as a whole, single quotes, names in several rows, rows that sum up."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranvier.data.sources import Reading, open_source

TRAINING = Reading(skip_empty_rows=True)
DRAWN = {
    "psql": " id | name | size \n----+------+------\n  1 | a    |  2.5\n  2 | b    |  3.5\n(2 rows)\n\n",
    "mysql": "+----+------+------+\n| id | name | size |\n+----+------+------+\n|  1 | a    |  2.5 |\n"
    "|  2 | b    |  3.5 |\n+----+------+------+\n2 rows in set (0.00 sec)\n",
    "markdown": "| id | name | size |\n|---:|:-----|------|\n|  1 | a    |  2.5 |\n|  2 | b    |  3.5 |\n",
    "markdown without bars outside": "id | name | size\n---|------|-----\n1 | a | 2.5\n2 | b | 3.5\n",
    "duckdb": "┌───────┬─────────┬────────┐\n│  id   │  name   │  size  │\n│ int32 │ varchar │ double │\n"
    "├───────┼─────────┼────────┤\n│     1 │ a       │    2.5 │\n│     2 │ b       │    3.5 │\n"
    "└───────┴─────────┴────────┘\n",
    "polars": "shape: (2, 3)\n┌─────┬──────┬──────┐\n"
    "│ id  ┆ name ┆ size │\n│ --- ┆ ---  ┆ ---  │\n│ i64 ┆ str  ┆ f64  │\n"
    "╞═════╪══════╪══════╡\n│ 1   ┆ a    ┆ 2.5  │\n│ 2   ┆ b    ┆ 3.5  │\n└─────┴──────┴──────┘\n",
    "sqlite": "id  name  size\n--  ----  ----\n1   a     2.5\n2   b     3.5\n",
    "sqlcmd": "id,name,size\n--,----,----\n1,a,2.5\n2,b,3.5\n\n(2 rows affected)\n",
    "reStructuredText": "==  ====  ====\nid  name  size\n==  ====  ====\n1   a     2.5\n2   b     3.5\n"
    "==  ====  ====\n",
    "a rule shorter than the names": "id;name;size\n---;---;---\n1;a;2.5\n2;b;3.5\n",
    "a rule of equals signs": "id,name,size\n===,===,===\n1,a,2.5\n2,b,3.5\n",
    "Excel's way to keep text": 'id,name,size\n1,="a",="2.5"\n"=""2""",="b",3.5\n',
    "quoted rows": '"id,name,size"\n"1,a,2.5"\n"2,b,3.5"\n',
    "quoted rows under a plain header": 'id,name,size\n"1,a,2.5"\n"2,b,3.5"\n',
    "quoted rows with doubled quotes": '"id,name,size"\n"1,""a"",2.5"\n"2,""b"",3.5"\n',
    "quoted rows with separators behind": '"id;name;size",,\n"1;a;2.5",,\n"2;b;3.5",,\n',
    "single quotes": "'id','name','size'\n1,'a',2.5\n2,'b',3.5\n",
    "colons": "id:name:size\n1:a:2.5\n2:b:3.5\n",
    "percent signs above": "% made by a logger, version 2, today\nid,name,size\n1,a,2.5\n2,b,3.5\n",
    "slashes above": "// made by a logger\n// version 2\nid,name,size\n1,a,2.5\n2,b,3.5\n",
    "dashes above": "-- made by, a logger\nid,name,size\n1,a,2.5\n2,b,3.5\n",
    "semicolons above": "; made by a logger\nid;name;size\n1;a;2.5\n2;b;3.5\n",
}
PLAIN = {
    "a row of marks of missing cells": "id,name\n--,--\n1,a\n2,b\n",
    "one column of quoted texts": '"text"\n"good, cheap"\n"bad, dear"\n',
    "apostrophes in front": "name,n\n'n Beetje,1\n't Hooft,2\n",
    "formulas that are no text": 'name,n\n=A1&"b",1\n=SUM(A1:A2),2\n',
    "one column of times": "time\n12:30\n12:40\n13:00\n",
    "a name that begins with a sign": "% change,n\n1.5,2\n2.5,3\n",
}


def read(path: Path, text: str, reading: Reading = TRAINING) -> list[tuple[str, ...]]:
    path.write_text(text)
    source = open_source(path, reading=reading)
    return [source.column_names, *source.frame.rows()]


@pytest.mark.parametrize("reading", [TRAINING, Reading()])
@pytest.mark.parametrize("name", DRAWN)
def test_tables_are_read_however_they_are_drawn(name: str, reading: Reading, tmp_path: Path) -> None:
    rows = read(tmp_path / "rows.csv", DRAWN[name], reading)
    assert rows == [("id", "name", "size"), ("1", "a", "2.5"), ("2", "b", "3.5")]


@pytest.mark.parametrize("name", PLAIN)
def test_what_looks_alike_is_read_as_it_stands(name: str, tmp_path: Path) -> None:
    rows = read(tmp_path / "rows.csv", PLAIN[name])
    assert rows[1:] == [tuple(line.strip('"').split(",")[: len(rows[0])]) for line in PLAIN[name].splitlines()[1:]] or (
        len(rows[0]) == 1 and len(rows) == len(PLAIN[name].splitlines())
    )


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"])
@pytest.mark.parametrize("name", ["psql", "mysql", "markdown", "polars", "sqlcmd"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_only_the_ends_of_lines_end_rows(sign: str, name: str, end: str, tmp_path: Path) -> None:
    text = DRAWN[name].replace(" a ", f" a{sign}z ").replace(",a,", f",a{sign}z,").replace("\n", end)
    (tmp_path / "rows.csv").write_bytes(text.encode())
    source = open_source(tmp_path / "rows.csv", reading=TRAINING)
    assert source.frame["name"].to_list() == [f"a{sign}z", "b"]


def test_a_drawn_table_in_a_text_file_is_a_table_where_its_columns_are_asked_for(tmp_path: Path) -> None:
    rows = read(tmp_path / "rows.txt", DRAWN["psql"], Reading(names=frozenset({"size"})))
    assert len(rows) == 3


@pytest.mark.parametrize("names", [frozenset(), frozenset({"column_3"})])
@pytest.mark.parametrize("separator", [",", "\t", " "])
def test_numbers_in_a_text_file_are_a_table(names: frozenset[str], separator: str, tmp_path: Path) -> None:
    lines = [separator.join((f"{at * 0.5}", f"{at % 3}", f"{at * at}", "NO"[at % 2])) for at in range(20)]
    rows = read(tmp_path / "rows.txt", "\n".join(lines) + "\n", Reading(names=names))
    assert (rows[0], len(rows)) == (("column_1", "column_2", "column_3", "column_4"), 21)


@pytest.mark.parametrize("line", ["So, said he, {}, no more", "{} men", "verse {}, line {}", "a,b,c", "{}"])
def test_sentences_with_numbers_are_no_table(line: str, tmp_path: Path) -> None:
    text = "".join(line.format(at, at * 7) + "\n" for at in range(20))
    assert read(tmp_path / "rows.txt", text, Reading())[0] == ("text",)


def test_stray_quotes_stay_where_they_stand(tmp_path: Path) -> None:
    text = 'size,x\n"5" pipe",1\n"say "hi" there",2\n6" rod,3\n"a ""b""",4\n"x" y,5\n'
    rows = read(tmp_path / "rows.csv", text)
    assert [row[0] for row in rows[1:]] == ['5" pipe', 'say "hi" there', '6" rod', 'a "b"', '"x" y']


BODY = "".join(f"{at},{at * 1.5},{40 - at},{at % 3 + 0.5}\n" for at in range(1, 15))
SEVERAL = {
    "merged cells": ("L,,W,\nmin,max,min,max\n", ("L min", "L max", "W min", "W max")),
    "repeated names": ("L,L,W,W\nmin,max,min,max\n", ("L min", "L max", "W min", "W max")),
    "pandas": (",A,A,B\n,x,y,x\nid,,,\n", ("id", "A x", "A y", "B x")),
    "groups": ("shop,sales,sales,visits\n,mean,std,mean\n", ("shop", "sales mean", "sales std", "visits mean")),
    "three rows": ("G,,H,\nA,B,A,B\nx,y,x,y\n", ("G A x", "G B y", "H A x", "H B y")),
}


@pytest.mark.parametrize("name", SEVERAL)
def test_names_in_several_rows_are_joined(name: str, tmp_path: Path) -> None:
    header, names = SEVERAL[name]
    rows = read(tmp_path / "rows.csv", header + BODY)
    assert rows[0] == names
    assert len(rows) == 15
    again = read(tmp_path / "rows.csv", header + BODY, Reading(names=frozenset(names)))
    assert again == rows


@pytest.mark.parametrize(
    "above",
    [
        "c,c,c,d\n,,,class\n",
        "continuous,continuous,continuous,discrete\nmeta,,ignore,class\n",
        "continuous,continuous,continuous,low high\n,,,class\n",
        "mm,mm,cm,cm\nint,float,int,float\n",
    ],
)
def test_further_rows_under_the_header_are_left_out_in_training(above: str, tmp_path: Path) -> None:
    rows = read(tmp_path / "rows.csv", "a,b,c,d\n" + above + BODY)
    assert rows[0] == ("a", "b", "c", "d")
    assert len(rows) == 15


def _with_totals(word: str, total: str = "sum") -> str:
    lines, group = ["region,city,sold"], []
    for at in range(18):
        group.append(2 * at + 1)
        lines.append(f"r{at // 6},c{at % 5},{group[-1]}")
        if at % 6 == 5:
            value = sum(group) if total == "sum" else sum(group) / len(group)
            lines.append(f"{word.format(at // 6)},,{value:g}")
            group = []
    return "\n".join([*lines, ""])


def test_titles_that_begin_like_totals_are_rows(tmp_path: Path) -> None:
    titles = {9: "Total Recall", 19: "Mean Girls", 29: "The Sum of All Fears", 34: "Average Joe"}
    # The year of each is the mean of those above it, as far as it is written.
    rows = "".join(
        f"{titles.get(at, f'film {at}')},{2004 + (at % 3 - 1) * (at not in titles)},{at * 37 % 101}\n"
        for at in range(40)
    )
    assert len(read(tmp_path / "rows.csv", "title,year,gross\n" + rows)) == 41


@pytest.mark.parametrize(
    ("word", "total"),
    [
        *(
            ("Subtotal", "sum"),
            ("r{} Total", "sum"),
            ("Average", "mean"),
            ("Zwischensumme", "sum"),
            ("Total r{}", "sum"),
        ),
        *(("Durchschnitt", "mean"), ("Moyenne r{}", "mean"), ("Totaal", "sum"), ("Итого", "sum"), ("合计", "sum")),
    ],
)
def test_rows_that_sum_up_groups_are_left_out_in_training(word: str, total: str, tmp_path: Path) -> None:
    rows = read(tmp_path / "rows.csv", _with_totals(word, total))
    assert len(rows) == 19
    assert all(row[1] for row in rows)
    assert len(read(tmp_path / "rows.csv", _with_totals(word, total), Reading())) == 22


def test_rows_that_do_not_add_up_stay(tmp_path: Path) -> None:
    text = _with_totals("Subtotal").replace(",36\n", ",35\n").replace(",108\n", ",90\n").replace(",180\n", ",17\n")
    assert text != _with_totals("Subtotal")
    assert len(read(tmp_path / "rows.csv", text)) == 22
