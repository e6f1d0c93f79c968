"""Several files, folders and archives at once for a model of texts, and for a model of a table, which takes one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.helpers import invoke, printed, refused

QUICK = ["--effort", "fast", "--epochs", "3", "--engine", "reference", "--quiet"]
WORDS = {"warm": "sun beach heat summer", "cold": "snow ice frost winter"}


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    for label, words in WORDS.items():
        (tmp_path / "notes" / label).mkdir(parents=True)
        for at in range(20):
            picked = [word for position, word in enumerate(words.split()) if (at >> position) & 1 or position == at % 4]
            (tmp_path / "notes" / label / f"{at}.txt").write_text(f"day {at}: {' '.join(picked)}")
    assert invoke("train", tmp_path / "notes", *QUICK, "--model", tmp_path / "m.rv").exit_code == 0
    return tmp_path


def test_texts_of_files_folders_and_tables(notes: Path) -> None:
    (notes / "table.csv").write_text("place,text\nhere,ice and snow\nthere,heat and sun\n")
    paths = [notes / "notes" / "warm", notes / "notes" / "cold" / "3.txt", notes / "table.csv"]
    records = [json.loads(printed("predict", notes / "m.rv", path, "--json")) for path in paths]
    together = json.loads(printed("predict", notes / "m.rv", *paths, "--json"))
    assert [row["probabilities"] for row in together] == [row["probabilities"] for rows in records for row in rows]
    assert [row["file"] for row in together[19:21]] == [f"{paths[0]}/19.txt", str(paths[1])]
    assert "kind text" in refused("predict", notes / "m.rv", *paths[:2], _other_table(notes))


def _other_table(folder: Path) -> Path:
    (folder / "other.csv").write_text("a,b\n1,2\n")
    return folder / "other.csv"


def test_a_model_of_columns_takes_one_table(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text("size,sold\n" + "".join(f"{at % 7},{'no' if at % 7 < 3 else 'yes'}\n" for at in range(40)))
    assert invoke("train", table, "--target", "sold", *QUICK, "--model", tmp_path / "m.rv").exit_code == 0
    assert "takes the rows of one table. Give one table at a time." in refused(
        "predict", tmp_path / "m.rv", table, table
    )
