"""`ranvier look`: what is in a file, without training."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ranvier.data.columns.input_columns import input_columns
from ranvier.data.look import look
from ranvier.data.sources import open_source
from tests.cli.helpers import invoke, refused
from tests.data.media_files import pets, png, write_tree


@pytest.fixture
def people(here: Path) -> Path:
    path = here / "people.csv"
    rows = [f"{n},{20 + n % 30},{('Lyon', 'Oslo', '')[n % 3]},same,{('yes', 'no', 'no')[n % 3]}" for n in range(60)]
    path.write_text("id,age,city,constant,member\n" + "\n".join(rows) + "\n5,25,,same,no\n")
    return path


def test_kinds_missing_cells_examples_and_duplicates(people: Path) -> None:
    overview = look(people)
    columns = {column.name: column for column in overview.columns}
    assert (overview.rows, overview.duplicates) == (61, 1)
    assert [columns[name].kind for name in ("age", "city", "constant", "member")] == [
        "number",
        "category",
        "drop",
        "boolean",
    ]
    assert (columns["city"].missing, columns["city"].distinct, columns["city"].examples) == (21, 2, ("Lyon", "Oslo"))
    result = invoke("look", people)
    assert result.exit_code == 0, result.output
    assert "61 rows, 5 columns, 1 row repeats an earlier one" in " ".join(result.stdout.split())
    assert 'Column "constant" would be left out' in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_the_balance_of_a_target(people: Path) -> None:
    result = invoke("look", people, "--target", "member", "--json")
    target = json.loads(result.stdout)["target"]
    assert (target["task"], target["classes"]) == ("binary", {"no": 41, "yes": 20})
    assert "67.2 %" in result.stderr
    assert json.loads(invoke("look", people, "-t", "age", "--json").stdout)["target"]["classes"] == {}


def test_kinds_can_be_given(people: Path) -> None:
    columns = json.loads(invoke("look", people, "--kind", "age=category", "--json").stdout)["columns"]
    assert columns[1]["kind"] == "category"


def test_columns_are_read_as_training_reads_them(here: Path) -> None:
    rows = [f"{number};1,{200 + number};{'xy'[number % 2]}" for number in (7, 3, 5, 9, 1)]
    (here / "rows.csv").write_text("\n".join([";weight;shop", *rows]) + "\n")
    overview = {column.name: column for column in look("rows.csv", "shop").columns}
    trained = {column.name: column for column in input_columns(open_source("rows.csv"), ["shop"], ())[0]}
    assert [(column.kind, column.reason) for column in trained.values()] == [
        ("drop", "row numbers, as a saved index leaves them, which say nothing about a new row"),
        ("number", "numbers, with decimal commas"),
    ]
    for name, column in trained.items():
        shown = overview[name]
        assert (shown.kind, shown.reason, shown.notes) == (column.kind, column.reason, column.notes)


def test_a_table_of_which_nothing_can_be_learned_is_shown() -> None:
    overview = look({"a": ["x"] * 12, "b": [None] * 12})
    assert [column.kind for column in overview.columns] == ["drop", "drop"]
    assert overview.duplicates == 11


def test_a_column_that_training_refuses_is_shown_with_the_reason() -> None:
    overview = look({"a": [1.0, float("inf")] * 10, "b": [1.0, 2.0] * 10})
    assert [column.kind for column in overview.columns] == ["unusable", "number"]
    assert "inf" in overview.columns[0].reason


def test_a_target_that_cannot_be_learned_has_the_reason(people: Path) -> None:
    result = invoke("look", people, "--target", "constant")
    assert result.exit_code == 0, result.output
    assert "in every row" in " ".join(result.stdout.split())
    assert 'Did you mean "member"' in refused("look", people, "--target", "membr")


def test_arrays(here: Path) -> None:
    np.savez("rows.npz", X=np.arange(12.0).reshape(6, 2), y=np.arange(6))
    assert "6 rows, 2 columns" in invoke("look", "rows.npz").stdout
    assert look(np.zeros((3, 4, 4), np.uint8)).columns == ()


def test_a_look_neither_trains_nor_loads_scikit_learn(people: Path) -> None:
    code = (
        "import sys; from ranvier.cli.main import main\n"
        f"try: main(['look', {str(people)!r}, '--target', 'member'])\n"
        "except SystemExit as done: assert not done.code\n"
        "assert not {'sklearn', 'scipy', 'llvmlite'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(people.parent.iterdir()) == [people]


def test_rows_that_differ_are_no_duplicates() -> None:
    assert look(pl.DataFrame({"a": range(500), "b": [1] * 500})).duplicates == 0


def test_a_header_and_bad_rows_are_read_as_in_training(here: Path) -> None:
    path = here / "ragged.csv"
    path.write_text("1,red\n" + "".join(f"{n},{('red', 'blue')[n % 2]}\n" for n in range(2, 20)) + "20\n21,red,late\n")
    assert "line 20" in refused("look", path)
    overview = json.loads(invoke("look", path, "--no-header", "--skip-bad-rows", "--json").stdout)
    assert overview["rows"] == 19
    assert [column["name"] for column in overview["columns"]] == ["column_1", "column_2"]
    assert "2 rows that cannot be read were left out: lines 20, 21." in overview["notes"]
    named = json.loads(invoke("look", path, "--header", "--skip-bad-rows", "--json").stdout)
    assert (named["rows"], named["columns"][1]["name"]) == (18, "red")
    target = json.loads(invoke("look", path, "--header", "--skip-bad-rows", "-t", "red", "--json").stdout)["target"]
    assert target["classes"] == {"red": 9, "blue": 9}


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (["27,3", "12,75", "8", "9,1"], "Decimal commas, such as 1,5 for 1.5, were read in: kg."),
        (["1,250,000", "2,000", "8", "3,100"], "Commas between thousands, such as 1,234 for 1234, were read in: kg."),
        (["1,250", "2,000", "3,100", "4,175"], "number:decimal-comma"),
    ],
)
def test_what_commas_were_taken_for(here: Path, cells: list[str], sentence: str) -> None:
    path = here / "commas.csv"
    path.write_text("kg,what\n" + "".join(f'"{cell}",{word}\n' for cell in cells for word in ("a", "b", "c")))
    assert sentence in " ".join(invoke("look", path).stdout.split())
    plain = here / "plain.csv"
    plain.write_text("kg,what\n" + "1.5,a\n2.5,b\n" * 6)
    assert look(plain).notes == ()


def test_blank_rows_are_no_repeated_rows(here: Path) -> None:
    path = here / "blank.csv"
    path.write_text("day,litres\n" + "".join(f"{n},{n * 1.5}\n" for n in range(30)) + ",\n" * 40)
    overview = look(path, "litres")
    assert (overview.rows, overview.duplicates, overview.columns[0].missing) == (30, 0, 0)
    assert any("40" in note and "empty" in note for note in overview.notes)


def test_class_folders_of_texts_and_pictures(tmp_path: Path) -> None:
    texts = {f"{label}/{at}.txt": f"{label} words {at}".encode() for label in ("good", "bad") for at in range(12)}
    overview = look(write_tree(tmp_path / "texts", {**texts, "good/x.txt": b"bad words 1"}))
    assert overview.columns[0].notes == ("Texts: 11 to 13 characters, half of them longer than 12.",)
    assert overview.target is not None
    assert '1 text stands under different labels: "bad words 1" (bad, good).' in overview.target["notes"]
    notes = " ".join(look(write_tree(tmp_path / "pets", {**pets(1), "dogs/1.png": png(9)})).columns[0].notes)
    assert "1 file stands under different labels: cats/0.png (cats) and dogs/0.png (dogs)." in notes


def test_pictures_in_arrays_are_looked_at_like_those_in_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = {"x_train": 4, "y_train": 4, "x_test": 2, "y_test": 2}
    names = {name: np.zeros((count, 5, 5) if name[0] == "x" else count, np.uint8) for name, count in rows.items()}
    np.savez("digits.npz", **{**names, "y_train": np.array([3, 7, 7, 7])})
    shown = invoke("look", "digits.npz").stdout
    assert "Pictures: 5 x 5 pixels; L (6)." in shown
    assert "The rows are divided as they are stored: 4 in train, 2 in test." in shown
    assert 'Target "y": ' in shown
    assert "[[" not in shown
