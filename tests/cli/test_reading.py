"""How the commands read their data: names with commas, standard input, addresses, headers, rows that cannot be read."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from ranvier.cli.main import main
from ranvier.cli.options import names

OPTIONS = ["--recipe", "plain", "--epochs", "2", "--hidden", "4", "--engine", "reference", "--seed", "1"]
ROWS = 90


def call(*words: str | Path, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words], prog_name="ranvier", input=stdin)


def done(*words: str | Path, stdin: str | bytes | None = None) -> Any:
    result = call(*words, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def table(header: bool = True) -> list[list[str]]:
    draw = np.random.default_rng(0)
    cells = [[f"{a:.2f}", f"{b:.3f}", "ab"[int(a + b > 5)]] for a, b in draw.random((ROWS, 2)) * [10, 1]]
    return [["Temp, C", "wet", "('P1', 'kind')"]] * header + cells


def write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("reading")
    data, model = write(folder / "rows.csv", table()), folder / "rows.rv"
    done("train", data, "--target", "('P1', 'kind')", *OPTIONS, "--model", model, "--run", folder / "run")
    return data, model


def test_a_value_that_is_a_column_is_that_column_and_others_are_divided_at_commas() -> None:
    columns = ["a", "b", "a,b", "Temp, C", "('P1', 'age')", "('P2', 'kind')"]
    for value, expected in {
        "a,b": ["a,b"],
        "b,a": ["b", "a"],
        "Temp, C": ["Temp, C"],
        "b,Temp, C": ["b", "Temp, C"],
        "('P2', 'kind'),('P1', 'age'), a": ["('P2', 'kind')", "('P1', 'age')", "a"],
        "x, y": ["x", "y"],
    }.items():
        assert list(names([value], lambda: columns)) == expected
    assert names(["a", " b "], lambda: pytest.fail("not asked for")) == ("a", "b")


def test_names_with_commas_are_given_to_ignore_as_well(trained: tuple[Path, Path], tmp_path: Path) -> None:
    words = ["--target", "('P1', 'kind')", "--model", tmp_path / "m.rv", "--run", tmp_path / "run", *OPTIONS]
    refused = call("train", trained[0], *words, "--ignore", "Temp, C,wet")
    assert "each is the target or ignored" in refused.stderr
    report = done("train", trained[0], *words, "--ignore", "Temp, C")
    assert report["rows"] == ROWS


@pytest.mark.parametrize("form", ["csv", "semicolons", "json lines"])
def test_predictions_and_metrics_of_standard_input(trained: tuple[Path, Path], form: str) -> None:
    data, model = trained
    text = data.read_text()
    if form == "semicolons":
        text = "\n".join(";".join(f'"{cell}"' for cell in row) for row in table())
    elif form == "json lines":
        text = "\n".join(json.dumps(dict(zip(table()[0], row, strict=True))) for row in table()[1:])
    expected = done("predict", model, data)
    assert len(expected) == ROWS
    assert done("predict", model, "-", stdin=text) == expected
    assert done("evaluate", model, "-", stdin=text)["metrics"] == done("evaluate", model, data)["metrics"]
    shown = call("evaluate", model, "-", stdin=text)
    assert f"On the {ROWS} rows of standard input" in shown.output


def test_standard_input_is_refused_where_it_cannot_be_used(trained: tuple[Path, Path]) -> None:
    empty = call("predict", trained[1], "-", stdin="")
    assert empty.exit_code == 2
    assert "Standard input is empty" in empty.stderr
    training = call("train", "-", "--target", "y", stdin="x,y\n1,2\n")
    assert training.exit_code == 2
    assert "write it to a file" in training.stderr


@pytest.mark.parametrize(
    ("address", "advice"),
    [
        ("https://example.org/a/rows.csv", 'Download it first: curl -L -O "https://example.org/a/rows.csv".'),
        ("http://example.org/rows.parquet", "Download it first"),
        ("s3://bucket/rows.csv", '"s3://bucket/rows.csv" is an address on a network'),
        ("gs://bucket/rows.csv", "Copy the file to this machine first."),
        ("file:///data/rows.csv", 'give its path: "/data/rows.csv".'),
    ],
)
def test_addresses_are_refused_with_what_to_do(trained: tuple[Path, Path], address: str, advice: str) -> None:
    for words in (["predict", trained[1], address], ["evaluate", trained[1], address], ["train", address, "-t", "y"]):
        result = call(*words)
        assert result.exit_code == 2
        assert advice in result.stderr


def test_a_file_without_a_header_is_trained_on_and_predicted(tmp_path: Path) -> None:
    data, model = write(tmp_path / "rows.csv", table(header=False)), tmp_path / "rows.rv"
    words = ["--target", "column_3", "--model", model, *OPTIONS]
    report = done("train", data, *words, "--run", tmp_path / "run")
    assert report["rows"] == ROWS
    assert any("The first line holds data" in note for note in report["notes"])
    assert len(done("predict", model, data)) == ROWS
    inputs = write(tmp_path / "inputs.csv", [row[:2] for row in table(header=False)])
    assert done("predict", model, inputs) == done("predict", model, data)
    assert done("train", data, *words, "--no-header", "--run", tmp_path / "other")["rows"] == ROWS
    wrong = call("train", data, *words, "--header")
    assert 'has no column "column_3"' in wrong.stderr


def test_predictions_are_as_many_as_the_rows_whatever_the_quotes(trained: tuple[Path, Path], tmp_path: Path) -> None:
    lines = [f'"{row[0]}",{row[1]},"rod"' for row in table()[1:]]
    lines[7], lines[50] = '"1",0.5,"5" pipe"', '"2",0.25,"6" pipe"'
    data = tmp_path / "quotes.csv"
    data.write_text("\n".join(['"Temp, C",wet,size', *lines]))
    assert len(done("predict", trained[1], data)) == ROWS
    skipping = call("predict", trained[1], data)
    assert skipping.stdout.count("\n") == ROWS + 1
    assert "2 rows have a quote" in skipping.stderr
    lines[20] = '"3,0.25,"rod"'
    data.write_text("\n".join(['"Temp, C",wet,size', *lines]))
    refused = call("predict", trained[1], data)
    assert refused.exit_code == 2
    assert "line 22" in refused.stderr
    result = call("predict", trained[1], data, "--skip-bad-rows")
    assert result.stdout.count("\n") == ROWS
    assert "1 row that cannot be read was left out: line 22." in result.stderr


def test_empty_rows_are_rows_to_predict_and_not_to_learn_from(trained: tuple[Path, Path], tmp_path: Path) -> None:
    data = write(tmp_path / "gaps.csv", [*table()[:40], ["", "", ""], *table()[40:], ["", "", ""]])
    assert len(done("predict", trained[1], data)) == ROWS + 2
    words = ["--target", "('P1', 'kind')", "--model", tmp_path / "m.rv", "--run", tmp_path / "run", *OPTIONS]
    report = done("train", data, *words)
    assert report["rows"] == ROWS
    assert "2 rows of empty cells were skipped." in report["notes"]


def test_bad_rows_of_training_and_of_the_test_file_are_left_out_when_asked(tmp_path: Path) -> None:
    data, other = write(tmp_path / "rows.csv", table()), write(tmp_path / "test.csv", table()[:30])
    for path in (data, other):
        path.write_text(path.read_text() + "1.5\n2.5,0.5,a,more\n")
    words = ["--target", "('P1', 'kind')", "--model", tmp_path / "m.rv", "--run", tmp_path / "run", *OPTIONS]
    refused = call("train", data, *words)
    assert f"has 1 cell in line {ROWS + 2}" in refused.stderr
    report = done("train", data, *words, "--test", other, "--skip-bad-rows")
    left_out = [note for note in report["notes"] if "2 rows that cannot be read were left out" in note]
    assert f"lines {ROWS + 2}, {ROWS + 3}" in left_out[0]
    assert done("evaluate", tmp_path / "m.rv", other, "--skip-bad-rows")["rows"] == 29


def test_an_encoding_is_named_in_every_command(tmp_path: Path) -> None:
    rows = "".join(f"{word},{n % 7},{'да' if n % 2 else 'нет'}\n" for n, word in enumerate(["ночь", "день"] * 30))
    (tmp_path / "t.csv").write_bytes(f"когда,x,y\n{rows}".encode("koi8-r"))
    named, model = (tmp_path / "t.csv", "--encoding", "koi8-r"), tmp_path / "m.rv"
    assert done("look", *named, "--target", "y")["target"]["classes"] == {"да": 30, "нет": 30}
    report = done("train", *named, "--target", "y", *OPTIONS, "--model", model, "--run", tmp_path / "run")
    assert report["rows"] == 60
    predicted = done("predict", model, *named)
    assert len(predicted) == 60
    assert {row["prediction"] for row in predicted} <= {"да", "нет"}
    assert done("evaluate", model, *named)["rows"] == 60
    other = call("train", tmp_path / "t.csv", "--target", "y", "--encoding", "utf-8")
    assert other.exit_code == 2
    assert "is not text in utf-8: byte 0xCB in line 1 does not fit" in " ".join(other.output.split())


def test_standard_input_lacks_a_column_in_a_sentence_and_one_that_nobody_needs_without_a_word(tmp_path: Path) -> None:
    rows = "".join(f"k{at},{at * 0.5},{'uvw'[at % 3]},{'yes' if at % 3 else 'no'}\n" for at in range(60))
    table, model = tmp_path / "ok.csv", tmp_path / "ok.rv"
    table.write_text(f"id,a,b,y\n{rows}")
    done("train", table, "--target", "y", *OPTIONS, "--model", model, "--run", tmp_path / "run")
    lacking = call("predict", model, "-", stdin="a\n1\n")
    assert lacking.stderr == ('Error: Standard input has no column "b", which the model needs. Its columns are: a.\n')
    without_id = call("predict", model, "-", stdin='{"a": 0.5, "b": "u"}\n')
    assert (without_id.exit_code, without_id.stderr) == (0, "")
    without_b = call("predict", model, "-", stdin='{"a": 0.5}\n{"a": 1}\n')
    assert without_b.exit_code == 0
    assert 'No row has "b"; the cells are missing.' in without_b.output
