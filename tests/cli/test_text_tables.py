"""Tables in files called .txt are tables for a model of columns, with the target and without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ranvier as rv
from ranvier.cli.train import default_model
from tests.cli.helpers import invoke

QUICK = ["--recipe", "plain", "--epochs", "1", "--hidden", "2", "--engine", "reference", "--quiet"]
ROWS = [(at % 9 + 0.5, "abc"[at % 3], f"note {at}", at % 2) for at in range(40)]


def write(path: Path, separator: str, names: tuple[int, ...], title: str = "") -> Path:
    heading = ("size", "part", "remark", "sold")
    lines = [separator.join(heading[at] for at in names)]
    lines += [separator.join(str(row[at]) for at in names) for row in ROWS]
    path.write_text(title + "\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_a_text_without_the_target_is_a_table_for_a_model_of_columns(
    separator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "rows.txt", separator, (0, 1, 2, 3))
    trained = invoke("train", "rows.txt", "--target", "sold", *QUICK)
    assert trained.exit_code == 0, trained.output
    expected = json.loads(invoke("predict", "rows-sold.rv", "rows.txt", "--json").stdout)
    assert len(expected) == 40
    forms = {"blind": (0, 1, 2), "turned": (1, 2, 0), "used": (0, 1)}
    for name, columns in forms.items():
        path = write(tmp_path / f"{name}.txt", separator, columns)
        predicted = invoke("predict", "rows-sold.rv", path.name, "--json")
        assert predicted.exit_code == 0, (name, predicted.output)
        assert json.loads(predicted.stdout) == expected
        assert rv.load("rows-sold.rv").predict(path.name).tolist() == [row["prediction"] for row in expected]
    titled = write(tmp_path / "titled.txt", separator, (0, 1, 2), f"Shops{separator * 2}\n")
    assert json.loads(invoke("predict", "rows-sold.rv", titled.name, "--json").stdout) == expected
    assert invoke("evaluate", "rows-sold.rv", "rows.txt").exit_code == 0
    assert rv.load("rows-sold.rv").evaluate("rows.txt")["accuracy"] >= 0.0


def test_a_text_that_is_no_table_is_refused_by_its_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "rows.csv", ",", (0, 1, 2, 3))
    assert invoke("train", "rows.csv", "--target", "sold", *QUICK).exit_code == 0
    (tmp_path / "letter.txt").write_text("Dear reader\nthis is a letter.\n")
    refused = invoke("predict", "rows-sold.rv", "letter.txt")
    assert refused.exit_code == 2
    assert 'no column "size"' in refused.stderr


@pytest.mark.parametrize(
    "ending", ["csv", "csv.gz", "csv.bz2", "CSV.XZ", "jsonl.xz", "csv.zip", "tar.gz", "tar.bz2", "txt"]
)
def test_what_packed_the_data_is_not_in_the_name_of_the_model(ending: str) -> None:
    assert default_model(f"there/v1.2 adult.{ending}", ["income"]) == "v1.2 adult-income.rv"
