"""Second rows of names, as tools for surveys write them; and rows with a cell more than the header."""

from __future__ import annotations

from pathlib import Path

import pytest

from ranvier.data import open_source
from ranvier.data.sources.reading import Reading
from ranvier.errors import DataError

FOUR = range(4)
RATED = "Respondent ID,Start Date,Rate: Price,Gender\n,,Response,Response\n" + "".join(
    f"{117 + 3 * at},2021-03-0{at + 1},{at % 3},{'mf'[at % 2]}\n" for at in FOUR
)
CHOSEN = "Respondent ID,E-mail,Which?,,Gender\n,,Tea,Other (please specify),Antwort\n" + "".join(
    f"{117 + 3 * at},,{'Tea' if at % 2 else ''},{'' if at % 2 else 'Mate'},{'mf'[at % 2]}\n" for at in FOUR
)
WORDS_ALONE = "Respondent;Collector;Comment\n;;Open-Ended Response\n" + "".join(f"r{at};web;good {at}\n" for at in FOUR)
SURVEYS: dict[str, tuple[str, frozenset[str], list[str]]] = {
    "one answer each": (RATED, frozenset(), ["Respondent ID", "Start Date", "Rate: Price", "Gender"]),
    "asked for by its first name": (
        RATED,
        frozenset({"Gender"}),
        ["Respondent ID", "Start Date", "Rate: Price", "Gender"],
    ),
    "asked for by both names": (
        RATED,
        frozenset({"Gender Response"}),
        ["Respondent ID", "Start Date", "Rate: Price Response", "Gender Response"],
    ),
    "several answers, no number": (
        CHOSEN,
        frozenset(),
        ["Respondent ID", "E-mail", "Which? Tea", "Which? Other (please specify)", "Gender"],
    ),
    "words alone": (WORDS_ALONE, frozenset(), ["Respondent", "Collector", "Comment"]),
}
NO_SURVEYS = {
    "an empty first cell": ("id,,size\n,red,big\n1,blue,small\n,red,big\n", 3),
    "an empty first cell under all names": ("id,colour,size\n,red,big\n1,blue,small\n2,red,big\n", 3),
    "numbers": ("id,a,,\n,1,2,3\n1,4,5,6\n2,7,8,9\n", 3),
}


def read(text: str, folder: Path, names: frozenset[str] = frozenset()) -> tuple[list[str], int]:
    (folder / "rows.csv").write_text(text, "utf-8")
    frame = open_source(folder / "rows.csv", reading=Reading(names=names, skip_empty_rows=True)).frame  # type: ignore[attr-defined]
    return frame.columns, frame.height


@pytest.mark.parametrize("name", SURVEYS)
def test_answers_are_named_in_the_second_row(tmp_path: Path, name: str) -> None:
    text, names, columns = SURVEYS[name]
    assert read(text, tmp_path, names) == (columns, 4)


@pytest.mark.parametrize("name", NO_SURVEYS)
def test_a_first_row_of_data_stays_one(tmp_path: Path, name: str) -> None:
    text, rows = NO_SURVEYS[name]
    assert read(text, tmp_path)[1] == rows


@pytest.mark.parametrize("quote", ['""', "'"])
def test_ids_under_questions_are_left_out(tmp_path: Path, quote: str) -> None:
    ids = ",".join(f'"{{{quote}ImportId{quote}: {quote}QID{at}{quote}}}"' for at in FOUR)
    text = f"Start,Q1,Q2,Q3\nStart Date,Age?,Choice,Comment\n{ids}\n2021-03-01,20,a,x\n2021-03-02,30,b,y\n"
    assert read(text, tmp_path) == (["Start", "Q1", "Q2", "Q3"], 2)


@pytest.mark.parametrize(
    "text",
    [
        "temp,label\n12,5,a\n13,0,b\n15,5,a\n",
        "temp,label\n12,5,a\n12,7,b\n15,5,a\n",
        "temp,rain,label\n12,5,0,2,a\n13,1,3,0,b\n14,2,1,5,a\n",
        "price,size,label\n100,00,7,a\n99,95,8,b\n-98,50,9,a\n",
    ],
)
def test_commas_before_decimals_between_commas_are_no_names_of_rows(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="if commas stand before decimals, write points there"):
        read(text, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "x,y\n1,5,2\n2,6,3\n3,7,1\n",
        '"x","y"\n"7",5,2\n"2",6,3\n"31",7,1\n',
        "mpg,cyl\nMazda,21,6\nDatsun,22,4\nHornet,18,8\n",
        "x,y\n12,5.5,2\n7,6.25,3\n31,7.5,1\n",
        "x\ty\n12\t5\t2\n7\t6\t3\n31\t7\t1\n",
    ],
)
def test_names_of_rows_stay_names(tmp_path: Path, text: str) -> None:
    assert read(text, tmp_path)[0][0] == "row_names"
